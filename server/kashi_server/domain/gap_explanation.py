"""Explanations of gaps: what a party says of time nobody observed, and what officers made of it.

A party that the time concerns may explain it until its month is closed: a reason, and a file by its
hash. One officer refuses; to accept takes two where the rules of the time count gaps on officers'
word (`gap_policy` = officer), for then it may change money, and one elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import Interval
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.errors import InvalidValue, Refused

FORMAT: Final = "kashi/v1/gap-explanation"
DECISION_FORMAT: Final = "kashi/v1/gap-decision"
REASON_CHARACTERS_MAX: Final = 2_000
DIGEST_DIGITS: Final = 64


class GapVerdict(StrEnum):
    """What an officer says to an explanation."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class ExplanationState(StrEnum):
    """How an explanation stands."""

    OPEN = "open"
    HALF_ACCEPTED = "half_accepted"
    """One of two officers accepted it."""
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapExplanation:
    """What a party says of some minutes of a device on a host.

    `evidence_sha256` names a file by its hash, in hexadecimal; empty where there is none.
    """

    explanation_id: str
    hardware_id: str
    host_id: str
    interval: Interval
    party_id: str
    reason: str
    evidence_sha256: str
    actor: str
    utc_ms: int

    def __post_init__(self) -> None:
        """Refuse an explanation without end, words or a name."""
        self.interval.bounded()
        if not self.reason.strip() or len(self.reason) > REASON_CHARACTERS_MAX:
            raise InvalidValue(
                f"缺口说明须写理由，1 至 {REASON_CHARACTERS_MAX} 个字符。"
                f"an explanation needs a reason of 1 to {REASON_CHARACTERS_MAX} characters"
            )
        if not self.actor.strip():
            raise InvalidValue(
                "缺口说明须写明由谁作出。an explanation needs the name of who gives it"
            )
        digits = set(self.evidence_sha256) <= set("0123456789abcdef")
        if self.evidence_sha256 and (len(self.evidence_sha256) != DIGEST_DIGITS or not digits):
            raise InvalidValue(
                "证据以 64 位十六进制的 SHA-256 指明。"
                "the evidence is named by its SHA-256 in 64 hexadecimal digits"
            )

    def to_bytes(self) -> bytes:
        """What the log keeps of it."""
        start, end = self.interval.bounded()
        return canonical_bytes(
            {
                "format": FORMAT,
                "explanation_id": self.explanation_id,
                "hardware_id": self.hardware_id,
                "host_id": self.host_id,
                "start": shanghai_text(start),
                "end": shanghai_text(end),
                "party_id": self.party_id,
                "reason": self.reason,
                "evidence_sha256": self.evidence_sha256,
                "actor": self.actor,
                "utc_ms": self.utc_ms,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GapDecision:
    """One officer's word on an explanation; `of_two` where another officer's is needed as well."""

    explanation_id: str
    verdict: GapVerdict
    of_two: bool
    officer: str
    reason: str
    utc_ms: int

    def __post_init__(self) -> None:
        """Refuse a decision of nobody, or without a reason."""
        if not self.officer.strip() or not self.reason.strip():
            raise InvalidValue(
                "对缺口作出认定须写明经办人与理由。"
                "a decision on a gap needs an officer and a reason"
            )

    def to_bytes(self) -> bytes:
        """What the log keeps of it."""
        return canonical_bytes(
            {
                "format": DECISION_FORMAT,
                "explanation_id": self.explanation_id,
                "verdict": str(self.verdict),
                "of_two": self.of_two,
                "officer": self.officer,
                "reason": self.reason,
                "utc_ms": self.utc_ms,
            }
        )


def state_of(decisions: Sequence[GapDecision], *, of_two: bool = False) -> ExplanationState:
    """How an explanation stands after the decisions upon it, in their order.

    `of_two`: the rules ask for two officers now, whatever they asked when the first decided.
    """
    if any(one.verdict is GapVerdict.REFUSED for one in decisions):
        return ExplanationState.REFUSED
    officers = {one.officer for one in decisions}
    alone = any(not one.of_two for one in decisions) and not of_two
    if alone or len(officers) > 1:
        return ExplanationState.ACCEPTED
    return ExplanationState.HALF_ACCEPTED if officers else ExplanationState.OPEN


def check_decision(earlier: Sequence[GapDecision], decision: GapDecision) -> None:
    """Refuse a decision on what is settled, or a second one of the same officer.

    Raises:
        Refused: the message says which.
    """
    state = state_of(earlier, of_two=decision.of_two)
    if state in (ExplanationState.ACCEPTED, ExplanationState.REFUSED):
        raise Refused(
            f"缺口说明 {decision.explanation_id} 的状态已为 {state}。"
            f"explanation {decision.explanation_id} is {state} already"
        )
    if decision.officer in {one.officer for one in earlier}:
        raise Refused(
            f"{decision.officer} 已认可缺口说明 {decision.explanation_id}；"
            "还须另一名经办人认可。"
            f"{decision.officer} accepted explanation {decision.explanation_id} already;"
            " another officer must accept it as well"
        )
