"""The times of devices over whole days, as closing and correcting rate them.

A device gets its sums of days; of a day inside which something changes those of hours, and of such
an hour its minutes. One that needs its minutes is read whole: where two hosts ever described it by
any id of its hardware,
where a report still waits to be projected, where a minute holds more than a minute or nobody noted
how much, where partitions come to more than their card, or where whoever asks says so.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Final, Protocol, TypeVar

from kashi_server.domain.device import Conflict, DeviceRecord
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.interval import Interval
from kashi_server.domain.rating import Facts, device_times, windows_in
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.summed_time import DAYS, HOURS, BlockSums, DaySums, SummedTime
from kashi_server.domain.usage import DeviceHour

DEVICES_AT_ONCE: Final = 128
"""Devices whose hours of a cut day are held together: a price that changes inside a day does so for
all its devices, and they are rated in the order of their ids."""
WHOLE_AT_ONCE: Final = 500
"""Devices that are read whole by one query."""

_Found = TypeVar("_Found")


class SummedFacts(Protocol):
    """What is read of the facts."""

    def unsummed_devices(self, start_minute: int, end_minute: int) -> Collection[str]:
        """Devices of which sums do not say all that counts in [start, end)."""

    def day_sums(self, start_minute: int, end_minute: int) -> DaySums:
        """Sums by device and day over all hosts, for whole days."""

    def hour_sums(
        self, hardware_ids: Collection[str], start_minute: int, end_minute: int
    ) -> Mapping[str, BlockSums]:
        """Sums by device and UTC hour over all hosts."""

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Device-hours that touch [start, end)."""

    def conflicts(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[Conflict]:
        """Minutes that more than one host observed."""


def month_times(
    facts: SummedFacts,
    devices: Sequence[DeviceRecord],
    period: Interval,
    minutely: Collection[str] = (),
) -> dict[str, DeviceTime]:
    """The time of every device; of use as long as the unit of work that `facts` belong to.

    Args:
        facts: where it is read from.
        devices: which.
        period: whole days of Asia/Shanghai.
        minutely: devices that will be asked for minute by minute.
    """
    start, end = period.bounded()
    # Before the sums: what is projected in between is in them, or its device is read whole.
    unsummed = facts.unsummed_devices(start, end)
    sums = facts.day_sums(start, end)
    whole = sums.unsure.union(unsummed, minutely, _oversubscribed(devices, period))
    whole.update(_on_several_hosts(devices))
    times = _whole(facts, [one for one in devices if one.hardware_id in whole], period)
    reader = _Reader(facts, [one for one in devices if one.hardware_id not in times])
    nothing = BlockSums.empty(DAYS, range(DAYS.of(start), DAYS.of(end)))
    for device in reader.devices:
        days = sums.of.get(device.hardware_id) or nothing
        inside = partial(reader.day_of, device)
        times[device.hardware_id] = SummedTime(days, device.windows, inside)
    return times


def _on_several_hosts(devices: Iterable[DeviceRecord]) -> Iterator[str]:
    """Devices whose hardware several hosts described, by whatever id: it may be seen twice."""
    known: dict[str, list[DeviceRecord]] = {}
    for device in devices:
        known.setdefault(hardware_key(device.hardware_id), []).append(device)
    for of_one in known.values():
        if len({host_id for device in of_one for host_id in device.host_ids}) > 1:
            yield from (device.hardware_id for device in of_one)


def _oversubscribed(devices: Iterable[DeviceRecord], period: Interval) -> Iterator[str]:
    """Partitions of the period whose card is described to be cut into more than itself: they are
    compared with each other minute by minute."""
    parts: dict[str, list[DeviceRecord]] = {}
    for device in devices:
        if device.parent_hardware_id and any(windows_in(device, period)):
            parts.setdefault(hardware_key(device.parent_hardware_id), []).append(device)
    for family in parts.values():
        shares = (Fraction(one.share_numerator, one.share_denominator) for one in family)
        if sum(shares) > 1:
            yield from (one.hardware_id for one in family)


def _whole(
    facts: SummedFacts, devices: Sequence[DeviceRecord], period: Interval
) -> dict[str, DeviceTime]:
    times: dict[str, DeviceTime] = {}
    for first in range(0, len(devices), WHOLE_AT_ONCE):
        some = devices[first : first + WHOLE_AT_ONCE]
        ids = [device.hardware_id for device in some]
        read = Facts(
            devices=some,
            hours=facts.device_hours(ids, *period.bounded()),
            conflicts=facts.conflicts(ids, *period.bounded()),
        )
        times.update(device_times(read, period))
    return times


class _Reader:
    """Reads what lies inside days for several devices at once."""

    def __init__(self, facts: SummedFacts, devices: Sequence[DeviceRecord]) -> None:
        self.devices = devices
        self._facts = facts
        self._ids = sorted(device.hardware_id for device in devices)
        self._places = {hardware_id: place for place, hardware_id in enumerate(self._ids)}
        self._hours: dict[int, tuple[int, Mapping[str, BlockSums]]] = {}
        self._minutes: dict[int, tuple[int, Mapping[str, list[DeviceHour]]]] = {}

    def day_of(self, device: DeviceRecord, day: int) -> DeviceTime:
        """The time of a device within a day: by hours."""

        def read(wanted: Sequence[str]) -> Mapping[str, BlockSums]:
            return self._facts.hour_sums(wanted, DAYS.start(day), DAYS.start(day + 1))

        sums = self._held(self._hours, day, device.hardware_id, read)
        hours = sums.get(device.hardware_id) or BlockSums.empty(HOURS, range(0))
        return SummedTime(hours, device.windows, partial(self._hour_of, device))

    def _hour_of(self, device: DeviceRecord, hour: int) -> DeviceTime:
        def read(wanted: Sequence[str]) -> Mapping[str, list[DeviceHour]]:
            found: dict[str, list[DeviceHour]] = {}
            start, end = HOURS.start(hour), HOURS.start(hour + 1)
            for one in self._facts.device_hours(wanted, start, end):
                found.setdefault(one.hardware_id, []).append(one)
            return found

        hours = self._held(self._minutes, hour, device.hardware_id, read)
        return DeviceTime(hours.get(device.hardware_id, ()), device.windows)

    def _held(
        self,
        held: dict[int, tuple[int, _Found]],
        block: int,
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
