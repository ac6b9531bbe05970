"""A disk that fills at any call, and one that is far too small: nothing measured is lost."""

from dataclasses import replace

import pytest
from damage import measure
from driven_host import DEVICES, METER, SEEN, Driven, driven
from fixtures_spool import SimulatedDisk
from kashi.v1 import report_pb2
from kashi_agent.errors import AgentError, DiskFullError
from kashi_agent.sample import Sample, SampleBatch
from kashi_agent.unsealing import unseal
from said import Said, check_true

CALLS = 500
FULL_CALLS = 60
TAKING_ROOM = ("append", "overwrite")
ROOM = 1 << 20
MINUTE_MS = 60_000


def gap_ms(host: Driven, said: Said) -> int:
    """Gaps of the server's books, which must be true."""
    stretches = [unseal(stored.wire) for stored in host.server.stored]
    total = 0
    for device in DEVICES:
        parts = [m for s in stretches for m in s.devices if m.device == device]
        check_true(parts, said)
        assert parts[0].start_boottime_ms == said.instants[0]
        total += sum(minutes.gap_ms for minutes in parts)
    return total


def full_from(call: int) -> Driven:
    """A fresh host whose disk takes nothing from its n-th call on, for some calls."""
    host = driven(call, 1 << 11)
    host.kill()
    host.disk = SimulatedDisk(host.random)
    host.interval_ms = MINUTE_MS
    calls = 0

    def fail(operation: str, name: str) -> OSError | None:
        nonlocal calls
        calls += operation in TAKING_ROOM
        full = operation in TAKING_ROOM and call <= calls < call + FULL_CALLS
        return DiskFullError(28, f"{name}: simulated") if full else None

    host.disk.fail = fail
    host.start()
    return host


@pytest.mark.parametrize("first", range(1, CALLS, 100))
def test_a_disk_that_fills_at_any_call_loses_nothing(first: int) -> None:
    """From each of five hundred calls on it takes nothing for sixty calls: opening, measuring,
    sealing, receipts. No millisecond is missing, the alarm is raised, all of it drains."""
    for call in range(first, first + 100):
        host, said = full_from(call), Said()
        for _ in range(7):
            measure(host, said, 60, durable=False)
            try:
                host.agent.ship(host.server)
            except (AgentError, OSError) as error:
                host.agent.shipper.failed(error)
        host.disk.fail = lambda _operation, _name: None
        measure(host, said, 120)
        host.ship()

        assert gap_ms(host, said) == 0, call
        assert not host.server._forks
        assert not host.agent.spool.disk_full
        assert host.agent.recorder.waiting_readings == 0


def test_the_alarm_comes_within_a_minute() -> None:
    """The event lies within 60 s of the first write that did not fit, and status says so."""
    host, said = full_from(40), Said()
    while not host.agent.spool.disk_full:
        measure(host, said, 3, durable=False)
    first_ms = host.clock.boottime
    host.disk.fail = lambda _operation, _name: None
    measure(host, said, 180)
    host.ship()

    events = [e for stored in host.server.stored for e in host.server.header(stored).events]
    (full,) = [e for e in events if e.kind == report_pb2.HOST_EVENT_KIND_DISK_FULL]
    assert abs(full.boottime_ms - first_ms) <= MINUTE_MS


@pytest.mark.parametrize("reachable", [True, False])
def test_a_week_on_a_megabyte_loses_nothing(*, reachable: bool) -> None:
    """With the server there, what it acknowledged makes room; without it for the whole week, memory
    holds the rest; and when it is back all of it arrives although the disk stays as small."""
    host = driven(7, ROOM >> 5)
    host.kill()
    host.disk = SimulatedDisk(host.random)
    host.disk.bytes_max = ROOM
    host.reserve_bytes = ROOM >> 3
    host.start()
    minutes = 7 * 24 * 60
    host.server.faults = [] if reachable else ["lose_request"] * minutes
    pass_minutes(host, minutes)
    assert (host.agent.recorder.waiting_readings > 0) == (not reachable)
    host.server.faults = []
    pass_minutes(host, 720)

    assert host.disk.used <= ROOM
    assert host.agent.recorder.waiting_readings == 0
    for account in host.server.accounts().values():
        assert account.gap_ms == 0
        assert account.observed_ms >= (minutes + 710) * MINUTE_MS


def pass_minutes(host: Driven, minutes: int) -> None:
    """Eight devices, a reading a minute; written and shipped every five, as a daemon would."""
    devices = [replace(DEVICES[0], hardware_id=f"GPU-{n}") for n in range(8)]
    meter = replace(METER, cadence_ms=MINUTE_MS)
    for minute in range(minutes):
        host.clock.advance(MINUTE_MS)
        seen = replace(SEEN, utilisation_ppm=minute * 7_919 % 1_000_001)
        samples = tuple(Sample(device=device, seen=seen) for device in devices)
        host.agent.metering.observe(
            SampleBatch(boottime_ms=host.clock.boottime, meter=meter, samples=samples)
        )
        if minute % 5 == 4:
            host.agent.record()
            try:
                host.agent.ship(host.server)
            except (AgentError, OSError) as error:
                host.agent.shipper.failed(error)
