"""Where a device served follows from what hosts observed, and from where it was first accounted
for."""

from kashi_server.domain.interval import Interval
from kashi_server.domain.usage import DeviceHour, Quantities
from kashi_server.services.service_windows import windows_of

OLD, NEW = "host-a", "host-b"


def observed(host_id: str, *minutes: int) -> DeviceHour:
    """The device observed through whole minutes of the first hour."""
    hour = DeviceHour(hardware_id="GPU-1", host_id=host_id, hour=0)
    for minute in minutes:
        hour.add(minute, Quantities(observed_ms=60_000))
    return hour


def test_a_gap_before_the_first_observation_belongs_to_the_window() -> None:
    """What a host says it missed before it first observed is missed time, not time before."""
    windows = windows_of([observed(OLD, 20), observed(NEW, 40)], [(OLD, 5), (NEW, 40)])

    assert windows == [(OLD, Interval(5, 40)), (NEW, Interval(40, None))]


def test_a_gap_on_another_host_moves_no_device() -> None:
    """A host that only says to have missed a device does not take it from the one observing it."""
    windows = windows_of([observed(OLD, 5, 6, 7)], [(OLD, 5), (NEW, 6)])

    assert windows == [(OLD, Interval(5, None))]


def test_who_observes_comes_before_who_only_missed_the_same_minute() -> None:
    """A window is never empty: in the opening minute the observing host is the one served."""
    windows = windows_of([observed(NEW, 5)], [(OLD, 5), (NEW, 5)])

    assert windows == [(NEW, Interval(5, None))]


def test_a_device_nobody_ever_observed_serves_where_it_was_first_missed() -> None:
    """Gaps alone open one window, on the host that told of them first."""
    assert windows_of([], [(OLD, 3), (NEW, 9)]) == [(OLD, Interval(3, None))]


def test_minutes_both_hosts_observed_move_nothing_until_one_observes_alone() -> None:
    """A device stays with its host through a conflict."""
    windows = windows_of([observed(OLD, 1, 2, 3), observed(NEW, 2, 3, 4)], [(OLD, 1), (NEW, 2)])

    assert windows == [(OLD, Interval(1, 4)), (NEW, Interval(4, None))]
