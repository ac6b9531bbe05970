"""A week without the server, eight devices, and how long it then takes to deliver it.

The server is the real one, a process of its own on SQLite; mutual TLS on loopback, every report
signed, checked, stored and receipted. The host is the real agent on real files, driven by hand
through a week of minutes. While it catches up its clock runs five times as fast as the wall
clock, and it goes on measuring: what it measures then is the live reading whose age is told.
"""

import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

from fixtures_server import KashiServer
from kashi.v1 import report_pb2
from kashi_agent.shipping import RECEIPTED
from kashi_agent.shipping_wire import GrpcWire
from prepared_host import MINUTE_MS, PreparedHost, prepared_host

CARDS: Final = 8
MINUTES_A_DAY: Final = 1_440
INTERVAL_MS: Final = 300_000
HASTE: Final = 5
REPORTS_A_CALL: Final = 16
"""As many as the daemon seals at a time."""


def measure(days: int = 7) -> dict[str, int | float]:
    """Seconds to deliver so many days, and how old a live reading became at most."""
    with tempfile.TemporaryDirectory(prefix="kashi-outage-") as folder:
        server = KashiServer(Path(folder) / "server")
        server.init("--demo")
        server.start()
        try:
            host = prepared_host(server, Path(folder) / "host", seed="outage", cards=CARDS)
            _set_to(host, days)
            host.live(days * MINUTES_A_DAY)
            return _caught_up(host, days)
        finally:
            server.stop()


def _set_to(host: PreparedHost, days: int) -> None:
    """Begin so many days ago: what is measured then ends about now."""
    host.agent.close()
    host.interval_ms = INTERVAL_MS
    host.clock.utc = (
        int(time.time() * 1_000) // MINUTE_MS * MINUTE_MS - (days * MINUTES_A_DAY + 60) * MINUTE_MS
    )
    host.clock.boot = Random(7).randbytes(16)
    host.start()


def _caught_up(host: PreparedHost, days: int) -> dict[str, int | float]:
    wire = GrpcWire(host.store.host(), host.store.tls())
    back_ms = host.clock.boottime
    began_s = time.monotonic()
    reports = live_age_ms = 0
    calls: list[float] = []
    backlog_s: float | None = None
    shipper = host.agent.shipper
    until_ms: int | None = None
    while until_ms is None or host.clock.boottime < until_ms:
        due_ms = back_ms + int((time.monotonic() - began_s) * 1_000 * HASTE)
        host.live(max(0, due_ms - host.clock.boottime) // MINUTE_MS)
        batch = shipper.prepare(REPORTS_A_CALL)
        if batch is None:
            time.sleep(0.05)  # the next interval is not over yet
            continue
        called_s = time.monotonic()
        answer = wire.submit(batch.wires)
        calls.append(time.monotonic() - called_s)
        assert all(result.verdict in RECEIPTED for result in answer.results), answer.results
        shipper.absorb(batch, answer, host.clock.utc)
        reports += len(batch.wires)
        for one in batch.wires:
            end_ms = report_pb2.ReportHeader.FromString(
                report_pb2.Report.FromString(one).header
            ).end_boottime_ms
            if end_ms > back_ms + INTERVAL_MS:
                taken_ms = back_ms + int((time.monotonic() - began_s) * 1_000 * HASTE)
                live_age_ms = max(live_age_ms, taken_ms - end_ms)
            elif end_ms > back_ms - INTERVAL_MS and backlog_s is None:
                backlog_s = time.monotonic() - began_s
                until_ms = host.clock.boottime + INTERVAL_MS * 6 // 5
    assert backlog_s is not None
    wire.close()
    host.agent.close()
    return {
        "days": days,
        "caught_up_s": round(backlog_s, 1),
        "reports": reports,
        "readings": days * MINUTES_A_DAY * CARDS,
        "live_reading_age_max_intervals": round(live_age_ms / INTERVAL_MS, 2),
        "clock_haste": HASTE,
        "call_ms_mean": round(1_000 * sum(calls) / len(calls), 1),
    }
