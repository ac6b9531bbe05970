"""The token that a host says holds its report key: a claim, which by itself changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kashi_server.domain.canonical import canonical_bytes

_PROPERTIES: Final = (
    ("made_inside", "密钥在其中生成", "the key was made inside"),
    ("never_extractable", "密钥从未可导出", "the key never could be taken out"),
    ("always_sensitive", "密钥从未以明文示人", "the key never was shown in the clear"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyToken:
    """A PKCS#11 token as the host's module tells it.

    Attributes:
        made_inside: the key was made inside (CKA_LOCAL).
        never_extractable: it never could be taken out (CKA_NEVER_EXTRACTABLE).
        always_sensitive: it never was shown in the clear (CKA_ALWAYS_SENSITIVE).
    """

    manufacturer: str
    model: str
    serial: str
    made_inside: bool
    never_extractable: bool
    always_sensitive: bool

    def unclaimed(self) -> tuple[tuple[str, str], ...]:
        """What must be claimed of a key in hardware and is not, in Chinese and in English.

        A key that was outside once may be anywhere; a token without a serial number is no
        particular one, and no document can be held against it. Nothing but zeros is none.
        """
        lacking = [(zh, en) for name, zh, en in _PROPERTIES if not getattr(self, name)]
        if not self.number:
            lacking.append(("密钥令牌的序列号", "the token's serial number"))
        return tuple(lacking)

    @property
    def number(self) -> str:
        """Its serial number without what marks, blanks and capitals make of it; "": it has none
        that is known. PKCS#11 numbers are ASCII: other letters, some of which nobody sees, are no
        number. Tokens without one tell blanks or, as TPMs do, zeros."""
        told = "".join(one for one in self.serial.lower() if one.isascii() and one.isalnum())
        return told if told.strip("0") else ""

    @property
    def text(self) -> str:
        """What is printed on it: manufacturer, model and serial number."""
        return " ".join(f"{self.manufacturer} {self.model} {self.serial}".split())

    def to_data(self) -> dict[str, str | bool]:
        """As plain data."""
        return {
            "manufacturer": self.manufacturer,
            "model": self.model,
            "serial": self.serial,
            "made_inside": self.made_inside,
            "never_extractable": self.never_extractable,
            "always_sensitive": self.always_sensitive,
        }


def claimed_together(tokens: Mapping[str, KeyToken | None]) -> Mapping[str, tuple[str, ...]]:
    """Of each host that claims a token of the same serial number as others: those others.

    One HSM may well serve several hosts. But who has one token may claim it for any number of keys
    in files, and its delivery note would be shown for each: people are to see it. Maker and model
    are not asked: who claims another's token may well spell them otherwise. A number that nobody
    knows is no number, and not the same as another that nobody knows.
    """
    by_number: dict[str, list[str]] = {}
    for host_id, token in tokens.items():
        if token is not None and token.number:
            by_number.setdefault(token.number, []).append(host_id)
    return {
        host_id: tuple(other for other in claimants if other != host_id)
        for claimants in by_number.values()
        if len(claimants) > 1
        for host_id in claimants
    }


def claim_bytes(host_id: str, report_key_sha256: str, token: KeyToken) -> bytes:
    """What the log keeps of a host's claim: of which key, and in which token."""
    return canonical_bytes(
        {
            "format": "kashi/v1/host-key-token",
            "host_id": host_id,
            "report_key_sha256": report_key_sha256,
            "token": token.to_data(),
        }
    )
