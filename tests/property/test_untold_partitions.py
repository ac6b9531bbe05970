"""A card's partitions through looks that show them, lack them, or could not be told of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.integrator import Integrator
from kashi_agent.reading import Segment
from kashi_agent.sample import (
    Absent,
    Device,
    Meter,
    MeterKind,
    Sample,
    SampleBatch,
    Vendor,
)
from naive_integrator import Look, integrate_naively, merged, samples_of_partition
from sample_scripts import BOOT_ID, NAMING, Seen, device, gaps_between_ms, observations, seen

METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
CARD = device(0)
PART = Device(
    vendor=Vendor.NVIDIA,
    hardware_id="MIG-0",
    parent_hardware_id=CARD.hardware_id,
    model="Test card 1g",
    meter=MeterKind.NVML,
    share_numerator=1,
    share_denominator=7,
)


@dataclass(frozen=True, slots=True)
class Script:
    """Looks at one card with at most one partition, the first of which shows it."""

    looks: tuple[Look, ...]
    anchor_utc_ms: int


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Irregular looks, near enough and too far apart."""
    at = draw(st.integers(0, 10**9))
    looks: list[Look] = []
    for gap_ms in draw(st.lists(gaps_between_ms, min_size=1, max_size=20)):
        part: Seen | None = draw(st.one_of(seen, st.none(), st.none()) if looks else seen)
        looks.append(
            Look(
                at=at,
                card=draw(st.one_of(observations, observations, seen)),
                part=part,
                untold=draw(st.booleans()),
            )
        )
        at += gap_ms
    return Script(tuple(looks), draw(st.integers(1_600_000_000_000, 2_000_000_000_000)))


def batch(look: Look) -> SampleBatch:
    """A look as a meter hands it over."""
    shown: Sequence[tuple[Device, Seen | None]] = ((CARD, look.card), (PART, look.part))
    return SampleBatch(
        boottime_ms=look.at,
        meter=METER,
        samples=tuple(Sample(device=one, seen=seen) for one, seen in shown if seen is not None),
        untold=(CARD.hardware_id,) if look.untold else (),
    )


@given(scripts())
def test_a_partition_is_a_gap_while_it_is_untold_and_ends_where_it_is_told_gone(
    script: Script,
) -> None:
    """Observed time, gaps and the end equal those of an oracle that writes down, look by look, what
    is known of the partition; observed and gap are elapsed."""
    integrator = Integrator(
        boot_id=BOOT_ID,
        segment=Segment(number=1, anchor_utc_ms=script.anchor_utc_ms, start_boottime_ms=0),
        start_boottime_ms=script.looks[0].at,
        naming=NAMING,
    )
    for look in script.looks:
        integrator.observe(batch(look))
    given_away = integrator.cut(integrator.finish(script.looks[-1].at))
    found = {minutes.device.hardware_id: minutes for minutes in given_away}.get(PART.hardware_id)

    samples, gone = samples_of_partition(script.looks, METER.gap_limit_ms)
    naive = integrate_naively(samples, METER.gap_limit_ms, script.anchor_utc_ms)
    last = samples[-1][0]
    if found is None:
        assert samples[0][0] == last
        return
    gaps = merged([(gap.start_boottime_ms, gap.end_boottime_ms) for gap in found.gaps])
    assert merged(naive.gaps) == [(a, min(b, last)) for a, b in gaps if a < last]
    assert found.observed_ms == sum(sums.observed_ms for sums in naive.minutes.values())
    assert found.observed_ms + found.gap_ms == found.elapsed_ms
    if gone:
        assert found.end_boottime_ms == last
    else:
        assert found.end_boottime_ms >= last
    assert not isinstance(samples[0][1], Absent) or found.gaps
