"""A sealed report read back into the stretch it was sealed from, to be sealed anew.

Only a host whose chain broke needs it: its own report is refused, or stands behind a lost one. The
endings of devices, which never leave the host, are not in a report and come back unknown.
"""

from google.protobuf.message import DecodeError
from kashi import signing
from kashi.chain import check_blocks, parse_report
from kashi.errors import ContractError, FormError
from kashi.v1 import report_pb2

from kashi_agent.axis import ClockState
from kashi_agent.clock import ClockSync
from kashi_agent.reading import (
    Continuity,
    DeviceMinutes,
    Gap,
    GapReason,
    HolderKey,
    HolderTime,
    HostEvent,
    HostEventKind,
    Reading,
    Segment,
)
from kashi_agent.sample import Device, DeviceEvent, HolderKind, Meter, MeterKind, Vendor
from kashi_agent.stretch import Stretch


def unseal(wire: bytes) -> Stretch:
    """The stretch of a report of this host.

    Raises:
        kashi.errors.FormError: the bytes are no report.
        ValueError: it says what cannot be.
    """
    message, header = parse_report(wire)
    try:
        return _stretch(message, header)
    except DecodeError as error:
        raise FormError("a block of the report is not what it says it is") from error


def _stretch(message: report_pb2.Report, header: report_pb2.ReportHeader) -> Stretch:
    segment = Segment(
        number=header.segment.number,
        anchor_utc_ms=header.segment.anchor_utc_ms,
        start_boottime_ms=header.segment.start_boottime_ms,
    )
    names = _names(message)
    known_error = header.clock.HasField("error_us_max")
    return Stretch(
        boot_id=header.boot_id,
        segment=segment,
        start_boottime_ms=header.start_boottime_ms,
        end_boottime_ms=header.end_boottime_ms,
        devices=tuple(
            _minutes(report_pb2.DeviceBlock.FromString(block.content), header, segment, names)
            for block in message.blocks
            if block.kind == report_pb2.BLOCK_KIND_DEVICE
        ),
        events=tuple(_host_event(event) for event in header.events),
        meters=tuple(
            Meter(
                kind=MeterKind(meter.kind),
                cadence_ms=meter.cadence_ms,
                library_version=meter.library_version,
                driver_version=meter.driver_version,
            )
            for meter in header.meters
        ),
        clock=ClockState(
            sync=ClockSync(header.clock.sync),
            offset_ms=header.clock.offset_ms,
            error_us_max=header.clock.error_us_max if known_error else None,
        ),
        devices_counted_only=header.devices_counted_only,
    )


def unaltered(wire: bytes, sha256: bytes) -> bool:
    """Whether header and blocks are those of the report with this hash.

    The signature is not looked at: where it alone is damaged, what the report says still holds.
    """
    try:
        message, header = parse_report(wire)
        check_blocks(message, header)
    except ContractError:
        return False
    return signing.report_sha256(message.header) == sha256


def _names(message: report_pb2.Report) -> dict[bytes, str]:
    return {
        named.key: named.name
        for block in message.blocks
        if block.kind == report_pb2.BLOCK_KIND_HOLDER_NAMES
        for named in report_pb2.HolderNameBlock.FromString(block.content).names
    }


def _minutes(
    block: report_pb2.DeviceBlock,
    header: report_pb2.ReportHeader,
    segment: Segment,
    names: dict[bytes, str],
) -> DeviceMinutes:
    start = block.start_boottime_ms
    hardware_id = block.device.hardware_id
    return DeviceMinutes(
        device=_device(block.device),
        boot_id=header.boot_id,
        segment=segment,
        start_boottime_ms=start,
        end_boottime_ms=block.end_boottime_ms,
        readings=tuple(_reading(reading, start) for reading in block.readings),
        gaps=tuple(_gap(gap, start) for gap in block.gaps),
        events=tuple(
            DeviceEvent(
                hardware_id=hardware_id,
                boottime_ms=event.boottime_ms,
                kind=event.kind,
                detail=event.detail,
                value=event.value,
            )
            for event in block.events
        ),
        holders=tuple(
            HolderKey(kind=HolderKind(holder.kind), key=holder.key, name=names.get(holder.key, ""))
            for holder in block.holders
        ),
    )


def _device(device: report_pb2.Device) -> Device:
    return Device(
        vendor=Vendor(device.vendor),
        hardware_id=device.hardware_id,
        model=device.model,
        meter=MeterKind(device.meter),
        parent_hardware_id=device.parent_hardware_id,
        serial=device.serial,
        pci_bus_id=device.pci_bus_id,
        memory_bytes=device.memory_bytes,
        share_numerator=device.share_numerator,
        share_denominator=device.share_denominator,
    )


def _reading(reading: report_pb2.Reading, start: int) -> Reading:
    known_memory = reading.HasField("memory_used_bytes_max")
    return Reading(
        start_boottime_ms=start + reading.start_offset_ms,
        span_ms=reading.span_ms,
        observed_ms=reading.observed_ms,
        held_known_ms=reading.held_known_ms,
        held_ms=reading.held_ms,
        utilisation_known_ms=reading.utilisation_known_ms,
        active_ms=reading.active_ms,
        utilised_ns=reading.utilised_ns,
        unattributed_ms=reading.unattributed_ms,
        energy_known_ms=reading.energy_known_ms,
        energy_mj=reading.energy_mj,
        energy_integrated=reading.energy_integrated,
        memory_used_bytes_max=reading.memory_used_bytes_max if known_memory else None,
        holder_times=tuple(
            HolderTime(time.holder, time.held_ms, time.share_ms) for time in reading.holder_times
        ),
    )


def _gap(gap: report_pb2.Gap, start: int) -> Gap:
    known = gap.continuity
    return Gap(
        start_boottime_ms=start + gap.start_offset_ms,
        span_ms=gap.span_ms,
        reason=GapReason(gap.reason),
        continuity=Continuity(
            same_driver=known.same_driver if known.HasField("same_driver") else None,
            same_holders=known.same_holders if known.HasField("same_holders") else None,
            energy_mj=known.energy_mj if known.HasField("energy_mj") else None,
        ),
    )


def _host_event(event: report_pb2.HostEvent) -> HostEvent:
    return HostEvent(
        boottime_ms=event.boottime_ms,
        kind=HostEventKind(event.kind),
        detail=event.detail,
        value=event.value,
    )
