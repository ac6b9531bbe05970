"""Whose a device is while it is to serve: an assignment takes a device of the contract's provider,
for all of its time, and keeps others from it."""

from collections.abc import Iterator, Sequence

from kashi_server.domain.contract import Contract
from kashi_server.domain.device_family import share_of
from kashi_server.domain.interval import Interval
from kashi_server.domain.same_hardware import covers
from kashi_server.services.assignment_port import AssignmentUnit
from kashi_server.services.sight import Sight


class ProvidersHosts:
    """Tells whether hosts of contracts' providers serve devices; looks a provider up once."""

    def __init__(self, unit: AssignmentUnit) -> None:
        """Over an open unit of work."""
        self._unit = unit
        self._sights: dict[str, Sight] = {}

    def serve(self, contract: Contract, hardware_id: str, interval: Interval) -> bool:
        """Every host that a device is on in an interval is the provider's all that time: it owns or
        operates it by a tenure, or enrolled it where no tenure speaks."""
        stays = list(self._stays(hardware_id, interval))
        return bool(stays) and self._own(contract.provider_id, stays)

    def contradict(self, contract: Contract, hardware_id: str, interval: Interval) -> bool:
        """A host that a device is on in an interval is not the provider's in all that time. What no
        host has reported yet, as an office may import it, contradicts nothing."""
        return not self._own(contract.provider_id, list(self._stays(hardware_id, interval)))

    def _own(self, provider: str, stays: Sequence[tuple[str, Interval]]) -> bool:
        if provider not in self._sights:
            self._sights[provider] = self._unit.views.sight(provider)
        hosts = self._sights[provider].hosts
        return all(
            any(span.overlap(part) == part for span in hosts.get(host_id, ()))
            for host_id, part in stays
        )

    def _stays(self, hardware_id: str, interval: Interval) -> Iterator[tuple[str, Interval]]:
        """On which hosts a device is in an interval, by whatever id of it they report. Before its
        first report it was where it reported first, after its last it is where it reported last."""
        windows = sorted(
            (
                window
                for one in self._unit.facts.hardware(hardware_id)
                if covers(hardware_id, one.hardware_id, share_of(one))
                for window in one.windows
            ),
            key=lambda window: window.interval.start,
        )
        for place, window in enumerate(windows):
            last = place == len(windows) - 1
            start = 0 if place == 0 else window.interval.start
            common = Interval(start, None if last else window.interval.end).overlap(interval)
            if common is not None:
                yield window.host_id, common
