"""Officers' words on where a host's report key is held, and what follows from them.

A word waits for another officer's, or completes one that waited: then the two decide. Whether the
first officer still was one is looked at when the second speaks, and noted in the second word; so
what was decided follows from the words alone, whoever replays them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.evidence_level import KeyCustody
from kashi_server.domain.key_token import KeyToken

ALONE: Final = 0
"""What a word completes that waits for a second one."""


class KeyAct(StrEnum):
    """What officers say of a key: that the token holds it, or that this counts no more."""

    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"

    @property
    def zh(self) -> str:
        """The word in Chinese."""
        return "确认" if self is KeyAct.CONFIRMED else "撤回"


class KeyStanding(StrEnum):
    """Where a host's report key is held, by its claim and by officers' words."""

    FILE = "file"
    CLAIMED = "claimed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"

    @property
    def zh(self) -> str:
        """In Chinese."""
        return _STANDINGS[self][0]

    @property
    def en(self) -> str:
        """In English."""
        return _STANDINGS[self][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWord:
    """One officer's word on one host's key.

    Attributes:
        ordinal: which of the host's words it is, from 1.
        completes: the ordinal of another officer's word that it completes; 0: it waits for one.
        evidence_sha256: of the document seen; empty where a confirmation is withdrawn.
        claim_sha256: of the claim it speaks of (`key_token.claim_bytes`).
        host_state: how the host stood when it was said: a key may be confirmed of a host whose
            reports do not count for the time being, and whoever reads it later is to see that.
    """

    host_id: str
    ordinal: int
    act: KeyAct
    completes: int
    officer: str
    reason: str
    evidence_sha256: str
    claim_sha256: str
    host_state: str
    utc_ms: int

    @property
    def reference(self) -> str:
        """How the log names it."""
        return f"{self.host_id}/{self.ordinal}"

    def to_bytes(self) -> bytes:
        """What the log keeps of it."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return canonical_bytes({"format": "kashi/v1/host-key-word", **said, "act": str(self.act)})


def decisions(words: Iterable[KeyWord]) -> Iterator[KeyWord]:
    """Of one host's words those by which two officers decided, in their order."""
    earlier: dict[int, KeyWord] = {}
    for word in sorted(words, key=lambda one: one.ordinal):
        first = earlier.get(word.completes)
        if first is not None and first.act is word.act and first.officer != word.officer:
            yield word
        earlier[word.ordinal] = word


def waiting(words: Sequence[KeyWord], officers: Set[str]) -> list[KeyWord]:
    """Words since the last decision whose speakers still are officers, oldest first."""
    last = max((one.ordinal for one in decisions(words)), default=0)
    return [one for one in words if one.ordinal > last and one.officer in officers]


def confirmed(words: Iterable[KeyWord]) -> bool:
    """Whether the last thing that two officers decided is that the token holds the key."""
    last = max(decisions(words), key=lambda one: one.ordinal, default=None)
    return last is not None and last.act is KeyAct.CONFIRMED


def custody_by_host(words: Iterable[KeyWord]) -> Mapping[str, KeyCustody]:
    """Hosts whose keys are in hardware by these words; every other key is taken to be in a file."""
    by_host: dict[str, list[KeyWord]] = {}
    for word in words:
        by_host.setdefault(word.host_id, []).append(word)
    return {host_id: KeyCustody.HARDWARE for host_id, said in by_host.items() if confirmed(said)}


def key_standing(token: KeyToken | None, words: Sequence[KeyWord]) -> KeyStanding:
    """How a host's claim stands."""
    if token is None:
        return KeyStanding.FILE
    if confirmed(words):
        return KeyStanding.CONFIRMED
    return KeyStanding.WITHDRAWN if any(decisions(words)) else KeyStanding.CLAIMED


_STANDINGS: Final[Mapping[KeyStanding, tuple[str, str]]] = {
    KeyStanding.FILE: ("密钥在文件中", "key in a file"),
    KeyStanding.CLAIMED: ("密钥在硬件中（自报，未确认）", "key in hardware (claimed)"),
    KeyStanding.CONFIRMED: (
        "密钥在硬件中（两名经办人已确认）",
        "key in hardware (confirmed by two officers)",
    ),
    KeyStanding.WITHDRAWN: (
        "密钥在硬件中（自报，确认已撤回）",
        "key in hardware (claimed; the confirmation is withdrawn)",
    ),
}
