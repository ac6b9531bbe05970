"""What one side of a simulation comes to for a company."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kashi_server.domain.interval import Month


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOutcome:
    """A company's month: eligible expense, and what it is estimated at; None: no amount."""

    month: Month
    eligible_fen: int
    subsidy_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A whole year's subsidy, if it goes on as it did; None: no amount."""

    by_days_fen: int | None
    by_last_month_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One side of a company's period. `cap_hit`: the day on which its year reaches the cap."""

    months: tuple[MonthOutcome, ...]
    estimates: Mapping[str, int | None]
    """Of each statement of the period, by number."""
    by_day: tuple[tuple[date, int], ...]
    """What the year asks of the pool by day, from January to the period's end: what is due before
    the pool, each month's spread over its days as its eligible lines' amounts are."""
    cap_hit: date | None
    forecast: Forecast
    unknown: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()

    @property
    def eligible_fen(self) -> int:
        """Eligible expense of the period."""
        return sum(month.eligible_fen for month in self.months)

    @property
    def subsidy_fen(self) -> int:
        """What the period comes to, as far as there are amounts."""
        return sum(month.subsidy_fen or 0 for month in self.months)

    @property
    def without_amount(self) -> int:
        """Months for which there is no amount."""
        return sum(month.subsidy_fen is None for month in self.months)
