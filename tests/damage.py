"""A host whose spool was damaged while nobody looked: what it then tells its server.

The host has delivered some reports, sealed others that the server has not, and measured more that
nobody sealed. Each kind of damage is done to a copy of its disk; an agent starts on it, measures on
and delivers. The server's books are then compared with what the meter said.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise
from random import Random

from driven_host import DEVICES, METER, SEEN, Driven, driven
from fixtures_spool import SimulatedDisk, VerdictServer
from kashi_agent.errors import UnreachableError
from kashi_agent.reading import DeviceMinutes, GapReason
from kashi_agent.sample import Sample, SampleBatch
from kashi_agent.spool.frame import Damage, Found, encode_frame, scan_frames
from kashi_agent.spool.segments import KIND_SEGMENT
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unseal
from said import Said, check_true

SAMPLE_MS = 2_500
REPORT_MS = 60_000
SEGMENT_BYTES = 1 << 12
STOPPED_MS = 5_000

Spoil = Callable[[SimulatedDisk], None]


@dataclass(frozen=True, slots=True)
class Worn:
    """The host before the damage, and what the meter has said."""

    host: Driven
    said: Said


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a damage cost. `intact_frames`: whose bytes it left alone, `recovered_frames`: how many
    of them the next agent reads. `gap_ms` and `hole_ms`, of the device with the most: time that a
    gap states, and time that nothing states but the epoch that was opened."""

    intact_frames: int
    recovered_frames: int
    gap_ms: int
    hole_ms: int
    epochs: int
    corrupt_files: int
    repaired_bytes: int


@cache
def worn() -> Worn:
    """Ten minutes delivered, six sealed and not delivered, four measured and not sealed."""
    host, said = driven(4, SEGMENT_BYTES), Said()
    host.kill()
    host.interval_ms = REPORT_MS
    host.start()
    measure(host, said, 10 * 60)
    host.ship()
    measure(host, said, 6 * 60)
    host.server.faults = ["lose_request"] * 2
    for _ in range(2):
        try:
            host.agent.ship(host.server)
        except UnreachableError as error:
            host.agent.shipper._server = host.server.head
            host.agent.shipper.state.trouble = str(error)
    host.agent.shipper.prepare()
    measure(host, said, 4 * 60 - 7)
    host.kill()
    return Worn(host, said)


def measure(host: Driven, said: Said, seconds: int, *, durable: bool = True) -> None:
    """Let the meter speak and the agent write; `durable`: whatever it writes must be."""
    for _ in range(seconds * 1_000 // SAMPLE_MS):
        host.clock.advance(SAMPLE_MS)
        at = host.clock.boottime
        seen = replace(SEEN, utilisation_ppm=said.say(at))
        samples = tuple(Sample(device=device, seen=seen) for device in DEVICES)
        host.agent.metering.observe(SampleBatch(boottime_ms=at, meter=METER, samples=samples))
        if host.agent.recorder.due(at):
            assert host.agent.record() or not durable


def after(spoil: Spoil) -> Outcome:
    """Damage a copy of the worn host's disk, start on it, measure on, deliver, compare.

    Raises:
        AssertionError: the server was told what was not so.
    """
    before = worn()
    said = copy.deepcopy(before.said)
    disk = before.host.disk.copy(Random(5))
    spoil(disk)
    intact = intact_frames(disk)
    host = replace(
        before.host,
        disk=disk,
        clock=replace(before.host.clock),
        server=twin_of(before.host.server),
        random=Random(6),
    )
    host.clock.advance(STOPPED_MS)
    host.start()
    recovery = host.agent.recovery
    measure(host, said, 2 * 60)
    host.agent.ship(host.server, calls_max=12)
    assert host.agent.spool.sealed.unacknowledged == 0, "it does not come to an end"
    gap_ms, hole_ms = _checked(host.server, said)
    return Outcome(
        intact_frames=intact,
        recovered_frames=recovery.journal.frames + recovery.sealed.frames,
        gap_ms=gap_ms,
        hole_ms=hole_ms,
        epochs=len(host.server.openings()),
        corrupt_files=sum(name.endswith(".corrupt") for name in disk.names()),
        repaired_bytes=recovery.repaired_bytes,
    )


def twin_of(server: VerdictServer) -> VerdictServer:
    """The same server at the same place, to be told something else."""
    twin = copy.copy(server)
    twin.stored = list(server.stored)
    twin._forks = []
    twin.faults = []
    return twin


def segment_files(disk: SimulatedDisk, log: str = "") -> list[str]:
    """The files of a log, or of both."""
    return [name for name in disk.names() if name.startswith(log) and name.endswith(".seg")]


@cache
def _written() -> frozenset[bytes]:
    """Every frame of the worn host's logs, but for what only names a segment's owner."""
    disk = worn().host.disk
    found = (part for name in segment_files(disk) for part in scan_frames(disk.read(name)))
    frames = (part.frame for part in found if isinstance(part, Found))
    return frozenset(encode_frame(frame) for frame in frames if frame.kind != KIND_SEGMENT)


def intact_frames(disk: SimulatedDisk) -> int:
    """How many of the worn host's frames have all their bytes in some segment of this disk, found
    without the code that recovers them."""
    contents = [disk.read(name) for name in segment_files(disk)]
    return sum(any(one in content for content in contents) for one in _written())


def shortened(disk: SimulatedDisk, name: str, size: int) -> None:
    """A file loses its end, durably."""
    disk.truncate(name, size)
    disk.sync(name)


def edges(disk: SimulatedDisk) -> Iterator[tuple[str, int]]:
    """The places where frames begin and end, and the bytes of their heads and checksums."""
    for name in segment_files(disk):
        for found in scan_frames(disk.read(name)):
            assert not isinstance(found, Damage)
            yield from ((name, found.start + at) for at in (0, 3, 4, 7, 8, 9, 16, 17))
            yield from ((name, found.end - at) for at in (1, 4, 5))


def _checked(server: VerdictServer, said: Said) -> tuple[int, int]:
    assert not server._forks
    stretches = [_read(stored.wire) for stored in server.stored]
    gap_ms = hole_ms = 0
    for device in DEVICES:
        parts = [m for s in stretches for m in s.devices if m.device == device]
        holes = [b.start_boottime_ms - a.end_boottime_ms for a, b in pairwise(parts)]
        assert min(holes) >= 0, "told twice"
        for run in _runs(parts):
            check_true(run, said)
        assert parts[0].start_boottime_ms == said.instants[0], "the beginning is gone in silence"
        reasons = {gap.reason for minutes in parts for gap in minutes.gaps}
        assert reasons <= {GapReason.AGENT_DOWN, GapReason.SPOOL_LOST}
        gap_ms = max(gap_ms, sum(minutes.gap_ms for minutes in parts))
        hole_ms = max(hole_ms, sum(holes))
    assert not hole_ms or server.openings(), "a hole that no epoch states"
    return gap_ms, hole_ms


@lru_cache(maxsize=100)
def _read(wire: bytes) -> Stretch:
    return unseal(wire)


def _runs(parts: list[DeviceMinutes]) -> Iterator[list[DeviceMinutes]]:
    """Parts that follow each other without a hole."""
    run: list[DeviceMinutes] = []
    for part in parts:
        if run and run[-1].end_boottime_ms != part.start_boottime_ms:
            yield run
            run = []
        run.append(part)
    yield run
