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
    union_all,
)

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
    query = union_all(_waiting(wanted, first, end), _projected(wanted, first, end)).order_by(
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


def _waiting(wanted: frozenset[str] | None, first: int, end: int) -> Select[Any]:
    later = or_(
        reports.c.epoch > heads.c.projected_epoch,
        and_(
            reports.c.epoch == heads.c.projected_epoch,
            reports.c.sequence > heads.c.projected_sequence,
        ),
    )
    query = (
        select(
            reports.c.host_id,
            literal(0).label("settled"),
            cast(null(), Text).label("hardware_id"),
            cast(null(), Count).label("hour"),
            reports.c.epoch,
            reports.c.sequence,
            reports.c.sha256,
            reports.c.content,
        )
        .join(heads, heads.c.host_id == reports.c.host_id)
        .where(
            reports.c.counted == 1,
            later,
            reports.c.end_utc_ms > first * HOUR_MS,
            reports.c.start_utc_ms < end * HOUR_MS,
        )
    )
    if wanted is None:
        return query
    hosts = select(devices.c.host_id).where(devices.c.hardware_id.in_(wanted))
    return query.where(reports.c.host_id.in_(hosts))
