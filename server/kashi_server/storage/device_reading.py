"""Reading devices: what they are, where they served, their gaps, what two hosts observed."""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from kashi_server.domain.device import (
    Conflict,
    DeviceRecord,
    GapReason,
    ReportedGap,
)
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.report import DeviceDescription
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.usage import MINUTES_PER_HOUR
from kashi_server.services.device_records import device_records as records_of_hardware
from kashi_server.services.device_records import firsts_of, same_hardware
from kashi_server.services.facts_port import DeviceRow
from kashi_server.services.service_windows import (
    Firsts,
    Observed,
    ServicePlace,
    conflicts_of,
    observed_of,
)
from kashi_server.storage.hour_reading import device_hours
from kashi_server.storage.tables.facts import devices, gaps

_EVER: Final = 2**31


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
    found = _records(connection, _rows(connection, hardware_ids))
    if hardware_ids is not None:
        found = [record for record in found if record.hardware_id in hardware_ids]
    return found


def hardware(connection: Connection, hardware_id: str) -> Sequence[DeviceRecord]:
    """The devices that hosts report by any id of the hardware that this id is of."""
    return _records(connection, _rows(connection, [hardware_id]))


def _records(connection: Connection, rows: Sequence[DeviceRow]) -> list[DeviceRecord]:
    known = same_hardware(rows)
    settled = _settled(connection, [firsts_of(of_one) for of_one in known if len(of_one) > 1])

    def watch(firsts: Firsts) -> Observed:
        if firsts[0][0] in settled:
            return {}
        ids = {place.hardware_id for place, _minute in firsts}
        return observed_of(device_hours(connection, ids, 0, _EVER))

    found = [record for of_one in known for record in records_of_hardware(of_one, watch)]
    return sorted(found, key=lambda record: record.hardware_id)


def _settled(connection: Connection, several: Sequence[Firsts]) -> Collection[ServicePlace]:
    """The first place of all hardware that where its places begin tells enough of: on one host,
    and observed by each id only up to the minute in which the next began.

    So it is of every partition once the agent was upgraded that told no share: their lives are not
    read, only what there is of them since, for all that changed in one hour together.
    """
    ends: dict[ServicePlace, int] = {}
    alone = [one for one in several if len({place.host_id for place, _minute in one}) == 1]
    for firsts in alone:
        ends |= {place: after for (place, _first), (_next, after) in pairwise(firsts)}
    ids: dict[int, set[str]] = {}
    for place, end in ends.items():
        ids.setdefault(end // MINUTES_PER_HOUR, set()).add(place.hardware_id)
    back: set[ServicePlace] = set()
    for hour, earlier in ids.items():
        later = observed_of(device_hours(connection, earlier, hour * MINUTES_PER_HOUR, _EVER))
        back |= {one for one in ends.keys() & later if (later[one][-1].end or 0) > ends[one] + 1}
    return {one[0][0] for one in alone if back.isdisjoint(place for place, _minute in one)}


def _rows(connection: Connection, hardware_ids: Collection[str] | None) -> list[DeviceRow]:
    """What is told of devices and, under whatever id, of the hardware that they are."""
    query = select(devices).where(devices.c.first_utc_ms.is_not(None))
    if hardware_ids is not None:
        keys = {hardware_key(one) for one in hardware_ids}
        query = query.where(devices.c.hardware_key.in_(keys))
    ordered = query.order_by(devices.c.hardware_id, devices.c.first_utc_ms, devices.c.host_id)
    return [
        DeviceRow(row.host_id, row.slot, description(row), row.first_utc_ms, row.described_utc_ms)
        for row in connection.execute(ordered)
    ]


def hardware_ids(connection: Connection) -> Sequence[str]:
    """The hardware id of every device of which anything counts, in order."""
    query = select(devices.c.hardware_id).where(devices.c.first_utc_ms.is_not(None)).distinct()
    return connection.execute(query.order_by(devices.c.hardware_id)).scalars().all()


def conflicts(
    connection: Connection,
    hardware_ids: Collection[str] | None,
    start_minute: int,
    end_minute: int,
) -> Sequence[Conflict]:
    """Minutes in [start, end) of a device that more than one host says to have observed, by
    whatever id of its hardware."""
    found: list[Conflict] = []
    for of_one in same_hardware(_rows(connection, hardware_ids)):
        if len({row.host_id for row in of_one}) > 1:
            ids = {row.device.hardware_id for row in of_one}
            hours = device_hours(connection, ids, start_minute, end_minute)
            found += conflicts_of(observed_of(hours), start_minute, end_minute)
    if hardware_ids is not None:
        found = [one for one in found if one.hardware_id in hardware_ids]
    return sorted(found, key=lambda one: (one.hardware_id, one.interval.start))


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
