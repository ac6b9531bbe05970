"""A programme's year in a simulation: what all companies come to, by day, against its pool."""

from dataclasses import dataclass, field
from datetime import date

from kashi_server.domain.simulated_outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One side of a simulated year.

    Attributes:
        eligible_fen: eligible expense of the period, all companies.
        subsidy_fen: what the period comes to, as far as there are amounts.
        without_amount: months of companies for which there is none.
        at_cap: how many companies reach the cap.
        year_fen: what the year asks of the pool up to the period's end, earlier months inside.
        pool_fen: the pool of the year; None: none is known.
        exhausted_on: the day on which the pool is used up; None: it is not, by the period's end.
        forecast_by_days_fen: the year by days elapsed.
        forecast_by_last_month_fen: the year by the last month.
        unknown: parameters nobody knows that an evaluation asked for.
        missing: facts that no statement has.
    """

    eligible_fen: int
    subsidy_fen: int
    without_amount: int
    at_cap: int
    year_fen: int
    pool_fen: int | None
    exhausted_on: date | None
    forecast_by_days_fen: int
    forecast_by_last_month_fen: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def left_fen(self) -> int | None:
        """What the pool holds after the period; below 0 where it does not suffice."""
        return None if self.pool_fen is None else self.pool_fen - self.year_fen


@dataclass(slots=True, kw_only=True)
class BudgetSum:
    """Adds companies up, one after the other; nothing of a company is kept but its days."""

    pool_fen: int | None
    eligible_fen: int = 0
    subsidy_fen: int = 0
    without_amount: int = 0
    at_cap: int = 0
    by_days_fen: int = 0
    by_last_month_fen: int = 0
    days: dict[date, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        """One more company."""
        self.eligible_fen += outcome.eligible_fen
        self.subsidy_fen += outcome.subsidy_fen
        self.without_amount += outcome.without_amount
        self.at_cap += outcome.cap_hit is not None
        self.by_days_fen += outcome.forecast.by_days_fen or 0
        self.by_last_month_fen += outcome.forecast.by_last_month_fen or 0
        for day, fen in outcome.by_day:
            self.days[day] = self.days.get(day, 0) + fen
        self.unknown |= outcome.unknown
        self.missing |= outcome.missing

    def budget(self) -> Budget:
        """What they come to."""
        return Budget(
            eligible_fen=self.eligible_fen,
            subsidy_fen=self.subsidy_fen,
            without_amount=self.without_amount,
            at_cap=self.at_cap,
            year_fen=sum(self.days.values()),
            pool_fen=self.pool_fen,
            exhausted_on=self._exhausted_on(),
            forecast_by_days_fen=self.by_days_fen,
            forecast_by_last_month_fen=self.by_last_month_fen,
            unknown=tuple(sorted(self.unknown)),
            missing=tuple(sorted(self.missing)),
        )

    def _exhausted_on(self) -> date | None:
        if self.pool_fen is None:
            return None
        spent_fen = 0
        for day, fen in sorted(self.days.items()):
            spent_fen += fen
            if spent_fen >= self.pool_fen and spent_fen:
                return day
        return None
