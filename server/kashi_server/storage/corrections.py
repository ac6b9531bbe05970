"""The repository of corrections: runs, the lines they book, settlements."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select

from kashi_server.domain.booked_line import BookedLine, Booking
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import Month
from kashi_server.domain.settlement import BookedCorrection, Settlement
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.services.corrections_port import CorrectionRun, RevisedStatement
from kashi_server.services.settlements_port import StoredSettlement
from kashi_server.storage.booked_columns import rated_line_faults, unlike
from kashi_server.storage.expense_rows import line_values, statement_values
from kashi_server.storage.tables.corrections import (
    corrected_statements,
    correction_lines,
    correction_runs,
    settlements,
)
from kashi_server.storage.tables.expense import rated_lines
from kashi_server.storage.tables.expense import statements as statements_table

_SETTLED = (
    "charges_fen",
    "corrections_fen",
    "carried_in_fen",
    "payable_fen",
    "carried_out_fen",
)


class CorrectionRepository:
    """Speaks through one connection; see `services.corrections_port`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def runs(self, month: Month | None = None) -> Sequence[CorrectionRun]:
        """Corrections by month and ordinal."""
        query = select(correction_runs).order_by(correction_runs.c.month, correction_runs.c.ordinal)
        if month is not None:
            query = query.where(correction_runs.c.month == str(month))
        return [_run(row) for row in self._connection.execute(query)]

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Id and canonical bytes of every run, as they are stored."""
        query = select(correction_runs.c.run_id, correction_runs.c.content).order_by(
            correction_runs.c.month, correction_runs.c.ordinal
        )
        for row in self._connection.execute(query):
            yield row.run_id, bytes(row.content)

    def lines(self, run_id: str) -> Sequence[BookedLine]:
        """What a run booked, in order."""
        query = (
            select(correction_lines)
            .where(correction_lines.c.run_id == run_id)
            .order_by(correction_lines.c.ordinal)
        )
        return [_line(row) for row in self._connection.execute(query)]

    def column_faults(self) -> Iterator[str]:
        """Every row of rated lines, revisions and booked lines whose columns are not what its
        canonical content says, in words."""
        yield from rated_line_faults(self._connection)
        revised: list[dict[str, object]] = []
        booked: list[dict[str, object]] = []
        for run in self.runs():
            revised += (_revised_values(run.run_id, one) for one in run.statements)
            by_number: dict[str, list[BookedLine]] = {one.number: [] for one in run.statements}
            for line in self.lines(run.run_id):
                by_number.setdefault(line.number, []).append(line)
            booked += _line_rows(run, by_number)
        of_revision = ("number", "revision")
        yield from unlike(self._connection, corrected_statements, of_revision, revised)
        for one in booked:
            # Compared as data by `lines`; its bytes may be spelled only one way.
            one.pop("content")
        yield from unlike(self._connection, correction_lines, ("run_id", "ordinal"), booked)

    def add_run(
        self,
        run: CorrectionRun,
        statements: Sequence[Statement],
        lines: Mapping[str, Sequence[BookedLine]],
    ) -> None:
        """Store a run, the revisions it made, and the lines it books, by statement."""
        execute = self._connection.execute
        execute(insert(correction_runs).values(**_run_values(run)))
        execute(insert(statements_table), [statement_values(one) for one in statements])
        stated = [values for one in statements for values in line_values(one)]
        if stated:
            execute(insert(rated_lines), stated)
        execute(
            insert(corrected_statements),
            [_revised_values(run.run_id, one) for one in run.statements],
        )
        execute(insert(correction_lines), list(_line_rows(run, lines)))

    def booked_into(self, month: Month) -> Mapping[str, Sequence[BookedCorrection]]:
        """What corrections book into a month, by contract."""
        query = (
            select(
                corrected_statements.c.contract_id,
                correction_runs.c.month,
                correction_runs.c.run_id,
                corrected_statements.c.amount_fen,
            )
            .join(correction_runs, correction_runs.c.run_id == corrected_statements.c.run_id)
            .where(
                correction_runs.c.booked_month == str(month),
                corrected_statements.c.contract_id.is_not(None),
            )
            .order_by(correction_runs.c.month, correction_runs.c.ordinal)
        )
        found: dict[str, list[BookedCorrection]] = {}
        for row in self._connection.execute(query):
            booked = BookedCorrection(
                month=Month.parse(row.month), run_id=row.run_id, amount_fen=row.amount_fen
            )
            found.setdefault(row.contract_id, []).append(booked)
        return found

    def carried_before(self, month: Month) -> Mapping[str, int]:
        """Fen that the latest settlement before a month carries on, by contract; never above 0."""
        latest = (
            select(settlements.c.contract_id, func.max(settlements.c.month).label("month"))
            .where(settlements.c.month < str(month))
            .group_by(settlements.c.contract_id)
            .subquery()
        )
        query = select(settlements.c.contract_id, settlements.c.carried_out_fen).join(
            latest,
            and_(
                settlements.c.contract_id == latest.c.contract_id,
                settlements.c.month == latest.c.month,
            ),
        )
        return {
            row.contract_id: row.carried_out_fen
            for row in self._connection.execute(query)
            if row.carried_out_fen
        }

    def add_settlement(self, settlement: StoredSettlement) -> None:
        """Store a contract's settlement of a month."""
        sums = {name: getattr(settlement.settlement, name) for name in _SETTLED}
        self._connection.execute(
            insert(settlements).values(
                user_id=settlement.user_id,
                number=settlement.number,
                contract_id=settlement.contract_id,
                month=str(settlement.month),
                **sums,
            )
        )

    def settlements(self, month: Month) -> Mapping[str, Settlement]:
        """Settlements of a month, by number of the statement."""
        booked = self.booked_into(month)
        query = select(settlements).where(settlements.c.month == str(month))
        return {
            row.number: Settlement(
                charges_fen=row.charges_fen,
                corrections=tuple(sorted(booked.get(row.contract_id, ()))),
                carried_in_fen=row.carried_in_fen,
                payable_fen=row.payable_fen,
                carried_out_fen=row.carried_out_fen,
            )
            for row in self._connection.execute(query)
        }


def _run_values(run: CorrectionRun) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "month": str(run.month),
        "ordinal": run.ordinal,
        "booked_month": str(run.booked_month),
        "event_end_minute": run.cut_off.event_end,
        "checkpoint_size": run.cut_off.checkpoint_size,
        "checkpoint_root": run.cut_off.checkpoint_root,
        "first_officer": run.officers[0],
        "second_officer": run.officers[1],
        "reason": run.reason,
        "made_utc_ms": run.made_utc_ms,
        "content": run.to_bytes(),
    }


def _revised_values(run_id: str, revised: RevisedStatement) -> dict[str, object]:
    return {
        "user_id": revised.user_id,
        "number": revised.number,
        "revision": revised.revision,
        "run_id": run_id,
        "contract_id": revised.contract_id,
        "corrects_revision": revised.corrects_revision,
        "amount_fen": revised.amount_fen,
        "eligible_fen": revised.eligible_fen,
    }


def _line_rows(
    run: CorrectionRun, lines: Mapping[str, Sequence[BookedLine]]
) -> Iterator[dict[str, object]]:
    ordinal = 0
    for revised in run.statements:
        for line in lines[revised.number]:
            ordinal += 1
            quantities = line.content["quantities"]
            yield {
                "user_id": revised.user_id,
                "run_id": run.run_id,
                "ordinal": ordinal,
                "number": revised.number,
                "revision": revised.revision,
                "kind": str(line.kind),
                "line_id": line.line_id,
                "corrects": " ".join(line.corrects),
                "hardware_id": line.content["hardware_id"],
                "start_minute": line.start,
                "end_minute": line.end,
                "leased_ms": quantities["leased_ms"],
                "observed_ms": quantities["observed_ms"],
                "gap_ms": quantities["gap_ms"],
                "billed_ms": line.content["billed_ms"],
                "amount_fen": line.amount_fen,
                "eligible_fen": line.eligible_fen,
                "content": canonical_bytes(line.content),
            }


def _run(row: Row[Any]) -> CorrectionRun:
    said = json.loads(row.content)
    return CorrectionRun(
        run_id=row.run_id,
        month=Month.parse(row.month),
        ordinal=row.ordinal,
        booked_month=Month.parse(row.booked_month),
        cut_off=CutOff(
            event_end=row.event_end_minute,
            checkpoint_size=row.checkpoint_size,
            checkpoint_root=bytes(row.checkpoint_root),
        ),
        officers=(row.first_officer, row.second_officer),
        reason=row.reason,
        made_utc_ms=row.made_utc_ms,
        statements=tuple(
            RevisedStatement(
                number=one["number"],
                revision=one["revision"],
                user_id=one["user"],
                contract_id=one["contract"],
                corrects_revision=one["corrects_revision"],
                sha256=one["sha256"],
                amount_fen=one["amount_fen"],
                eligible_fen=one["eligible_fen"],
            )
            for one in said["statements"]
        ),
        lines_sha256=said["lines_sha256"],
    )


def _line(row: Row[Any]) -> BookedLine:
    return BookedLine(
        number=row.number,
        kind=Booking(row.kind),
        line_id=row.line_id,
        corrects=tuple(row.corrects.split()),
        content=json.loads(row.content),
    )
