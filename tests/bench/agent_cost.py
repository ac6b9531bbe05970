"""What metering costs a host: processor and memory, beside nvitop-exporter on the same fake driver.

Eight devices at 1 Hz, every call into the driver burning 50 µs (a spin: most of a real call is
spent in the kernel), four devices held by a process each. Both run at the same time and for the
same span, so that what else the machine does weighs on both; quote the ratio.
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

from fakes.nvml.exporter import Exporter, exporter_program, running_exporter
from fakes.nvml.library import built_library, environment
from fakes.nvml.scenario import Device, Latency, Process, Scenario, State
from kashi_agent.meter_socket import MeterConnection, MeterListener

DEVICES: Final = 8
CALL_MICROSECONDS: Final = 50
SCRAPE_SECONDS: Final = 15
WARM_UP_SECONDS: Final = 5
SECONDS: Final = 60
BUILD: Final = Path(__file__).parents[2] / "build"


def measure(seconds: int = SECONDS) -> dict[str, int | float]:
    """CPU in percent of a core and PSS in MB, of our processes and of nvitop-exporter."""
    with tempfile.TemporaryDirectory(prefix="kashi-") as folder, ExitStack() as stack:
        environ = _environment(Path(folder), stack)
        ours = stack.enter_context(_running_meter(Path(folder), environ))
        program = exporter_program()
        theirs = (
            None if program is None else stack.enter_context(running_exporter(program, environ))
        )
        return _measured(ours, theirs, seconds)


def _measured(
    ours: tuple[int, MeterConnection], theirs: Exporter | None, seconds: int
) -> dict[str, int | float]:
    """Let both run for the span and read what the kernel has counted."""
    meter, connection = ours
    exporter = [] if theirs is None else [theirs.pid]
    _run(connection, theirs, WARM_UP_SECONDS)
    before = {pid: cpu_ns(pid) for pid in (meter, *exporter)}
    began_ns = time.monotonic_ns()
    batches = _run(connection, theirs, seconds)
    span_ns = time.monotonic_ns() - began_ns
    figures: dict[str, int | float] = {"seconds": round(span_ns / 1e9), "batches": batches}
    for name, pids in (("kashi", [meter]), ("nvitop_exporter", exporter)):
        if pids:
            used_ns = sum(cpu_ns(pid) - before[pid] for pid in pids)
            figures[f"{name}.cpu_percent"] = round(100 * used_ns / span_ns, 3)
            figures[f"{name}.pss_mb"] = round(sum(map(pss_bytes, pids)) / 1e6, 1)
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


def _run(connection: MeterConnection, theirs: Exporter | None, seconds: int) -> int:
    """Hear the meter for so long, scraping the exporter as Prometheus would; batches heard."""
    batches = 0
    end_s = time.monotonic() + seconds
    scrape_s = time.monotonic()
    while (now_s := time.monotonic()) < end_s:
        if theirs is not None and now_s >= scrape_s:
            theirs.scrape()
            scrape_s += SCRAPE_SECONDS
        batches += connection.receive(min(end_s, scrape_s) - now_s) is not None
    return batches


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


@contextmanager
def _running_meter(folder: Path, environ: dict[str, str]) -> Iterator[tuple[int, MeterConnection]]:
    """kashi-meter as it is installed, with this process in the agent's place."""
    with MeterListener(folder / "meter.sock") as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "kashi_agent.meterd", "--socket", str(listener.path)],
            env=environ,
            stderr=subprocess.DEVNULL,
        )
        try:
            connection = listener.accept(30)
            if connection is None:
                raise RuntimeError("kashi-meter did not connect")
            with connection:
                yield process.pid, connection
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    for key, value in measure(int(sys.argv[1]) if sys.argv[1:] else SECONDS).items():
        print(f"{key} = {value}")
