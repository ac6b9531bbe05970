"""What came of a host, as `hosts list` tells it: its last report, and how many do not count.

A host may be active and free of doubts while nothing that it sends counts.
"""

from collections.abc import Iterator

from kashi_server.bootstrap import Server
from kashi_server.commands.instants import local_time
from kashi_server.services.accounts import Role
from kashi_server.services.rows import HostRow
from kashi_server.services.sight import Reader
from kashi_server.services.views import Views


def reports_of_hosts(server: Server) -> dict[str, HostRow]:
    """Of every host, by id, as the portal's pages tell it."""
    office = Reader(account_id=0, role=Role.OFFICER, party_id=None)
    return {row.host_id: row for row in Views(server.work, server.clock).hosts(office)}


def reports_facts(came: HostRow | None) -> dict[str, object]:
    """As data; None: of a host that is not among those that are watched."""
    return {
        "received_utc_ms": None if came is None else came.received_utc_ms,
        "quarantined": 0 if came is None else came.quarantined,
        "quarantined_since_utc_ms": None if came is None else came.quarantined_since_utc_ms,
    }


def reports_lines(came: HostRow | None) -> Iterator[str]:
    """As lines below a host's."""
    if came is None or came.received_utc_ms is None:
        yield "    尚无报告 no report yet"
        return
    yield f"    最近报告 last report {local_time(came.received_utc_ms)}"
    if came.quarantined_since_utc_ms is not None:
        since = local_time(came.quarantined_since_utc_ms)
        yield (
            f"    隔离报告 quarantined reports {came.quarantined}, 自 since {since};"
            " 不计入，见 not counted, see: hosts quarantined"
        )
