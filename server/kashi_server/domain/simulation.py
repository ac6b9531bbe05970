"""What if: a company's statements of a year, worked out anew under other rules.

Both sides run the evaluation that statements are made by, on the same facts and in the same order.
On the side of the rules that stand the result is what the statements were estimated at; on the
other it is what they would have been. Nothing here is an amount that anybody owes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Final

from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.evaluate import Evaluation, evaluate
from kashi_server.domain.interval import Month
from kashi_server.domain.replay import ReplayedStatement
from kashi_server.domain.rules import RulesVersion, version_over
from kashi_server.domain.simulated_days import (
    Days,
    added_days,
    eligible_days,
    passed_by_day,
    spread,
)
from kashi_server.domain.simulated_outcome import Forecast, MonthOutcome, Outcome
from kashi_server.domain.simulated_rules import Period, RulesSide
from kashi_server.domain.subsidy import with_year
from kashi_server.domain.year_to_date import Sort, YearToDate

CAP: Final = "cap.company_year_yuan"


def simulate_company(
    statements: Sequence[ReplayedStatement], side: RulesSide, period: Period
) -> Outcome:
    """Work a company's year out, from January to the period's end, under one side's rules.

    Args:
        statements: the company's, of that year, in any order.
        side: the rules.
        period: what is told of; the months before it count for caps and thresholds.
    """
    run = _Run(side=side, period=period)
    ordered = sorted(statements, key=lambda one: one.order)
    for month, found in groupby(ordered, key=lambda one: one.month):
        run.month(month, list(found))
    return run.outcome()


@dataclass(slots=True, kw_only=True)
class _Run:
    """A company's year as it goes."""

    side: RulesSide
    period: Period
    year: YearToDate = field(default_factory=YearToDate)
    months: list[MonthOutcome] = field(default_factory=list)
    estimates: dict[str, int | None] = field(default_factory=dict)
    by_day: list[tuple[date, int]] = field(default_factory=list)
    due_fen: int = 0
    """Of the year to date, before the pool: what all companies together ask of it."""
    asked_fen: int = 0
    cap_hit: date | None = None
    unknown: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    case: Case | None = None
    case_fen: int = 0
    """Of the month's cases the one to which most is due."""
    capped: bool = False
    """One of the month's evaluations reaches the cap."""
    last: tuple[Case, RulesVersion] | None = None
    last_month: tuple[tuple[Sort, int], ...] = ()
    lapsed: bool = False

    def month(self, month: Month, statements: list[ReplayedStatement]) -> None:
        """All of a company's statements of a month, in the order of a close."""
        versions = self.side.of(month, self.period)
        rules = version_over(versions, month.interval())
        before, estimated, days = self.year, [], []
        self.case, self.case_fen, self.capped = statements[-1].case, 0, False
        for statement in statements:
            eligible = statement.eligible(versions)
            days.append(eligible_days(statement, eligible))
            self.year = self.year.plus(
                (line.sort, line.amount_fen + line.gap_fen) for line in eligible
            )
            estimated.append(self._estimate(statement, rules))
        demanded_fen, self.asked_fen = self.due_fen - self.asked_fen, self.due_fen
        by_day = added_days(days)
        known = [fen for fen in estimated if fen is not None]
        self.lapsed = rules is None
        self.last_month = _less(self.year, before)
        if rules is not None:
            self.last = (self.case, rules)
            self._look_for_cap(rules, before, by_day)
        self.by_day += spread(demanded_fen, by_day)
        if month in self.period:
            subsidy_fen = sum(known) if known else None
            self.months.append(
                MonthOutcome(
                    month=month,
                    eligible_fen=self.year.eligible_fen - before.eligible_fen,
                    subsidy_fen=subsidy_fen,
                )
            )

    def _estimate(self, statement: ReplayedStatement, rules: RulesVersion | None) -> int | None:
        """As `subsidy_of` does: the year to date, less what was estimated before."""
        estimate_fen = None
        if rules is not None:
            done = self._evaluate(rules, statement.case, self.year)
            if done.amount_fen is not None:
                estimate_fen = max(0, done.amount_fen - self.year.estimate_fen)
                self._keep(statement.case, done)
        self.year = self.year.estimated(estimate_fen or 0)
        if statement.month in self.period:
            self.estimates[statement.number] = estimate_fen
        return estimate_fen

    def _keep(self, case: Case, done: Evaluation) -> None:
        """What is due, and the case it is due to: one that is refused tells nothing of a year."""
        due_fen = done.before_pool_fen
        self.due_fen = max(self.due_fen, due_fen)
        self.capped = self.capped or _is_capped(done)
        if due_fen >= self.case_fen:
            self.case, self.case_fen = case, due_fen

    def _evaluate(self, rules: RulesVersion, case: Case, year: YearToDate) -> Evaluation:
        done = evaluate(rules, with_year(case, year))
        self.unknown |= set(done.unknown)
        self.missing |= set(done.missing)
        return done

    def _look_for_cap(self, rules: RulesVersion, before: YearToDate, by_day: Days) -> None:
        """The first day whose part of the month brings the year to the cap."""
        assert self.last is not None
        case, _rules = self.last
        if self.cap_hit is not None or not self.capped:
            return
        for day, part in passed_by_day(by_day):
            more = [
                (sort, part.numerator * fen // part.denominator) for sort, fen in self.last_month
            ]
            if _at_cap(rules, case, before.plus(more)):
                self.cap_hit = day
                return

    def outcome(self) -> Outcome:
        return Outcome(
            months=tuple(self.months),
            estimates=self.estimates,
            by_day=tuple(self.by_day),
            cap_hit=self.cap_hit,
            forecast=self._forecast(),
            unknown=frozenset(self.unknown),
            missing=frozenset(self.missing),
        )

    def _forecast(self) -> Forecast:
        """By days: the year's eligible expense so far, over the days passed. By last month: that of
        the last month once more for each month left. Both under the rules of the last month."""
        if self.last is None or self.lapsed:
            so_far = self.year.estimate_fen if self.last is not None else None
            return Forecast(by_days_fen=so_far, by_last_month_fen=so_far)
        passed, left = self.period.passed, self.period.months_left
        by_days = [
            (sort, fen * passed.denominator // passed.numerator - fen)
            for sort, fen in self.year.eligible
        ]
        by_month = [(sort, fen * left) for sort, fen in self.last_month]
        return Forecast(
            by_days_fen=self._year_fen(by_days), by_last_month_fen=self._year_fen(by_month)
        )

    def _year_fen(self, more: Sequence[tuple[Sort, int]]) -> int | None:
        assert self.last is not None
        case, rules = self.last
        amount_fen = evaluate(rules, with_year(case, self.year.plus(more))).amount_fen
        # What was estimated is not taken back, in a forecast either.
        return None if amount_fen is None else max(amount_fen, self.year.estimate_fen)


def _less(after: YearToDate, before: YearToDate) -> tuple[tuple[Sort, int], ...]:
    had = dict(before.eligible)
    return tuple((sort, fen - had.get(sort, 0)) for sort, fen in after.eligible)


def _at_cap(rules: RulesVersion, case: Case, year: YearToDate) -> bool:
    return _is_capped(evaluate(rules, with_year(case, year)))


def _is_capped(done: Evaluation) -> bool:
    """The cap of a company and year is reached by what is due in the year to date."""
    cap_fen = done.rules.fen(CAP)
    reached = (step.before_fen for step in done.steps if step.name == "company_cap")
    return cap_fen is not None and any(fen >= cap_fen for fen in reached)
