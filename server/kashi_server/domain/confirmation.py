"""A party's confirmation of a certificate: which side, whose account, of which bytes, when."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_server.domain.party import check_credit_code
from kashi_server.errors import InvalidValue

FORMAT: Final = "kashi/v1/certificate-confirmation"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Side(StrEnum):
    """The two sides of a certificate."""

    USER = "user"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """One side's word that the document says what both know; the document itself stays as it is.

    `actor` is the login of the account, `pdf_sha256` of the confirmed document in hexadecimal.
    """

    number: str
    side: Side
    party_id: str
    actor: str
    pdf_sha256: str
    utc_ms: int

    def __post_init__(self) -> None:
        """Refuse a confirmation by nobody, of nothing, or before 1970."""
        check_credit_code(self.party_id)
        if not self.actor.strip() or _SHA256.fullmatch(self.pdf_sha256) is None:
            raise InvalidValue(
                "确认须写明确认人，并以散列值指明所确认的文件。"
                "a confirmation names who confirms, and the document by its hash"
            )
        if self.utc_ms <= 0:
            raise InvalidValue("确认须有时间。a confirmation has a time")

    def to_data(self) -> dict[str, object]:
        """Plain data, as the log keeps it."""
        return {
            "format": FORMAT,
            "number": self.number,
            "side": str(self.side),
            "party_id": self.party_id,
            "actor": self.actor,
            "pdf_sha256": self.pdf_sha256,
            "utc_ms": self.utc_ms,
        }
