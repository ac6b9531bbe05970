"""Replaying a month: every statement made again from stored facts at its own cut-offs.

The bytes are compared. A statement names the log's size it was made at. From the entries below it
follow the facts, the agreements, the rules and the statements that stood before; from those follows
every byte of the statement. So anybody with the database can show that nothing was put into a
statement that the log does not hold, and that nothing it held was left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from kashi_server.domain.correction import difference
from kashi_server.domain.interval import Month
from kashi_server.domain.rules import version_over
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.year_estimate import estimated_again
from kashi_server.errors import NotFound
from kashi_server.services.as_of_facts import FactsAsOf, StoredFacts
from kashi_server.services.as_of_terms import TermsAsOf
from kashi_server.services.closing import read_inputs
from kashi_server.services.correcting import revised
from kashi_server.services.corrections_port import CorrectionRun, CorrectionsPort
from kashi_server.services.evidence_port import GapsPort, StatedPort
from kashi_server.services.expense_port import (
    ExpensePort,
    HostsPort,
    LogPort,
    StatementHead,
    StoredStatement,
)
from kashi_server.services.inputs_port import InputFacts, TermsPort
from kashi_server.services.standing_statements import StandingStatements


class ReplayUnit(Protocol):
    """A unit of work as replaying needs it."""

    @property
    def expense(self) -> ExpensePort:
        """Statements and closes."""

    @property
    def corrections(self) -> CorrectionsPort:
        """Runs and settlements."""

    @property
    def facts(self) -> StoredFacts:
        """Stored reports."""

    @property
    def stated(self) -> StatedPort:
        """What providers state."""

    @property
    def gap_words(self) -> GapsPort:
        """What parties and officers say of gaps."""

    @property
    def identity(self) -> HostsPort:
        """Hosts."""

    @property
    def log(self) -> LogPort:
        """The log."""


class ReplayWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ReplayUnit]:
        """Open one."""


@dataclass(frozen=True, slots=True)
class _AsOf:
    """A unit of work in which facts and terms are those of a cut-off."""

    expense: TermsPort
    facts: InputFacts
    corrections: CorrectionsPort
    stated: StatedPort
    gap_words: GapsPort
    identity: HostsPort
    log: LogPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A statement that was made again: whether every byte is the stored one's.

    `place` is where the first differing byte stands; None where none differs, -1 where the replay
    makes no such statement, or makes one that is not stored.
    """

    number: str
    revision: int
    place: int | None

    @property
    def same(self) -> bool:
        """Every byte is what is stored."""
        return self.place is None


class Replaying:
    """Makes closed months again; changes nothing."""

    def __init__(self, work: ReplayWork, *, demo: bool) -> None:
        """Over a database; `demo`: it is a demonstration's."""
        self._work = work
        self._demo = demo

    def replay(self, month: Month, revision: int | None = None) -> Sequence[Replayed]:
        """Make a month's statements again, all or those of one revision, and compare.

        Raises:
            NotFound: the month is not closed, or no statement of it has this revision.
        """
        with self._work.begin(writes=False) as unit:
            close = unit.expense.close_of(month)
            if close is None:
                raise NotFound(
                    f"{month} 尚未关账，没有可重算的内容。"
                    f"{month} is not closed; there is nothing to make again"
                )
            stored = {
                (one.number, one.revision): one for one in unit.expense.statements(month=month)
            }
            runs = unit.corrections.runs(month)
            if revision is not None and all(one != revision for _number, one in stored):
                raise NotFound(
                    f"{month} 没有第 {revision} 版的结算单。"
                    f"no statement of {month} has a revision {revision}"
                )
            found: list[Replayed] = []
            corrected = {(s.number, s.revision) for run in runs for s in run.statements}
            first = {key for key in stored if key not in corrected}
            if revision is None or any(one == revision for _number, one in first):
                made = self._closed(unit, month, close.cut_off)
                found += _compared(made, {key: stored[key] for key in first})
            for run in runs:
                keys = {(one.number, one.revision) for one in run.statements}
                if revision is None or any(one == revision for _number, one in keys):
                    made = self._corrected(unit, run, _standing(stored, runs, run))
                    found += _compared(made, {key: stored[key] for key in keys})
        kept = [one for one in found if revision in (None, one.revision)]
        return sorted(kept, key=lambda one: (one.number, one.revision))

    def _closed(self, unit: ReplayUnit, month: Month, cut_off: CutOff) -> Sequence[Statement]:
        return read_inputs(
            _as_of(unit, month, cut_off), month, cut_off, demo=self._demo
        ).statements()

    def _corrected(
        self, unit: ReplayUnit, run: CorrectionRun, standing: StandingStatements
    ) -> Sequence[Statement]:
        then = _as_of(unit, run.month, run.cut_off)
        inputs = replace(
            read_inputs(then, run.month, run.cut_off, demo=self._demo),
            kept_contracts=standing.contract_ids,
            kept_parties=standing.party_ids,
        )
        fresh = {statement.number: statement for statement in inputs.statements()}
        found = standing.parted(fresh)
        parted = difference(run.month, found.standing, found.fresh)
        if parted is None:
            return ()
        settled = unit.corrections.settlements(run.month)
        made = revised(fresh, found.standing, parted, run.booked_month, run.reason, settled)
        rest = then.expense.rest_of_year(run.month, parted.numbers)
        rules = version_over(inputs.terms.rules, run.month.interval())
        return tuple(estimated_again(made, rest, rules).values())


def _as_of(unit: ReplayUnit, month: Month, cut_off: CutOff) -> _AsOf:
    size = cut_off.checkpoint_size
    return _AsOf(
        expense=TermsAsOf(unit.log, unit.expense, size),
        facts=FactsAsOf(unit.facts, unit.log, size, *month.interval().bounded()),
        corrections=unit.corrections,
        stated=unit.stated,
        gap_words=unit.gap_words,
        identity=unit.identity,
        log=unit.log,
    )


def _standing(
    stored: Mapping[tuple[str, int], StoredStatement],
    runs: Sequence[CorrectionRun],
    run: CorrectionRun,
) -> StandingStatements:
    """The statements that stood when a run was made: without what it and later runs made."""
    later = {
        (one.number, one.revision)
        for other in runs
        if other.ordinal >= run.ordinal
        for one in other.statements
    }
    latest: dict[str, StoredStatement] = {}
    for key, one in sorted(stored.items()):
        if key not in later:
            latest[one.number] = one
    heads = [
        StatementHead(one.user_id, one.number, one.revision, one.contract_id)
        for one in latest.values()
    ]
    return StandingStatements(heads, lambda number, revision: stored[number, revision])


def _compared(
    made: Iterable[Statement], stored: Mapping[tuple[str, int], StoredStatement]
) -> list[Replayed]:
    again = {(one.number, one.revision): one.to_bytes() for one in made}
    return [
        Replayed(
            number=key[0],
            revision=key[1],
            place=_place(again.get(key), stored[key].content if key in stored else None),
        )
        for key in sorted(again.keys() | stored.keys())
    ]


def _place(made: bytes | None, stored: bytes | None) -> int | None:
    if made == stored:
        return None
    if made is None or stored is None:
        return -1
    pairs = enumerate(zip(made, stored, strict=False))
    return next(
        (place for place, (one, other) in pairs if one != other), min(len(made), len(stored))
    )
