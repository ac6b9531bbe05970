"""Days without the server, with restarts and an expired host certificate inside them.

The server is the real one, a process of its own; the host is the real agent on real files, driven
by hand on an injected clock. What it measured is known minute by minute without it, and compared
with what the server stored.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from expired_certificate import expire
from fixtures_server import KashiServer
from kashi.v1 import report_pb2
from kashi_agent.carrier import Carrier
from kashi_agent.enrolment import recover
from kashi_agent.shipping_wire import GrpcWire
from kashi_server.bootstrap import opened
from prepared_host import DAY_MS, MINUTE_MS, PreparedHost, prepared_host
from stored_books import DeviceBooks, books_of, differences, stored_reports

RESTARTS = 3
DOWN_MINUTES = 7


@dataclass(frozen=True, slots=True)
class Absence:
    """What it took, and what was held against the truth."""

    days: int
    devices: int
    reports: int
    restarts: int
    recoveries: int
    observed_ms: int
    gap_ms: int
    caught_up_s: float


def survived(server: KashiServer, folder: Path, *, days: int, cards: int = 2) -> Absence:
    """Live so many days with the server unreachable, agents ending in between in every way, then
    deliver; every millisecond is stored once, and what nobody measured is a gap of its own length.
    """
    host = prepared_host(server, folder, seed="absence", cards=cards)
    _set_back(host, days)
    server.kill()
    ends = _lived(host, days)
    server.start()
    began = time.monotonic()
    recoveries = _delivered(host)
    caught_up_s = time.monotonic() - began
    reports, books = _stored(server, host)
    for (_, hardware_id), one in books.items():
        _check(host, hardware_id, one, gap_ms=ends * DOWN_MINUTES * MINUTE_MS)
    return Absence(
        days=days,
        devices=len(books),
        reports=reports,
        restarts=RESTARTS,
        recoveries=recoveries,
        observed_ms=sum(one.observed_ms for one in books.values()),
        gap_ms=sum(one.gap_ms for one in books.values()),
        caught_up_s=round(caught_up_s, 1),
    )


def _set_back(host: PreparedHost, days: int) -> None:
    """Begin so many days ago: what is measured then ends about now."""
    host.agent.close()
    host.interval_ms = 300_000
    host.clock.utc -= (days - 1) * DAY_MS
    host.clock.boot = Random(7).randbytes(16)
    host.start()


def _lived(host: PreparedHost, days: int) -> int:
    """Four stretches with an end of the agent between each two; how many of these took time."""
    minutes = days * DAY_MS // MINUTE_MS - RESTARTS * DOWN_MINUTES
    taking_time = 0
    for down_minutes in _ends():
        host.live(minutes // (RESTARTS + 1))
        host.agent.close()
        host.clock.advance(down_minutes * MINUTE_MS)
        taking_time += bool(down_minutes)
        host.start()
    host.live(minutes // (RESTARTS + 1))
    return taking_time


def _ends() -> Iterator[int]:
    """Minutes without an agent: an upgrade that takes none, and two longer ones."""
    yield 0
    for _ in range(RESTARTS - 1):
        yield DOWN_MINUTES


def _delivered(host: PreparedHost) -> int:
    """Deliver by a host certificate whose time is over; how often another one was asked for."""
    enrolled_utc_ms = host.store.host().enrolled_utc_ms
    expire(host.store)
    carrier = Carrier(
        store=host.store,
        connect=GrpcWire,
        recover=recover,
        utc_ms=lambda: enrolled_utc_ms,
        random=Random(1),
    )
    host.agent.ship(carrier)
    carrier.close()
    assert host.agent.spool.sealed.unacknowledged == 0
    host.agent.close()
    return carrier.recoveries


def _stored(
    server: KashiServer, host: PreparedHost
) -> tuple[int, dict[tuple[bytes, str], DeviceBooks]]:
    with opened(server.directory) as inside:
        assert differences(inside) == []
        reports = stored_reports(inside.work, host.host_id)
    assert {one.verdict for one in reports} == {1}
    headers = [
        report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(one.wire).header)
        for one in reports
    ]
    assert [(one.epoch, one.sequence) for one in headers] == [
        (1, number) for number in range(1, len(headers) + 1)
    ]
    books = books_of(one.wire for one in reports)
    assert len(books) == len(host.devices)
    return len(reports), books


def _check(host: PreparedHost, hardware_id: str, one: DeviceBooks, *, gap_ms: int) -> None:
    truth = [known for (device, _), known in host.truth.items() if device == hardware_id]
    one.check()
    assert one.gap_ms == gap_ms
    assert one.observed_ms == sum(observed_ms for observed_ms, _ in truth)
    assert one.utilised_ns == sum(utilised_ns for _, utilised_ns in truth)
