"""What is held or must be looked at: hosts, quarantined reports, forks, conflicts, alarms."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, func, select

from kashi_server.domain.device import Conflict
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.services.hosts import HostState
from kashi_server.services.rows import HoldRow, HostRow
from kashi_server.services.sight import Sight, clipped
from kashi_server.storage.tables.facts import UNCOUNTED, epochs, forks, reports
from kashi_server.storage.tables.identity import alarms

ALARMS_MAX = 200


def holds(
    connection: Connection, sight: Sight, hosts: Sequence[HostRow], conflicts: Iterable[Conflict]
) -> list[HoldRow]:
    """Everything of the hosts and devices that a party sees, latest first."""
    names = {host.host_id: host.hostname for host in hosts}
    found = [
        *_held(hosts),
        *_quarantined(connection, names),
        *_forks(connection, names),
        *_epochs(connection, names),
        *_conflicts(sight, conflicts),
        *_alarms(connection, sight, names),
    ]
    return sorted(found, key=lambda hold: (-hold.utc_ms, hold.kind, hold.subject))


def _held(hosts: Iterable[HostRow]) -> Iterator[HoldRow]:
    for host in hosts:
        if host.state == HostState.HELD.value:
            yield HoldRow(
                kind="host",
                utc_ms=host.state_utc_ms,
                subject=host.hostname,
                host_id=host.host_id,
                hardware_id=None,
                reason=host.state_reason,
            )


def _quarantined(connection: Connection, names: dict[str, str]) -> Iterator[HoldRow]:
    query = (
        select(
            reports.c.host_id,
            reports.c.reason,
            func.max(reports.c.received_utc_ms).label("utc_ms"),
            func.count().label("reports"),
        )
        .where(UNCOUNTED)
        .group_by(reports.c.host_id, reports.c.reason)
    )
    for row in connection.execute(query):
        if row.host_id in names:
            yield _of_host(
                "quarantine", row.utc_ms, row.host_id, names, str(row.reason), row.reports
            )


def _forks(connection: Connection, names: dict[str, str]) -> Iterator[HoldRow]:
    query = select(
        forks.c.host_id,
        func.max(forks.c.received_utc_ms).label("utc_ms"),
        func.count().label("forks"),
    ).group_by(forks.c.host_id)
    for row in connection.execute(query):
        if row.host_id in names:
            yield _of_host("fork", row.utc_ms, row.host_id, names, "", row.forks)


def _epochs(connection: Connection, names: dict[str, str]) -> Iterator[HoldRow]:
    for row in connection.execute(select(epochs)):
        if row.host_id in names:
            lost = max(0, row.lost_last_sequence - row.lost_first_sequence + 1)
            yield _of_host(
                "epoch", row.opened_utc_ms, row.host_id, names, str(row.reason), max(1, lost)
            )


def _conflicts(sight: Sight, conflicts: Iterable[Conflict]) -> Iterator[HoldRow]:
    for conflict in conflicts:
        seen = [
            part
            for host_id in conflict.host_ids
            for part in clipped(sight.spans(conflict.hardware_id, host_id), conflict.interval)
        ]
        if seen:
            yield HoldRow(
                kind="conflict",
                utc_ms=min(part.start for part in seen) * MINUTE_MS,
                subject=conflict.hardware_id,
                host_id=None,
                hardware_id=conflict.hardware_id,
                reason="",
            )


def _alarms(connection: Connection, sight: Sight, names: dict[str, str]) -> Iterator[HoldRow]:
    query = select(alarms).order_by(alarms.c.alarm_id.desc()).limit(ALARMS_MAX)
    if sight.party_id is not None:
        query = query.where(alarms.c.operator_party_id == sight.party_id)
    for row in connection.execute(query):
        known = row.host_id if row.host_id in names else None
        yield HoldRow(
            kind="alarm",
            utc_ms=row.utc_ms,
            subject=names.get(row.host_id, row.host_id or "—"),
            host_id=known,
            hardware_id=None,
            reason=f"{row.kind}: {row.detail}",
        )


def _of_host(
    kind: str, utc_ms: int, host_id: str, names: dict[str, str], reason: str, count: int
) -> HoldRow:
    return HoldRow(
        kind=kind,
        utc_ms=utc_ms,
        subject=names[host_id],
        host_id=host_id,
        hardware_id=None,
        reason=reason,
        count=count,
    )
