"""The machine stops before a disk operation, and again, and again: every instant of a busy host.

One host measures, writes, seals, ships, is killed, runs out of disk and frees, on a simulated disk.
Before each of its disk operations the disk is copied, the copy loses power (keeping a random legal
part of what was not synchronised), and an agent that starts on what is left tells what it has. That
is compared with what the meter said, interval by interval, by plain arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from driven_host import DEVICES, METER, SEEN, driven
from kashi_agent.agent import Agent
from kashi_agent.errors import UnreachableError
from kashi_agent.reading import DeviceMinutes, GapReason
from kashi_agent.reporter import _end_of
from kashi_agent.sample import Sample, SampleBatch
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unseal
from said import Interval, Said, check_true, down_explains

FLUSH_MS = 10_000
SAMPLE_MS = 2_500
REPORT_MS = 60_000
SEGMENT_BYTES = (1 << 10, 1 << 11, 1 << 13)
DOWN_MS = 7_000


@dataclass(slots=True)
class Tally:
    """What so many power cuts cost. `points`: instants times chances; `lost_ms_max`: the longest
    stretch of time that was measured and is not there after a cut."""

    points: int = 0
    lost_ms_max: int = 0


class CutHost:
    """One history of one host, cut before every disk operation."""

    def __init__(self, seed: int, *, chances: int = 1) -> None:
        """`chances`: how many states of the disk are tried at each instant."""
        self._random = Random(seed)
        self._chances = chances
        self._said = Said()
        self._downs: list[Interval] = []
        self._durable_ms = 0
        self._refused = False
        self._known: dict[bytes, Stretch] = {}
        self.tally = Tally()
        self.host = driven(seed, self._random.choice(SEGMENT_BYTES))
        self.host.kill()
        self.host.interval_ms = REPORT_MS
        self.host.start()

    def run(self, steps: int = 12) -> Tally:
        """Let things happen, in an order of its own."""
        self.host.disk.fail = self._before
        acts = (self._measure, self._measure, self._ship, self._ship_badly, self._kill, self._fill)
        self._measure()
        for _ in range(steps):
            self._random.choice(acts)()
        self.host.disk.fail = lambda _operation, _name: None
        return self.tally

    def _measure(self) -> None:
        for _ in range(self._random.randint(4, 40)):
            self.host.clock.advance(SAMPLE_MS)
            at = self.host.clock.boottime
            seen = replace(SEEN, utilisation_ppm=self._said.say(at))
            samples = tuple(Sample(device=device, seen=seen) for device in DEVICES)
            self.host.agent.metering.observe(
                SampleBatch(boottime_ms=at, meter=METER, samples=samples)
            )
            if self.host.agent.recorder.due(at):
                self._refused = not self.host.agent.record()
                self._durable_ms = self._durable_ms if self._refused else at

    def _ship(self) -> None:
        self.host.agent.ship(self.host.server)

    def _ship_badly(self) -> None:
        self.host.server.faults = [self._random.choice(("lose_request", "lose_answer"))]
        try:
            self.host.agent.ship(self.host.server)
        except UnreachableError as error:
            self.host.agent.shipper.failed(error)
        self.host.server.faults = []

    def _kill(self) -> None:
        self.host.kill()
        self._downs.append((self.host.clock.boottime, self.host.clock.boottime + DOWN_MS))
        self.host.clock.advance(DOWN_MS)
        self.host.start()

    def _fill(self) -> None:
        self.host.disk.bytes_max = self.host.disk.used + self._random.randint(0, 3_000)
        self._measure()
        self.host.disk.bytes_max = None
        self._measure()

    def _before(self, operation: str, _name: str) -> None:
        if operation == "read":
            return
        for _ in range(self._chances):
            self._cut()

    def _cut(self) -> None:
        """Cut the power of a copy, start an agent on it, and look at what it has."""
        disk = self.host.disk.copy(Random(self._random.random()))
        disk.power_cut()
        disk.bytes_max = None
        twin = replace(self.host, disk=disk, clock=replace(self.host.clock))
        agent = twin.start()
        kept = agent.spool.sealed.entries()
        wires = [agent.spool.sealed.read(entry).wire for entry in kept if not entry.abandoned]
        stretches = [self._unsealed(wire) for wire in wires]
        stretches += _to_be_sealed(agent)
        for held in agent.recorder._waiting:  # what the last agent left open, closed at its end
            stretches += [held] if not stretches or _ends(stretches) < held.end_boottime_ms else []
        acknowledged = agent.spool.sealed.acknowledged
        receipted = {position for position, _ in agent.spool.sealed.receipts()}
        assert acknowledged in receipted or acknowledged not in {e.position for e in kept}
        for device in DEVICES:
            self._compare([m for s in stretches for m in s.devices if m.device == device])
        self.tally.points += 1

    def _unsealed(self, wire: bytes) -> Stretch:
        """Read each report once: histories share most of theirs."""
        if wire not in self._known:
            self._known[wire] = unseal(wire)
        return self._known[wire]

    def _compare(self, parts: Sequence[DeviceMinutes]) -> None:
        """Time is tiled once, what is claimed was said, and what is missing is the last 10 s."""
        if not parts:
            assert self._durable_ms == 0, "everything is gone"
            return
        check_true(parts, self._said)
        for gap in (gap for minutes in parts for gap in minutes.gaps):
            assert gap.reason in (GapReason.AGENT_DOWN, GapReason.SPOOL_LOST)
            start, end = gap.start_boottime_ms, gap.end_boottime_ms
            assert down_explains(start, end, self._downs, SAMPLE_MS)
        end = parts[-1].end_boottime_ms
        assert end >= self._durable_ms - SAMPLE_MS, "what was durable is gone"
        if not self._refused:  # a full disk keeps more in memory
            lost_ms = self._said.observed_since(end)
            assert lost_ms <= FLUSH_MS
            self.tally.lost_ms_max = max(self.tally.lost_ms_max, lost_ms)


def _ends(stretches: Sequence[Stretch]) -> int:
    return stretches[-1].end_boottime_ms


def _to_be_sealed(agent: Agent) -> list[Stretch]:
    """What the journal adds to the chain, as the reporter would seal it; nothing is signed."""
    stretches: list[Stretch] = []
    end = agent.reporter._end
    for window in agent.reporter._windows(drain=True, with_open=True):
        for stretch in agent.reporter._continued(window.stretches, end):
            stretches.append(stretch)
            end = _end_of(stretch)
    return stretches


def explored(points: int, *, seed: int = 1, chances: int = 3) -> Tally:
    """Histories until so many points were cut.

    Raises:
        AssertionError: an agent that started after a cut told what is not true.
    """
    total = Tally()
    while total.points < points:
        try:
            tally = CutHost(seed, chances=chances).run()
        except BaseException as error:
            error.add_note(f"history of seed {seed}, {chances} chances an instant")
            raise
        total.points += tally.points
        total.lost_ms_max = max(total.lost_ms_max, tally.lost_ms_max)
        seed += 1
    return total
