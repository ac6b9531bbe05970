"""What one host observed of a partition under two ids: in turns it counts, at once it does not."""

import pytest
from kashi_server.domain.report import DeviceDescription, DeviceSpan, Reading
from kashi_server.services.overlapping import _both_observed, _Told

Looks = list[tuple[int, int, int]]
"""Where readings begin and end, and what was observed in them."""


def told(looks: Looks, anchor_utc_ms: int = 0) -> _Told:
    """What a report tells of a partition."""
    device = DeviceDescription(1, "MIG-1", "GPU-1", "", "", "", 0, 1, 7, 1)
    readings: list[Reading] = [
        (start, end - start, observed, *[0] * 8)  # type: ignore[misc]  # a star hides its length
        for start, end, observed in looks
    ]
    return _Told(anchor_utc_ms, DeviceSpan(0, device, 0, 300_000, readings, [], [], 0, []))


@pytest.mark.parametrize(
    ("one", "other", "twice"),
    [
        ([(0, 20_000, 20_000)], [(20_000, 60_000, 40_000)], False),
        ([(0, 20_000, 20_000)], [(19_999, 60_000, 40_001)], True),
        # It came back within the minute: its reading spans the other's time.
        ([(0, 60_000, 20_000)], [(20_000, 60_000, 40_000)], False),
        ([(0, 60_000, 20_001)], [(20_000, 60_000, 40_000)], True),
        # Less than a minute together, and more than there is of it.
        ([(0, 30_000, 20_000)], [(0, 30_000, 20_000)], True),
        ([(0, 30_000, 0)], [(0, 30_000, 30_000)], False),
        ([(0, 60_000, 60_000), (60_000, 120_000, 60_000)], [(119_000, 120_000, 1)], True),
        ([(0, 60_000, 60_000)], [], False),
    ],
)
def test_two_readings_fit_into_their_time_or_are_one_too_many(
    one: Looks, other: Looks, *, twice: bool
) -> None:
    """Together they hold no more than the time that both span; whichever is asked of which, and on
    whatever axis."""
    moved = [(start + 7, end + 7, observed) for start, end, observed in other]

    assert _both_observed(told(one), told(other)) is twice
    assert _both_observed(told(other), told(one)) is twice
    assert _both_observed(told(one, 7), told(moved)) is twice
