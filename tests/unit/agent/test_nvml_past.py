"""What a driver's buffer of utilisation says of the past: arithmetic on stamps."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.meters.nvml_buffers import Entry
from kashi_agent.meters.nvml_past import Recalled, recalled
from kashi_agent.sample import Absent, AbsentReason, PastUse

GARBAGE = 4_294_967_295
OUT_OF_RANGE = Absent(AbsentReason.OUT_OF_RANGE)
EPOCH_US = 1_795_000_000_000_000


def spans(found: Recalled | None) -> list[tuple[int, int | Absent]]:
    """The past in short."""
    assert found is not None
    return [(use.span_ms, use.utilisation_ppm) for use in found.past]


def test_each_entry_speaks_of_the_time_since_the_one_before() -> None:
    """Six entries a second, of unlike length: each counts for its own time, alike ones are one."""
    entries = [
        Entry(EPOCH_US + stamp, percent)
        for stamp, percent in ((167_000, 10), (334_000, 10), (501_000, 90), (668_000, 0))
    ]

    found = recalled(entries, EPOCH_US)

    assert spans(found) == [(334, 100_000), (167, 900_000), (167, 0)]
    assert found is not None
    assert (found.cursor, found.utilisation_ppm) == (EPOCH_US + 668_000, 0)


def test_what_was_counted_is_not_counted_again() -> None:
    """A driver that gives its whole buffer every time, in any order and entries twice, is read as
    one that gives what is new."""
    old = [Entry(EPOCH_US - step, 100) for step in (0, 200_000, 400_000)]
    new = [Entry(EPOCH_US + 200_000, 30), Entry(EPOCH_US + 400_000, 50)]

    found = recalled([*new, *old, *reversed(new), Entry(0, 100)], EPOCH_US)

    assert found == recalled(new, EPOCH_US)
    assert spans(found) == [(200, 300_000), (200, 500_000)]


def test_nothing_new_is_nothing() -> None:
    """No entry, or only such as were counted: nothing is known of the time since."""
    assert recalled([], EPOCH_US) is None
    assert recalled([Entry(EPOCH_US, 100), Entry(0, 5)], EPOCH_US) is None


def test_an_entry_after_a_hole_speaks_of_a_second_at_most() -> None:
    """The driver samples at least every second: what lies before the hole is not known anew."""
    hour = EPOCH_US + 3_600_000_000

    found = recalled([Entry(EPOCH_US + 200_000, 10), Entry(hour, 70)], EPOCH_US)

    assert spans(found) == [(1_000, 700_000)]


def test_garbage_is_its_own_time_unknown() -> None:
    """An impossible value makes the time it stands for unknown, and is named as dropped."""
    entries = [
        Entry(EPOCH_US + 200_000, 10),
        Entry(EPOCH_US + 400_000, GARBAGE),
        Entry(EPOCH_US + 600_000, 101),
        Entry(EPOCH_US + 800_000, 100),
    ]

    found = recalled(entries, EPOCH_US)

    assert spans(found) == [(200, 100_000), (400, OUT_OF_RANGE), (200, 1_000_000)]
    assert found is not None
    assert found.dropped == (GARBAGE, 101)


@given(
    st.lists(st.tuples(st.integers(1, 1_000_000), st.integers(0, 100)), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_looks_tile_the_time(steps: list[tuple[int, int]], every: int) -> None:
    """However a stream of entries is cut into looks, none of its time is lost or counted twice:
    over all looks the sum differs by less than a millisecond a look from the exact one."""
    stamps = [EPOCH_US + stamp for stamp in accumulate(step for step, _ in steps)]
    entries = [Entry(stamp, percent) for stamp, (_, percent) in zip(stamps, steps, strict=True)]
    cursor, past, looks = EPOCH_US, list[PastUse](), 0

    for end in [*range(every, len(entries), every), len(entries)]:
        found = recalled(entries[:end], cursor)
        assert found is not None
        cursor, looks = found.cursor, looks + 1
        past += found.past

    counted = sum(use.span_ms for use in past)
    assert 0 <= stamps[-1] - EPOCH_US - counted * 1_000 < looks * 1_000
    busy = sum(use.span_ms * use.utilisation_ppm for use in past if use.utilisation_ppm)  # type: ignore[operator,misc]  # no garbage here
    exact = sum(step * percent * 10 for step, percent in steps)
    assert abs(busy - exact) <= (looks + len(steps)) * 1_000_000
