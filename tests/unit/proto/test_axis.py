"""Labels of the axis: integer arithmetic, the same on both sides."""

from hypothesis import given
from hypothesis import strategies as st
from kashi import axis

anchors = st.integers(-(10**13), 10**13)
instants = st.integers(0, 10**13)


@given(anchors, instants)
def test_an_instant_lies_in_its_minute(anchor: int, boottime: int) -> None:
    """minute x 60 000 <= UTC < (minute + 1) x 60 000, also before 1970."""
    minute = axis.utc_minute(anchor, boottime)
    utc = axis.utc_ms(anchor, boottime)

    assert minute * axis.MINUTE_MS <= utc < (minute + 1) * axis.MINUTE_MS


@given(anchors, instants)
def test_the_next_minute_begins_within_one(anchor: int, boottime: int) -> None:
    """It lies later, by at most a minute, and on the edge of one."""
    following = axis.next_minute_boottime_ms(anchor, boottime)

    assert 0 < following - boottime <= axis.MINUTE_MS
    assert (anchor + following) % axis.MINUTE_MS == 0
    assert axis.utc_minute(anchor, following) == axis.utc_minute(anchor, boottime) + 1
    assert axis.utc_minute(anchor, following - 1) == axis.utc_minute(anchor, boottime)


def test_hours_are_whole_minutes() -> None:
    """60 of them."""
    assert axis.HOUR_MS == 60 * axis.MINUTE_MS
