"""Reading the clocks behind counted reports, by host."""

from collections.abc import Mapping

from sqlalchemy import Connection, case, func, literal, select

from kashi_server.domain.host_clock import SYNCHRONISED, HostClock
from kashi_server.storage.tables.facts import reports


def host_clocks(
    connection: Connection, start_utc_ms: int, end_utc_ms: int
) -> Mapping[str, HostClock]:
    """The clock of counted reports whose label touches [start, end), by host with any.

    The same as `HostClock.of` over the reports' bytes.
    """
    vouched = reports.c.clock_sync == SYNCHRONISED
    start, end = reports.c.start_utc_ms, reports.c.end_utc_ms
    low, high = literal(start_utc_ms, start.type), literal(end_utc_ms, end.type)
    labelled_ms = case((end > high, high), else_=end) - case((start < low, low), else_=start)
    query = (
        select(
            reports.c.host_id,
            func.sum(labelled_ms),
            func.sum(case((vouched, 0), else_=labelled_ms)),
            func.max(case((vouched, func.abs(reports.c.clock_offset_ms)), else_=0)),
        )
        .where(reports.c.counted == 1, end > low, start < high)
        .group_by(reports.c.host_id)
    )
    return {
        host_id: HostClock(
            labelled_ms=int(whole_ms),
            unvouched_ms=int(unvouched_ms),
            known_ms_max=int(known_ms_max),
        )
        for host_id, whole_ms, unvouched_ms, known_ms_max in connection.execute(query)
    }
