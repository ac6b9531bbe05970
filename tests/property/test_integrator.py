"""The integrator against an oracle, and what must not change its sums."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.integrator import Integrator
from kashi_agent.reading import DeviceMinutes, GapReason, Segment
from kashi_agent.tiling import joined
from naive_integrator import MinuteSums, integrate_naively, merged
from sample_scripts import BOOT_ID, NAMING, Script, device, scripts


def integrator_of(script: Script) -> Integrator:
    """An integrator at the script's start."""
    return Integrator(
        boot_id=BOOT_ID,
        segment=Segment(number=1, anchor_utc_ms=script.anchor_utc_ms, start_boottime_ms=0),
        start_boottime_ms=script.start_boottime_ms,
        naming=NAMING,
    )


def finished(integrator: Integrator, script: Script) -> dict[str, DeviceMinutes]:
    """Everything, by hardware id, of an agent that stops at the last step."""
    given_away = integrator.cut(integrator.finish(script.steps[-1][0]))
    return {minutes.device.hardware_id: minutes for minutes in given_away}


def whole(script: Script) -> dict[str, DeviceMinutes]:
    """A script integrated in one go."""
    integrator = integrator_of(script)
    for batch in script.batches():
        integrator.observe(batch)
    return finished(integrator, script)


def in_kind(minutes: DeviceMinutes) -> tuple[object, ...]:
    """A stretch with its gaps as sets of instants, reason by reason."""
    by_reason: dict[GapReason, list[tuple[int, int]]] = {}
    for gap in minutes.gaps:
        by_reason.setdefault(gap.reason, []).append((gap.start_boottime_ms, gap.end_boottime_ms))
    gaps = {reason: merged(intervals) for reason, intervals in by_reason.items()}
    events = tuple(event.kind for event in minutes.events)
    edges = (minutes.start_boottime_ms, minutes.end_boottime_ms)
    return edges, minutes.readings, minutes.holders, gaps, events, minutes.ending


def sums_of(minutes: DeviceMinutes) -> dict[int, MinuteSums]:
    """Readings as the oracle's sums."""
    found = {}
    for reading in minutes.readings:
        minute = (minutes.segment.anchor_utc_ms + reading.start_boottime_ms) // 60_000
        assert minute not in found, "two readings of one minute"
        by_holder: dict[str, int] = {}
        for time in reading.holder_times:
            name = minutes.holders[time.holder].name
            by_holder[name] = by_holder.get(name, 0) + time.held_ms
        found[minute] = MinuteSums(
            observed_ms=reading.observed_ms,
            held_known_ms=reading.held_known_ms,
            held_ms=reading.held_ms,
            utilisation_known_ms=reading.utilisation_known_ms,
            active_ms=reading.active_ms,
            utilised_ns=reading.utilised_ns,
            unattributed_ms=reading.unattributed_ms,
            energy_known_ms=reading.energy_known_ms,
            memory_used_bytes_max=reading.memory_used_bytes_max,
            held_ms_by_holder=by_holder,
        )
    return found


def gap_intervals(minutes: DeviceMinutes) -> list[tuple[int, int]]:
    """Gaps as intervals."""
    return merged([(gap.start_boottime_ms, gap.end_boottime_ms) for gap in minutes.gaps])


@given(scripts())
def test_sums_of_every_minute_are_those_of_the_oracle(script: Script) -> None:
    """Minute by minute, per device, all quantities and the gaps equal the naive integrator's."""
    results = whole(script)

    for number in range(2):
        samples = script.of_device(number)
        minutes = results.get(device(number).hardware_id)
        if len(samples) < 2 or minutes is None:
            continue
        naive = integrate_naively(samples, script.meter.gap_limit_ms, script.anchor_utc_ms)
        last = samples[-1][0]
        seen = [(a, min(b, last)) for a, b in gap_intervals(minutes) if a < last]

        assert naive.minutes == sums_of(minutes)
        assert merged(naive.gaps) == seen


@given(scripts(devices=1))
def test_energy_adds_up_wherever_minutes_fall(script: Script) -> None:
    """Counter differences are kept to the millijoule; integrated power to the last whole one."""
    results = whole(script)
    minutes = results.get(device(0).hardware_id)
    naive = integrate_naively(script.of_device(0), script.meter.gap_limit_ms, script.anchor_utc_ms)
    energy_mj = 0 if minutes is None else sum(r.energy_mj for r in minutes.readings)

    assert naive.counted_mj + naive.integrated_uj // 1_000 == energy_mj


@given(scripts(devices=3))
def test_observed_and_gap_are_elapsed(script: Script) -> None:
    """From its first sample to the common end, a device is tiled exactly."""
    end = script.steps[-1][0]
    results = whole(script)

    for number in range(3):
        samples = script.of_device(number)
        minutes = results.get(device(number).hardware_id)
        if minutes is not None:
            assert samples[0][0] == minutes.start_boottime_ms
            assert minutes.end_boottime_ms <= end
            assert minutes.observed_ms + minutes.gap_ms == minutes.elapsed_ms
        else:
            ends = [script.of_device(other)[-1][0] for other in range(3) if script.of_device(other)]
            assert not samples or samples[0][0] == max(ends)


@given(scripts(devices=3), st.data())
def test_batching_and_order_of_devices_change_nothing(script: Script, draw: st.DataObject) -> None:
    """Devices in any order, in one batch or one each: the same minutes."""
    integrator = integrator_of(script)
    for at, shown in script.steps:
        numbers = draw.draw(st.permutations(range(3)))
        cut = draw.draw(st.integers(0, 3))
        for part in (numbers[:cut], numbers[cut:]):
            integrator.observe(script.batch(at, {number: shown[number] for number in part}))

    assert whole(script) == finished(integrator, script)


@given(scripts(), st.data())
def test_flush_and_cut_change_no_sum(script: Script, draw: st.DataObject) -> None:
    """However often it is flushed and cut, the stretches join to what one go gives."""
    integrator = integrator_of(script)
    parts: dict[str, list[DeviceMinutes]] = {}

    def keep(given_away: Sequence[DeviceMinutes]) -> None:
        for minutes in given_away:
            parts.setdefault(minutes.device.hardware_id, []).append(minutes)

    for batch in script.batches():
        integrator.observe(batch)
        now = batch.boottime_ms
        if draw.draw(st.booleans()):
            assert integrator.flush(now) == integrator.flush(now)
        point = integrator.cut_point(now)
        if point is not None and draw.draw(st.booleans()):
            keep(integrator.cut(point))
    keep(integrator.cut(integrator.finish(script.steps[-1][0])))

    assert {key: in_kind(m) for key, m in whole(script).items()} == {
        key: in_kind(joined(part)) for key, part in parts.items()
    }


@given(scripts(), st.data())
def test_a_flush_is_what_a_crash_would_leave(script: Script, draw: st.DataObject) -> None:
    """Flushed sums never exceed what is true in the end, and all devices end together."""
    integrator = integrator_of(script)
    stop = draw.draw(st.integers(1, len(script.steps)))
    for batch in script.batches()[:stop]:
        integrator.observe(batch)
    flushed = integrator.flush(script.steps[stop - 1][0])
    final = whole(script)

    assert len({minutes.end_boottime_ms for minutes in flushed}) <= 1
    # A device seen for the first time at this very instant is named, with no time yet.
    for minutes in (minutes for minutes in flushed if minutes.elapsed_ms):
        true = final[minutes.device.hardware_id]
        number = [device(n).hardware_id for n in range(2)].index(minutes.device.hardware_id)
        last = max(at for at, _ in script.of_device(number) if at <= script.steps[stop - 1][0])
        assert minutes.start_boottime_ms == true.start_boottime_ms
        assert observed_before(true, last) == minutes.observed_ms


def observed_before(minutes: DeviceMinutes, end: int) -> int:
    """Observed time of a stretch before an instant."""
    gap_ms = sum(
        max(0, min(gap.end_boottime_ms, end) - gap.start_boottime_ms) for gap in minutes.gaps
    )
    return end - minutes.start_boottime_ms - gap_ms
