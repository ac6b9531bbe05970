"""Reading reports: whole, as evidence names them, and the last of each host."""

from collections.abc import Collection, Generator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from kashi_server.domain.device import HostHead, ReportReference
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.services.facts_port import Place, StoredReport
from kashi_server.storage.report_packing import ReportUnpacker
from kashi_server.storage.tables.facts import UNCOUNTED, heads, reports
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
        row.clock_offset_ms,
        row.clock_sync,
    )


def after(place: Place) -> ColumnElement[bool]:
    """The report stands later in its chain than this place."""
    return tuple_(reports.c.epoch, reports.c.sequence) > tuple_(*place)


def unprojected(host_id: str, projected: Place) -> Select[Any]:
    """A host's counted reports that do not stand in device-hours."""
    return (
        select(reports)
        .where(reports.c.host_id == host_id, reports.c.counted == 1, after(projected))
        .order_by(reports.c.epoch, reports.c.sequence)
    )


def report_references(
    connection: Connection, host_ids: Collection[str], start_minute: int, end_minute: int
) -> Sequence[ReportReference]:
    """Stored reports whose label touches the UTC minutes [start, end), by host and place."""
    query = (
        select(
            reports.c.host_id,
            reports.c.epoch,
            reports.c.sequence,
            reports.c.sha256,
            reports.c.start_utc_ms,
            reports.c.end_utc_ms,
            reports.c.counted,
        )
        .where(
            reports.c.host_id.in_(host_ids),
            reports.c.end_utc_ms > start_minute * MINUTE_MS,
            reports.c.start_utc_ms < end_minute * MINUTE_MS,
        )
        .order_by(reports.c.host_id, reports.c.epoch, reports.c.sequence)
    )
    rows = connection.execute(query).all()
    indices = _Indices(connection, host_ids)
    return [
        ReportReference(
            host_id=row.host_id,
            epoch=row.epoch,
            sequence=row.sequence,
            sha256=bytes(row.sha256),
            start_utc_ms=row.start_utc_ms,
            end_utc_ms=row.end_utc_ms,
            counted=bool(row.counted),
            log_index=indices.of(row.host_id, row.epoch, row.sequence),
        )
        for row in rows
    ]


class _Indices:
    """Places of the log, asked for in the order of hosts, epochs and sequences."""

    def __init__(self, connection: Connection, host_ids: Collection[str]) -> None:
        query = (
            select(log_runs)
            .where(log_runs.c.host_id.in_(host_ids))
            .order_by(log_runs.c.host_id, log_runs.c.epoch, log_runs.c.first_sequence)
        )
        self._runs = iter(connection.execute(query).all())
        self._run = next(self._runs, None)

    def of(self, host_id: str, epoch: int, sequence: int) -> int | None:
        """The index of a report; None before it has one."""
        while (run := self._run) is not None:
            first_index, run_host, run_epoch, first_sequence, count = run
            last = (run_host, run_epoch, first_sequence + count - 1)
            if last < (host_id, epoch, sequence):
                self._run = next(self._runs, None)
                continue
            if (run_host, run_epoch) != (host_id, epoch) or sequence < first_sequence:
                return None
            return int(first_index + sequence - first_sequence)
        return None


def host_heads(connection: Connection, host_ids: Collection[str] | None) -> Sequence[HostHead]:
    """The last report of each host, by host."""
    of_host = (reports.c.host_id == heads.c.host_id, UNCOUNTED)
    waiting = select(func.count()).where(*of_host).scalar_subquery()
    since = select(func.min(reports.c.start_utc_ms)).where(*of_host).scalar_subquery()
    query = select(
        heads, waiting.label("quarantined_count"), since.label("quarantined_since_utc_ms")
    ).order_by(heads.c.host_id)
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
            devices_counted_only=row.devices_counted_only,
            quarantined_count=row.quarantined_count,
            quarantined_since_utc_ms=row.quarantined_since_utc_ms,
        )
        for row in connection.execute(query)
    ]


def _synchronised(sync: int) -> bool | None:
    known = {_CLOCK_SYNCHRONISED: True, _CLOCK_UNSYNCHRONISED: False}
    return known.get(sync)
