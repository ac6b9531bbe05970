"""Writing facts: few statements, many rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kashi.chain import Head
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from kashi_server.services.facts_port import (
    FactBatch,
    FactsRefused,
    HeadRow,
    HeldHead,
    ReportRow,
)
from kashi_server.storage.device_writing import upsert_device
from kashi_server.storage.hour_writing import add_hours
from kashi_server.storage.report_packing import pack_report
from kashi_server.storage.tables.facts import epochs, events, forks, gaps
from kashi_server.storage.upserts import insert_into

Row = tuple[Any, ...]
_REPORTS: Final = (
    "host_id, epoch, sequence, sha256, start_utc_ms, end_utc_ms, received_utc_ms,"
    " clock_offset_ms, verdict, reason, counted, content, clock_sync"
)
_REPORT_TYPES: Final = (
    *("text", "int8", "int8", "bytea", "int8", "int8", "int8"),
    *("int8", "int2", "int2", "int2", "bytea", "int2"),
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
    "revision",
    "agent_version",
    "clock_sync",
    "clock_offset_ms",
    "devices_counted_only",
)
_HEAD_TYPES: Final = (
    *("text", "int8", "int8", "bytea", "int8", "int8", "int8", "int8", "int8", "int8"),
    *("text", "int2", "int8", "int4"),
)
_HEADS_SET: Final = ", ".join(
    f"{name} = excluded.{name}" for name in _HEADS[1:] if name != "revision"
)
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


def lock_heads(connection: Connection, host_ids: Sequence[str]) -> Mapping[str, HeldHead]:
    """Heads of the hosts that have one, locked in host order until the unit ends."""
    columns = (
        "host_id, epoch, sequence, sha256, counted_until_utc_ms, projected_epoch,"
        " projected_sequence, revision"
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
        row[0]: HeldHead(Head(row[1], row[2], bytes(row[3])), row[4], (row[5], row[6]), row[7])
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
            upsert_device(connection, row)
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
        row.clock_sync,
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
        0,
        row.agent_version,
        row.clock_sync,
        row.clock_offset_ms,
        row.devices_counted_only,
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
            insert_into(connection, forks)
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


def _flag(known: bool | None) -> int | None:
    return None if known is None else int(known)
