"""Explanations of gaps and officers' decisions on them in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from kashi_server.domain.gap_explanation import GapDecision, GapExplanation, GapVerdict
from kashi_server.domain.interval import Interval
from kashi_server.storage.tables.evidence import gap_decisions, gap_explanations


class GapWordsRepository:
    """Speaks through one connection; see `services.evidence_port`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_explanation(self, explanation: GapExplanation) -> None:
        """Add an explanation."""
        start, end = explanation.interval.bounded()
        self._connection.execute(
            insert(gap_explanations).values(
                explanation_id=explanation.explanation_id,
                hardware_id=explanation.hardware_id,
                host_id=explanation.host_id,
                start_minute=start,
                end_minute=end,
                party_id=explanation.party_id,
                reason=explanation.reason,
                evidence_sha256=explanation.evidence_sha256,
                actor=explanation.actor,
                explained_utc_ms=explanation.utc_ms,
            )
        )

    def add_decision(self, decision: GapDecision) -> None:
        """Add an officer's word on one."""
        self._connection.execute(
            insert(gap_decisions).values(
                explanation_id=decision.explanation_id,
                verdict=str(decision.verdict),
                of_two=int(decision.of_two),
                officer=decision.officer,
                reason=decision.reason,
                decided_utc_ms=decision.utc_ms,
            )
        )

    def explanation(self, explanation_id: str) -> GapExplanation | None:
        """One explanation."""
        query = select(gap_explanations).where(gap_explanations.c.explanation_id == explanation_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _explanation(row)

    def explanations(
        self, start: int | None = None, end: int | None = None
    ) -> Sequence[GapExplanation]:
        """Those that touch the UTC minutes [start, end), or all, in order of their time."""
        columns = gap_explanations.c
        query = select(gap_explanations).order_by(
            columns.hardware_id, columns.start_minute, columns.explanation_id
        )
        if start is not None:
            query = query.where(columns.end_minute > start)
        if end is not None:
            query = query.where(columns.start_minute < end)
        return [_explanation(row) for row in self._connection.execute(query)]

    def decisions(self, explanation_id: str | None = None) -> Sequence[GapDecision]:
        """Decisions on one, or all, in their order."""
        query = select(gap_decisions).order_by(gap_decisions.c.decision_id)
        if explanation_id is not None:
            query = query.where(gap_decisions.c.explanation_id == explanation_id)
        return [_decision(row) for row in self._connection.execute(query)]


def _explanation(row: Row[Any]) -> GapExplanation:
    return GapExplanation(
        explanation_id=row.explanation_id,
        hardware_id=row.hardware_id,
        host_id=row.host_id,
        interval=Interval(row.start_minute, row.end_minute),
        party_id=row.party_id,
        reason=row.reason,
        evidence_sha256=row.evidence_sha256,
        actor=row.actor,
        utc_ms=row.explained_utc_ms,
    )


def _decision(row: Row[Any]) -> GapDecision:
    return GapDecision(
        explanation_id=row.explanation_id,
        verdict=GapVerdict(row.verdict),
        of_two=bool(row.of_two),
        officer=row.officer,
        reason=row.reason,
        utc_ms=row.decided_utc_ms,
    )
