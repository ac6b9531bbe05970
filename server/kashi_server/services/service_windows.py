"""Where a device served, and what was seen twice: from its device-hours and where it began, so in
any order.

Pure. A device enters service with the first minute any host accounts for, by a reading or by a gap:
a host that says "there, and not observed" has to answer for it. A device that moved serves on its
new host from the first minute observed there; until then the old host has to answer for it. A
minute that two hosts observed is a conflict; a card that moved within an hour is none.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from kashi_server.domain.device import Conflict
from kashi_server.domain.interval import Interval
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour


def windows_of(
    hours: Iterable[DeviceHour], first_minutes: Sequence[tuple[str, int]]
) -> list[tuple[str, Interval]]:
    """The stretches in which one device served on each host, in order, the last without end.

    Minutes that two hosts observed open no stretch for a host that is not already the one served:
    they are conflicts, and told as such.

    Args:
        hours: all its device-hours.
        first_minutes: for each host the first minute it accounts for, the earliest first; not
            empty.
    """
    starts = [first_minutes[0]]
    for minute, host_ids in _observers(hours):
        if starts[-1][0] in host_ids:
            continue
        if starts[-1][1] == minute:  # who observes a minute comes before who only misses it
            starts.pop()
        starts.append((host_ids[0], minute))
    ends: list[int | None] = [minute for _host_id, minute in starts[1:]]
    return [
        (host_id, Interval(minute, end))
        for (host_id, minute), end in zip(starts, [*ends, None], strict=True)
    ]


def conflicts_of(hours: Iterable[DeviceHour], start_minute: int, end_minute: int) -> list[Conflict]:
    """The minutes in [start, end) that more than one host observed, joined where they touch."""
    held = list(hours)
    found: list[Conflict] = []
    for minute, host_ids in _observers(held):
        if len(host_ids) < 2 or not start_minute <= minute < end_minute:
            continue
        last = found[-1] if found else None
        if last and last.interval.end == minute and last.host_ids == host_ids:
            start = found.pop().interval.start
        else:
            start = minute
        interval = Interval(start, minute + 1)
        found.append(
            Conflict(hardware_id=held[0].hardware_id, interval=interval, host_ids=host_ids)
        )
    return found


def _observers(hours: Iterable[DeviceHour]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every observed minute of one device with the hosts that observed it, in order."""
    ordered = sorted(hours, key=lambda hour: (hour.hour, hour.host_id))
    for number, of_hour in groupby(ordered, key=lambda hour: hour.hour):
        same = list(of_hour)
        for place in range(MINUTES_PER_HOUR):
            host_ids = tuple(hour.host_id for hour in same if hour.columns[0][place])
            if host_ids:
                yield number * MINUTES_PER_HOUR + place, host_ids
