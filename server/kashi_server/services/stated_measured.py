"""What agents observed in the time of an import, by whatever spelling a file names a device."""

from collections.abc import Iterator, Sequence

from kashi_server.domain.attestation import StatedRecord
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.hardware_name import device_key, names_partition
from kashi_server.domain.interval import Interval
from kashi_server.domain.measured import observed_minutes
from kashi_server.domain.rating import Facts, device_times
from kashi_server.services.stating_port import StatingUnit


class MeasuredDevices:
    """What agents observed in the time of an import."""

    def __init__(self, unit: StatingUnit, records: Sequence[StatedRecord], *, as_ids: bool) -> None:
        """`as_ids`: the mapping says that units are hardware ids, in whatever form they are."""
        self._as_ids = as_ids
        self._times: dict[str, DeviceTime] = {}
        self._leased: dict[str, list[tuple[str, Interval]]] = {}
        self._partitions: set[str] = set()
        self._spelled: dict[str, list[str]] = {}
        if not records:
            return
        start = min(record.minutes.start for record in records)
        end = max(record.minutes.bounded()[1] for record in records)
        for one in unit.expense.assignments():
            if one.confirmed:
                self._leased.setdefault(one.contract_id, []).append((one.hardware_id, one.interval))
        for hardware_id in unit.facts.hardware_ids():
            self._spelled.setdefault(device_key(hardware_id), []).append(hardware_id)
        named = {record.unit_name for record in records}
        named |= {device for found in self._leased.values() for device, _interval in found}
        wanted = sorted({known for name in named for known in self._known(name)})
        devices = unit.facts.devices(wanted) if wanted else []
        self._partitions = {
            device.hardware_id
            for device in devices
            if device.parent_hardware_id or device.share_numerator != device.share_denominator
        }
        if devices:
            hours = unit.facts.device_hours(wanted, start, end)
            self._times = device_times(Facts(devices=devices, hours=hours), Interval(start, end))

    def _known(self, name: str) -> Sequence[str]:
        """The ids of agents that a name is a spelling of."""
        key = device_key(name)
        return self._spelled.get(key, ()) if key else ()

    def is_partition(self, record: StatedRecord) -> bool:
        """It names a part of a card: one that agents reported, or by the form of its id."""
        if not self._partitions.isdisjoint(self._known(record.unit_name)):
            return True
        return names_partition(record.unit_name, as_id=self._as_ids)

    def first_minute(self, record: StatedRecord, contract_id: str) -> int | None:
        """The first minute of a record that an agent observed too."""
        return min(self._minutes(record, contract_id), default=None)

    def _minutes(self, record: StatedRecord, contract_id: str) -> Iterator[int]:
        watched = [(hardware_id, record.minutes) for hardware_id in self._known(record.unit_name)]
        if not record.identified:
            watched += [
                (hardware_id, common)
                for leased, interval in self._leased.get(contract_id, ())
                if (common := interval.overlap(record.minutes)) is not None
                for hardware_id in self._known(leased)
            ]
        for hardware_id, part in watched:
            if hardware_id in self._times:
                yield from observed_minutes(self._times[hardware_id], part)
