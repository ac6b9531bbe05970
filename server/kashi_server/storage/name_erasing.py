"""Erasing names of holders from stored reports: the one change that stored bytes ever see.

What the host signed is the header with the digests of its blocks; a name block's content and salt
can go, and every proof holds. Nothing else of a report is touched.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, or_, select, tuple_, update

from kashi_server.services.facts_port import Place
from kashi_server.storage.report_packing import ReportUnpacker, pack_report, unpack_report
from kashi_server.storage.tables.facts import forks, reports

REPORTS_AT_ONCE: Final = 500
"""A unit of work holds up whoever writes facts of the host only so long."""

Erase = Callable[[bytes], bytes | None]
"""The bytes of a report without names; None where it carries none."""


def erase_page(
    connection: Connection,
    unpacker: ReportUnpacker,
    which: tuple[str, int],
    after: Place,
    erased: Erase,
) -> tuple[int, Place | None]:
    """Erase names in the next reports of a host that ended or came by an instant.

    A report ends by its host's clock, which may run ahead; no report tells of what came after it.

    Args:
        connection: of the unit of work.
        unpacker: reads rows of reports.
        which: the host, and the last UTC millisecond at which a report may end or have come.
        after: the place behind which to begin.
        erased: takes the names out.

    Returns:
        How many reports lost names, and the place to go on behind; None: that was the end.
    """
    host_id, until_utc_ms = which
    if connection.dialect.name == "sqlite":
        # What is freed is overwritten with zeros, not left in the file to be found.
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    ended = or_(reports.c.end_utc_ms <= until_utc_ms, reports.c.received_utc_ms <= until_utc_ms)
    rows = connection.execute(_next(host_id, after).where(ended)).all()
    count = 0
    for row in rows:
        wire = erased(unpacker.unpack(row)[0])
        if wire is None:
            continue
        connection.execute(
            update(reports)
            .where(
                reports.c.host_id == host_id,
                reports.c.epoch == row.epoch,
                reports.c.sequence == row.sequence,
            )
            .values(content=unpacker.packed_again(row, wire))
        )
        count += 1
    if len(rows) == REPORTS_AT_ONCE:
        return count, (rows[-1].epoch, rows[-1].sequence)
    return count + _erase_forks(connection, host_id, until_utc_ms, erased), None


def kept_page(
    connection: Connection,
    unpacker: ReportUnpacker,
    which: tuple[str, int],
    after: Place,
    erased: Erase,
) -> tuple[int, Place | None]:
    """Count names in the next reports of a host that `erase_page` leaves as they are.

    Arguments are those of `erase_page`; nothing is changed.

    Returns:
        How many reports keep names, and the place to go on behind; None: that was the end.
    """
    host_id, until_utc_ms = which
    later = and_(reports.c.end_utc_ms > until_utc_ms, reports.c.received_utc_ms > until_utc_ms)
    rows = connection.execute(_next(host_id, after).where(later)).all()
    count = sum(erased(unpacker.unpack(row)[0]) is not None for row in rows)
    if len(rows) == REPORTS_AT_ONCE:
        return count, (rows[-1].epoch, rows[-1].sequence)
    beside = select(forks.c.content).where(
        forks.c.host_id == host_id, forks.c.received_utc_ms > until_utc_ms
    )
    contents = connection.execute(beside).scalars()
    return count + sum(erased(unpack_report(bytes(one))[0]) is not None for one in contents), None


def _next(host_id: str, after: Place) -> Select[Any]:
    return (
        select(reports)
        .where(
            reports.c.host_id == host_id,
            tuple_(reports.c.epoch, reports.c.sequence) > tuple_(*after),
        )
        .order_by(reports.c.epoch, reports.c.sequence)
        .limit(REPORTS_AT_ONCE)
    )


def _erase_forks(connection: Connection, host_id: str, until_utc_ms: int, erased: Erase) -> int:
    """Of second contents of one sequence, which stand beside; by when they came."""
    query = select(forks).where(forks.c.host_id == host_id, forks.c.received_utc_ms <= until_utc_ms)
    count = 0
    for row in connection.execute(query).all():
        wire = erased(unpack_report(bytes(row.content))[0])
        if wire is not None:
            connection.execute(
                update(forks)
                .where(
                    forks.c.host_id == host_id,
                    forks.c.epoch == row.epoch,
                    forks.c.sequence == row.sequence,
                    forks.c.sha256 == row.sha256,
                )
                .values(content=pack_report(wire, b""))
            )
            count += 1
    return count
