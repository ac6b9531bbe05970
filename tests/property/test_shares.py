"""The parts of a shared device's time add up to that time, whatever is shared and however."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi.axis import MINUTE_MS
from kashi_agent.integrator import Integrator
from kashi_agent.naming import HolderNaming, NamePolicy
from kashi_agent.reading import DeviceMinutes, HolderKey, Segment
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Holder,
    HolderKind,
    HolderWork,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
)
from kashi_agent.shares import Part, Together, parts
from sample_scripts import BOOT_ID, SALT, device

HOUR_MS = 3_600_000
NAMING = HolderNaming(SALT, NamePolicy.PLAIN)
METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
PODS = tuple(Holder(HolderKind.POD, f"pod-{number}") for number in range(7))
KEYS = tuple(sorted(map(NAMING.key, PODS), key=lambda key: key.key))

Seen = tuple[int, frozenset[Holder], frozenset[HolderWork] | Absent]
"""How long one sight of the device holds, who held it, and what each did."""


@st.composite
def groups(draw: st.DrawFn) -> Together:
    """Some holders with weights of which one at least weighs something."""
    chosen = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=7, unique=True))
    weights = [draw(st.integers(0, 1_000_000)) for _ in chosen]
    weights[draw(st.integers(0, len(chosen) - 1))] += 1
    return Together(tuple(chosen), tuple(weights))


@st.composite
def sights(draw: st.DrawFn) -> Seen:
    """Any pods, and the driver's word of their work: of some, of others too, or none."""
    holders = draw(st.frozensets(st.sampled_from(PODS), max_size=7))
    works = st.builds(HolderWork, st.sampled_from(PODS), st.integers(0, 1_000_000))
    work = st.lists(works, max_size=5, unique_by=lambda one: one.holder).map(frozenset)
    absent = st.just(Absent(AbsentReason.NOT_SUPPORTED))
    return draw(st.integers(1, 5_000)), holders, draw(st.one_of(work, absent))


def exact(holders: frozenset[Holder], work: frozenset[HolderWork] | Absent) -> dict[str, Fraction]:
    """Each holder's part of an instant, as plain fractions."""
    worked = {} if isinstance(work, Absent) else {one.holder: one.sm_ppm for one in work}
    weights = {holder: worked.get(holder, 0) for holder in holders}
    if not any(weights.values()):
        weights = dict.fromkeys(holders, 1)
    return {h.name: Fraction(weight, sum(weights.values())) for h, weight in weights.items()}


def metered(seen: list[Seen]) -> DeviceMinutes:
    """One sight after another, and a last sample that ends them."""
    integrator = Integrator(
        boot_id=BOOT_ID,
        segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
        start_boottime_ms=0,
        naming=NAMING,
    )
    at = 0
    for span_ms, holders, work in [*seen, (0, frozenset(), frozenset())]:
        shown = Observation(
            utilisation_ppm=500_000,
            energy_counter_mj=0,
            power_mw=0,
            memory_used_bytes=0,
            holders=holders,
            work=work,
        )
        samples = (Sample(device=device(0), seen=shown),)
        integrator.observe(SampleBatch(boottime_ms=at, meter=METER, samples=samples))
        at += span_ms
    integrator.finish(at)
    (minutes,) = integrator.cut(at)
    return minutes


def shares_of(minutes: DeviceMinutes) -> dict[str, int]:
    """Milliseconds by the holder's name, over all readings."""
    found: dict[str, int] = {}
    for reading in minutes.readings:
        for time in reading.holder_times:
            name = minutes.holders[time.holder].name
            found[name] = found.get(name, 0) + time.share_ms
    return found


@given(st.dictionaries(groups(), st.integers(1, 60_000), max_size=12))
def test_parts_are_all_of_the_time_and_less_than_a_millisecond_off(
    held: dict[Together, int],
) -> None:
    """U12: to the millisecond all of the time, each part within one of its exact fraction, never
    more than its holder held; the order in which groups came makes no difference."""
    found = parts(held)
    exact_ms: dict[HolderKey, Fraction] = {}
    for group, held_ms in held.items():
        for holder, weight in zip(group.holders, group.weights, strict=True):
            part = Fraction(weight * held_ms, sum(group.weights))
            exact_ms[holder] = exact_ms.get(holder, Fraction(0)) + part

    assert sum(part.share_ms for part in found) == sum(held.values())
    assert {part.holder for part in found} == set(exact_ms)
    for one in found:
        assert abs(one.share_ms - exact_ms[one.holder]) < 1
        assert 0 <= one.share_ms <= one.held_ms
    backwards = parts(dict(reversed(held.items())))
    assert sorted(backwards, key=by_key) == sorted(found, key=by_key)


@given(st.lists(sights(), min_size=1, max_size=40))
def test_the_parts_of_every_minute_add_up_to_its_held_time(seen: list[Seen]) -> None:
    """U12: whoever shares a device, by work or alike, minute by minute nothing is lost or doubled,
    and a holder's part is its exact fraction to a millisecond a minute."""
    minutes = metered(seen)
    exact_ms: dict[str, Fraction] = {}
    for span_ms, holders, work in seen:
        for name, fraction in exact(holders, work).items():
            exact_ms[name] = exact_ms.get(name, Fraction(0)) + fraction * span_ms

    for reading in minutes.readings:
        assert sum(time.share_ms for time in reading.holder_times) == reading.held_ms
    found = shares_of(minutes)
    assert set(found) == set(exact_ms)
    for name, share_ms in found.items():
        assert abs(share_ms - exact_ms[name]) < len(minutes.readings)


def by_key(part: Part) -> bytes:
    """Parts in the order of their holders' keys."""
    return part.holder.key


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_pods_on_one_device_add_up_to_the_device(count: int) -> None:
    """S25: an hour of one time-sliced device is an hour, whoever many pods share it; four of them
    have a quarter each."""
    second = (1_000, frozenset(PODS[:count]), Absent(AbsentReason.NOT_SUPPORTED))
    minutes = metered([second] * (HOUR_MS // 1_000))
    found = shares_of(minutes)

    assert sum(found.values()) == sum(reading.held_ms for reading in minutes.readings) == HOUR_MS
    assert all(abs(share_ms - HOUR_MS // count) <= 60 for share_ms in found.values())
    if count == 4:
        assert set(found.values()) == {HOUR_MS // 4}


def test_work_weighs_where_the_driver_tells_of_it() -> None:
    """U12: of two MPS clients one that does three quarters of the work has three quarters of the
    time; where neither works, or nothing is told, they have half each."""
    one, two = PODS[:2]
    worked = frozenset({HolderWork(one, 750_000), HolderWork(two, 250_000)})
    idle = frozenset({HolderWork(one, 0)})
    untold = Absent(AbsentReason.NOT_SUPPORTED)
    minute = MINUTE_MS // 1_000

    for work, parts_ms in (
        (worked, (45_000, 15_000)),
        (idle, (30_000,) * 2),
        (untold, (30_000,) * 2),
    ):
        found = shares_of(metered([(1_000, frozenset({one, two}), work)] * minute))

        assert (found[one.name], found[two.name]) == parts_ms


@pytest.mark.parametrize("weights", [(), (1, 2), (0,), (-1,)])
def test_weights_that_divide_nothing_are_refused(weights: tuple[int, ...]) -> None:
    """As many as holders, none below zero, not all of them zero."""
    with pytest.raises(ValueError, match="holders"):
        Together(KEYS[:1], weights)
