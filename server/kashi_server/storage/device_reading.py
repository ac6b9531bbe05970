"""Reading devices: what they are, where they served, their gaps, what two hosts observed."""

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, func, select

from kashi_server.domain.device import (
    Conflict,
    DeviceRecord,
    GapReason,
    ReportedGap,
)
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.report import DeviceDescription
from kashi_server.services.device_records import device_record
from kashi_server.services.facts_port import DeviceRow
from kashi_server.services.service_windows import conflicts_of
from kashi_server.storage.hour_reading import device_hours
from kashi_server.storage.tables.facts import devices, gaps


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


def hardware_ids(connection: Connection) -> Sequence[str]:
    """The hardware id of every device of which anything counts, in order."""
    query = select(devices.c.hardware_id).where(devices.c.first_utc_ms.is_not(None)).distinct()
    return connection.execute(query.order_by(devices.c.hardware_id)).scalars().all()


def _record(connection: Connection, rows: Sequence[Row[Any]]) -> DeviceRecord:
    said = [
        DeviceRow(row.host_id, row.slot, description(row), row.first_utc_ms, row.described_utc_ms)
        for row in rows
    ]
    return device_record(
        said, lambda hardware_id: device_hours(connection, [hardware_id], 0, 2**31)
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
