"""Reading facts: device-hours with what still waits, devices, gaps, conflicts, references.

A reader sees every counted report: those that do not stand in `device_hours` yet are read in the
same statement, so no write between two statements can hide or double one.
"""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from kashi.chain import Head
from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from kashi_server.domain.device import (
    Conflict,
    DeviceRecord,
    GapReason,
    HostHead,
    ReportedGap,
    ReportReference,
    ServiceWindow,
    Vendor,
)
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, Interval
from kashi_server.domain.report import DeviceDescription, MeterKind
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES, DeviceHour
from kashi_server.services.facts_port import GapRow, HeldHead, Place, StoredProjection, StoredReport
from kashi_server.services.opening import read_bytes
from kashi_server.services.projection import Hours, add_report
from kashi_server.services.service_windows import conflicts_of, windows_of
from kashi_server.storage.packing import unpack_minutes
from kashi_server.storage.report_packing import ReportUnpacker
from kashi_server.storage.schema import Bytes, Count, Text
from kashi_server.storage.tables.facts import UNCOUNTED, devices, gaps, heads, reports
from kashi_server.storage.tables.facts import device_hours as hours_table
from kashi_server.storage.tables.log import log_runs

_STREAMED: Final = {"yield_per": 500}
_CLOCK_SYNCHRONISED: Final = 2
_CLOCK_UNSYNCHRONISED: Final = 3


def stored_reports(
    unpacker: ReportUnpacker, connection: Connection, query: Select[Any]
) -> list[StoredReport]:
    """Reports of a query over the table, unpacked, all at once."""
    return [_stored(unpacker, row) for row in connection.execute(query).all()]


def streamed_reports(
    unpacker: ReportUnpacker, connection: Connection, query: Select[Any]
) -> Generator[StoredReport, None, None]:
    """Reports of a query over the table, unpacked as they are read.

    Close it where it may not be read to its end (`contextlib.closing`): it holds a cursor.
    """
    with connection.execute(query, execution_options=_STREAMED) as rows:
        for row in rows:
            yield _stored(unpacker, row)


def _stored(unpacker: ReportUnpacker, row: Row[Any]) -> StoredReport:
    wire, receipt = unpacker.unpack(row)
    return StoredReport(
        row.host_id,
        row.epoch,
        row.sequence,
        bytes(row.sha256),
        row.verdict,
        row.reason,
        bool(row.counted),
        row.start_utc_ms,
        row.end_utc_ms,
        row.received_utc_ms,
        wire,
        receipt,
    )


def after(place: Place) -> ColumnElement[bool]:
    """The report stands later in its chain than this place."""
    epoch, sequence = place
    return or_(
        reports.c.epoch > epoch, and_(reports.c.epoch == epoch, reports.c.sequence > sequence)
    )


def unprojected(host_id: str, projected: Place) -> Select[Any]:
    """A host's counted reports that do not stand in device-hours."""
    return (
        select(reports)
        .where(reports.c.host_id == host_id, reports.c.counted == 1, after(projected))
        .order_by(reports.c.epoch, reports.c.sequence)
    )


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


def description(row: Row[Any]) -> DeviceDescription:
    """How a row of the devices describes one."""
    return DeviceDescription(
        row.vendor,
        row.hardware_id,
        row.parent_hardware_id,
        row.model,
        row.serial,
        row.pci_bus_id,
        row.memory_bytes,
        row.share_numerator,
        row.share_denominator,
        row.meter,
    )


def device_records(
    connection: Connection, hardware_ids: Collection[str] | None
) -> Sequence[DeviceRecord]:
    """Devices of which anything counts, with their service windows, by hardware id."""
    query = select(devices).where(devices.c.first_utc_ms.is_not(None))
    if hardware_ids is not None:
        query = query.where(devices.c.hardware_id.in_(hardware_ids))
    ordered = query.order_by(devices.c.hardware_id, devices.c.first_utc_ms, devices.c.host_id)
    rows = connection.execute(ordered).all()
    return [
        _record(connection, list(of_device))
        for _id, of_device in groupby(rows, key=lambda row: row.hardware_id)
    ]


def _record(connection: Connection, rows: Sequence[Row[Any]]) -> DeviceRecord:
    newest = max(rows, key=lambda row: (row.described_utc_ms, row.host_id))
    firsts = tuple((row.host_id, row.first_utc_ms // MINUTE_MS) for row in rows)
    buses = {row.host_id: row.pci_bus_id for row in rows}
    if len(rows) == 1:
        stretches = [(firsts[0][0], Interval(firsts[0][1], None))]
    else:
        moved = device_hours(connection, [newest.hardware_id], 0, 2**31)
        stretches = windows_of(moved)
    return DeviceRecord(
        hardware_id=newest.hardware_id,
        vendor=Vendor(newest.vendor),
        model=newest.model,
        parent_hardware_id=newest.parent_hardware_id,
        share_numerator=newest.share_numerator,
        share_denominator=newest.share_denominator,
        memory_bytes=newest.memory_bytes,
        serial=newest.serial,
        pci_bus_id=newest.pci_bus_id,
        replayed=any(row.meter == MeterKind.REPLAY for row in rows),
        first_minutes=firsts,
        windows=tuple(
            ServiceWindow(host_id=host_id, interval=interval, pci_bus_id=buses[host_id])
            for host_id, interval in stretches
        ),
    )


def conflicts(
    connection: Connection,
    hardware_ids: Collection[str] | None,
    start_minute: int,
    end_minute: int,
) -> Sequence[Conflict]:
    """Minutes in [start, end) of a device that more than one host says to have observed."""
    query = (
        select(devices.c.hardware_id)
        .where(devices.c.first_utc_ms.is_not(None))
        .group_by(devices.c.hardware_id)
        .having(func.count() > 1)
        .order_by(devices.c.hardware_id)
    )
    if hardware_ids is not None:
        query = query.where(devices.c.hardware_id.in_(hardware_ids))
    found: list[Conflict] = []
    for hardware_id in connection.execute(query).scalars().all():
        hours = device_hours(connection, [hardware_id], start_minute, end_minute)
        found.extend(conflicts_of(hours, start_minute, end_minute))
    return found


def reported_gaps(
    connection: Connection,
    hardware_ids: Collection[str] | None,
    start_minute: int,
    end_minute: int,
) -> Sequence[ReportedGap]:
    """Reported gaps of counted reports that touch the UTC minutes [start, end), in order."""
    query = select(gaps).where(
        gaps.c.end_utc_ms > start_minute * MINUTE_MS, gaps.c.start_utc_ms < end_minute * MINUTE_MS
    )
    if hardware_ids is not None:
        query = query.where(gaps.c.hardware_id.in_(hardware_ids))
    ordered = query.order_by(gaps.c.hardware_id, gaps.c.start_utc_ms, gaps.c.host_id)
    return [
        ReportedGap(
            host_id=row.host_id,
            hardware_id=row.hardware_id,
            start_utc_ms=row.start_utc_ms,
            end_utc_ms=row.end_utc_ms,
            reason=GapReason(row.reason),
            same_driver=None if row.same_driver is None else bool(row.same_driver),
            same_holders=None if row.same_holders is None else bool(row.same_holders),
            energy_mj=row.energy_mj,
        )
        for row in connection.execute(ordered)
    ]


def report_references(
    connection: Connection, host_ids: Collection[str], start_minute: int, end_minute: int
) -> Sequence[ReportReference]:
    """Stored reports whose label touches the UTC minutes [start, end), by host and place."""
    run = and_(
        log_runs.c.host_id == reports.c.host_id,
        log_runs.c.epoch == reports.c.epoch,
        log_runs.c.first_sequence <= reports.c.sequence,
        reports.c.sequence < log_runs.c.first_sequence + log_runs.c.count,
    )
    query = (
        select(
            reports.c.host_id,
            reports.c.epoch,
            reports.c.sequence,
            reports.c.sha256,
            reports.c.start_utc_ms,
            reports.c.end_utc_ms,
            reports.c.counted,
            (log_runs.c.first_index + reports.c.sequence - log_runs.c.first_sequence).label(
                "log_index"
            ),
        )
        .outerjoin(log_runs, run)
        .where(
            reports.c.host_id.in_(host_ids),
            reports.c.end_utc_ms > start_minute * MINUTE_MS,
            reports.c.start_utc_ms < end_minute * MINUTE_MS,
        )
        .order_by(reports.c.host_id, reports.c.epoch, reports.c.sequence)
    )
    return [
        ReportReference(
            host_id=row.host_id,
            epoch=row.epoch,
            sequence=row.sequence,
            sha256=bytes(row.sha256),
            start_utc_ms=row.start_utc_ms,
            end_utc_ms=row.end_utc_ms,
            counted=bool(row.counted),
            log_index=row.log_index,
        )
        for row in connection.execute(query)
    ]


def host_heads(connection: Connection, host_ids: Collection[str] | None) -> Sequence[HostHead]:
    """The last report of each host, by host."""
    waiting = (
        select(func.count())
        .where(reports.c.host_id == heads.c.host_id, UNCOUNTED)
        .scalar_subquery()
    )
    query = select(heads, waiting.label("quarantined_count")).order_by(heads.c.host_id)
    if host_ids is not None:
        query = query.where(heads.c.host_id.in_(host_ids))
    return [
        HostHead(
            host_id=row.host_id,
            epoch=row.epoch,
            sequence=row.sequence,
            sha256=bytes(row.sha256),
            received_utc_ms=row.received_utc_ms,
            reported_until_utc_ms=row.reported_until_utc_ms,
            agent_version=row.agent_version,
            clock_synchronised=_synchronised(row.clock_sync),
            clock_offset_ms=row.clock_offset_ms,
            quarantined_count=row.quarantined_count,
        )
        for row in connection.execute(query)
    ]


def _synchronised(sync: int) -> bool | None:
    known = {_CLOCK_SYNCHRONISED: True, _CLOCK_UNSYNCHRONISED: False}
    return known.get(sync)


def stored_projection(connection: Connection, host_id: str) -> StoredProjection:
    """The projections of a host as they are stored, for comparison."""
    found = StoredProjection()
    for row in connection.execute(select(hours_table).where(hours_table.c.host_id == host_id)):
        key = (row.hardware_id, row.hour)
        found.hours[key] = DeviceHour(
            hardware_id=row.hardware_id,
            host_id=host_id,
            hour=row.hour,
            columns=unpack_minutes(row.minutes),
        )
        found.totals[key] = tuple(getattr(row, name) for name in QUANTITY_NAMES)
    for row in connection.execute(select(gaps).where(gaps.c.host_id == host_id)):
        place = (row.epoch, row.sequence)
        found.gaps[place, row.ordinal] = GapRow(
            host_id,
            place,
            row.ordinal,
            row.hardware_id,
            row.start_utc_ms,
            row.end_utc_ms,
            row.reason,
            None if row.same_driver is None else bool(row.same_driver),
            None if row.same_holders is None else bool(row.same_holders),
            row.energy_mj,
        )
    begun = select(devices).where(devices.c.host_id == host_id, devices.c.first_utc_ms.is_not(None))
    for row in connection.execute(begun):
        found.first_utc_ms[row.hardware_id] = row.first_utc_ms
        found.described[row.hardware_id] = [description(row)]
    marked = select(reports.c.epoch, reports.c.sequence).where(
        reports.c.host_id == host_id, reports.c.counted == 1
    )
    found.counted = {(row.epoch, row.sequence) for row in connection.execute(marked)}
    head = connection.execute(select(heads).where(heads.c.host_id == host_id)).one_or_none()
    if head is not None:
        found.held = HeldHead(
            Head(head.epoch, head.sequence, bytes(head.sha256)),
            head.counted_until_utc_ms,
            (head.projected_epoch, head.projected_sequence),
        )
    return found
