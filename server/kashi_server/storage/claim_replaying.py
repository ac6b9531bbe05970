"""Claims as a simulation reads them: whose they are, and one evaluation at a time."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from kashi_server.services.claim_history import ClaimHead
from kashi_server.services.claims_port import StoredEvaluation
from kashi_server.storage.claim_rows import stored_evaluation
from kashi_server.storage.tables.claims import batches, claim_contracts, claim_evaluations, claims


class ClaimReplaying:
    """Speaks through one connection."""

    _connection: Connection

    def heads(self, programme_id: str, year: int) -> Sequence[ClaimHead]:
        """The claims of a budget year, by id."""
        query = (
            select(
                claims.c.claim_id,
                claims.c.company_id,
                claims.c.batch_id,
                batches.c.version,
                claim_contracts.c.contract_id,
            )
            .join(batches, batches.c.batch_id == claims.c.batch_id)
            .outerjoin(claim_contracts, claim_contracts.c.claim_id == claims.c.claim_id)
            .where(batches.c.programme_id == programme_id, batches.c.year == year)
            .order_by(claims.c.claim_id, claim_contracts.c.contract_id)
        )
        found: dict[str, ClaimHead] = {}
        for row in self._connection.execute(query):
            head = found.get(row.claim_id)
            named = () if row.contract_id is None else (row.contract_id,)
            found[row.claim_id] = (
                ClaimHead(row.claim_id, row.company_id, row.batch_id, row.version, named)
                if head is None
                else head._replace(contract_ids=(*head.contract_ids, *named))
            )
        return list(found.values())

    def evaluation(self, claim_id: str, serial: int) -> StoredEvaluation | None:
        """The evaluation of a step."""
        query = select(claim_evaluations).where(
            claim_evaluations.c.claim_id == claim_id, claim_evaluations.c.serial == serial
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else stored_evaluation(row)
