"""Acts about assignments in the database, and assignments that stand no longer."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from kashi_server.domain.assignment_act import ActKind, AssignmentAct
from kashi_server.domain.interval import Interval
from kashi_server.storage.tables.assignments import assignment_acts
from kashi_server.storage.tables.expense import assignments


class AssignmentRepository:
    """Speaks through one connection; see `services.assignment_port`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acts(
        self,
        assignment_ids: Collection[str] | None = None,
        contract_ids: Collection[str] | None = None,
    ) -> Sequence[AssignmentAct]:
        """Every act, or those about some assignments or contracts, by assignment and number."""
        acts = assignment_acts.c
        query = select(assignment_acts).order_by(acts.assignment_id, acts.number)
        if assignment_ids is not None:
            query = query.where(acts.assignment_id.in_(assignment_ids))
        if contract_ids is not None:
            query = query.where(acts.contract_id.in_(contract_ids))
        return [_act(row) for row in self._connection.execute(query)]

    def add_act(self, act: AssignmentAct) -> None:
        """Add an act; it never changes."""
        self._connection.execute(
            insert(assignment_acts).values(
                assignment_id=act.assignment_id,
                number=act.number,
                kind=act.kind.value,
                contract_id=act.contract_id,
                hardware_id=act.hardware_id,
                start_minute=act.interval.start,
                end_minute=act.interval.end,
                party_id=act.party_id,
                login=act.login,
                reason=act.reason,
                utc_ms=act.utc_ms,
            )
        )

    def drop(self, assignment_id: str) -> None:
        """Take a proposal that was not confirmed out of the assignments."""
        self._connection.execute(
            delete(assignments).where(
                assignments.c.assignment_id == assignment_id,
                assignments.c.confirmed_by.is_(None),
            )
        )


def _act(row: Row[Any]) -> AssignmentAct:
    return AssignmentAct(
        assignment_id=row.assignment_id,
        number=row.number,
        kind=ActKind(row.kind),
        contract_id=row.contract_id,
        hardware_id=row.hardware_id,
        interval=Interval(row.start_minute, row.end_minute),
        party_id=row.party_id,
        login=row.login,
        reason=row.reason,
        utc_ms=row.utc_ms,
    )
