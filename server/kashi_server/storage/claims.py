"""Batches, claims, their steps and evaluations in the database; see `services.claims_port`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, or_, select, update

from kashi_server.domain.batch import Batch, BatchStatus
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.replayed_claim import REQUESTS_NOTHING
from kashi_server.services.claims_port import Proposal, StoredClaim, StoredEvaluation
from kashi_server.storage.claim_checks import ClaimChecks
from kashi_server.storage.claim_holdings import ClaimHoldings
from kashi_server.storage.claim_replaying import ClaimReplaying
from kashi_server.storage.claim_rows import (
    batch_of,
    batch_values,
    claim_values,
    event_of,
    stored_claim,
    stored_evaluation,
)
from kashi_server.storage.invoices import advisory_lock
from kashi_server.storage.rules_reading import rules_of
from kashi_server.storage.tables.claims import (
    batches,
    claim_contracts,
    claim_evaluations,
    claim_events,
    claim_proposals,
    claims,
)
from kashi_server.storage.tables.expense import rules_versions


class ClaimRepository(ClaimHoldings, ClaimChecks, ClaimReplaying):
    """Speaks through one connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)

    # Batches

    def add_batch(self, batch: Batch, utc_ms: int) -> None:
        """Add a batch."""
        values = {**batch_values(batch), "opened_utc_ms": utc_ms}
        self._connection.execute(insert(batches).values(values))

    def close_batch(self, batch_id: str) -> None:
        """It takes no applications any more."""
        self._connection.execute(
            update(batches)
            .where(batches.c.batch_id == batch_id)
            .values(status=BatchStatus.CLOSED.value)
        )

    def batch(self, batch_id: str) -> Batch | None:
        """A batch."""
        query = select(batches).where(batches.c.batch_id == batch_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else batch_of(row)

    def batches(self, programme_id: str | None = None) -> Sequence[Batch]:
        """Batches, by id."""
        query = select(batches).order_by(batches.c.batch_id)
        if programme_id is not None:
            query = query.where(batches.c.programme_id == programme_id)
        return [batch_of(row) for row in self._connection.execute(query)]

    def next_number(self, batch_id: str) -> int:
        """One more than the claims of a batch; nobody else gets it until the unit ends."""
        locked = select(batches.c.batch_id).where(batches.c.batch_id == batch_id).with_for_update()
        self._connection.execute(locked).one_or_none()
        count = select(func.count()).select_from(claims).where(claims.c.batch_id == batch_id)
        return int(self._connection.execute(count).scalar_one()) + 1

    # Claims

    def add_claim(self, stored: StoredClaim) -> None:
        """Add a draft."""
        self._connection.execute(
            insert(claims).values(
                claim_id=stored.claim.claim_id,
                drafted_utc_ms=stored.drafted_utc_ms,
                **claim_values(stored),
            )
        )
        self._put_contracts(stored)

    def put_claim(self, stored: StoredClaim) -> None:
        """Write what a claim has become."""
        here = claims.c.claim_id == stored.claim.claim_id
        self._connection.execute(update(claims).where(here).values(**claim_values(stored)))
        self._put_contracts(stored)

    def _put_contracts(self, stored: StoredClaim) -> None:
        claim_id = stored.claim.claim_id
        self._connection.execute(
            delete(claim_contracts).where(claim_contracts.c.claim_id == claim_id)
        )
        rows = [{"claim_id": claim_id, "contract_id": one} for one in stored.content.contract_ids]
        self._connection.execute(insert(claim_contracts), rows)

    def lock_contracts(self, contract_ids: Sequence[str]) -> None:
        """Let no other step of claims on these contracts begin until the unit ends."""
        for contract_id in sorted(set(contract_ids)):
            advisory_lock(self._connection, "claims-on", contract_id)

    def claim(self, claim_id: str, *, lock: bool = False) -> StoredClaim | None:
        """A claim; locked until the unit ends."""
        if lock:
            # Alone: PostgreSQL reads the joined rows anew only for what was locked.
            query = select(claims.c.claim_id).where(claims.c.claim_id == claim_id)
            self._connection.execute(query.with_for_update()).one_or_none()
        found = self._claims(_with_batch().where(claims.c.claim_id == claim_id))
        return found[0] if found else None

    def claims(
        self,
        *,
        batch_id: str | None = None,
        programme_id: str | None = None,
        party_id: str | None = None,
        company_id: str | None = None,
        contract_ids: Sequence[str] | None = None,
    ) -> Sequence[StoredClaim]:
        """Claims by id; `party_id`: those it makes or is paid for; `company_id`: makes."""
        query = _with_batch()
        if batch_id is not None:
            query = query.where(claims.c.batch_id == batch_id)
        if programme_id is not None:
            query = query.where(batches.c.programme_id == programme_id)
        if party_id is not None:
            query = query.where(or_(claims.c.company_id == party_id, claims.c.payee_id == party_id))
        if company_id is not None:
            query = query.where(claims.c.company_id == company_id)
        if contract_ids is not None:
            named = select(claim_contracts.c.claim_id).where(
                claim_contracts.c.contract_id.in_(contract_ids)
            )
            query = query.where(claims.c.claim_id.in_(named))
        return self._claims(query)

    def _claims(self, query: Select[Any]) -> list[StoredClaim]:
        return [
            stored_claim(row, batch_of(row), rules_of(bytes(row.rules_content)))
            for row in self._connection.execute(query)
        ]

    # Steps

    def add_event(self, event: ClaimEvent) -> None:
        """Add a step."""
        self._connection.execute(
            insert(claim_events).values(
                claim_id=event.claim_id,
                serial=event.serial,
                key=event.key,
                step=event.step,
                utc_ms=event.utc_ms,
                content=event.to_bytes(),
            )
        )

    def event_of(self, key: str) -> ClaimEvent | None:
        """The step of a key."""
        query = select(claim_events.c.content).where(claim_events.c.key == key)
        content = self._connection.execute(query).scalar_one_or_none()
        return None if content is None else event_of(content)

    def events(self, claim_id: str | None = None) -> Sequence[ClaimEvent]:
        """Steps, by claim and serial."""
        query = select(claim_events.c.content).order_by(
            claim_events.c.claim_id, claim_events.c.serial
        )
        if claim_id is not None:
            query = query.where(claim_events.c.claim_id == claim_id)
        return [event_of(content) for content in self._connection.execute(query).scalars()]

    def having(self, steps: Sequence[str]) -> Sequence[str]:
        """Claims that took any of these steps, by id."""
        query = (
            select(claim_events.c.claim_id)
            .where(claim_events.c.step.in_([str(one) for one in steps]))
            .distinct()
            .order_by(claim_events.c.claim_id)
        )
        return list(self._connection.execute(query).scalars())

    # Evaluations

    def add_evaluation(self, evaluation: StoredEvaluation) -> None:
        """Add an evaluation."""
        values = {name: getattr(evaluation, name) for name in StoredEvaluation.__dataclass_fields__}
        self._connection.execute(insert(claim_evaluations).values(**values))

    def evaluations(self, claim_id: str) -> Sequence[StoredEvaluation]:
        """A claim's evaluations, oldest first."""
        query = (
            select(claim_evaluations)
            .where(claim_evaluations.c.claim_id == claim_id)
            .order_by(claim_evaluations.c.serial)
        )
        return [stored_evaluation(row) for row in self._connection.execute(query)]

    def requested_fen(self, batch_id: str, but: str) -> int:
        """What the latest evaluations of a batch's other claims that stand came to before the
        pool."""
        latest_fen = (
            select(claim_evaluations.c.requested_fen)
            .where(claim_evaluations.c.claim_id == claims.c.claim_id)
            .order_by(claim_evaluations.c.serial.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = select(func.coalesce(func.sum(latest_fen), 0)).where(
            claims.c.batch_id == batch_id,
            claims.c.claim_id != but,
            claims.c.approved_fen == 0,
            claims.c.state.not_in([one.value for one in REQUESTS_NOTHING]),
        )
        return int(self._connection.execute(query).scalar_one())

    # Proposals

    def propose(self, proposal: Proposal) -> None:
        """Keep a proposal; a new one of the officer replaces the one before."""
        here = and_(
            claim_proposals.c.claim_id == proposal.claim_id,
            claim_proposals.c.serial == proposal.serial,
            claim_proposals.c.step == proposal.step,
            claim_proposals.c.officer == proposal.officer,
        )
        self._connection.execute(delete(claim_proposals).where(here))
        self._connection.execute(
            insert(claim_proposals).values(
                **{name: getattr(proposal, name) for name in Proposal.__dataclass_fields__}
            )
        )

    def proposals(
        self, claim_id: str | None = None, serial: int | None = None
    ) -> Sequence[Proposal]:
        """What is proposed for a claim's next step; of all claims and steps if none is named."""
        query = select(claim_proposals).order_by(
            claim_proposals.c.utc_ms, claim_proposals.c.claim_id, claim_proposals.c.officer
        )
        if claim_id is not None:
            query = query.where(claim_proposals.c.claim_id == claim_id)
        if serial is not None:
            query = query.where(claim_proposals.c.serial == serial)
        return [
            Proposal(
                claim_id=row.claim_id,
                serial=row.serial,
                step=row.step,
                officer=row.officer,
                terms=bytes(row.terms),
                reason=row.reason,
                utc_ms=row.utc_ms,
            )
            for row in self._connection.execute(query)
        ]


def _with_batch() -> Select[Any]:
    of_batch = [column for column in batches.c if column.name != "batch_id"]
    return (
        select(claims, *of_batch, rules_versions.c.content.label("rules_content"))
        .join(batches, batches.c.batch_id == claims.c.batch_id)
        .join(
            rules_versions,
            and_(
                rules_versions.c.programme_id == batches.c.programme_id,
                rules_versions.c.version == batches.c.version,
            ),
        )
        .order_by(claims.c.claim_id)
    )
