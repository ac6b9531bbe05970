"""Writing facts: few statements, many rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kashi.chain import Head
from sqlalchemy import Connection, and_, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from kashi_server.domain.report import DeviceDescription
from kashi_server.domain.usage import QUANTITY_NAMES, DeviceHour
from kashi_server.services.facts_port import (
    DeviceRow,
    FactBatch,
    FactsRefused,
    HeadRow,
    HeldHead,
    ReportRow,
    StoredProjection,
)
from kashi_server.storage.packing import pack_minutes, unpack_minutes
from kashi_server.storage.report_packing import pack_report
from kashi_server.storage.tables.facts import (
    device_hours,
    devices,
    epochs,
    events,
    forks,
    gaps,
    heads,
    reports,
)

Row = tuple[Any, ...]
HourKey = tuple[str, str, int]

_REPORTS: Final = (
    "host_id, epoch, sequence, sha256, start_utc_ms, end_utc_ms, received_utc_ms,"
    " clock_offset_ms, verdict, reason, counted, content"
)
_REPORT_TYPES: Final = (
    *("text", "int8", "int8", "bytea", "int8", "int8", "int8"),
    *("int8", "int2", "int2", "int2", "bytea"),
)
_REPORTS_SQLITE: Final = (
    f"INSERT INTO reports ({_REPORTS}) VALUES ({', '.join('?' * len(_REPORT_TYPES))})"
)
_HEADS: Final = (
    "host_id",
    "epoch",
    "sequence",
    "sha256",
    "received_utc_ms",
    "reported_until_utc_ms",
    "counted_until_utc_ms",
    "projected_epoch",
    "projected_sequence",
    "agent_version",
    "clock_sync",
    "clock_offset_ms",
)
_HEAD_TYPES: Final = (
    *("text", "int8", "int8", "bytea", "int8", "int8", "int8", "int8", "int8"),
    *("text", "int2", "int8"),
)
_HEADS_SET: Final = ", ".join(f"{name} = excluded.{name}" for name in _HEADS[1:])
_HEADS_SQLITE: Final = (
    f"INSERT INTO heads ({', '.join(_HEADS)}) VALUES ({', '.join('?' * len(_HEADS))})"
    f" ON CONFLICT (host_id) DO UPDATE SET {_HEADS_SET}"
)
_WRITE_POSTGRESQL: Final = (
    f"WITH stored AS (INSERT INTO reports ({_REPORTS}) SELECT * FROM unnest("
    + ", ".join(f"%b::{kind}[]" for kind in _REPORT_TYPES)
    + f")) INSERT INTO heads ({', '.join(_HEADS)}) SELECT * FROM unnest("
    + ", ".join(f"%b::{kind}[]" for kind in _HEAD_TYPES)
    + f") ON CONFLICT (host_id) DO UPDATE SET {_HEADS_SET}"
)
_HOURS: Final = ("host_id", "hardware_id", "hour", *QUANTITY_NAMES, "minutes")
_HOUR_TYPES: Final = ("text", "text", "int4", *("int8" for _ in QUANTITY_NAMES), "bytea")
_HOURS_SET: Final = ", ".join(f"{name} = excluded.{name}" for name in _HOURS[3:])
_HOURS_INSERT: Final = f"INSERT INTO device_hours ({', '.join(_HOURS)})"
_HOURS_CONFLICT: Final = f" ON CONFLICT (host_id, hardware_id, hour) DO UPDATE SET {_HOURS_SET}"
_HOURS_SQLITE: Final = f"{_HOURS_INSERT} VALUES ({', '.join('?' * len(_HOURS))}){_HOURS_CONFLICT}"
_HOURS_POSTGRESQL: Final = (
    f"{_HOURS_INSERT} SELECT * FROM unnest("
    + ", ".join(f"%b::{kind}[]" for kind in _HOUR_TYPES)
    + f"){_HOURS_CONFLICT}"
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


def lock_heads(connection: Connection, host_ids: Sequence[str]) -> Mapping[str, HeldHead]:
    """Heads of the hosts that have one, locked in host order until the unit ends."""
    columns = (
        "host_id, epoch, sequence, sha256, counted_until_utc_ms, projected_epoch,"
        " projected_sequence"
    )
    if connection.dialect.name == "sqlite":
        # BEGIN IMMEDIATE holds the one write lock already.
        marks = ", ".join("?" * len(host_ids))
        rows = connection.exec_driver_sql(
            f"SELECT {columns} FROM heads WHERE host_id IN ({marks})", tuple(host_ids)
        )
    else:
        rows = connection.exec_driver_sql(
            f"SELECT {columns} FROM heads WHERE host_id = ANY(%s) ORDER BY host_id FOR UPDATE",
            (list(host_ids),),
        )
    return {
        row[0]: HeldHead(Head(row[1], row[2], bytes(row[3])), row[4], (row[5], row[6]))
        for row in rows
    }


def write(connection: Connection, batch: FactBatch) -> None:
    """Add everything of a batch.

    Raises:
        FactsRefused: a row breaks a constraint.
    """
    with _refusals():
        if batch.reports:
            _store_reports(connection, batch)
        for row in batch.devices:
            _upsert_device(connection, row)
        if batch.gaps or batch.events or batch.epochs or batch.forks:
            _insert_rare(connection, batch)
        if batch.hours:
            add_hours(connection, batch.hours)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError) as error:
        raise FactsRefused(str(error.orig)) from error


def _report_row(row: ReportRow) -> Row:
    return (
        row.host_id,
        row.epoch,
        row.sequence,
        row.sha256,
        row.start_utc_ms,
        row.end_utc_ms,
        row.received_utc_ms,
        row.clock_offset_ms,
        row.verdict,
        row.reason,
        int(row.counted),
        pack_report(row.wire, row.receipt, sha256=row.sha256, digests=row.digests, base=row.base),
    )


def _head_row(row: HeadRow) -> Row:
    return (
        row.host_id,
        row.head.epoch,
        row.head.sequence,
        row.head.sha256,
        row.received_utc_ms,
        row.reported_until_utc_ms,
        row.counted_until_utc_ms,
        *row.projected,
        row.agent_version,
        row.clock_sync,
        row.clock_offset_ms,
    )


def _store_reports(connection: Connection, batch: FactBatch) -> None:
    """Insert reports and move heads; PostgreSQL takes both in one statement."""
    reported = [_report_row(row) for row in batch.reports]
    moved = [_head_row(row) for row in batch.heads.values()]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_REPORTS_SQLITE, reported)
        connection.exec_driver_sql(_HEADS_SQLITE, moved)
        return
    columns = [list(column) for rows in (reported, moved) for column in zip(*rows, strict=True)]
    connection.exec_driver_sql(_WRITE_POSTGRESQL, tuple(columns))


def _upsert_device(connection: Connection, row: DeviceRow) -> None:
    device = row.device
    described = {
        "slot": row.slot,
        "described_utc_ms": row.described_utc_ms,
        **_description(device),
    }
    key = {"host_id": row.host_id, "hardware_id": device.hardware_id}
    others = update(devices).where(
        devices.c.host_id == row.host_id,
        devices.c.slot == row.slot,
        devices.c.hardware_id != device.hardware_id,
    )
    connection.execute(others.values(slot=None))
    statement = _insert(connection)(devices).values(
        **key, **described, first_utc_ms=row.first_utc_ms
    )
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=described))
    if row.first_utc_ms is not None:
        begin_device(connection, row.host_id, device.hardware_id, row.first_utc_ms)


def _description(device: DeviceDescription) -> dict[str, object]:
    return {
        "vendor": device.vendor,
        "model": device.model,
        "parent_hardware_id": device.parent_hardware_id,
        "serial": device.serial,
        "pci_bus_id": device.pci_bus_id,
        "memory_bytes": device.memory_bytes,
        "share_numerator": device.share_numerator,
        "share_denominator": device.share_denominator,
        "meter": device.meter,
    }


def redescribe(
    connection: Connection,
    host_id: str,
    device: DeviceDescription,
    described_utc_ms: int | None = None,
) -> None:
    """Put a description in the place of the one that stands; without a time it keeps the old."""
    values = _description(device)
    if described_utc_ms is not None:
        values["described_utc_ms"] = described_utc_ms
    at = and_(devices.c.host_id == host_id, devices.c.hardware_id == device.hardware_id)
    connection.execute(update(devices).where(at).values(**values))


def begin_device(connection: Connection, host_id: str, hardware_id: str, first_utc_ms: int) -> None:
    """Set the start of a device's first counted reading, unless an earlier one stands."""
    earlier = func.coalesce(devices.c.first_utc_ms, first_utc_ms) >= first_utc_ms
    connection.execute(
        update(devices)
        .where(devices.c.host_id == host_id, devices.c.hardware_id == hardware_id, earlier)
        .values(first_utc_ms=first_utc_ms)
    )


def _insert_rare(connection: Connection, batch: FactBatch) -> None:
    if batch.gaps:
        connection.execute(
            gaps.insert(),
            [
                {
                    "host_id": row.host_id,
                    "epoch": row.place[0],
                    "sequence": row.place[1],
                    "ordinal": row.ordinal,
                    "hardware_id": row.hardware_id,
                    "start_utc_ms": row.start_utc_ms,
                    "end_utc_ms": row.end_utc_ms,
                    "reason": row.reason,
                    "same_driver": _flag(row.same_driver),
                    "same_holders": _flag(row.same_holders),
                    "energy_mj": row.energy_mj,
                }
                for row in batch.gaps
            ],
        )
    if batch.events:
        connection.execute(
            events.insert(),
            [
                {
                    "host_id": row.host_id,
                    "epoch": row.place[0],
                    "sequence": row.place[1],
                    "ordinal": row.ordinal,
                    "hardware_id": row.hardware_id,
                    "utc_ms": row.utc_ms,
                    "kind": row.kind,
                    "detail": row.detail,
                    "value": row.value,
                }
                for row in batch.events
            ],
        )
    for opened in batch.epochs:
        opening = opened.opening
        connection.execute(
            epochs.insert().values(
                host_id=opened.host_id,
                epoch=opened.epoch,
                opened_utc_ms=opened.opened_utc_ms,
                reason=opening.reason,
                last_epoch=opening.last_epoch,
                last_sequence=opening.last_sequence,
                last_sha256=opening.last_sha256,
                lost_first_sequence=opening.lost_first_sequence,
                lost_last_sequence=opening.lost_last_sequence,
            )
        )
    for fork in batch.forks:
        # The same fork sent again is evidence already.
        connection.execute(
            _insert(connection)(forks)
            .values(
                host_id=fork.host_id,
                epoch=fork.epoch,
                sequence=fork.sequence,
                sha256=fork.sha256,
                received_utc_ms=fork.received_utc_ms,
                content=pack_report(fork.wire, b""),
            )
            .on_conflict_do_nothing()
        )


def add_hours(connection: Connection, hours: Sequence[DeviceHour]) -> None:
    """Add device-hours to those that stand: read, add, write back."""
    for start in range(0, len(hours), _KEYS_AT_ONCE):
        part = hours[start : start + _KEYS_AT_ONCE]
        stored = _stored_minutes(connection, part)
        rows = []
        for hour in part:
            before = stored.get((hour.host_id, hour.hardware_id, hour.hour))
            if before is not None:
                for column, old in zip(hour.columns, unpack_minutes(before), strict=True):
                    for place, value in enumerate(old):
                        column[place] += value
            rows.append(
                (
                    hour.host_id,
                    hour.hardware_id,
                    hour.hour,
                    *map(sum, hour.columns),
                    pack_minutes(hour.columns),
                )
            )
        _upsert_hours(connection, rows)


def replace_projection(connection: Connection, host_id: str, projection: StoredProjection) -> None:
    """Put rebuilt projections of a host in the place of the stored ones."""
    for table in (device_hours, gaps):
        connection.execute(delete(table).where(table.c.host_id == host_id))
    connection.execute(
        update(devices).where(devices.c.host_id == host_id).values(first_utc_ms=None)
    )
    of_host = reports.c.host_id == host_id
    accepted = case((reports.c.verdict == 1, 1), else_=0)
    connection.execute(update(reports).where(of_host).values(counted=accepted))
    quarantined = select(reports.c.epoch, reports.c.sequence).where(of_host, reports.c.verdict != 1)
    for row in connection.execute(quarantined).all():
        if (row.epoch, row.sequence) in projection.counted:
            at = and_(of_host, reports.c.epoch == row.epoch, reports.c.sequence == row.sequence)
            connection.execute(update(reports).where(at).values(counted=1))
    write(
        connection,
        FactBatch(gaps=list(projection.gaps.values()), hours=list(projection.hours.values())),
    )
    for hardware_id, first in projection.first_utc_ms.items():
        begin_device(connection, host_id, hardware_id, first)
        redescribe(connection, host_id, projection.described[hardware_id][-1])
    held = projection.held
    connection.execute(
        update(heads)
        .where(heads.c.host_id == host_id)
        .values(
            epoch=held.head.epoch,
            sequence=held.head.sequence,
            sha256=held.head.sha256,
            counted_until_utc_ms=held.counted_until_utc_ms,
            projected_epoch=held.projected[0],
            projected_sequence=held.projected[1],
        )
    )


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


def _upsert_hours(connection: Connection, rows: list[Row]) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_HOURS_SQLITE, rows)
    else:
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        connection.exec_driver_sql(_HOURS_POSTGRESQL, columns)


def _insert(connection: Connection) -> Any:
    # The two dialects spell the same upsert by the same methods and share no base for it.
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def _flag(known: bool | None) -> int | None:
    return None if known is None else int(known)
