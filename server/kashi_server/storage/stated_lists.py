"""Attestations in lists: a page at a time, cut and ordered by the database, without records."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from kashi_server.domain.attestation import AttestationState
from kashi_server.services.evidence_port import StatedHead
from kashi_server.storage.tables.evidence import (
    attestation_changes,
    attestation_reversals,
    attestations,
    stated_records,
)

_LISTED: Final = (
    "attestation_id",
    "kind",
    "site",
    "contract_id",
    "provider_id",
    "user_id",
    "source_name",
    "start_utc_ms",
    "end_utc_ms",
    "card_ms",
    "stated_utc_ms",
)


class StatedLists:
    """The part of the attestations' repository that lists them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def heads(
        self,
        party_id: str | None,
        state: AttestationState | None = None,
        *,
        offset: int = 0,
        limit: int,
    ) -> Sequence[StatedHead]:
        """Some of those of a party on either side, or of all, that stand so: what awaits the party
        first, then the latest; no record is read."""
        columns = attestations.c
        records = (
            select(func.count())
            .where(stated_records.c.attestation_id == columns.attestation_id)
            .scalar_subquery()
        )
        chosen = [columns[name] for name in _LISTED]
        query = _listed(party_id, state, *chosen, _STATE.label("state"), records.label("records"))
        first = case((_awaits(party_id or ""), 0), else_=1)
        query = query.order_by(first, columns.stated_utc_ms.desc(), columns.attestation_id)
        return [
            StatedHead(
                **{name: getattr(row, name) for name in _LISTED},
                state=AttestationState(row.state),
                records=row.records,
            )
            for row in self._connection.execute(query.offset(offset).limit(limit))
        ]

    def counted(self, party_id: str | None, state: AttestationState | None = None) -> int:
        """How many these are in all."""
        query = _listed(party_id, state, func.count())
        return int(self._connection.execute(query).scalar_one())

    def awaiting(self, party_id: str) -> int:
        """How many await this company's countersignature."""
        query = _listed(party_id, None, func.count()).where(_awaits(party_id))
        return int(self._connection.execute(query).scalar_one())


def _words_of(*these: ColumnElement[bool]) -> ColumnElement[int]:
    """How many words that take an attestation back are such."""
    same: ColumnElement[bool] = (
        attestation_reversals.c.attestation_id == attestations.c.attestation_id
    )
    return select(func.count()).where(same, *these).scalar_subquery()


_REVERSED = or_(
    # Each speaker has one word: both parties', or two officers'; see `StoredAttestation`.
    _words_of(
        attestation_reversals.c.party_id.in_([attestations.c.provider_id, attestations.c.user_id])
    )
    > 1,
    _words_of(attestation_reversals.c.party_id.is_(None)) > 1,
)
_STATE: ColumnElement[str] = case(
    (attestation_changes.c.state.is_(None), str(AttestationState.STATED)),
    (_REVERSED, str(AttestationState.REVERSED)),
    else_=attestation_changes.c.state,
)


def _awaits(party_id: str) -> ColumnElement[bool]:
    return and_(attestation_changes.c.state.is_(None), attestations.c.user_id == party_id)


def _listed(
    party_id: str | None, state: AttestationState | None, *columns: ColumnElement[Any]
) -> Select[Any]:
    changed = attestation_changes.c.attestation_id == attestations.c.attestation_id
    query = select(*columns).select_from(attestations.outerjoin(attestation_changes, changed))
    if party_id is not None:
        sides = attestations.c.provider_id, attestations.c.user_id
        query = query.where(or_(*(side == party_id for side in sides)))
    if state is None:
        return query
    stands: ColumnElement[bool] = _STATE.in_([str(state)])
    return query.where(stands)
