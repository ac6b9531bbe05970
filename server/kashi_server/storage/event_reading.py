"""Reading what hosts told as it happened; see `domain.host_event`."""

from sqlalchemy import Connection, not_, select

from kashi_server.domain.host_event import HostEvent
from kashi_server.storage.fact_reading import FACT
from kashi_server.storage.tables.facts import events


def host_events(
    connection: Connection, host_id: str, start_utc_ms: int, end_utc_ms: int, limit: int
) -> list[HostEvent]:
    """Events of a host and its devices labelled within [start, end), latest first."""
    query = (
        select(events)
        .where(
            events.c.host_id == host_id,
            events.c.utc_ms >= start_utc_ms,
            events.c.utc_ms < end_utc_ms,
            not_(FACT),
        )
        .order_by(
            events.c.utc_ms.desc(),
            events.c.epoch.desc(),
            events.c.sequence.desc(),
            events.c.ordinal.desc(),
        )
        .limit(limit)
    )
    return [
        HostEvent(
            utc_ms=row.utc_ms,
            hardware_id=row.hardware_id,
            kind=row.kind,
            detail=row.detail,
            value=row.value,
        )
        for row in connection.execute(query)
    ]
