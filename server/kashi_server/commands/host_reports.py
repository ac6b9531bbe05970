"""What came of a host, as `hosts list` tells it: its last report, and how many do not count.

A host may be active and free of doubts while nothing that it sends counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kashi_server.bootstrap import Server
from kashi_server.commands.instants import local_time
from kashi_server.services.accounts import Role
from kashi_server.services.facts_port import FactsPort
from kashi_server.services.sight import Reader
from kashi_server.services.views import Views


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReports:
    """What came of a host: its last report, and how many are kept that do not count."""

    last_utc_ms: int | None
    quarantined: int
    quarantined_since_utc_ms: int | None


def reports_of_hosts(server: Server) -> dict[str, HostReports]:
    """Of every host, by id."""
    office = Reader(account_id=0, role=Role.OFFICER, party_id=None)
    rows = Views(server.work, server.clock).hosts(office)
    with server.work.begin(writes=False) as unit:
        return {
            row.host_id: HostReports(
                last_utc_ms=row.received_utc_ms,
                quarantined=row.quarantined,
                quarantined_since_utc_ms=(
                    _quarantined_since(unit.facts, row.host_id) if row.quarantined else None
                ),
            )
            for row in rows
        }


def _quarantined_since(facts: FactsPort, host_id: str) -> int | None:
    """When the time begins of which its first report speaks that does not count."""
    first = next(iter(facts.quarantined(host_id, None)), None)
    stored = None if first is None else facts.stored(host_id, *first)
    return None if stored is None else stored.start_utc_ms


def reports_facts(came: HostReports | None) -> dict[str, object]:
    """As data; None: of a host that is not among those that are watched."""
    return {
        "received_utc_ms": None if came is None else came.last_utc_ms,
        "quarantined": 0 if came is None else came.quarantined,
        "quarantined_since_utc_ms": None if came is None else came.quarantined_since_utc_ms,
    }


def reports_lines(came: HostReports | None) -> Iterator[str]:
    """As lines below a host's."""
    if came is None or came.last_utc_ms is None:
        yield "    尚无报告 no report yet"
        return
    yield f"    最近报告 last report {local_time(came.last_utc_ms)}"
    if came.quarantined_since_utc_ms is not None:
        since = local_time(came.quarantined_since_utc_ms)
        yield (
            f"    隔离报告 quarantined reports {came.quarantined}, 自 since {since};"
            " 不计入，见 not counted, see: hosts quarantined"
        )
