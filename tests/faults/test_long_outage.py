"""A server that is away for days: memory does not grow with them, nor does the daemon's work."""

import tracemalloc
from pathlib import Path

from fixtures_server import KashiServer
from long_absence import survived
from simulated_days import LongHost, growth_mb_a_day

DAYS = 4
WARM_UP = 1
INTERVAL_MS = 300_000
CALL_MS = 2_300
"""A call of sixteen reports takes 15 ms on an idle machine. Seven days are 126 calls, and whoever
takes longer than this for each is behind by more than an interval at their end."""


def test_memory_does_not_grow_with_an_outage(tmp_path: Path) -> None:
    """At most 1 MB a simulated day after the first; then everything arrives, and what is measured
    meanwhile is under two intervals old, though reports are taken in order: as long as the backlog
    of a week is gone within one."""
    tracemalloc.start()
    try:
        host = LongHost(tmp_path, write_every=5, reachable=False)
        costs = list(host.days(DAYS))
    finally:
        tracemalloc.stop()
    live_age_ms = host.drain(CALL_MS * 7 // DAYS)

    assert growth_mb_a_day([cost.traced_bytes for cost in costs], WARM_UP) <= 1
    assert INTERVAL_MS <= live_age_ms < 2 * INTERVAL_MS
    host.catch_up()
    assert host.agent.spool.sealed.unacknowledged == 0
    header = host.server.header(host.server.stored[-1])
    assert header.end_boottime_ms >= host.clock.boottime - 300_000
    host.agent.close()


def test_days_with_restarts_and_an_expired_certificate_lose_and_double_nothing(
    pinned: KashiServer, tmp_path: Path
) -> None:
    """Two days without the server, three ends of the agent and an expired host certificate among
    them: everything measured is stored once, one chain without a new epoch, and each time without
    an agent is a gap of exactly its length (`make soak` does thirty days)."""
    found = survived(pinned, tmp_path / "host", days=2)

    assert found.recoveries == 1
    assert found.reports >= 560, "a report every five minutes"
