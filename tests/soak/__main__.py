"""`make soak`: what CI proves in seconds, for as long as it takes. Not part of CI.

    make soak                     everything, at the counts below
    make soak ARGS="kills=200"    some of it, with counts of your own

Every trial starts from a fresh seed, which a failure prints; figures are printed and written to
build/soak.json. A trial that finds something untrue ends with a traceback and exit code 1.
"""

import json
import secrets
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import damage
import damaged_segment
import kills
import power_cuts
import restarts
from bench import agent_month, outage_cost
from damaged_segment import Share
from fixtures_server import KashiServer
from fixtures_spool import SimulatedDisk
from host_machine import HostMachine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from long_absence import survived
from pinned_ports import pin_ports
from property.test_ingestion import IngestionMachine
from simulated_days import LongHost, growth_mb_a_day

OUTPUT = Path("build/soak.json")

HISTORIES_A_ROUND = 20
RESTART_P99_MS_MAX = 5_000
RECOVERED_PERCENT_MIN = 99.9
"""Of the frames whose bytes a damage left alone."""

CPU_GROWN_MAX = 1.2
MONTH_GROWTH_MB_A_DAY_MAX = 0.5
"""Delivered reports stay 35 days, and where each lies stands in memory: 0.35 MB a day."""

Figures = dict[str, int | float]


def kill(count: int) -> Figures:
    """kill -9 of real processes on real files."""
    with tempfile.TemporaryDirectory(prefix="kashi-soak-") as folder:
        return asdict(kills.killed(count, Path(folder), seed=secrets.randbits(32)))


def restart(count: int) -> Figures:
    """kill -9 of the agent as it is installed: how long until the next one is ready (D1)."""
    with tempfile.TemporaryDirectory(prefix="kashi-soak-") as folder:
        server = KashiServer(Path(folder) / "server")
        server.init("--demo")
        server.start()
        try:
            found = restarts.restarted(
                count, server, Path(folder) / "host", seed=secrets.randbits(32)
            )
        finally:
            server.stop()
    assert found.p99_ms <= RESTART_P99_MS_MAX, found
    return asdict(found)


def cut_power(count: int) -> Figures:
    """Power cuts before every disk operation."""
    return asdict(power_cuts.explored(count, seed=secrets.randbits(32)))


def histories(count: int) -> Figures:
    """Anything that may happen to a host, in any order."""
    run_state_machine_as_test(
        HostMachine,
        settings=settings(
            max_examples=count,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    return {"histories": count}


class CountedCalls(IngestionMachine):
    """Ingestion against its oracle, with the calls counted."""

    calls = 0

    def _send(self, group: list[tuple[int, list[tuple[tuple[int, int], bytes]]]]) -> None:
        CountedCalls.calls += sum(bool(reports) for _, reports in group)
        super()._send(group)


def batches(count: int) -> Figures:
    """Calls lost, repeated, out of order, forged, forked: what is sent again changes no row and has
    the receipt it had. At least so many calls, in histories of 200 steps."""
    CountedCalls.calls = histories = 0
    while CountedCalls.calls < count:
        run_state_machine_as_test(
            CountedCalls,
            settings=settings(
                max_examples=HISTORIES_A_ROUND,
                stateful_step_count=200,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
        histories += HISTORIES_A_ROUND
    return {"histories": histories, "calls": CountedCalls.calls}


def flip_bytes(stride: int) -> Figures:
    """Every byte of every segment of a host flipped, one in so many, each alone (D4)."""
    disk = damage.worn().host.disk
    return _spoiled(
        partial(SimulatedDisk.flip, name=name, offset=offset)
        for name in damage.segment_files(disk)
        for offset in range(0, disk.size(name), stride)
    )


def cut_files(stride: int) -> Figures:
    """Every file of a host that is not a reserve cut at every length, one in so many (D4)."""
    disk = damage.worn().host.disk
    return _spoiled(
        partial(damage.shortened, name=name, size=size)
        for name in disk.names()
        if not name.startswith("reserve")
        for size in range(0, disk.size(name), stride)
    )


def _spoiled(spoils: Iterable[damage.Spoil]) -> Figures:
    costs = [damage.after(spoil) for spoil in spoils]
    share = Share(
        trials=len(costs),
        intact=sum(cost.intact_frames for cost in costs),
        recovered=sum(cost.recovered_frames for cost in costs),
    )
    return {
        **_shared(share),
        "gap_ms_max": max(cost.gap_ms for cost in costs),
        "hole_ms_max": max(cost.hole_ms for cost in costs),
    }


def spoil_segment(stride: int) -> Figures:
    """A segment of 64 KiB spoilt at every byte, one in so many: flipped, cut there, zeros from
    there on (D4)."""
    total = Share()
    for spoilt in (damaged_segment.flipped, damaged_segment.cut, damaged_segment.zeroed):
        share = damaged_segment.read_again(spoilt(stride))
        total.trials += share.trials
        total.intact += share.intact
        total.recovered += share.recovered
    return _shared(total)


def _shared(share: Share) -> Figures:
    assert share.percent >= RECOVERED_PERCENT_MIN, share
    return {**asdict(share), "recovered_percent": round(share.percent, 4)}


def outage(days: int) -> Figures:
    """So many days without the server: memory a day, and all of it delivered in the end."""
    with tempfile.TemporaryDirectory(prefix="kashi-soak-") as folder:
        tracemalloc.start()
        host = LongHost(Path(folder), reachable=False)
        costs = list(host.days(days))
        tracemalloc.stop()
        seconds = host.catch_up()
        assert host.agent.spool.sealed.unacknowledged == 0
        host.agent.close()
    warm_up = min(2, days - 2)
    growth = growth_mb_a_day([cost.traced_bytes for cost in costs], warm_up)
    assert growth <= 1, f"{growth} MB a day"
    return {
        "days": days,
        "traced_growth_mb_a_day": round(growth, 4),
        "traced_mb_at_the_end": round(costs[-1].traced_bytes / 1e6, 1),
        "disk_mb_at_the_end": round(costs[-1].disk_bytes / 1e6, 1),
        "caught_up_in_memory_s": round(seconds, 1),
    }


def absence(days: int) -> Figures:
    """So many days without a real server, the agent ending in between, its certificate over."""
    with tempfile.TemporaryDirectory(prefix="kashi-soak-") as folder:
        server = KashiServer(Path(folder) / "server")
        server.init("--demo")
        pin_ports(server)
        server.start()
        try:
            return asdict(survived(server, Path(folder) / "host", days=days, cards=8))
        finally:
            server.stop()


def catch_up(days: int) -> Figures:
    """So many days delivered to a real server on loopback."""
    figures = outage_cost.measure(days)
    assert figures["caught_up_s"] <= 60 * max(1, days / 7), figures
    assert figures["live_reading_age_max_intervals"] < 2, figures
    return figures


def month(days: int) -> Figures:
    """Whether the last week costs what the first did; fewer days than two weeks show no trend."""
    figures = agent_month.measure(days)
    if days >= 2 * agent_month.WEEK:
        first, last = figures["first_week_cpu_s_a_day"], figures["last_week_cpu_s_a_day"]
        assert last <= CPU_GROWN_MAX * first, figures
        assert figures["pss_growth_mb_a_day"] <= MONTH_GROWTH_MB_A_DAY_MAX, figures
    return figures


TRIALS: dict[str, tuple[Callable[[int], Figures], int]] = {
    "kills": (kill, 5_000),
    "restarts": (restart, 500),
    "cuts": (cut_power, 1_000_000),
    "histories": (histories, 20_000),
    "batches": (batches, 10_000),
    "flips": (flip_bytes, 1),
    "truncations": (cut_files, 1),
    "segment": (spoil_segment, 1),
    "outage": (outage, 30),
    "absence": (absence, 30),
    "catch_up": (catch_up, 7),
    "month": (month, 30),
}
"""Name -> what is tried, and its count."""


def main(wanted: list[str]) -> int:
    """Try what is asked for, or everything."""
    found: dict[str, Figures] = {}
    for name, _, count in (one.partition("=") for one in wanted or TRIALS):
        trial, usual = TRIALS[name]
        began = time.monotonic()
        found[name] = trial(int(count or usual))
        found[name]["wall_s"] = round(time.monotonic() - began)
        print(name, found[name], flush=True)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
