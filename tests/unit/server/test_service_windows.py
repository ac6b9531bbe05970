"""Where hardware served follows from what hosts observed, and from where it was first accounted
for."""

from kashi_server.domain.interval import Interval
from kashi_server.domain.usage import DeviceHour, Quantities
from kashi_server.services.service_windows import (
    ServicePlace,
    conflicts_of,
    observed_of,
    windows_of,
)

OLD, NEW = ServicePlace("host-a", "GPU-1"), ServicePlace("host-b", "GPU-1")
BARE, THREE, FOUR = (
    ServicePlace("host-a", one) for one in ("MIG-1", "MIG-1.3of7-3g.40gb", "MIG-1.4of7-4g.40gb")
)
ELSEWHERE = ServicePlace("host-b", FOUR.hardware_id)


def observed(place: ServicePlace, *minutes: int) -> DeviceHour:
    """The device observed through whole minutes of the first hour."""
    hour = DeviceHour(hardware_id=place.hardware_id, host_id=place.host_id, hour=0)
    for minute in minutes:
        hour.add(minute, Quantities(observed_ms=60_000))
    return hour


def served(
    hours: list[DeviceHour], *firsts: tuple[ServicePlace, int]
) -> list[tuple[ServicePlace, Interval]]:
    """Where it served."""
    return windows_of(observed_of(hours), firsts)


def test_a_gap_before_the_first_observation_belongs_to_the_window() -> None:
    """What a host says it missed before it first observed is missed time, not time before."""
    windows = served([observed(OLD, 20), observed(NEW, 40)], (OLD, 5), (NEW, 40))

    assert windows == [(OLD, Interval(5, 40)), (NEW, Interval(40, None))]


def test_a_gap_on_another_host_moves_no_device() -> None:
    """A host that only says to have missed a device does not take it from the one observing it."""
    windows = served([observed(OLD, 5, 6, 7)], (OLD, 5), (NEW, 6))

    assert windows == [(OLD, Interval(5, None))]


def test_who_observes_comes_before_who_only_missed_the_same_minute() -> None:
    """A window is never empty: in the opening minute the observing host is the one served."""
    windows = served([observed(NEW, 5)], (OLD, 5), (NEW, 5))

    assert windows == [(NEW, Interval(5, None))]


def test_a_device_nobody_ever_observed_serves_where_it_was_first_missed() -> None:
    """Gaps alone open one window, on the host that told of them first."""
    assert served([], (OLD, 3), (NEW, 9)) == [(OLD, Interval(3, None))]


def test_minutes_both_hosts_observed_move_nothing_until_one_observes_alone() -> None:
    """A device stays with its host through a conflict."""
    windows = served([observed(OLD, 1, 2, 3), observed(NEW, 2, 3, 4)], (OLD, 1), (NEW, 2))

    assert windows == [(OLD, Interval(1, 4)), (NEW, Interval(4, None))]


def test_an_upgraded_agent_goes_on_under_the_new_id() -> None:
    """The id without a share ends where the one with it begins, in the same minute even, and is
    silent no further; told by a gap alone, the new one begins as well."""
    upgraded = served([observed(BARE, 1, 2, 3), observed(FOUR, 3, 4)], (BARE, 1), (FOUR, 3))
    missed = served([observed(BARE, 1, 2, 3)], (BARE, 1), (FOUR, 5))

    assert upgraded == [(BARE, Interval(1, 3)), (FOUR, Interval(3, None))]
    assert missed == [(BARE, Interval(1, 5)), (FOUR, Interval(5, None))]


def test_a_card_cut_by_day_and_by_night_serves_in_turns() -> None:
    """A partition that comes back takes its place again; no minute is in two windows."""
    hours = [observed(THREE, 1, 2, 7, 8), observed(FOUR, 4, 5, 6)]

    assert served(hours, (THREE, 1), (FOUR, 4)) == [
        (THREE, Interval(1, 4)),
        (FOUR, Interval(4, 7)),
        (THREE, Interval(7, None)),
    ]


def test_a_partition_told_by_two_hosts_is_in_conflict_under_both_ids() -> None:
    """An old and a new agent on two hosts tell of one UUID: it serves where it was, and what both
    observed is a conflict of either id; what one host tells in turns is none."""
    hours = [observed(BARE, 1, 2, 3), observed(ELSEWHERE, 2, 3, 4)]
    turns = [observed(BARE, 1, 2), observed(FOUR, 2, 3)]
    both = {(one.hardware_id, one.interval) for one in conflicts_of(observed_of(hours), 0, 60)}
    windows = served(hours, (BARE, 1), (ELSEWHERE, 2))

    assert windows == [(BARE, Interval(1, 4)), (ELSEWHERE, Interval(4, None))]
    assert both == {(one.hardware_id, Interval(2, 4)) for one in (BARE, ELSEWHERE)}
    assert conflicts_of(observed_of(turns), 0, 60) == []


def test_a_conflict_goes_on_though_one_host_tells_another_cut() -> None:
    """Each id is in conflict exactly as long as it was told, and once."""
    other = ServicePlace("host-b", THREE.hardware_id)
    hours = [observed(BARE, 1, 2, 3, 4), observed(ELSEWHERE, 1, 2), observed(other, 3, 4)]

    told = [(one.hardware_id, one.interval) for one in conflicts_of(observed_of(hours), 0, 60)]

    assert told == [
        (BARE.hardware_id, Interval(1, 5)),
        (THREE.hardware_id, Interval(3, 5)),
        (FOUR.hardware_id, Interval(1, 3)),
    ]
