"""A call into the driver that does not return for two minutes, in real time, with every limit as it
is in production: the real agent, its real meter, the fake driver.

Two hosts at once. On one the driver itself is stuck (the thread is in the kernel's state D), on the
other only the session of one process. In both cases no process is killed, no time is lost from the
books, and the devices are measured again by themselves.
"""

from collections.abc import Callable
from pathlib import Path

from agent_process import AgentProcess
from fakes.nvml.scenario import Device, Hang, Scenario, State
from fixtures_server import KashiServer
from kashi_agent.clock import SystemClock
from kashi_agent.reading import GapReason, HostEventKind
from metered_agent import MeteredAgent, events_of, gap_ms, metered_agent

HUNG_FROM_MS = 12_000
HUNG_MS = 120_000
CALL = "nvmlDeviceGetTotalEnergyConsumption"
CARD = Device(
    uuid="GPU-00000000-0000-4000-8000-000000000000", states=(State(from_ms=0, gpu_percent=50),)
)
STAND_IN_MS_MIN, STAND_IN_MS_MAX = 30_000, 100_000
"""30 s of patience, then the start of a process and its first reading: long before the call
returns, however slow the machine."""
RESTART_MS_MAX = 60_000
"""The end of one process and the start of the next, likewise."""


def begun(
    server: KashiServer, agents: Callable[[Path], AgentProcess], folder: Path, hang: Hang
) -> MeteredAgent:
    """A host that has begun to measure before its driver hangs."""
    host = metered_agent(
        server,
        agents,
        folder,
        lambda device: Scenario(devices=(CARD,), opens=(device,), hangs=(hang,)),
        start_boottime_ms=SystemClock().boottime_ms(),
        meter=(),
    )
    host.process.start()
    host.measuring(1)
    return host


def stand_ins(host: MeteredAgent) -> list[int]:
    """Meters that stand in for another."""
    return [
        pid
        for pid in host.process.meters()
        if b"--stands-in" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    ]


def check_books(host: MeteredAgent, hung_ms: range) -> None:
    """One gap, of its reason and as long as expected; the rest is observed at half use, but for
    while one process hands over to the next: however short, nobody reads then."""
    stretches = host.sealed()
    gaps = gap_ms(stretches)
    assert gaps.pop(GapReason.METER_DOWN, 0) < RESTART_MS_MAX
    assert gaps.keys() == {GapReason.METER_HUNG}
    assert gaps[GapReason.METER_HUNG] in hung_ms
    devices = [minutes for stretch in stretches for minutes in stretch.devices]
    utilised = sum(reading.utilised_ns for minutes in devices for reading in minutes.readings)
    assert utilised == sum(minutes.observed_ms for minutes in devices) * 500_000
    assert [event.detail for event in events_of(stretches, HostEventKind.METER_HUNG)] == [CALL]
    assert events_of(stretches, HostEventKind.METER_CRASHED) == []


def test_two_minutes_in_the_driver_are_a_gap_and_nothing_else(
    shared: KashiServer, agents: Callable[[Path], AgentProcess], tmp_path: Path
) -> None:
    """The agent keeps writing all the while. The stuck driver is left alone by one process that
    waits; the lost session is stood in for. Both read on by themselves, none was killed."""
    end_ms = HUNG_FROM_MS + HUNG_MS
    stuck = begun(
        shared,
        agents,
        tmp_path / "stuck",
        Hang(call=CALL, from_ms=HUNG_FROM_MS, to_ms=end_ms, deep=True),
    )
    lost = begun(
        shared,
        agents,
        tmp_path / "lost",
        Hang(call=CALL, from_ms=HUNG_FROM_MS, to_ms=end_ms, session=True),
    )
    (first,) = lost.process.meters()
    (waiting,) = stuck.process.meters()
    hung = stuck.process.until(lambda status: status.meter_state == f"hung: {CALL}")
    before = lost.process.until(lambda status: status.meter_state == f"hung: {CALL}")

    lost.process.until(lambda status: status.samples > before.samples + 20)
    assert len(stand_ins(lost)) == 1
    assert first in lost.process.meters()
    alive = stuck.process.until(lambda s: s.durable_flushes >= hung.durable_flushes + 20)
    assert alive.samples == hung.samples
    assert stand_ins(stuck) == []

    stuck.process.until(lambda status: status.samples > hung.samples + 5)
    assert stuck.process.meters() == [waiting]
    lost.process.until(lambda _: lost.process.meters() == [first])
    lost.measuring(5)
    for host in (stuck, lost):
        host.process.stop()
    check_books(stuck, range(HUNG_MS - 2_000, HUNG_MS + RESTART_MS_MAX))
    check_books(lost, range(STAND_IN_MS_MIN, STAND_IN_MS_MAX))
