"""A step that was taken of a claim: who, when, why, on what paper, and what it came to."""

from dataclasses import dataclass, field
from typing import Any, Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.given_reason import reason_kept
from kashi_server.errors import InvalidValue

FORMAT: Final = "kashi/v1/claim-event"
REASON_CHARACTERS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEvent:
    """A step. `terms`: plain data of what belongs to the step, like its amount.

    `actor` and `second` are logins; `second` where two officers decided.
    """

    claim_id: str
    serial: int
    key: str
    step: str
    before: str
    after: str
    actor: str
    utc_ms: int
    second: str = ""
    reason: str = ""
    document: str = ""
    terms: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a step of nobody, and two officers who are one."""
        if not self.actor or self.actor == self.second:
            raise InvalidValue(
                f"{self.step}：须由两名不同的经办人共同办理。"
                f"{self.step}: two different officers decide together"
            )
        if len(self.reason) > REASON_CHARACTERS_MAX or len(self.document) > REASON_CHARACTERS_MAX:
            raise InvalidValue(
                f"理由与文号各不得超过 {REASON_CHARACTERS_MAX} 个字符。"
                f"a reason has at most {REASON_CHARACTERS_MAX} characters"
            )

    @property
    def reason_kept(self) -> str:
        """Why, for whoever asks of the step; where nobody said why, that is said."""
        return reason_kept(self.reason)

    def to_data(self) -> dict[str, object]:
        """Plain data in the format `kashi/v1/claim-event`."""
        return {
            "format": FORMAT,
            "claim_id": self.claim_id,
            "serial": self.serial,
            "key": self.key,
            "step": self.step,
            "before": self.before,
            "after": self.after,
            "actor": self.actor,
            "second": self.second,
            "utc_ms": self.utc_ms,
            "reason": self.reason,
            "document": self.document,
            "terms": self.terms,
        }

    def to_bytes(self) -> bytes:
        """Canonical bytes: these are stored and logged."""
        return canonical_bytes(self.to_data())
