"""A company's calendar year so far, as its statements have it: what was rated, what was estimated.

Estimates work on the year to date, so that the months' estimates add up to the year's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple


class Sort(NamedTuple):
    """What rules may tell apart in rated use: its evidence, and whether its chips are domestic."""

    evidence_level: str
    domestic: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class YearToDate:
    """Eligible fen by sort, and what was estimated on it so far."""

    eligible: tuple[tuple[Sort, int], ...] = ()
    estimate_fen: int = 0
    eligible_fen: int = field(init=False)

    def __post_init__(self) -> None:
        """Keep sorts apart, each once and in order; nothing is kept of a sort without an amount."""
        sums: dict[Sort, int] = {}
        for sort, fen in self.eligible:
            sums[sort] = sums.get(sort, 0) + fen
        ordered = sorted(
            sums.items(), key=lambda one: (one[0].evidence_level, str(one[0].domestic))
        )
        kept = tuple((sort, fen) for sort, fen in ordered if fen)
        object.__setattr__(self, "eligible", kept)
        object.__setattr__(self, "eligible_fen", sum(fen for _sort, fen in kept))

    def plus(self, eligible: Iterable[tuple[Sort, int]]) -> "YearToDate":
        """The year with more of it."""
        return replace(self, eligible=(*self.eligible, *eligible))

    def estimated(self, more_fen: int) -> "YearToDate":
        """The year with more estimated on it."""
        return replace(self, estimate_fen=self.estimate_fen + more_fen)
