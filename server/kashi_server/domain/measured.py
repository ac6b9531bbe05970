"""What agents measured, as it holds what providers state: a minute is billed or counted once.

Held is a stated minute that an agent observed; of a day whose rent a measured line bills, every
minute of that line's part of it; and what a rule counted of a gap. A device that is named holds by
itself, by what it is cut into and by what it is a part of; a stretch that names no device is held
by every device of its contract. A stretch names a device in any spelling of its hardware id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.device_time import DeviceTime, merge_minutes
from kashi_server.domain.hardware_name import device_key
from kashi_server.domain.interval import Interval, days_of
from kashi_server.domain.rating import RatedLine
from kashi_server.domain.tariff import Basis

Counted = tuple[RatedLine, Interval]
"""A line, and minutes of its gaps that a rule counts."""


class Measured:
    """What agents observed, and what was billed or counted of it; looked up for stretches."""

    def __init__(
        self,
        times: Mapping[str, DeviceTime],
        lines: Sequence[RatedLine],
        devices: Iterable[DeviceRecord] = (),
        counted: Iterable[Counted] = (),
    ) -> None:
        """Of one rating.

        Args:
            times: what was observed of each device.
            lines: its measured lines.
            devices: what they are, and what is a part of what.
            counted: what rules count of the lines' gaps.
        """
        self._times = times
        self._observed: dict[str, list[tuple[str, Interval]]] = {}
        self._taken_of_device: dict[str, list[Interval]] = {}
        self._taken_of_contract: dict[str, list[Interval]] = {}
        self._devices = {device.hardware_id: device for device in devices}
        self._parts: dict[str, list[str]] = {}
        self._spellings: dict[str, list[str]] = {}
        for hardware_id in sorted({*times, *self._devices, *(one.hardware_id for one in lines)}):
            self._spellings.setdefault(device_key(hardware_id), []).append(hardware_id)
        for device in self._devices.values():
            if device.parent_hardware_id:
                parts = self._parts.setdefault(device_key(device.parent_hardware_id), [])
                parts.append(device.hardware_id)
        for line in lines:
            contract_id = line.standing.contract_id
            if contract_id is not None and line.quantities.observed_ms:
                place = line.hardware_id, Interval(line.start, line.end)
                self._observed.setdefault(contract_id, []).append(place)
            for day in self._rented_days(line):
                self._take(line, day)
        for line, part in counted:
            self._take(line, part)

    def _rented_days(self, line: RatedLine) -> Iterator[Interval]:
        price = line.standing.price
        if price is None or price.basis is not Basis.FLAT_RENT or not line.billed_ms:
            return
        time = self._times[line.hardware_id]
        for day in days_of(Interval(line.start, line.end)):
            if time.between(*day.bounded()).observed_ms:
                yield day

    def _take(self, line: RatedLine, part: Interval) -> None:
        self._taken_of_device.setdefault(line.hardware_id, []).append(part)
        if line.standing.contract_id is not None:
            self._taken_of_contract.setdefault(line.standing.contract_id, []).append(part)

    def devices(self, name: str) -> Sequence[DeviceRecord]:
        """A device that agents reported, by any spelling of its hardware id: one for each id by
        which they told of it, which served in turns."""
        return [self._devices[one] for one in self._spelled(name) if one in self._devices]

    def kin(self, name: str) -> tuple[str, ...]:
        """The ids that agents know of a device, of what it is a part of, and of its parts: they
        never count at the same time."""
        own = self._spelled(name)
        devices = (self._devices.get(one) for one in own)
        parents = {one.parent_hardware_id for one in devices if one is not None} - {""}
        parts = self._parts.get(device_key(name), ())
        return (*own, *sorted(parents), *parts)

    def _spelled(self, name: str) -> Sequence[str]:
        key = device_key(name)
        return self._spellings.get(key, ()) if key else ()

    def of_device(self, name: str, span: Interval) -> list[Interval]:
        """The minutes of a bounded span that are measured, billed or counted of a device."""
        kin = self.kin(name)
        taken = [part for one in kin for part in self._taken_of_device.get(one, ())]
        return self._merged([(one, span) for one in kin], taken, span)

    def of_contract(self, contract_id: str, span: Interval) -> list[Interval]:
        """The same of every device of a contract."""
        watched = [
            (hardware_id, common)
            for hardware_id, part in self._observed.get(contract_id, ())
            if (common := part.overlap(span)) is not None
        ]
        return self._merged(watched, self._taken_of_contract.get(contract_id, ()), span)

    def _merged(
        self,
        watched: Iterable[tuple[str, Interval]],
        taken: Iterable[Interval],
        span: Interval,
    ) -> list[Interval]:
        minutes = {
            minute
            for hardware_id, part in watched
            if hardware_id in self._times
            for minute in observed_minutes(self._times[hardware_id], part)
        }
        for part in taken:
            common = part.overlap(span)
            if common is not None:
                minutes.update(range(*common.bounded()))
        return merge_minutes(minutes)


def observed_minutes(time: DeviceTime, part: Interval) -> Iterator[int]:
    """The minutes of a bounded part in which any host observed the device."""
    start, end = part.bounded()
    for hour in range(start // 60, -(-end // 60)):
        low, high = max(start, hour * 60), min(end, hour * 60 + 60)
        if time.between(low, high).observed_ms or time.claims(low, high):
            for minute in range(low, high):
                if time.between(minute, minute + 1).observed_ms or time.claims(minute, minute + 1):
                    yield minute
