"""Irregular samples while clocks step, drift, sleep and boot wrong, against two oracles at once.

One oracle says from all looks at the clocks where the axis begins anew, the other what the samples
add up to, minute by minute of that axis. Neither knows how the agent does it.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.clock import ClockSync, Discipline
from kashi_agent.metering import Metering
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
from naive_axis import Look, labelled, segments_of, slept
from sample_scripts import NAMING, device

from deploy.demo.manual_clock import ManualClock

METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
GAP_LIMIT_MS = 5_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_1970 = 0
YEAR_2081 = 3_502_828_800_000
UNKNOWN = Absent(AbsentReason.NOT_SUPPORTED)

Sums = dict[tuple[bytes, int, int], tuple[int, int]]
"""(boot, segment, UTC minute) -> observed milliseconds, utilised nanoseconds."""

waits = st.one_of(
    st.integers(1, GAP_LIMIT_MS), st.sampled_from([GAP_LIMIT_MS, GAP_LIMIT_MS + 1, 61_000, 400_000])
)
actions = st.one_of(
    st.tuples(st.just("samples"), st.lists(waits, min_size=1, max_size=25)),
    st.tuples(st.just("awake"), st.one_of(st.integers(60, 200), st.integers(600, 660))),
    st.tuples(
        st.just("step"),
        st.sampled_from([1_000, -1_000, HOUR_MS, -HOUR_MS, DAY_MS, -DAY_MS, 499, -499, 2_001]),
    ),
    st.tuples(st.just("set"), st.sampled_from([YEAR_1970, YEAR_2081])),
    st.tuples(st.just("drift"), st.sampled_from([500, -500])),
    st.tuples(st.just("sleep"), st.sampled_from([100, 3_000, 8 * HOUR_MS])),
    st.tuples(st.just("sync"), st.sampled_from(ClockSync)),
    st.tuples(st.just("reboot"), st.sampled_from([YEAR_1970, YEAR_2081, None])),
)


@dataclass
class Boot:
    """What happened in one boot."""

    looks: list[Look] = field(default_factory=list)
    samples: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Host:
    """A host whose clocks are led by the hand."""

    clock: ManualClock = field(
        default_factory=lambda: ManualClock(boottime=7_777, monotonic=7_777, utc=1_790_000_000_123)
    )
    boots: dict[bytes, Boot] = field(default_factory=lambda: defaultdict(Boot))
    stretches: list[Stretch] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the agent and take a first sample."""
        self.note()
        self.metering = Metering(self.clock, NAMING)
        self.sample()

    def note(self) -> None:
        """Remember how the clocks stand now: the agent looks at them too."""
        clock = self.clock
        self.boots[clock.boot].looks.append(
            Look(clock.boottime, clock.monotonic, clock.utc, clock.state.sync.name)
        )

    def sample(self) -> None:
        """The meter looks; the agent cuts what it can."""
        self.note()
        now = self.clock.boottime
        utilisation = now * 7_919 % 1_000_001
        self.boots[self.clock.boot].samples.append((now, utilisation))
        seen = Observation(
            utilisation_ppm=utilisation,
            energy_counter_mj=UNKNOWN,
            power_mw=UNKNOWN,
            memory_used_bytes=UNKNOWN,
            holders=frozenset(),
        )
        sample = Sample(device=device(0), seen=seen)
        self.metering.observe(SampleBatch(boottime_ms=now, meter=METER, samples=(sample,)))
        self.stretches += iter(self.metering.cut, None)

    def finish(self) -> None:
        """The agent stops."""
        self.stretches += iter(self.metering.finish, None)

    def act(self, action: str, amount: object) -> None:
        """One thing happens."""
        match action, amount:
            case "samples", list(waits_ms):
                for wait_ms in waits_ms:
                    self.clock.advance(wait_ms)
                    self.sample()
            case "awake", int(seconds):
                self.act("samples", [1_000] * seconds)
            case "step", int(delta_ms):
                self._step(delta_ms)
            case "set", int(utc_ms):
                self._step(utc_ms - self.clock.utc)
            case "drift", int(ppm):
                for _ in range(100):
                    self.clock.advance(5_000)
                    self.clock.step(ppm * 5_000 * 10 // 1_000_000)  # tenfold, to be short
                    self.sample()
            case "sleep", int(span_ms):
                self.clock.suspend(span_ms)
                self.sample()
            case "sync", ClockSync() as sync:
                self.clock.state = Discipline(sync=sync)
            case "reboot", utc_ms:
                self._reboot(utc_ms)

    def _step(self, delta_ms: int) -> None:
        self.clock.step(delta_ms)
        self.note()
        self.metering.tick()

    def _reboot(self, utc_ms: object) -> None:
        self.note()
        self.finish()
        last = self.stretches[-1] if self.stretches else None
        self.clock.reboot(len(self.boots).to_bytes(16, "big"), away_ms=90_000)
        if isinstance(utc_ms, int):
            self.clock.utc = utc_ms
        self.note()
        self.metering = Metering(self.clock, NAMING, last)
        self.sample()


def expected(host: Host) -> Sums:
    """What samples and looks amount to, by the oracles."""
    sums: Sums = {}
    for boot_id, boot in host.boots.items():
        segments = segments_of(boot.looks)
        for (start, utilisation), (end, _) in pairwise(boot.samples):
            between = [look for look in boot.looks if start <= look.boottime_ms <= end]
            asleep = any(slept(a, b) >= 100 for a, b in pairwise(between))
            if asleep or end - start > GAP_LIMIT_MS:
                continue
            for number, minute, span_ms in labelled(start, end, segments):
                observed_ms, utilised_ns = sums.get((boot_id, number, minute), (0, 0))
                sums[boot_id, number, minute] = (
                    observed_ms + span_ms,
                    utilised_ns + span_ms * utilisation,
                )
    return sums


def told(host: Host) -> Sums:
    """What the agent's stretches say."""
    sums: Sums = {}
    for stretch in host.stretches:
        for minutes in stretch.devices:
            for reading in minutes.readings:
                minute = (stretch.segment.anchor_utc_ms + reading.start_boottime_ms) // 60_000
                key = stretch.boot_id, stretch.segment.number, minute
                observed_ms, utilised_ns = sums.get(key, (0, 0))
                sums[key] = observed_ms + reading.observed_ms, utilised_ns + reading.utilised_ns
    return sums


@given(st.lists(actions, min_size=1, max_size=10))
def test_every_minute_is_what_both_oracles_say(script: list[tuple[str, object]]) -> None:
    """Observed and utilised time of each minute of each segment of each boot, to the millisecond;
    gaps are all the rest between a boot's first and last sample."""
    host = Host()
    for action, amount in script:
        host.act(action, amount)
    host.note()
    host.finish()

    assert told(host) == expected(host)
    for boot_id, boot in host.boots.items():
        parts = [m for s in host.stretches if s.boot_id == boot_id for m in s.devices]
        elapsed = boot.samples[-1][0] - boot.samples[0][0]
        assert sum(m.observed_ms + m.gap_ms for m in parts) == elapsed
        for before, after in pairwise(parts):
            assert before.end_boottime_ms == after.start_boottime_ms
