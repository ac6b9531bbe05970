"""Writing device-hours: sums are added to those that stand, and those of their days follow."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from kashi_server.domain.usage import QUANTITY_NAMES, DeviceHour
from kashi_server.storage.day_writing import DAYS_POSTGRESQL, DAYS_SQLITE, day_rows
from kashi_server.storage.packing import pack_minutes, unpack_minutes

Row = tuple[Any, ...]
HourKey = tuple[str, str, int]
_HOURS: Final = (
    "host_id",
    "hardware_id",
    "hour",
    *QUANTITY_NAMES,
    "minutes",
    "observed_peak_ms",
)
_HOUR_TYPES: Final = ("text", "text", "int4", *("int8" for _ in QUANTITY_NAMES), "bytea", "int8")
_HOURS_SET: Final = ", ".join(f"{name} = excluded.{name}" for name in _HOURS[3:])
_HOURS_INSERT: Final = f"INSERT INTO device_hours ({', '.join(_HOURS)})"
_HOURS_CONFLICT: Final = f" ON CONFLICT (host_id, hardware_id, hour) DO UPDATE SET {_HOURS_SET}"
_HOURS_SQLITE: Final = f"{_HOURS_INSERT} VALUES ({', '.join('?' * len(_HOURS))}){_HOURS_CONFLICT}"
_HOURS_POSTGRESQL: Final = (
    f"WITH hours AS ({_HOURS_INSERT} SELECT * FROM unnest("
    + ", ".join(f"%b::{kind}[]" for kind in _HOUR_TYPES)
    + f"){_HOURS_CONFLICT}) {DAYS_POSTGRESQL}"
)
_STORED_SQLITE: Final = (
    "SELECT minutes FROM device_hours WHERE host_id = ? AND hardware_id = ? AND hour = ?"
)
_STORED_POSTGRESQL: Final = (
    "SELECT host_id, hardware_id, hour, minutes FROM device_hours JOIN"
    " unnest(%b::text[], %b::text[], %b::int4[]) AS wanted (host_id, hardware_id, hour)"
    " USING (host_id, hardware_id, hour)"
)
_KEYS_AT_ONCE: Final = 300
_OBSERVED: Final = QUANTITY_NAMES.index("observed_ms")


def add_hours(connection: Connection, hours: Sequence[DeviceHour]) -> None:
    """Add device-hours to those that stand: read, add, write back."""
    for start in range(0, len(hours), _KEYS_AT_ONCE):
        part = hours[start : start + _KEYS_AT_ONCE]
        stored = _stored_minutes(connection, part)
        rows, added = [], []
        for hour in part:
            more = tuple(map(sum, hour.columns))
            before = stored.get((hour.host_id, hour.hardware_id, hour.hour))
            if before is not None:
                for column, old in zip(hour.columns, unpack_minutes(before), strict=True):
                    for place, value in enumerate(old):
                        column[place] += value
            peak_ms = max(hour.columns[_OBSERVED])
            added.append((hour.host_id, hour.hardware_id, hour.hour, more, peak_ms))
            rows.append(
                (
                    hour.host_id,
                    hour.hardware_id,
                    hour.hour,
                    *(more if before is None else map(sum, hour.columns)),
                    pack_minutes(hour.columns),
                    peak_ms,
                )
            )
        _upsert(connection, rows, day_rows(added))


def _stored_minutes(connection: Connection, hours: Sequence[DeviceHour]) -> dict[HourKey, bytes]:
    keys = [(hour.host_id, hour.hardware_id, hour.hour) for hour in hours]
    if connection.dialect.name == "sqlite":
        found = {
            key: connection.exec_driver_sql(_STORED_SQLITE, key).scalar_one_or_none()
            for key in keys
        }
        return {key: minutes for key, minutes in found.items() if minutes is not None}
    columns = tuple(list(column) for column in zip(*keys, strict=True))
    rows = connection.exec_driver_sql(_STORED_POSTGRESQL, columns)
    return {(row[0], row[1], row[2]): bytes(row[3]) for row in rows}


def _upsert(connection: Connection, hours: list[Row], days: list[Row]) -> None:
    """Write hours and add to days; PostgreSQL takes both in one statement."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_HOURS_SQLITE, hours)
        connection.exec_driver_sql(DAYS_SQLITE, days)
        return
    columns = [list(column) for rows in (hours, days) for column in zip(*rows, strict=True)]
    connection.exec_driver_sql(_HOURS_POSTGRESQL, tuple(columns))
