"""Columns by which claims' rows are found, held against the bytes beside them."""

import json
from collections.abc import Iterator

from sqlalchemy import Connection, select

from kashi_server.storage.tables.claims import claim_contracts, claim_events, claims

_EVENT_COLUMNS = ("claim_id", "serial", "key", "step", "utc_ms")


class ClaimChecks:
    """Speaks through one connection."""

    _connection: Connection

    def misfiled(self) -> Iterator[str]:
        """Every step whose columns, and every claim whose contracts, are not what its bytes say."""
        for row in self._connection.execute(
            select(claim_events).order_by(claim_events.c.claim_id, claim_events.c.serial)
        ):
            said = json.loads(row.content)
            for name in _EVENT_COLUMNS:
                if getattr(row, name) != said[name]:
                    yield (
                        f"申报 {row.claim_id} 第 {row.serial} 步：列 {name} 与其字节所述不符。"
                        f"step {row.serial} of claim {row.claim_id}: column {name} is not what"
                        " its bytes say"
                    )
        named: dict[str, list[str]] = {}
        for row in self._connection.execute(
            select(claim_contracts).order_by(claim_contracts.c.contract_id)
        ):
            named.setdefault(row.claim_id, []).append(row.contract_id)
        for row in self._connection.execute(
            select(claims.c.claim_id, claims.c.content).order_by(claims.c.claim_id)
        ):
            if named.get(row.claim_id, []) != sorted(json.loads(row.content)["contracts"]):
                yield (
                    f"申报 {row.claim_id} 归入的合同与其所写的不同。"
                    f"claim {row.claim_id} is filed under other contracts than it names"
                )
