"""How far a statement can be trusted: coverage, gaps, cut-offs and flags."""

from dataclasses import dataclass
from fractions import Fraction

from kashi_server.domain.money import truncate_places
from kashi_server.domain.reason import Reason
from kashi_server.domain.statement_line import shanghai_text

COVERAGE_PLACES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class GapSum:
    """Time nobody observed, by reason."""

    reason: str
    span_ms: int

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {"reason": self.reason, "span_ms": self.span_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well the period was observed. `max_clock_offset_ms` None: of some report it is not known,
    so the largest is not."""

    observed_ms: int
    elapsed_ms: int
    gaps: tuple[GapSum, ...]
    evidence_level: str
    max_clock_offset_ms: int | None = None

    @property
    def coverage(self) -> str:
        """Observed / elapsed, cut to six places; `0.000000` where nothing elapsed."""
        if self.elapsed_ms == 0:
            return truncate_places(Fraction(0), COVERAGE_PLACES)
        return truncate_places(Fraction(self.observed_ms, self.elapsed_ms), COVERAGE_PLACES)

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "coverage": self.coverage,
            "observed_ms": self.observed_ms,
            "elapsed_ms": self.elapsed_ms,
            "gaps": [gap.to_data() for gap in self.gaps],
            "evidence_level": self.evidence_level,
            "max_clock_offset_ms": self.max_clock_offset_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Flag:
    """Something a reader should see: what (`code`), on what (`subject`), in plain words."""

    code: Reason
    subject: str
    detail: str

    def to_data(self) -> dict[str, str]:
        """Plain data."""
        return {"code": str(self.code), "subject": self.subject, "detail": self.detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """What the close could see: events before `event_end` (UTC minute), log entries below size."""

    event_end: int
    checkpoint_size: int
    checkpoint_root: bytes

    def to_data(self) -> dict[str, object]:
        """Plain data; the root in hexadecimal."""
        return {
            "event_end": shanghai_text(self.event_end),
            "checkpoint_size": self.checkpoint_size,
            "checkpoint_root": self.checkpoint_root.hex(),
        }
