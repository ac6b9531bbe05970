"""What replayed claims come to: for a company and for the budget, on one side of a simulation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from kashi_server.domain.claim_replay import CAP, ClaimFigures
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.evaluation.evaluate import Status
from kashi_server.domain.interval import Month
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.simulated_outcome import Forecast
from kashi_server.domain.simulated_rules import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSide:
    """A claim on one side: its standing evaluation, and what of it is awarded."""

    figures: ClaimFigures
    awarded_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOutcome:
    """A claim on both sides. `stands_fen`: the computed amount that it has; None: no amount."""

    claim_id: str
    batch_id: str
    state: ClaimState
    applied_on: date
    month: Month
    stands_fen: int | None
    old: ClaimSide
    new: ClaimSide

    @property
    def difference_fen(self) -> int | None:
        """New less old; None where one of them has no amount."""
        old_fen, new_fen = self.old.figures.amount_fen, self.new.figures.amount_fen
        return None if old_fen is None or new_fen is None else new_fen - old_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsSum:
    """One side of a company's claims, or of all companies'.

    Attributes:
        computed_fen: of the claims of the period, as far as there are amounts.
        awarded_fen: of these what is awarded.
        without_amount: claims of the period for which there is no amount.
        estimates: those of which the amount is an estimate.
        cap_hit: the first day on which a claim brings the company's year to its cap.
        year_fen: what the year's claims ask of the pool, up to the period's end.
        by_day: the same by the day of the evaluation that stands.
        forecast: of the whole year.
    """

    computed_fen: int
    awarded_fen: int
    without_amount: int
    estimates: int
    cap_hit: date | None
    year_fen: int
    by_day: tuple[tuple[date, int], ...]
    forecast: Forecast
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsBudget:
    """All companies' claims on one side, against the pool of the year."""

    sums: ClaimsSum
    at_cap: int
    pool_fen: int | None

    @property
    def left_fen(self) -> int | None:
        """What the pool holds after the period; below 0 where it does not suffice."""
        return None if self.pool_fen is None else self.pool_fen - self.sums.year_fen

    @property
    def exhausted_on(self) -> date | None:
        """The day on which what was asked of the pool reaches it; None: it does not."""
        spent_fen = 0
        for day, fen in self.sums.by_day:
            spent_fen += fen
            if self.pool_fen is not None and spent_fen and spent_fen >= self.pool_fen:
                return day
        return None


def sum_of_company(
    sides: Sequence[tuple[Month, ClaimSide]], period: Period, rules: RulesVersion
) -> ClaimsSum:
    """What a company's claims come to.

    Args:
        sides: its claims of the year up to the period's end, each with its month.
        period: the months that are told of.
        rules: the last ones, whose cap a forecast keeps.
    """
    inside = [one for month, one in sides if month in period]
    capped = [one.figures.on for _month, one in sides if one.figures.at_cap]
    asked = [(one.figures.on, one.figures.requested_fen or 0) for _month, one in sides]
    return ClaimsSum(
        computed_fen=sum(one.figures.amount_fen or 0 for one in inside),
        awarded_fen=sum(one.awarded_fen for one in inside),
        without_amount=sum(one.figures.amount_fen is None for one in inside),
        estimates=sum(one.figures.status is Status.ESTIMATE for one in inside),
        cap_hit=min(capped, default=None),
        year_fen=sum(fen for _day, fen in asked),
        by_day=_by_day(asked),
        forecast=_forecast(sides, period, rules),
        unknown=_names(one.figures.unknown for one in inside),
        missing=_names(one.figures.missing for one in inside),
    )


def sum_of_all(found: Sequence[ClaimsSum]) -> ClaimsSum:
    """What all companies come to; the day a cap is hit is each company's own."""
    return ClaimsSum(
        computed_fen=sum(one.computed_fen for one in found),
        awarded_fen=sum(one.awarded_fen for one in found),
        without_amount=sum(one.without_amount for one in found),
        estimates=sum(one.estimates for one in found),
        cap_hit=None,
        year_fen=sum(one.year_fen for one in found),
        by_day=_by_day(part for one in found for part in one.by_day),
        forecast=Forecast(
            by_days_fen=_sum(one.forecast.by_days_fen for one in found),
            by_last_month_fen=_sum(one.forecast.by_last_month_fen for one in found),
        ),
        unknown=_names(one.unknown for one in found),
        missing=_names(one.missing for one in found),
    )


def _forecast(
    sides: Sequence[tuple[Month, ClaimSide]], period: Period, rules: RulesVersion
) -> Forecast:
    """What was computed so far over the days passed, or the last month's once more for each month
    left; neither above the cap of the year, nor below what there is."""
    known = [
        (month, one.figures.amount_fen)
        for month, one in sides
        if one.figures.amount_fen is not None
    ]
    if not known:
        return Forecast(by_days_fen=None, by_last_month_fen=None)
    so_far_fen = sum(fen for _month, fen in known)
    last_fen = sum(fen for month, fen in known if month == period.last)
    cap_fen, passed = rules.fen(CAP), period.passed
    by_days_fen = so_far_fen * passed.denominator // passed.numerator
    by_month_fen = so_far_fen + last_fen * period.months_left

    def held(fen: int) -> int:
        return max(so_far_fen, fen if cap_fen is None else min(fen, cap_fen))

    return Forecast(by_days_fen=held(by_days_fen), by_last_month_fen=held(by_month_fen))


def _by_day(parts: Iterable[tuple[date, int]]) -> tuple[tuple[date, int], ...]:
    sums: dict[date, int] = {}
    for day, fen in parts:
        sums[day] = sums.get(day, 0) + fen
    return tuple(sorted(sums.items()))


def _names(found: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for names in found for name in names}))


def _sum(found: Iterable[int | None]) -> int | None:
    known = [fen for fen in found if fen is not None]
    return sum(known) if known else None
