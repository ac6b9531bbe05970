"""A device as all its hosts describe it together: newest description, windows of service."""

from collections.abc import Callable, Iterable, Sequence

from kashi_server.domain.device import DeviceRecord, ServiceWindow, Vendor
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.report import MeterKind
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.facts_port import DeviceRow
from kashi_server.services.service_windows import windows_of


def device_record(
    rows: Sequence[DeviceRow], moved_hours: Callable[[str], Iterable[DeviceHour]]
) -> DeviceRecord:
    """One device from its rows on every host on which it counts.

    Args:
        rows: at least one, of one device, each with a `first_utc_ms`.
        moved_hours: all device-hours of a device; asked only where it counts on several hosts.
    """
    firsts = tuple(
        (host_id, first_utc_ms // MINUTE_MS)
        for first_utc_ms, host_id in sorted((row.first_utc_ms or 0, row.host_id) for row in rows)
    )
    newest = max(rows, key=lambda row: (row.described_utc_ms, row.host_id)).device
    buses = {row.host_id: row.device.pci_bus_id for row in rows}
    if len(rows) == 1:
        stretches = [(firsts[0][0], Interval(firsts[0][1], None))]
    else:
        stretches = windows_of(moved_hours(newest.hardware_id), firsts)
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
        first_minutes=firsts,
        windows=tuple(
            ServiceWindow(host_id=host_id, interval=interval, pci_bus_id=buses[host_id])
            for host_id, interval in stretches
        ),
    )
