"""Stretches joined, split and fitted: sums stay, limits hold, nothing gets stuck."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from kashi import limits
from kashi_agent.chain_link import ChainLink
from kashi_agent.encoding import decode_stretch, encode_stretch
from kashi_agent.fitting import fitted, join_stretches, split_stretch
from kashi_agent.integrator import Integrator
from kashi_agent.reading import (
    Counters,
    DeviceMinutes,
    Gap,
    GapReason,
    HolderKey,
    HolderTime,
    HostEvent,
    HostEventKind,
    Reading,
    Segment,
)
from kashi_agent.sample import (
    CADENCE_MS_MAX,
    COUNTER_MAX,
    POWER_MW_MAX,
    SHARE_MAX,
    Absent,
    AbsentReason,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
)
from kashi_agent.sealing import Sealer
from kashi_agent.stretch import Stretch
from kashi_agent.tiling import extended, joined, split
from sample_scripts import BOOT_ID, NAMING, Script, device, scripts

AXIS = Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0)
KEY = ec.derive_private_key(0xF17, ec.SECP256R1())
DAY_MS = 86_400_000


def whole(script: Script) -> tuple[DeviceMinutes, ...]:
    """A script integrated in one go."""
    integrator = Integrator(
        boot_id=BOOT_ID,
        segment=Segment(number=1, anchor_utc_ms=script.anchor_utc_ms, start_boottime_ms=0),
        start_boottime_ms=script.start_boottime_ms,
        naming=NAMING,
    )
    for batch in script.batches():
        integrator.observe(batch)
    return integrator.cut(integrator.finish(script.steps[-1][0]))


@given(scripts(devices=1), st.data())
def test_a_split_keeps_sums_and_joins_again(script: Script, draw: st.DataObject) -> None:
    """At any edge of a minute; counters add up, and joining gives the readings back."""
    for minutes in whole(script):
        anchor = minutes.segment.anchor_utc_ms
        first = (anchor + minutes.start_boottime_ms) // 60_000 + 1
        last = (anchor + minutes.end_boottime_ms - 1) // 60_000
        if first > last:
            continue
        at = draw.draw(st.integers(first, last)) * 60_000 - anchor
        before, after = split(minutes, at)
        again = joined((before, after))

        assert Counters().plus(before).plus(after) == Counters().plus(minutes)
        assert again.readings == minutes.readings
        assert again.gap_ms == minutes.gap_ms
        assert set(again.holders) == set(minutes.holders)


@given(scripts(devices=1), st.data())
def test_a_reading_is_never_cut_in_two(script: Script, draw: st.DataObject) -> None:
    """An instant inside a reading that it would tear is refused."""
    for minutes in whole(script):
        wide = [reading for reading in minutes.readings if reading.observed_ms == reading.span_ms]
        for reading in wide:
            if reading.span_ms > 1:
                inside = draw.draw(
                    st.integers(reading.start_boottime_ms + 1, reading.end_boottime_ms - 1)
                )
                with pytest.raises(ValueError, match="ms"):
                    split(minutes, inside)


def stretch_of(
    devices: Iterable[DeviceMinutes], end: int, events: tuple[HostEvent, ...] = ()
) -> Stretch:
    """A stretch from 0."""
    return Stretch(
        boot_id=BOOT_ID,
        segment=AXIS,
        start_boottime_ms=0,
        end_boottime_ms=end,
        devices=tuple(devices),
        events=events,
    )


def busy_minute(number: int, holders: int) -> DeviceMinutes:
    """One minute of a device with many holders."""
    keys = tuple(
        HolderKey(kind=HolderKind.PROCESS, key=place.to_bytes(16, "big"), name="n" * 256)
        for place in range(holders)
    )
    reading = Reading(
        start_boottime_ms=0,
        span_ms=60_000,
        observed_ms=60_000,
        held_known_ms=60_000,
        held_ms=60_000,
        holder_times=tuple(HolderTime(place, 60_000) for place in range(holders)),
    )
    return DeviceMinutes(
        device=device(number),
        boot_id=BOOT_ID,
        segment=AXIS,
        start_boottime_ms=0,
        end_boottime_ms=60_000,
        readings=(reading,),
        gaps=(),
        holders=keys,
    )


def _alive(number: int, start: int, end: int) -> DeviceMinutes:
    """A device that was there for whole minutes, idle."""
    return replace(
        busy_minute(number, 0),
        start_boottime_ms=start,
        end_boottime_ms=end,
        readings=(Reading(start_boottime_ms=start, span_ms=end - start, observed_ms=end - start),),
    )


def silent(number: int, end: int) -> DeviceMinutes:
    """A device that was lost throughout."""
    gap = Gap(start_boottime_ms=0, span_ms=end, reason=GapReason.DEVICE_LOST)
    return DeviceMinutes(
        device=device(number),
        boot_id=BOOT_ID,
        segment=AXIS,
        start_boottime_ms=0,
        end_boottime_ms=end,
        readings=(),
        gaps=(gap,),
    )


def test_a_single_minute_too_large_loses_detail_never_sums() -> None:
    """256 devices with 64 named holders each in one minute: one report, who held is left out."""
    crowded = stretch_of((busy_minute(number, 64) for number in range(256)), 60_000)
    sealer = Sealer(key=KEY, agent_version="0.1.0", random_bytes=Random(1).randbytes)
    (report,) = sealer.seal([crowded], ChainLink(host_id="host"), 0)

    assert len(report.wire) <= limits.REPORT_BYTES_MAX
    assert [c.held_ms for c in report.link.counters.values()] == [60_000] * 256


def test_more_devices_than_a_report_may_carry_are_told_in_several() -> None:
    """Partitions that came and went, 300 in five minutes: a minute a report, none left out."""
    span_ms = 5 * 60_000
    parts = [_alive(n, n // 60 * 60_000, (n // 60 + 1) * 60_000) for n in range(300)]
    told = list(fitted(stretch_of(parts, span_ms)))

    assert max(len(part.devices) for part in told) <= limits.DEVICES_PER_HOST_MAX
    assert sum(m.observed_ms for part in told for m in part.devices) == 300 * 60_000


def test_more_devices_than_a_minute_may_have_are_counted() -> None:
    """The 256 that were observed longest stay, and how many more there were is stated."""
    lost = [silent(number, 60_000) for number in range(2)]
    seen = [busy_minute(number, 0) for number in range(2, 258)]
    (part,) = fitted(stretch_of([*lost, *seen], 60_000))

    assert part.devices == tuple(seen)
    assert part.devices_counted_only == 2


def test_more_events_than_a_minute_may_have_lose_the_newest() -> None:
    """1 024 stay; the report is sealed."""
    events = tuple(
        HostEvent(boottime_ms=5, kind=HostEventKind.CONFIGURED, value=n) for n in range(1_100)
    )
    (part,) = fitted(stretch_of((), 60_000, events))

    assert part.events == events[: limits.EVENTS_PER_REPORT_MAX]


def test_a_gap_of_a_hundred_days_is_several_reports() -> None:
    """No part is longer than a month; together they are the gap."""
    parts = list(fitted(stretch_of((silent(1, 100 * DAY_MS),), 100 * DAY_MS)))

    assert [p.end_boottime_ms - p.start_boottime_ms for p in parts] == [25 * DAY_MS] * 4
    assert sum(p.devices[0].gap_ms for p in parts) == 100 * DAY_MS
    assert join_stretches(parts).devices[0].gaps == silent(1, 100 * DAY_MS).gaps


def test_stretches_that_leave_a_hole_are_not_joined() -> None:
    """Nor those of another axis, nor none."""
    first = stretch_of((), 60_000)
    early, late = split_stretch(stretch_of((silent(1, 120_000),), 120_000), 60_000)
    other = replace(late, segment=replace(AXIS, number=2), devices=())

    assert join_stretches([early, late]).devices == (silent(1, 120_000),)
    for wrong in ([], [first, first], [early, other], [late, early]):
        with pytest.raises(ValueError, match="stretch"):
            join_stretches(wrong)


def test_the_largest_values_that_are_taken_can_be_written() -> None:
    """A month of a board's most power, counters and shares at their bounds: a report, no error."""
    card = replace(
        device(1), memory_bytes=COUNTER_MAX, share_numerator=1, share_denominator=SHARE_MAX
    )
    most = Observation(
        utilisation_ppm=1_000_000,
        energy_counter_mj=Absent(AbsentReason.NOT_SUPPORTED),
        power_mw=POWER_MW_MAX,
        memory_used_bytes=COUNTER_MAX,
        holders=frozenset(),
    )
    integrator = Integrator(
        boot_id=BOOT_ID, segment=AXIS, start_boottime_ms=0, naming=NAMING, resumed=()
    )
    integrator.observe_span(card, 0, 60 * DAY_MS // 1_440, most)
    made = stretch_of(integrator.cut(integrator.finish(60 * DAY_MS // 1_440)), 60 * DAY_MS // 1_440)
    meter = Meter(kind=MeterKind.NVML, cadence_ms=CADENCE_MS_MAX)

    assert decode_stretch(encode_stretch(replace(made, meters=(meter,)))).devices == made.devices


def test_touching_gaps_of_two_reasons_stay_two() -> None:
    """Joining heals what a cut parted, not what differs."""
    first = silent(1, 60_000)
    gap = replace(first.gaps[0], start_boottime_ms=60_000, reason=GapReason.METER_DOWN)
    second = replace(first, start_boottime_ms=60_000, end_boottime_ms=120_000, gaps=(gap,))

    assert joined((first, second)).gaps == (*first.gaps, gap)


def test_a_stretch_is_extended_by_a_gap() -> None:
    """What an agent that ended leaves to the end of its host's stretch."""
    minutes = busy_minute(1, 1)
    longer = extended(minutes, 61_000, GapReason.AGENT_DOWN)

    assert (longer.observed_ms, longer.gap_ms) == (60_000, 1_000)
    assert extended(minutes, 60_000, GapReason.AGENT_DOWN) is minutes
