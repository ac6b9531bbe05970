"""Reading what hosts stated about how they read; see `domain.stated_fact`."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, and_, or_, select

from kashi_server.domain.stated_fact import FactKind, StatedFact, stated_fact
from kashi_server.storage.tables.facts import events, reports

FACT = or_(
    and_(events.c.kind == int(FactKind.OF_HOST), events.c.hardware_id == ""),
    and_(events.c.kind == int(FactKind.OF_DEVICE), events.c.hardware_id != ""),
)
"""Events that state a fact: the two enumerations of kinds are the contract's."""


def stated_facts(
    connection: Connection,
    host_ids: Collection[str] | None,
    start_utc_ms: int,
    end_utc_ms: int,
    *,
    counted: bool,
) -> Mapping[str, list[StatedFact]]:
    """Facts labelled within [start, end), by host.

    Args:
        connection: the database.
        host_ids: of which hosts; None: of all.
        start_utc_ms: first instant.
        end_utc_ms: end, exclusive.
        counted: only those of reports that count.
    """
    query = select(events).where(
        FACT, events.c.utc_ms >= start_utc_ms, events.c.utc_ms < end_utc_ms
    )
    if host_ids is not None:
        query = query.where(events.c.host_id.in_(host_ids))
    if counted:
        at = and_(
            reports.c.host_id == events.c.host_id,
            reports.c.epoch == events.c.epoch,
            reports.c.sequence == events.c.sequence,
        )
        query = query.join(reports, at).where(reports.c.counted == 1)
    found: dict[str, list[StatedFact]] = {}
    for row in connection.execute(query):
        fact = stated_fact(hardware_id=row.hardware_id, utc_ms=row.utc_ms, detail=row.detail)
        found.setdefault(row.host_id, []).append(fact)
    return found
