"""Reading sums of days and of hours: no minute is unpacked."""

import sys
from array import array
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select, union

from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.summed_time import DAYS, HOURS, Blocks, BlockSums, DaySums
from kashi_server.domain.usage import QUANTITY_NAMES
from kashi_server.storage.hour_reading import waiting_reports
from kashi_server.storage.tables.facts import device_days, device_hours, devices

_FIELDS: Final = 1 + len(QUANTITY_NAMES)
_UNKNOWN_MS: Final = 2**62
"""Stands in for a peak that was not noted: no minute is observed that long."""
_COUNTS: Final = " || ".join(f"int8send({name})" for name in QUANTITY_NAMES)
# A year of a thousand devices is 365 000 rows: packed by the database, a device's month is one.
_DAYS_POSTGRESQL: Final = (
    f"SELECT hardware_id, string_agg(int8send(day) || {_COUNTS}, ''::bytea ORDER BY day),"
    f" max(coalesce(observed_peak_ms, {_UNKNOWN_MS}))"
    " FROM device_days WHERE day >= %s AND day < %s GROUP BY hardware_id"
)
_HOURS_POSTGRESQL: Final = (
    f"SELECT hardware_id, string_agg(int8send(hour) || {_COUNTS}, ''::bytea ORDER BY hour)"
    " FROM device_hours WHERE hardware_id = ANY(%s) AND hour >= %s AND hour < %s"
    " GROUP BY hardware_id"
)


def day_sums(connection: Connection, start_minute: int, end_minute: int) -> DaySums:
    """Sums by device and day over all hosts, of what is projected, for whole days."""
    days, found = range(DAYS.of(start_minute), DAYS.of(end_minute - 1) + 1), DaySums()
    if connection.dialect.name == "postgresql":
        rows = connection.exec_driver_sql(_DAYS_POSTGRESQL, (days.start, days.stop))
        for hardware_id, packed, peak_ms in rows:
            found.of[hardware_id] = _unpacked(DAYS, days, packed)
            if peak_ms > MINUTE_MS:
                found.unsure.add(hardware_id)
        return found
    day = device_days.c
    query = select(
        day.hardware_id,
        func.coalesce(day.observed_peak_ms, _UNKNOWN_MS),
        day.day,
        *(day[name] for name in QUANTITY_NAMES),
    ).where(day.day >= days.start, day.day < days.stop)
    for hardware_id, peak_ms, number, *counts in connection.execute(query):
        _add(found.of, hardware_id, DAYS, days, number, counts)
        if peak_ms > MINUTE_MS:
            found.unsure.add(hardware_id)
    return found


def hour_sums(
    connection: Connection, hardware_ids: Collection[str], start_minute: int, end_minute: int
) -> Mapping[str, BlockSums]:
    """Sums by device and UTC hour over all hosts, of what is projected."""
    hours = range(HOURS.of(start_minute), HOURS.of(end_minute - 1) + 1)
    if connection.dialect.name == "postgresql":
        wanted = (list(hardware_ids), hours.start, hours.stop)
        rows = connection.exec_driver_sql(_HOURS_POSTGRESQL, wanted)
        return {hardware_id: _unpacked(HOURS, hours, packed) for hardware_id, packed in rows}
    hour = device_hours.c
    query = select(hour.hardware_id, hour.hour, *(hour[name] for name in QUANTITY_NAMES)).where(
        hour.hardware_id.in_(hardware_ids), hour.hour >= hours.start, hour.hour < hours.stop
    )
    found: dict[str, BlockSums] = {}
    for hardware_id, number, *counts in connection.execute(query):
        _add(found, hardware_id, HOURS, hours, number, counts)
    return found


def _add(
    found: dict[str, BlockSums],
    hardware_id: str,
    blocks: Blocks,
    numbers: range,
    number: int,
    counts: Sequence[int],
) -> None:
    if hardware_id not in found:
        found[hardware_id] = BlockSums.empty(blocks, numbers)
    found[hardware_id].add(number, counts)


def _unpacked(blocks: Blocks, numbers: range, packed: bytes) -> BlockSums:
    values = array("q", packed)
    if sys.byteorder == "little":
        values.byteswap()
    if values[::_FIELDS] == array("q", numbers):
        columns = [values[at::_FIELDS] for at in range(1, _FIELDS)]
        return BlockSums(blocks, numbers.start, columns)
    found = BlockSums.empty(blocks, numbers)  # something was not observed, or by two hosts
    for at in range(0, len(values), _FIELDS):
        found.add(values[at], values[at + 1 : at + _FIELDS])
    return found


def unsummed_devices(connection: Connection, start_minute: int, end_minute: int) -> Collection[str]:
    """Devices on hosts of which a report that touches the minutes is not projected yet."""
    span = HOURS.of(start_minute), HOURS.of(end_minute - 1) + 1
    waiting = union(
        *(select(found.subquery().c.host_id) for found in waiting_reports(connection, None, *span))
    )
    query = select(devices.c.hardware_id).where(devices.c.host_id.in_(waiting))
    return frozenset(connection.execute(query).scalars())
