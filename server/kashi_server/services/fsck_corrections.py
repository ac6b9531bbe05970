"""Corrections against the log and against the statements they made: every booked line is accounted
for, and every settlement is the one its statement says."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from kashi_server.domain.booked_line import BookedLine, Booking, line_id, negated
from kashi_server.domain.interval import Month
from kashi_server.services.correcting import CORRECTION_ENTRY, lines_sha256
from kashi_server.services.corrections_port import CorrectionRun, CorrectionsPort
from kashi_server.services.expense_port import StoredStatement

Settled = Mapping[Month, Mapping[str, object]]
"""Month -> number -> the settlement that a statement's first revision says; None: none."""


class StatementsPort(Protocol):
    """What is asked of statements."""

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """A revision of a statement, or its latest."""


class CorrectionsUnit(Protocol):
    """A unit of work as this check needs it."""

    @property
    def corrections(self) -> CorrectionsPort:
        """Runs, what they booked, settlements."""

    @property
    def expense(self) -> StatementsPort:
        """Statements."""


def correction_rows(unit: CorrectionsUnit) -> Iterator[tuple[str, str, bytes]]:
    """What each run's columns say, as its entry in the log must."""
    for run in unit.corrections.runs():
        yield CORRECTION_ENTRY, run.run_id, run.to_bytes()


def correction_faults(unit: CorrectionsUnit, said: Settled) -> Iterator[str]:
    """Everything about corrections that does not hold, in words.

    Args:
        unit: the unit of work.
        said: what statements say of settlements.
    """
    for run in unit.corrections.runs():
        lines = unit.corrections.lines(run.run_id)
        booked: dict[str, list[BookedLine]] = {}
        for line in lines:
            booked.setdefault(line.number, []).append(line)
        if lines_sha256(booked) != run.lines_sha256:
            yield (
                f"更正 {run.run_id}：所记的行不是更正时的那些行。"
                f"correction {run.run_id}: its booked lines are not those it was made with"
            )
        yield from _run_faults(run, booked, unit.expense)
    yield from _settlement_faults(unit, said)
    yield from unit.corrections.column_faults()


def _run_faults(
    run: CorrectionRun, booked: Mapping[str, Sequence[BookedLine]], stored: StatementsPort
) -> Iterator[str]:
    for one in run.statements:
        name = f"correction {run.run_id}: statement {one.number}/{one.revision}"
        name_zh = f"更正 {run.run_id}：结算单 {one.number}/{one.revision} "
        made = stored.statement(one.number, one.revision)
        if made is None:
            yield f"{name_zh}没有保存。{name} is not stored"
            continue
        standing = _lines(stored.statement(one.number, one.corrects_revision or 0))
        for line in booked.get(one.number, ()):
            if line.kind is Booking.NEW:
                standing[line.line_id] = dict(line.content)
            elif negated(standing.pop(line.line_id, {})) != line.content:
                yield (
                    f"{name_zh}的冲正 {line.line_id} 不是原行取负。"
                    f"{name}: reversal {line.line_id} is not its line negated"
                )
        if standing != _lines(made):
            yield (
                f"{name_zh}的行不是原有各行加上所记各行。"
                f"{name}: its lines are not those before it with what was booked"
            )


def _lines(statement: StoredStatement | None) -> dict[str, dict[str, object]]:
    if statement is None:
        return {}
    found = {}
    for line in json.loads(statement.content)["lines"]:
        said = {name: value for name, value in line.items() if name not in ("line", "line_id")}
        found[line_id(statement.number, line)] = said
    return found


def _settlement_faults(unit: CorrectionsUnit, said: Settled) -> Iterator[str]:
    for month, of_month in sorted(said.items()):
        settled = unit.corrections.settlements(month)
        for number in sorted(of_month.keys() | settled.keys()):
            row = settled.get(number)
            if of_month.get(number) != (None if row is None else row.to_data()):
                yield (
                    f"结清 {number} 与其结算单所述不符。"
                    f"settlement {number} is not what its statement says"
                )
