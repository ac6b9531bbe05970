"""Steps, sleep and reboots: durations follow the boot clock, whatever the wall clock does."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.clock import ClockSync, Discipline
from kashi_agent.metering import Metering
from kashi_agent.reading import GapReason, HostEventKind
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
)
from kashi_agent.stretch import Stretch
from sample_scripts import NAMING, device

from deploy.demo.manual_clock import ManualClock

METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
UNKNOWN = Absent(AbsentReason.NOT_SUPPORTED)
BUSY = Observation(
    utilisation_ppm=1_000_000,
    energy_counter_mj=UNKNOWN,
    power_mw=UNKNOWN,
    memory_used_bytes=UNKNOWN,
    holders=frozenset(),
)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_1970 = 0
YEAR_2081 = 3_502_828_800_000

steps = st.sampled_from([1_000, -1_000, HOUR_MS, -HOUR_MS, DAY_MS, -DAY_MS])
actions = st.one_of(
    st.tuples(st.just("run"), st.integers(1, 150)),
    st.tuples(st.just("step"), steps),
    st.tuples(st.just("set"), st.sampled_from([YEAR_1970, YEAR_2081])),
    st.tuples(st.just("sleep"), st.sampled_from([100, 2_000, 60_000, 8 * HOUR_MS])),
    st.tuples(st.just("sync"), st.sampled_from(ClockSync)),
    st.tuples(st.just("reboot"), st.sampled_from([1_000, 90_000, DAY_MS])),
)


@dataclass
class Truth:
    """What happened to one device in one boot, by construction."""

    observed_ms: int = 0
    slept_ms: int = 0
    first_ms: int | None = None
    last_ms: int = 0


@dataclass
class Host:
    """A host whose clock is led by the hand; keeps every stretch of every boot."""

    clock: ManualClock = field(
        default_factory=lambda: ManualClock(boottime=7_777, monotonic=7_777, utc=1_790_000_000_123)
    )
    stretches: list[Stretch] = field(default_factory=list)
    truths: dict[bytes, Truth] = field(default_factory=dict)
    stepped: int = 0
    boots: int = 1
    announced: int = 0

    def __post_init__(self) -> None:
        """Start the agent."""
        self.metering = Metering(self.clock, NAMING)
        self.sample(slept=False)

    def sample(self, *, slept: bool) -> None:
        """The meter looks."""
        now = self.clock.boottime
        truth = self.truths.setdefault(self.clock.boot, Truth())
        if truth.first_ms is None:
            truth.first_ms = truth.last_ms = now
        passed = now - truth.last_ms
        truth.observed_ms += 0 if slept else passed
        truth.slept_ms += passed if slept else 0
        truth.last_ms = now
        sample = Sample(device=device(0), seen=BUSY)
        self.metering.observe(SampleBatch(boottime_ms=now, meter=METER, samples=(sample,)))
        self.stretches += iter(self.metering.cut, None)

    def finish(self) -> None:
        """The agent stops."""
        self.stretches += iter(self.metering.finish, None)

    def act(self, action: str, amount: int) -> None:
        """One thing happens."""
        match action:
            case "run":
                for _ in range(amount):
                    self.clock.advance(1_000)
                    self.sample(slept=False)
            case "step":
                self._step(amount)
            case "set":
                self._step(amount - self.clock.utc)
            case "sleep":
                self.clock.suspend(amount)
                self.sample(slept=True)
            case "sync":
                self.clock.state = Discipline(sync=ClockSync(amount))
            case "reboot":
                self._reboot(amount)

    def _step(self, delta_ms: int) -> None:
        self.stepped += abs(delta_ms) >= 500
        self.clock.step(delta_ms)
        self.metering.tick()

    def _reboot(self, away_ms: int) -> None:
        self.finish()
        last = self.stretches[-1] if self.stretches else None
        self.boots += 1
        self.announced += last is not None
        self.clock.reboot(self.boots.to_bytes(16, "big"), away_ms=away_ms)
        self.metering = Metering(self.clock, NAMING, last)
        self.sample(slept=False)


@given(st.lists(actions, max_size=12))
def test_no_clock_changes_a_duration(script: list[tuple[str, int]]) -> None:
    """Observed time is the time awake between samples, suspended time is a gap, nothing else,
    whatever the wall clock does: steps of a second, an hour, a day, 1970 and 2081 (S26, S27)."""
    host = Host()
    for action, amount in script:
        host.act(action, amount)
    host.finish()

    for boot, truth in host.truths.items():
        mine = [d for s in host.stretches if s.boot_id == boot for d in s.devices]
        gaps = [gap for minutes in mine for gap in minutes.gaps]
        assert truth.observed_ms == sum(minutes.observed_ms for minutes in mine)
        assert truth.slept_ms == sum(gap.span_ms for gap in gaps)
        assert {gap.reason for gap in gaps} <= {GapReason.SUSPENDED}
        assert truth.observed_ms == sum(r.active_ms for m in mine for r in m.readings)


@given(st.lists(actions, max_size=12))
def test_stretches_of_a_boot_follow_each_other(script: list[tuple[str, int]]) -> None:
    """No millisecond of a boot is left out or counted twice, over all its segments."""
    host = Host()
    for action, amount in script:
        host.act(action, amount)
    host.finish()

    for boot in host.truths:
        mine = [stretch for stretch in host.stretches if stretch.boot_id == boot]
        for before, after in pairwise(mine):
            assert before.end_boottime_ms == after.start_boottime_ms
            moved = after.segment.number - before.segment.number
            assert moved in (0, 1)
            if moved:
                assert after.segment.start_boottime_ms == after.start_boottime_ms
            else:
                assert after.segment == before.segment


@given(st.lists(actions, max_size=12))
def test_every_step_and_boot_is_an_event(script: list[tuple[str, int]]) -> None:
    """A step is one event; a boot names the one before; a new segment is one event."""
    host = Host()
    for action, amount in script:
        host.act(action, amount)
    host.finish()
    kinds = [event.kind for stretch in host.stretches for event in stretch.events]

    assert host.stepped == kinds.count(HostEventKind.CLOCK_STEPPED)
    assert host.announced == kinds.count(HostEventKind.BOOTED)
    segments = {(s.boot_id, s.segment.number) for s in host.stretches if s.segment.number > 1}
    began = kinds.count(HostEventKind.REANCHORED)
    assert len(segments) <= began <= len(segments) + host.boots, "the last may hold no time yet"


@given(steps.filter(lambda delta: abs(delta) > 2_000), st.integers(61, 300))
def test_a_clock_that_stays_away_moves_the_axis_once(delta_ms: int, seconds: int) -> None:
    """After 60 s more than 2 s away, synchronised, labels follow the clock; durations do not."""
    host = Host()
    host.act("run", 90)
    host.act("step", delta_ms)
    host.act("run", seconds)
    host.finish()
    last = host.stretches[-1]

    assert last.segment.number == 2
    assert last.segment.anchor_utc_ms - host.stretches[0].segment.anchor_utc_ms == delta_ms
    assert last.clock.offset_ms == 0
    assert sum(d.observed_ms for s in host.stretches for d in s.devices) == (90 + seconds) * 1_000


def test_a_clock_that_is_not_synchronised_moves_nothing() -> None:
    """A free-running clock may be an hour away all day: the axis stays."""
    host = Host()
    host.act("sync", ClockSync.UNSYNCHRONISED)
    host.act("step", HOUR_MS)
    host.act("run", 600)
    host.finish()

    assert {stretch.segment.number for stretch in host.stretches} == {1}
    assert host.stretches[-1].clock.offset_ms == HOUR_MS


def test_a_batch_that_slept_on_its_way_ends_no_sleep() -> None:
    """Taken before the machine slept, delivered after: the sleep, 3 s short, stays unobserved."""
    host = Host()
    host.clock.advance(400)
    taken = host.clock.boottime
    host.clock.suspend(3_000)
    sample = Sample(device=device(0), seen=BUSY)
    host.metering.observe(SampleBatch(boottime_ms=taken, meter=METER, samples=(sample,)))
    host.clock.advance(300)
    host.sample(slept=True)
    host.finish()
    gaps = [gap for s in host.stretches for d in s.devices for gap in d.gaps]

    assert sum(gap.span_ms for gap in gaps) == 3_700
    assert {gap.reason for gap in gaps} == {GapReason.SUSPENDED}


def test_an_hour_observed_whole_is_an_hour() -> None:
    """3 600 000 ms, with a step of a day in the middle of it."""
    host = Host()
    host.act("run", 1_800)
    host.act("step", DAY_MS)
    host.act("run", 1_800)
    host.finish()

    assert sum(d.observed_ms for s in host.stretches for d in s.devices) == HOUR_MS
