"""Silence: what nobody observed and nobody reported, to the millisecond."""

from expense_cases import HOST_A, START, hours_of, observe, observed
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.device import GapReason, ReportedGap
from kashi_server.domain.device_time import DeviceTime, merge_minutes
from kashi_server.domain.interval import Interval
from kashi_server.domain.silence import silences

WIDTH = 200


def _gap(start_ms: int, end_ms: int) -> ReportedGap:
    return ReportedGap(
        host_id=HOST_A,
        hardware_id="GPU-1",
        start_utc_ms=start_ms,
        end_utc_ms=end_ms,
        reason=GapReason.AGENT_DOWN,
        same_driver=None,
        same_holders=None,
        energy_mj=None,
    )


@given(
    st.dictionaries(st.integers(0, WIDTH - 1), st.integers(1, 60_000), max_size=WIDTH),
    st.integers(0, WIDTH * 60_000),
    st.integers(0, 4_000_000),
)
def test_observed_reported_and_silent_fill_the_window(
    seen: dict[int, int], gap_start_ms: int, gap_ms: int
) -> None:
    """Minute by minute, silence is what is left of it after observation and reported gaps."""
    base_ms, end = START * 60_000, START + WIDTH
    gap_end_ms = min(gap_start_ms + gap_ms, WIDTH * 60_000)
    gaps = [_gap(base_ms + gap_start_ms, base_ms + gap_end_ms)] if gap_end_ms > gap_start_ms else []
    minutes = {("GPU-1", HOST_A, START + place): observed(ms) for place, ms in seen.items()}
    time = DeviceTime(hours_of(minutes))

    found = silences("GPU-1", HOST_A, Interval(START, end), time, gaps)

    expected = {}
    for place in range(WIDTH):
        low, high = place * 60_000, (place + 1) * 60_000
        reported = max(0, min(gap_end_ms, high) - max(gap_start_ms, low)) if gaps else 0
        left = 60_000 - seen.get(place, 0) - reported
        if left > 0:
            expected[START + place] = left
    assert sum(silence.span_ms for silence in found) == sum(expected.values())
    told = [(silence.start, silence.end) for silence in found]
    assert told == [interval.bounded() for interval in merge_minutes(expected)]


def test_a_device_nobody_heard_of_is_silent_throughout() -> None:
    """One row for the whole window, not one for each minute."""
    (found,) = silences("GPU-1", HOST_A, Interval(START, START + 44_640), DeviceTime([]), [])

    assert (found.start, found.end) == (START, START + 44_640)
    assert found.span_ms == 44_640 * 60_000


def test_a_whole_observation_leaves_no_silence() -> None:
    """Nothing is written where nothing is missing."""
    time = DeviceTime(hours_of(observe(START, START + 120)))

    assert silences("GPU-1", HOST_A, Interval(START, START + 120), time, []) == []
