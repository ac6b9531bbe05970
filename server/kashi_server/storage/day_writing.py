"""Writing sums of days: those of the device-hours that stand, in the unit that wrote them."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection

from kashi_server.domain.summed_time import DAYS, HOURS, SHANGHAI_MINUTES
from kashi_server.domain.usage import QUANTITY_NAMES

DayKey = tuple[str, str, int]
"""Host, hardware id and day of Asia/Shanghai."""

_DAYS: Final = ("host_id", "hardware_id", "day", *QUANTITY_NAMES, "observed_peak_ms")
_INSERT: Final = f"INSERT INTO device_days ({', '.join(_DAYS)})"
_SUMS: Final = ", ".join(f"CAST(sum(h.{name}) AS bigint)" for name in QUANTITY_NAMES)
# One hour of which nobody noted its fullest minute makes that of the day unknown.
_PEAK: Final = "CASE WHEN count(h.observed_peak_ms) = count(*) THEN max(h.observed_peak_ms) END"
_EARLIER: Final = SHANGHAI_MINUTES // HOURS.width
_HOURS_A_DAY: Final = DAYS.width // HOURS.width
_SET: Final = ", ".join(f"{name} = excluded.{name}" for name in _DAYS[3:])
_CONFLICT: Final = f" ON CONFLICT (host_id, hardware_id, day) DO UPDATE SET {_SET}"
_SQLITE: Final = (
    f"{_INSERT} SELECT h.host_id, h.hardware_id, ?, {_SUMS}, {_PEAK} FROM device_hours h"
    " WHERE h.host_id = ? AND h.hardware_id = ? AND h.hour >= ? AND h.hour < ?"
    f" GROUP BY h.host_id, h.hardware_id{_CONFLICT}"
)
_POSTGRESQL: Final = (
    f"{_INSERT} SELECT w.host_id, w.hardware_id, w.day, {_SUMS}, {_PEAK}"
    " FROM unnest(%b::text[], %b::text[], %b::int4[]) AS w (host_id, hardware_id, day)"
    " JOIN device_hours h ON h.host_id = w.host_id AND h.hardware_id = w.hardware_id"
    f" AND h.hour >= w.day * {_HOURS_A_DAY} - {_EARLIER}"
    f" AND h.hour < (w.day + 1) * {_HOURS_A_DAY} - {_EARLIER}"
    f" GROUP BY w.host_id, w.hardware_id, w.day{_CONFLICT}"
)


def day_of(hour: int) -> int:
    """The day of Asia/Shanghai in which a UTC hour lies."""
    return DAYS.of(HOURS.start(hour))


def sum_days(connection: Connection, keys: Collection[DayKey]) -> None:
    """Add up the device-hours of some days again."""
    if connection.dialect.name == "sqlite":
        rows = [(day, host_id, hardware_id, *_hours_of(day)) for host_id, hardware_id, day in keys]
        connection.exec_driver_sql(_SQLITE, rows)
    else:
        columns = tuple(list(column) for column in zip(*keys, strict=True))
        connection.exec_driver_sql(_POSTGRESQL, columns)


def _hours_of(day: int) -> tuple[int, int]:
    return HOURS.of(DAYS.start(day)), HOURS.of(DAYS.start(day + 1))
