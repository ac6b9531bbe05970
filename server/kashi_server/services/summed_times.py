"""Times of devices from sums of months, for rating many devices over a long time.

A device that the database can add up gets its sums of months; inside a month in which something
changes those of days, then of hours, then minutes. One that needs its minutes is read whole:
where two hosts ever described it, where a report still waits to be projected, where a minute holds
more than a minute, or where nobody noted how much the fullest minute of an hour holds.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Final, Protocol, TypeVar

from kashi_server.domain.device import Conflict, DeviceRecord
from kashi_server.domain.device_sums import BlockSum, DeviceSums
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.interval import MINUTE_MS, Interval, Month, days_of
from kashi_server.domain.rating import Facts, Rating, device_times, rate_times
from kashi_server.domain.standing import Terms
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour, Quantities

DEVICES_AT_ONCE: Final = 64
"""Devices whose days, or hours of a day, are held together: some five megabytes."""
CUTS_MAX: Final = 48
"""Hours with a change that get sums of their own; what changes in others is looked up by days."""

_Found = TypeVar("_Found")
_Sums = dict[str, dict[int, Quantities]]


class SummingFacts(Protocol):
    """What is read of the facts."""

    def block_sums(
        self, hardware_ids: Collection[str] | None, blocks: Sequence[Interval]
    ) -> Iterable[BlockSum]:
        """Sums by device and block over all hosts, of what is projected; in whole hours."""

    def waiting_devices(self) -> Collection[str]:
        """Devices on hosts of which a report is not projected yet."""

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Device-hours that touch [start, end)."""

    def conflicts(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[Conflict]:
        """Minutes that more than one host observed."""


class SummedYear:
    """Rates months again, one after the other, over sums that are read once.

    What is kept is a sum for each device and month; of one month at a time what its changes need,
    and the device-hours of those devices that are read whole.
    """

    def __init__(
        self,
        facts: SummingFacts,
        devices: Sequence[DeviceRecord],
        months: Sequence[Month],
        terms: Terms,
    ) -> None:
        """Read the sums of months that follow each other, cut where most of the terms change."""
        self._facts = facts
        self._devices = devices
        self._terms = terms
        self._blocks = _blocks(months, terms)
        sums: _Sums = {device.hardware_id: {} for device in devices}
        whole = {one.hardware_id for one in devices if len(one.host_ids) > 1}
        whole |= set(facts.waiting_devices()) & sums.keys()
        for found in facts.block_sums(None, self._blocks):
            if found.peak_ms is None or found.peak_ms > MINUTE_MS:
                whole.add(found.hardware_id)
            sums[found.hardware_id][found.block] = found.sums
        self._sums = sums
        self._whole = sorted(whole)

    def rate(self, month: Month) -> Rating:
        """The lines of a month, without what each day has of them."""
        period = month.interval()
        return rate_times(self._devices, self.times(period), self._terms, period, by_day=False)

    def times(self, period: Interval) -> dict[str, DeviceTime]:
        """The time of every device, for one of the months."""
        start, end = period.bounded()
        times = device_times(
            Facts(
                devices=[one for one in self._devices if one.hardware_id in set(self._whole)],
                hours=self._facts.device_hours(self._whole, start, end),
                conflicts=self._facts.conflicts(self._whole, start, end),
            ),
            period,
        )
        summed = [one for one in self._devices if one.hardware_id not in times]
        reader = _Reader(self._facts, summed)
        for device in summed:
            times[device.hardware_id] = DeviceSums(
                self._blocks,
                self._sums[device.hardware_id],
                device.windows,
                partial(reader.inside, device),
            )
        return times


def _blocks(months: Sequence[Month], terms: Terms) -> list[Interval]:
    """The months, and apart from them the hours in which the most devices' terms change."""
    start, end = months[0].interval().start, months[-1].interval().bounded()[1]
    intervals = [
        *(price.interval for price in terms.prices),
        *(assignment.interval for assignment in terms.assignments),
        *(tenure.interval for tenure in terms.tenures),
        *(version.in_force for version in terms.rules),
    ]
    changes = Counter(
        minute // MINUTES_PER_HOUR * MINUTES_PER_HOUR
        for interval in intervals
        for minute in (interval.start, interval.end)
        if minute is not None and start < minute < end
    )
    # Ties are told apart by time, so that the same terms cut alike.
    often = sorted(changes, key=lambda hour: (-changes[hour], hour))[:CUTS_MAX]
    edges = {month.interval().start for month in months} | {end}
    edges.update(edge for hour in often for edge in (hour, hour + MINUTES_PER_HOUR))
    return [Interval(low, high) for low, high in pairwise(sorted(edges))]


class _Reader:
    """Reads what lies inside blocks for several devices at once: a price that changes inside a day
    does so for all its devices, and they are rated in the order of their ids."""

    def __init__(self, facts: SummingFacts, devices: Sequence[DeviceRecord]) -> None:
        self._facts = facts
        self._ids = sorted(device.hardware_id for device in devices)
        self._places = {hardware_id: place for place, hardware_id in enumerate(self._ids)}
        self._days: dict[Interval, tuple[int, _Sums]] = {}
        self._day_hours: dict[Interval, tuple[int, _Sums]] = {}
        self._minutes: dict[Interval, tuple[int, dict[str, list[DeviceHour]]]] = {}

    def inside(self, device: DeviceRecord, block: Interval) -> DeviceTime:
        """The time of a device within a block: by days, or by minutes if it is but an hour."""
        if block.bounded() == (block.start, block.start + MINUTES_PER_HOUR):
            return self._hour_of(device, block)
        days = list(days_of(block))
        sums = self._held(self._days, block, device.hardware_id, partial(self._sums, days))
        inside = partial(self._day_of, device)
        return DeviceSums(days, sums.get(device.hardware_id, {}), device.windows, inside)

    def _day_of(self, device: DeviceRecord, block: Interval) -> DeviceTime:
        hours = [
            Interval(start, start + MINUTES_PER_HOUR)
            for start in range(*block.bounded(), MINUTES_PER_HOUR)
        ]
        sums = self._held(self._day_hours, block, device.hardware_id, partial(self._sums, hours))
        inside = partial(self._hour_of, device)
        return DeviceSums(hours, sums.get(device.hardware_id, {}), device.windows, inside)

    def _hour_of(self, device: DeviceRecord, block: Interval) -> DeviceTime:
        def read(wanted: Sequence[str]) -> dict[str, list[DeviceHour]]:
            found: dict[str, list[DeviceHour]] = {}
            for hour in self._facts.device_hours(wanted, *block.bounded()):
                found.setdefault(hour.hardware_id, []).append(hour)
            return found

        hours = self._held(self._minutes, block, device.hardware_id, read)
        return DeviceTime(hours.get(device.hardware_id, ()), device.windows)

    def _sums(self, blocks: Sequence[Interval], wanted: Sequence[str]) -> _Sums:
        found: _Sums = {}
        for one in self._facts.block_sums(wanted, blocks):
            found.setdefault(one.hardware_id, {})[one.block] = one.sums
        return found

    def _held(
        self,
        held: dict[Interval, tuple[int, _Found]],
        block: Interval,
        hardware_id: str,
        read: Callable[[Sequence[str]], _Found],
    ) -> _Found:
        """What was read of a block for a device and its neighbours; read if others are held."""
        batch = self._places[hardware_id] // DEVICES_AT_ONCE
        known = held.get(block)
        if known is None or known[0] != batch:
            first = batch * DEVICES_AT_ONCE
            known = held[block] = batch, read(self._ids[first : first + DEVICES_AT_ONCE])
        return known[1]
