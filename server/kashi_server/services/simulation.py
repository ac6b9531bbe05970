"""Simulation: certified history under other rules, company by company; nothing is written.

What is read are stored statements, each in its latest revision. They never change, so the list of
them is taken at once and each company is read by itself: no reader holds the database for long, and
nobody's writing waits.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Protocol

from kashi_server.domain.interval import Month
from kashi_server.domain.party import Party
from kashi_server.domain.replay import ReplayedStatement, replayed
from kashi_server.domain.rules import RulesVersion, version_over
from kashi_server.domain.simulated_budget import Budget, BudgetSum
from kashi_server.domain.simulated_outcome import Outcome
from kashi_server.domain.simulated_rules import Period, RulesSide, as_if
from kashi_server.domain.simulation import simulate_company
from kashi_server.errors import NotFound
from kashi_server.services.expense_port import Close, StatementHead, StoredStatement


class HistoryPort(Protocol):
    """What a simulation reads."""

    def parties(self) -> Sequence[Party]:
        """All parties."""

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """A programme's registered versions."""

    def last_close(self) -> Close | None:
        """The latest closed month."""

    def latest_statements(self, first: Month, last: Month) -> Sequence[StatementHead]:
        """Latest revisions of the statements of some months, by user and number."""

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """A revision of a statement."""


class HistoryUnit(Protocol):
    """A unit of work as a simulation needs it."""

    @property
    def expense(self) -> HistoryPort:
        """Statements, parties and rules."""


class HistoryWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[HistoryUnit]:
        """Open one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanySimulation:
    """A company on both sides. `stored_fen`: what its statements of the period were estimated at
    when they were made; other than `old` where one was corrected since, or made before statements
    were evaluated."""

    user_id: str
    name_zh: str
    stored_fen: int
    old: Outcome
    new: Outcome

    @property
    def difference_fen(self) -> int:
        """New less old."""
        return self.new.subsidy_fen - self.old.subsidy_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Every company with statements in the period, by id, and what both sides come to.

    `open_months`: the period's months that are not closed; nothing of them is counted.
    """

    period: Period
    statements: int
    companies: tuple[CompanySimulation, ...]
    old: Budget
    new: Budget
    open_months: tuple[Month, ...] = ()

    @property
    def stored_fen(self) -> int:
        """What the statements of the period were estimated at when they were made."""
        return sum(one.stored_fen for one in self.companies)


class Simulator:
    """Replays statements under rules."""

    def __init__(self, work: HistoryWork) -> None:
        """Over a database."""
        self._work = work

    def simulate(
        self,
        new: RulesVersion,
        period: Period,
        *,
        against: RulesVersion | None = None,
        may_be_empty: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Simulation:
        """Simulate a period: its closed months; a forecast goes on from the last of them.

        Args:
            new: the rules to try, as if they had been in force since those that stand.
            period: months of one calendar year.
            against: rules to compare with; None: those that are registered for the programme.
            may_be_empty: a period without statements is told of, not refused.
            progress: told after each company: done, of how many.

        Raises:
            NotFound: the period has no statements.
            Refused: the rules end before the period begins.
        """
        with self._work.begin(writes=False) as unit:
            standing = unit.expense.rules(new.programme_id)
            parties = {party.party_id: party for party in unit.expense.parties()}
            heads = unit.expense.latest_statements(period.january, period.last)
            open_months = _open_months(period, unit.expense.last_close())
        if not heads and not may_be_empty:
            raise NotFound(
                f"{period.january} 至 {period.last} 没有结算单，请先关账。"
                f"there are no statements from {period.january} to {period.last}: close a month"
                " first"
            )
        before, during = standing, standing
        if against is not None:
            during = (as_if(against, standing, period),)
        sides = (
            RulesSide(before=before, during=during),
            RulesSide(before=before, during=(as_if(new, standing, period),)),
        )
        sums = tuple(BudgetSum(pool_fen=_pool_fen(side, period)) for side in sides)
        companies = []
        counted = _without(period, open_months)
        by_user = [(user, list(found)) for user, found in groupby(heads, lambda one: one.user_id)]
        for done, (user_id, found) in enumerate(by_user, 1):
            company = self._company(parties[user_id], found, sides, counted)
            if company is not None:
                companies.append(company)
                for total, outcome in zip(sums, (company.old, company.new), strict=True):
                    total.add(outcome)
            if progress is not None:
                progress(done, len(by_user))
        return Simulation(
            period=period,
            statements=sum(len(one.old.estimates) for one in companies),
            companies=tuple(companies),
            old=sums[0].budget(),
            new=sums[1].budget(),
            open_months=open_months,
        )

    def _company(
        self,
        party: Party,
        heads: Sequence[StatementHead],
        sides: tuple[RulesSide, RulesSide],
        period: Period,
    ) -> CompanySimulation | None:
        statements = list(self._statements(heads, party.established_on))
        inside = [one for one in statements if one.month in period]
        if not inside:
            return None
        old, new = (simulate_company(statements, side, period) for side in sides)
        return CompanySimulation(
            user_id=party.party_id,
            name_zh=party.name_zh,
            stored_fen=sum(one.estimate_fen or 0 for one in inside),
            old=old,
            new=new,
        )

    def _statements(
        self, heads: Sequence[StatementHead], established_on: date | None
    ) -> Iterator[ReplayedStatement]:
        with self._work.begin(writes=False) as unit:
            found = [unit.expense.statement(head.number, head.revision) for head in heads]
        for stored in found:
            assert stored is not None
            content: Mapping[str, object] = json.loads(stored.content)
            yield replayed(content, established_on)


def _open_months(period: Period, last: Close | None) -> tuple[Month, ...]:
    """The period's months after the last close: months are closed in order."""
    if last is None:
        return period.months
    return tuple(month for month in period.months if month > last.month)


def _without(period: Period, open_months: Sequence[Month]) -> Period:
    """The part of a period that is closed; the whole of it where none is."""
    closed = [month for month in period.months if month not in open_months]
    return replace(period, last=closed[-1]) if closed else period


def _pool_fen(side: RulesSide, period: Period) -> int | None:
    rules = version_over(side.during, period.last.interval())
    return None if rules is None else rules.fen("pool.year_yuan")
