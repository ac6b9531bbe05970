"""What a driver's own buffer says of the time before a sample, against a count by milliseconds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.integrator import Integrator
from kashi_agent.naming import SALT_BYTES, HolderNaming
from kashi_agent.reading import Segment
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Meter,
    MeterKind,
    Observation,
    PastUse,
    Sample,
    SampleBatch,
    Vendor,
)

CARD = Device(vendor=Vendor.NVIDIA, hardware_id="GPU-1", model="H100", meter=MeterKind.NVML)
METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
UNKNOWN = Absent(AbsentReason.NOT_RECORDED)
START_MS = 57_000
"""So that minutes end in between."""

PPM = st.sampled_from([0, 10_000, 370_000, 1_000_000]) | st.just(UNKNOWN)
PAST = st.lists(st.builds(PastUse, st.integers(1, 700), PPM), max_size=8).map(tuple)
SCRIPTS = st.lists(st.tuples(st.integers(1, 6_000), PPM, PAST), min_size=2, max_size=12)

Value = int | Absent
Script = list[tuple[int, Value, tuple[PastUse, ...]]]


def batches(script: Script) -> list[SampleBatch]:
    """Samples at the given distances."""
    at, made = START_MS, []
    for distance_ms, ppm, past in script:
        at += distance_ms
        seen = Observation(
            utilisation_ppm=ppm,
            energy_counter_mj=at * 7,
            power_mw=UNKNOWN,
            memory_used_bytes=UNKNOWN,
            holders=frozenset(),
            past=past,
        )
        sample = Sample(device=CARD, seen=seen)
        made.append(SampleBatch(boottime_ms=at, meter=METER, samples=(sample,)))
    return made


def counted(script: Script) -> tuple[int, int, int]:
    """Known, active and utilised time: every millisecond for itself."""
    known_ms = active_ms = utilised_ns = 0
    at = START_MS + script[0][0]
    for (_, held, _), (distance_ms, _, past) in pairwise(script):
        end = at + distance_ms
        if distance_ms <= METER.gap_limit_ms:
            told = [use.utilisation_ppm for use in past for _ in range(use.span_ms)]
            values = [held] * max(0, distance_ms - len(told)) + told[-distance_ms:]
            numbers = [value for value in values if not isinstance(value, Absent)]
            known_ms += len(numbers)
            active_ms += sum(value > 0 for value in numbers)
            utilised_ns += sum(numbers)
        at = end
    return known_ms, active_ms, utilised_ns


@given(SCRIPTS)
def test_the_past_is_counted_where_it_lies(script: Script) -> None:
    """Stretches a driver remembers count where they lie; before them the earlier sample holds.

    What reaches back beyond the earlier sample was counted with it, and what lies in a gap is no
    reading: nothing counts twice, and observed time, gaps and energy are as without a buffer.
    """
    integrators = []
    for stripped in (False, True):
        integrator = Integrator(
            boot_id=bytes(16),
            segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
            start_boottime_ms=START_MS,
            naming=HolderNaming(bytes(SALT_BYTES)),
        )
        integrators.append(integrator)
        plain: Script = [(distance, ppm, ()) for distance, ppm, _ in script]
        for batch in batches(plain if stripped else script):
            integrator.observe(batch)

    told, bare = (each.counters()["GPU-1"] for each in integrators)
    minutes = integrators[0].flush(START_MS + sum(distance for distance, _, _ in script))[0]
    readings = minutes.readings
    assert (
        sum(reading.utilisation_known_ms for reading in readings),
        sum(reading.active_ms for reading in readings),
        sum(reading.utilised_ns for reading in readings),
    ) == counted(script)
    assert (told.observed_ms, told.gap_ms) == (bare.observed_ms, bare.gap_ms)
    assert (told.energy_mj, told.held_ms) == (bare.energy_mj, bare.held_ms)
