"""Where hardware served, and what was seen twice: from what was observed of it and where it began,
so in any order.

Pure. A device enters service with the first minute any host accounts for, by a reading or by a gap:
a host that says "there, and not observed" has to answer for it. A device that moved serves on its
new host from the first minute observed there; until then the old host has to answer for it. A
minute that two hosts observed is a conflict; a card that moved within an hour is none.

A partition's UUID is one thing, whatever share and profile stand behind it: hardware served at one
place at a time, and a place is a host and the id by which it tells of it. On one host it serves
under another id from the first minute that the host accounts for there. That minute is the later
one's: no minute is in two windows, and a host's own word for both parts of it is no conflict.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from kashi_server.domain.device import Conflict
from kashi_server.domain.device_time import merge_minutes
from kashi_server.domain.interval import Interval
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour


class ServicePlace(NamedTuple):
    """A host, and the id by which it tells of some hardware."""

    host_id: str
    hardware_id: str


Observed = Mapping[ServicePlace, Sequence[Interval]]
"""The minutes in which anything was observed of one piece of hardware, by place, in order."""
Firsts = Sequence[tuple[ServicePlace, int]]
"""For each place the first minute it accounts for, the earliest first; not empty."""


def observed_of(hours: Iterable[DeviceHour]) -> dict[ServicePlace, list[Interval]]:
    """The minutes in which device-hours observed anything."""
    minutes: dict[ServicePlace, list[int]] = {}
    for hour in hours:
        base = hour.hour * MINUTES_PER_HOUR
        seen = (base + place for place, ms in enumerate(hour.columns[0]) if ms)
        minutes.setdefault(ServicePlace(hour.host_id, hour.hardware_id), []).extend(seen)
    return {place: merge_minutes(found) for place, found in minutes.items() if found}


def windows_of(observed: Observed, firsts: Firsts) -> list[tuple[ServicePlace, Interval]]:
    """The stretches in which one piece of hardware served at each place, in order, the last
    without end.

    Minutes that two hosts observed open no stretch for a host that is not already the one served:
    they are conflicts, and told as such.
    """
    begins: dict[int, list[ServicePlace]] = {}
    for begun, minute in firsts[1:]:
        begins.setdefault(minute, []).append(begun)
    starts = [firsts[0]]
    for minute, _end, places in _stretches(observed, {m + more for m in begins for more in (0, 1)}):
        place = _next(starts[-1][0], places, begins.get(minute, ()))
        if starts[-1][0] == place:
            continue
        if starts[-1][1] == minute:  # who observes a minute comes before who only misses it
            starts.pop()
        if not starts or starts[-1][0] != place:
            starts.append((place, minute))
    ends: list[int | None] = [minute for _place, minute in starts[1:]]
    return [
        (place, Interval(minute, end))
        for (place, minute), end in zip(starts, [*ends, None], strict=True)
    ]


def conflicts_of(observed: Observed, start_minute: int, end_minute: int) -> list[Conflict]:
    """The minutes in [start, end) that more than one host observed, for each id by which they did,
    joined where they touch."""
    found: dict[tuple[str, tuple[str, ...]], list[Interval]] = {}
    for low, high, places in _stretches(observed):
        hosts = tuple(sorted({place.host_id for place in places}))
        common = Interval(low, high).overlap(Interval(start_minute, end_minute))
        if len(hosts) < 2 or common is None:
            continue
        for hardware_id in sorted({place.hardware_id for place in places}):
            held = found.setdefault((hardware_id, hosts), [])
            goes_on = bool(held) and held[-1].end == common.start
            held.append(Interval(held.pop().start, common.end) if goes_on else common)
    return [
        Conflict(hardware_id=hardware_id, interval=interval, host_ids=hosts)
        for (hardware_id, hosts), intervals in sorted(found.items())
        for interval in intervals
    ]


def _next(
    current: ServicePlace, places: Sequence[ServicePlace], begun: Sequence[ServicePlace]
) -> ServicePlace:
    """The place from a minute on: who observes it, and which places begin there."""
    here = [place for place in places if place.host_id == current.host_id]
    if places and not here:
        return places[0]
    if any(place.host_id != current.host_id for place in places):
        return current if current in here else here[0]
    # On one host what begins, or is back, takes the place of what was.
    fresh = [place for place in begun if place.host_id == current.host_id and place != current]
    if fresh:
        return fresh[-1]
    back = [place for place in here if place != current]
    return back[0] if back else current


def _stretches(
    observed: Observed, cuts: Collection[int] = ()
) -> Iterator[tuple[int, int, tuple[ServicePlace, ...]]]:
    """Minutes [low, high) that the same places observed, be it none, cut at some minutes too."""
    changes: dict[int, list[tuple[ServicePlace, bool]]] = {minute: [] for minute in cuts}
    for place, intervals in observed.items():
        for interval in intervals:
            start, end = interval.bounded()
            changes.setdefault(start, []).append((place, True))
            changes.setdefault(end, []).append((place, False))
    at: set[ServicePlace] = set()
    for low, high in pairwise(sorted(changes)):
        for place, begins in changes[low]:
            (at.add if begins else at.discard)(place)
        yield low, high, tuple(sorted(at))
