"""A server that is away for days: memory does not grow with them, nor does the daemon's work."""

import tracemalloc
from pathlib import Path

from simulated_days import LongHost, growth_mb_a_day

DAYS = 4
WARM_UP = 1


def test_memory_does_not_grow_with_an_outage(tmp_path: Path) -> None:
    """At most 1 MB a simulated day after the first; then everything arrives."""
    tracemalloc.start()
    try:
        host = LongHost(tmp_path, write_every=5, reachable=False)
        costs = list(host.days(DAYS))
    finally:
        tracemalloc.stop()
    host.catch_up()

    assert growth_mb_a_day([cost.traced_bytes for cost in costs], WARM_UP) <= 1
    assert host.agent.spool.sealed.unacknowledged == 0
    header = host.server.header(host.server.stored[-1])
    assert header.end_boottime_ms >= host.clock.boottime - 300_000
    host.agent.close()
