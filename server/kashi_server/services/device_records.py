"""Devices as all their hosts describe them together: newest description, windows of service."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from kashi_server.domain.device import DeviceRecord, ServiceWindow, Vendor
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.report import MeterKind
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.services.facts_port import DeviceRow
from kashi_server.services.service_windows import Firsts, Observed, ServicePlace, windows_of

Watch = Callable[[Firsts], Observed]
"""All minutes in which some hardware was observed, that is at these places."""


def same_hardware(rows: Iterable[DeviceRow]) -> list[list[DeviceRow]]:
    """Rows put together by the hardware that their ids are of, in the order of the ids."""
    found: dict[str, list[DeviceRow]] = {}
    for row in rows:
        found.setdefault(hardware_key(row.device.hardware_id), []).append(row)
    return list(found.values())


def device_records(rows: Sequence[DeviceRow], watch: Watch) -> Iterator[DeviceRecord]:
    """The devices of one piece of hardware, one an id, from its rows on every host on which it
    counts.

    Args:
        rows: at least one, each with a `first_utc_ms`.
        watch: asked only where the hardware counts on several hosts, or under several ids.
    """
    firsts = firsts_of(rows)
    stretches = [(firsts[0][0], Interval(firsts[0][1], None))]
    if len(rows) > 1:
        stretches = windows_of(watch(firsts), firsts)
    for hardware_id in sorted({row.device.hardware_id for row in rows}):
        own = [row for row in rows if row.device.hardware_id == hardware_id]
        windows = [
            (place.host_id, interval)
            for place, interval in stretches
            if place.hardware_id == hardware_id
        ]
        yield _record(own, windows)


def firsts_of(rows: Iterable[DeviceRow]) -> list[tuple[ServicePlace, int]]:
    """For each place the first minute it accounts for, the earliest first."""
    ordered = sorted((r.first_utc_ms or 0, r.host_id, r.device.hardware_id) for r in rows)
    return [(ServicePlace(host, device), utc_ms // MINUTE_MS) for utc_ms, host, device in ordered]


def _record(rows: Sequence[DeviceRow], windows: Iterable[tuple[str, Interval]]) -> DeviceRecord:
    newest = max(rows, key=lambda row: (row.described_utc_ms, row.host_id)).device
    buses = {row.host_id: row.device.pci_bus_id for row in rows}
    return DeviceRecord(
        hardware_id=newest.hardware_id,
        vendor=Vendor(newest.vendor),
        model=newest.model,
        parent_hardware_id=newest.parent_hardware_id,
        share_numerator=newest.share_numerator,
        share_denominator=newest.share_denominator,
        memory_bytes=newest.memory_bytes,
        serial=newest.serial,
        pci_bus_id=newest.pci_bus_id,
        replayed=any(row.device.meter == MeterKind.REPLAY for row in rows),
        first_minutes=tuple((place.host_id, minute) for place, minute in firsts_of(rows)),
        windows=tuple(
            ServiceWindow(host_id=host_id, interval=interval, pci_bus_id=buses[host_id])
            for host_id, interval in windows
        ),
    )
