"""Strategies: devices, what may be seen on them, and scripts of irregular samples."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from kashi.limits import LIVE_CADENCE_MS_MAX
from kashi_agent.device_choice import ALL_DEVICES, DeviceChoice
from kashi_agent.metering import Metering
from kashi_agent.naming import HolderNaming, NamePolicy
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)
from kashi_agent.stretch import Stretch

from deploy.demo.manual_clock import ManualClock

BOOT_ID = bytes(range(16))
SALT = bytes(32)
NAMING = HolderNaming(SALT, NamePolicy.PLAIN)

Seen = Observation | Absent

absences = st.sampled_from(AbsentReason).map(Absent)
holder_names = st.sampled_from(["1001", "train-7", "容器", "pod/a"])
holders = st.builds(Holder, kind=st.sampled_from(HolderKind), name=holder_names)


def known_or_absent(values: st.SearchStrategy[int]) -> st.SearchStrategy[int | Absent]:
    """A value, or the reason why there is none."""
    return st.one_of(values, absences)


observations = st.builds(
    Observation,
    utilisation_ppm=known_or_absent(st.sampled_from([0, 1, 500_000, 999_999, 1_000_000])),
    energy_counter_mj=known_or_absent(st.integers(0, 10**7)),
    power_mw=known_or_absent(st.integers(0, 1_000_003)),
    memory_used_bytes=known_or_absent(st.integers(0, 2**40)),
    holders=st.one_of(st.frozensets(holders, max_size=3), absences),
)
seen = st.one_of(observations, observations, observations, absences)

gaps_between_ms = st.one_of(
    st.sampled_from([1_000, 1_000, 1_000, 5_000, 5_001, 59_999, 60_000, 60_001]),
    st.integers(0, 20_000),
    st.integers(20_001, 400_000),
)


def device(number: int, meter: MeterKind = MeterKind.NVML) -> Device:
    """A whole card."""
    return Device(
        vendor=Vendor.NVIDIA,
        hardware_id=f"GPU-{number:08x}",
        model="Test card",
        meter=meter,
        memory_bytes=80 << 30,
    )


@dataclass(frozen=True, slots=True)
class Script:
    """Instants and what was seen on each device then (None: the device is not in that batch)."""

    anchor_utc_ms: int
    cadence_ms: int
    steps: tuple[tuple[int, tuple[Seen | None, ...]], ...]

    @property
    def meter(self) -> Meter:
        """The meter that took the samples."""
        return Meter(kind=MeterKind.NVML, cadence_ms=self.cadence_ms)

    @property
    def start_boottime_ms(self) -> int:
        """The first instant."""
        return self.steps[0][0]

    def of_device(self, number: int) -> list[tuple[int, Seen]]:
        """The samples of one device. Of two at one instant, the first ends what was before and the
        last holds from there: no time passes between them."""
        shown = ((at, seen_at[number]) for at, seen_at in self.steps)
        return [(at, one) for at, one in shown if one is not None]

    def batches(self) -> list[SampleBatch]:
        """The steps as a meter hands them over."""
        return [self.batch(at, dict(enumerate(shown))) for at, shown in self.steps]

    def batch(self, at: int, shown: dict[int, Seen | None]) -> SampleBatch:
        """A batch of some devices in the order of the mapping."""
        return SampleBatch(
            boottime_ms=at,
            meter=self.meter,
            samples=tuple(
                Sample(device=device(number), seen=one)
                for number, one in shown.items()
                if one is not None
            ),
        )

    def metered(self, choice: DeviceChoice = ALL_DEVICES) -> list[Stretch]:
        """What an agent keeps of it."""
        return metered(self.batches(), choice, utc_ms=self.anchor_utc_ms)


def metered(
    batches: Sequence[SampleBatch],
    choice: DeviceChoice = ALL_DEVICES,
    last: Stretch | None = None,
    *,
    utc_ms: int = 1_700_000_000_000,
) -> list[Stretch]:
    """What an agent keeps of the batches to its end, on a clock that follows them."""
    start = batches[0].boottime_ms
    clock = ManualClock(boottime=start, monotonic=start, utc=utc_ms + start)
    metering = Metering(clock, NAMING, last, choice)
    kept: list[Stretch] = []
    for one in batches:
        clock.advance(one.boottime_ms - clock.boottime)
        metering.observe(one)
        kept += iter(metering.cut, None)
    return [*kept, *iter(metering.finish, None)]


CADENCES_MS = (250, 1_000, 15_000, 57_000)
"""Of live meters and of recorded workloads."""

LIVE_CADENCES_MS = (250, 1_000, LIVE_CADENCE_MS_MAX)
"""Those that a server takes of a meter that reads a driver."""


@st.composite
def scripts(
    draw: st.DrawFn,
    devices: int = 2,
    steps_max: int = 30,
    cadences_ms: Sequence[int] = CADENCES_MS,
) -> Script:
    """Irregular samples of some devices, on an axis with any anchor."""
    at = draw(st.integers(0, 10**9))
    shown = st.tuples(*[st.one_of(seen, seen, seen, st.none()) for _ in range(devices)])
    steps = []
    for gap_ms in draw(st.lists(gaps_between_ms, min_size=1, max_size=steps_max)):
        steps.append((at, draw(shown)))
        at += gap_ms
    return Script(
        anchor_utc_ms=draw(st.integers(1_600_000_000_000, 2_000_000_000_000)),
        cadence_ms=draw(st.sampled_from(cadences_ms)),
        steps=tuple(steps),
    )
