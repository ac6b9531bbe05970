"""Physical devices and what they are cut into: models, service, and shares beyond the whole."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.same_hardware import hardware_key


class Family:
    """Physical devices and their partitions."""

    def __init__(self, devices: Sequence[DeviceRecord], times: Mapping[str, DeviceTime]) -> None:
        self._wholes: dict[str, list[DeviceRecord]] = {}
        self._parts: dict[str, list[DeviceRecord]] = {}
        for device in devices:
            self._wholes.setdefault(hardware_key(device.hardware_id), []).append(device)
            if device.parent_hardware_id:
                self._parts.setdefault(hardware_key(device.parent_hardware_id), []).append(device)
        self._times = times
        self._excess: dict[str, frozenset[int]] = {}

    def models(self, device: DeviceRecord) -> tuple[str, ...]:
        """Under which models a price is looked up: its own, then its physical device's."""
        parent = self.whole_of(device)
        return (device.model,) if parent is None else (device.model, parent.model)

    def whole_of(self, device: DeviceRecord) -> DeviceRecord | None:
        """The physical device that a partition is cut from, if it is known: as the partition names
        it, or else as a host spells it otherwise."""
        named = device.parent_hardware_id
        known = self._wholes.get(hardware_key(named), []) if named else []
        return next((one for one in known if one.hardware_id == named), next(iter(known), None))

    def parts_of(self, device: DeviceRecord) -> Sequence[DeviceRecord]:
        """What a physical device is cut into."""
        return self._parts.get(hardware_key(device.hardware_id), ())

    def partitioned(self, device: DeviceRecord, minute: int) -> bool:
        """A partition of it is in service."""
        return any(
            minute in window.interval for part in self.parts_of(device) for window in part.windows
        )

    def excess(self, device: DeviceRecord) -> frozenset[int]:
        """Minutes in which the partitions of one physical device sum to more than the device."""
        if not device.parent_hardware_id:
            return frozenset()
        parent = hardware_key(device.parent_hardware_id)
        if parent not in self._excess:
            self._excess[parent] = frozenset(self._find_excess(self._parts[parent]))
        return self._excess[parent]

    def _find_excess(self, parts: Sequence[DeviceRecord]) -> Iterator[int]:
        shares = [(share_of(part), self._times[part.hardware_id]) for part in parts]
        if sum(share for share, _time in shares) <= 1:
            return
        for hour in sorted({hour for _share_of, time in shares for hour in time.hours}):
            if _card_ms(shares, hour * 60, hour * 60 + 60) == 0:
                continue
            for minute in range(hour * 60, hour * 60 + 60):
                if _card_ms(shares, minute, minute + 1) > MINUTE_MS:
                    yield minute


def share_of(device: DeviceRecord) -> Fraction:
    """What part of a physical device it is."""
    return Fraction(device.share_numerator, device.share_denominator)


def _card_ms(shares: Sequence[tuple[Fraction, DeviceTime]], start: int, end: int) -> Fraction:
    parts = (share * time.between(start, end).observed_ms for share, time in shares)
    return sum(parts, Fraction(0))
