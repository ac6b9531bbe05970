"""Reading device-hours: what is written, and what still waits.

A reader sees every counted report: those that do not stand in `device_hours` yet are read in the
same statement, so no write between two statements can hide or double one.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    cast,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from kashi_server.domain.interval import HOUR_MS
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour
from kashi_server.services.opening import read_bytes
from kashi_server.services.projection import Hours, add_report
from kashi_server.storage.packing import unpack_minutes
from kashi_server.storage.report_packing import ReportUnpacker
from kashi_server.storage.schema import Bytes, Count, Text
from kashi_server.storage.tables.facts import device_hours as hours_table
from kashi_server.storage.tables.facts import devices, heads, reports

_STREAMED: Final = {"yield_per": 500}


def device_hours(
    connection: Connection,
    hardware_ids: Collection[str] | None,
    start_minute: int,
    end_minute: int,
) -> Iterator[DeviceHour]:
    """Device-hours that touch the UTC minutes [start, end), by host, device and hour."""
    if hardware_ids is not None and not hardware_ids:
        return
    first, end = start_minute // MINUTES_PER_HOUR, -(-end_minute // MINUTES_PER_HOUR)
    wanted = None if hardware_ids is None else frozenset(hardware_ids)
    waiting = waiting_reports(connection, wanted, first, end)
    query = union_all(*waiting, _projected(wanted, first, end)).order_by(
        "host_id", "settled", "hardware_id", "hour", "epoch", "sequence"
    )
    unpacker = ReportUnpacker(connection)
    with connection.execute(query, execution_options=_STREAMED) as rows:
        for host_id, of_host in groupby(rows, key=lambda row: row.host_id):
            yield from _host_hours(unpacker, host_id, of_host, wanted, first, end)


def _host_hours(
    unpacker: ReportUnpacker,
    host_id: str,
    rows: Iterable[Row[Any]],
    wanted: frozenset[str] | None,
    first: int,
    end: int,
) -> Iterator[DeviceHour]:
    """One host's device-hours in order: what waits comes first and is added where it belongs."""
    waiting: Hours = {}
    ready: list[tuple[str, int]] | None = None
    for row in rows:
        if not row.settled:
            add_report(waiting, read_bytes(unpacker.unpack(row)[0]))
            continue
        if ready is None:
            ready = _ready(waiting, wanted, first, end)
        key = (row.hardware_id, row.hour)
        while ready and ready[0] < key:
            yield waiting[ready.pop(0)]
        hour = DeviceHour(
            hardware_id=row.hardware_id,
            host_id=host_id,
            hour=row.hour,
            columns=unpack_minutes(row.content),
        )
        if ready and ready[0] == key:
            for column, more in zip(hour.columns, waiting[ready.pop(0)].columns, strict=True):
                for place, value in enumerate(more):
                    column[place] += value
        yield hour
    for left in _ready(waiting, wanted, first, end) if ready is None else ready:
        yield waiting[left]


def _ready(
    waiting: Hours, wanted: frozenset[str] | None, first: int, end: int
) -> list[tuple[str, int]]:
    return sorted(
        key for key in waiting if first <= key[1] < end and (wanted is None or key[0] in wanted)
    )


def _projected(wanted: frozenset[str] | None, first: int, end: int) -> Select[Any]:
    query = select(
        hours_table.c.host_id,
        literal(1).label("settled"),
        hours_table.c.hardware_id,
        hours_table.c.hour,
        cast(null(), Count).label("epoch"),
        cast(null(), Count).label("sequence"),
        cast(null(), Bytes).label("sha256"),
        hours_table.c.minutes.label("content"),
    ).where(hours_table.c.hour >= first, hours_table.c.hour < end)
    return query if wanted is None else query.where(hours_table.c.hardware_id.in_(wanted))


def waiting_reports(
    connection: Connection, wanted: frozenset[str] | None, first: int, end: int
) -> list[Select[Any]]:
    """Counted reports that wait and touch the UTC hours [first, end), found by their hosts' heads:
    few, however many are stored.

    PostgreSQL gets one lateral search a host; the offset keeps it from joining whole tables
    instead. SQLite searches the same epoch and later ones apart, each by its key.
    """
    epoch, sequence = heads.c.projected_epoch, heads.c.projected_sequence
    if connection.dialect.name == "postgresql":
        later = tuple_(reports.c.epoch, reports.c.sequence) > tuple_(epoch, sequence)
        one_host = _reports_where(later, first, end)
        one_host_of = one_host.correlate(heads).offset(0).lateral("waiting")
        joined = heads.join(one_host_of, true())
        queries = [select(*one_host_of.c).select_from(joined)]
    else:
        same = and_(reports.c.epoch == epoch, reports.c.sequence > sequence)
        queries = [_reports_where(at, first, end) for at in (same, reports.c.epoch > epoch)]
    behind = or_(heads.c.epoch != epoch, heads.c.sequence != sequence)
    queries = [query.where(behind) for query in queries]
    if wanted is None:
        return queries
    hosts = select(devices.c.host_id).where(devices.c.hardware_id.in_(wanted))
    return [query.where(heads.c.host_id.in_(hosts)) for query in queries]


def _reports_where(later: ColumnElement[bool], first: int, end: int) -> Select[Any]:
    # The sums keep the planner from searching by time, where it would find all that is old.
    return select(
        reports.c.host_id,
        literal(0).label("settled"),
        cast(null(), Text).label("hardware_id"),
        cast(null(), Count).label("hour"),
        reports.c.epoch,
        reports.c.sequence,
        reports.c.sha256,
        reports.c.content,
    ).where(
        reports.c.host_id == heads.c.host_id,
        reports.c.counted == 1,
        later,
        reports.c.end_utc_ms + 0 > first * HOUR_MS,
        reports.c.start_utc_ms + 0 < end * HOUR_MS,
    )
