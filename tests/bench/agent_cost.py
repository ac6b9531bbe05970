"""What metering costs a host: processor and memory, beside nvitop-exporter on the same fake driver.

Eight devices at 1 Hz, every call into the driver burning 50 µs (a spin: most of a real call is
spent in the kernel), four devices held by a process each. Ours are both processes as installed,
enrolled at a real server and reporting to it every minute (five times as often as by default). Both
sides run at the same time and for the same span, so that what else the machine does weighs on both;
quote the ratio.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.metered_host import MeteredHost, metered_host
from fakes.nvml.exporter import Exporter, exporter_program, running_exporter
from fakes.nvml.library import built_library, environment
from fakes.nvml.scenario import Device, Latency, Process, Scenario, State

DEVICES: Final = 8
CALL_MICROSECONDS: Final = 50
DRIVER_PERIOD_MS: Final = 167
"""The driver samples utilisation six times a second and keeps the samples, as real ones do."""
SCRAPE_SECONDS: Final = 15
WARM_UP_SECONDS: Final = 5
SECONDS: Final = 60
BUILD: Final = Path(__file__).parents[2] / "build"


def measure(seconds: int = SECONDS) -> dict[str, int | float]:
    """CPU in percent of a core and PSS in MB, of our processes and of nvitop-exporter."""
    with tempfile.TemporaryDirectory(prefix="kashi-") as folder, ExitStack() as stack:
        environ = _environment(Path(folder), stack)
        ours = stack.enter_context(metered_host(Path(folder), environ))
        program = exporter_program()
        theirs = (
            None if program is None else stack.enter_context(running_exporter(program, environ))
        )
        return _measured(ours, theirs, seconds)


def _measured(ours: MeteredHost, theirs: Exporter | None, seconds: int) -> dict[str, int | float]:
    """Let both run for the span and read what the kernel has counted."""
    groups = {"meter": [ours.meter_pid], "agent": [ours.agent_pid]}
    groups["kashi"] = [ours.meter_pid, ours.agent_pid]
    if theirs is not None:
        groups["nvitop_exporter"] = [theirs.pid]
    pids = {pid for group in groups.values() for pid in group}
    _run(theirs, WARM_UP_SECONDS)
    samples, began_ns = ours.samples(), time.monotonic_ns()
    before = {pid: cpu_ns(pid) for pid in pids}
    _run(theirs, seconds)
    used = {pid: cpu_ns(pid) - before[pid] for pid in pids}
    span_ns = time.monotonic_ns() - began_ns
    figures: dict[str, int | float] = {
        "seconds": round(span_ns / 1e9),
        "samples": ours.samples() - samples,
    }
    for name, group in groups.items():
        figures[f"{name}.cpu_percent"] = round(100 * sum(used[pid] for pid in group) / span_ns, 3)
        figures[f"{name}.pss_mb"] = round(sum(map(pss_bytes, group)) / 1e6, 1)
    return figures


def cpu_ns(pid: int) -> int:
    """Processor time of all threads, user and system, as the scheduler counts it."""
    return sum(
        int((task / "schedstat").read_text().split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir()
    )


def pss_bytes(pid: int) -> int:
    """Memory of the process, shared pages divided among those who share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup tells no Pss")


def _run(theirs: Exporter | None, seconds: int) -> None:
    """Let time pass, scraping the exporter as Prometheus would."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        if theirs is not None:
            theirs.scrape()
        time.sleep(min(SCRAPE_SECONDS, left_s))  # the span is what is measured


def _environment(folder: Path, stack: ExitStack) -> dict[str, str]:
    """Where both meet the fake driver and its scenario."""
    holders = [stack.enter_context(_sleeper()) for _ in range(DEVICES // 2)]
    start_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    path = _scenario(holders).write(folder / "scenario", start_boottime_ms=start_ms)
    return environment(built_library(BUILD), path, os.environ)


def _scenario(holders: Iterable[int]) -> Scenario:
    """Half of the devices busy and held, half idle."""
    pids = dict(enumerate(holders))
    return Scenario(
        devices=tuple(
            Device(
                uuid=f"GPU-{number:08x}-0000-4000-8000-000000000000",
                serial=f"1650522{number:06d}",
                pci=f"00000000:{0x17 + number:02X}:00.0",
                minor=number,
                sample_period_ms=DRIVER_PERIOD_MS,
                states=(
                    State(
                        from_ms=0,
                        gpu_percent=95 if number in pids else 0,
                        used_bytes=(60 << 30) if number in pids else 0,
                        power_mw=650_000 if number in pids else 70_000,
                    ),
                ),
                processes=(
                    (Process(pid=pids[number], used_bytes=60 << 30, sm_percent=95),)
                    if number in pids
                    else ()
                ),
            )
            for number in range(DEVICES)
        ),
        latencies=(Latency(microseconds=CALL_MICROSECONDS),),
    )


@contextmanager
def _sleeper() -> Iterator[int]:
    """A process that holds a device and does nothing."""
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.communicate()


if __name__ == "__main__":
    for key, value in measure(int(sys.argv[1]) if sys.argv[1:] else SECONDS).items():
        print(f"{key} = {value}")
