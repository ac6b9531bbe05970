"""Reading reports: whole, as evidence names them, and the last of each host."""

from collections.abc import Collection, Generator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, or_, select
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
