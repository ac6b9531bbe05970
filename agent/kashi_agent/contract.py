"""Plain values as the contract's messages, and back: the only place that builds them or reads them.

Both ways are exact: what `stretch_of` gives of what `header_of` and `contents_of` made is the same
stretch, but for the endings of devices, which never leave the host, and for texts that the contract
does not take, which are cleaned. Fields that have one name on both sides are copied by that name.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from kashi import limits
from kashi.v1 import report_pb2

from kashi_agent.axis import ClockState
from kashi_agent.chain_link import EpochOpening
from kashi_agent.clock import ClockSync
from kashi_agent.reading import (
    SUMS,
    Continuity,
    Counters,
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

_Message = TypeVar("_Message", bound=Message)
Content = tuple[report_pb2.BlockKind, report_pb2.DeviceBlock | report_pb2.HolderNameBlock]

_SPAN: Final = ("start_boottime_ms", "end_boottime_ms")
_SEGMENT: Final = ("number", "anchor_utc_ms", "start_boottime_ms")
_METER: Final = ("cadence_ms", "library_version", "driver_version")
_EVENT: Final = ("boottime_ms", "detail", "value")
_DEVICE: Final = (
    *("hardware_id", "parent_hardware_id", "model", "serial", "pci_bus_id", "memory_bytes"),
    *("share_numerator", "share_denominator"),
)
_READING: Final = ("span_ms", *SUMS, "energy_integrated")
_HOLDER_TIME: Final = ("holder", "held_ms", "share_ms")
_CONTINUITY: Final = ("same_driver", "same_holders", "energy_mj")
_OPENING: Final = tuple(field.name for field in fields(EpochOpening))
_COUNTERS: Final = ("observed_ms", "gap_ms", "held_ms", "active_ms", "utilised_ns", "energy_mj")


def header_of(stretch: Stretch) -> report_pb2.ReportHeader:
    """The header's fields that tell of the stretch; those of host, chain and seal are not set."""
    return report_pb2.ReportHeader(
        boot_id=stretch.boot_id,
        segment=report_pb2.Segment(**_put(stretch.segment, *_SEGMENT)),
        clock=report_pb2.ClockState(**_put(stretch.clock, "sync", "offset_ms", "error_us_max")),
        meters=_each(report_pb2.MeterDescription, stretch.meters, "kind", *_METER),
        events=_each(report_pb2.HostEvent, stretch.events, "kind", *_EVENT),
        **_put(stretch, *_SPAN, "devices_counted_only"),
    )


def contents_of(minutes: DeviceMinutes, slot: int) -> Iterator[Content]:
    """The block of a device, and the block of its holders' names if there are any."""
    start = minutes.start_boottime_ms
    yield (
        report_pb2.BLOCK_KIND_DEVICE,
        report_pb2.DeviceBlock(
            slot=slot,
            device=report_pb2.Device(**_put(minutes.device, "vendor", "meter", *_DEVICE)),
            readings=[_reading(reading, start) for reading in minutes.readings],
            gaps=[_gap(gap, start) for gap in minutes.gaps],
            events=_each(report_pb2.DeviceEvent, minutes.events, "kind", *_EVENT),
            holders=_each(report_pb2.Holder, minutes.holders, "kind", "key"),
            **_put(minutes, *_SPAN),
        ),
    )
    named = [holder for holder in minutes.holders if holder.name]
    if named:
        names = _each(report_pb2.HolderName, named, "key", "name")
        yield report_pb2.BLOCK_KIND_HOLDER_NAMES, report_pb2.HolderNameBlock(names=names)


def stretch_of(header: report_pb2.ReportHeader, blocks: Iterable[report_pb2.Block]) -> Stretch:
    """The stretch that a header and its blocks tell of.

    Raises:
        google.protobuf.message.DecodeError: a block is not what it says it is.
        ValueError: they say what cannot be.
    """
    contents = [(block.kind, block.content) for block in blocks]
    names = {
        named.key: named.name
        for kind, content in contents
        if kind == report_pb2.BLOCK_KIND_HOLDER_NAMES
        for named in report_pb2.HolderNameBlock.FromString(content).names
    }
    segment = Segment(**_got(header.segment, *_SEGMENT))
    return Stretch(
        boot_id=header.boot_id,
        segment=segment,
        devices=tuple(
            _minutes(report_pb2.DeviceBlock.FromString(content), header.boot_id, segment, names)
            for kind, content in contents
            if kind == report_pb2.BLOCK_KIND_DEVICE
        ),
        events=tuple(
            HostEvent(kind=HostEventKind(event.kind), **_got(event, *_EVENT))
            for event in header.events
        ),
        meters=tuple(
            Meter(kind=MeterKind(meter.kind), **_got(meter, *_METER)) for meter in header.meters
        ),
        clock=ClockState(
            sync=ClockSync(header.clock.sync),
            offset_ms=header.clock.offset_ms,
            **_perhaps(header.clock, "error_us_max"),
        ),
        **_got(header, *_SPAN, "devices_counted_only"),
    )


def opening_of(opening: EpochOpening) -> report_pb2.EpochOpening:
    """What a host still knows when it opens an epoch."""
    return report_pb2.EpochOpening(**_put(opening, *_OPENING))


def totals_of(slot: int, counters: Counters) -> report_pb2.DeviceCounters:
    """Running totals of the device in a slot."""
    return report_pb2.DeviceCounters(slot=slot, **_put(counters, *_COUNTERS))


def counters_of(totals: report_pb2.DeviceCounters) -> Counters:
    """Running totals."""
    return Counters(**_got(totals, *_COUNTERS))


def clean(text: str) -> str:
    """A text as the contract takes it: UTF-8, no zero byte, not too long."""
    sound = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    return sound[: limits.TEXT_CHARACTERS_MAX]


def _put(value: object, *names: str) -> dict[str, Any]:
    """Fields of a plain value for a message."""
    return {
        name: clean(field) if isinstance(field := getattr(value, name), str) else field
        for name in names
    }


def _each(kind: Callable[..., _Message], values: Iterable[object], *names: str) -> list[_Message]:
    """A message for each plain value, of these fields."""
    return [kind(**_put(value, *names)) for value in values]


def _got(message: Message, *names: str) -> dict[str, Any]:
    """Fields of a message for a plain value."""
    return {name: getattr(message, name) for name in names}


def _perhaps(message: Message, *names: str) -> dict[str, Any]:
    """Optional fields of a message for a plain value; None where they are absent."""
    return {n: getattr(message, n) if message.HasField(n) else None for n in names}


def _reading(reading: Reading, start: int) -> report_pb2.Reading:
    return report_pb2.Reading(
        start_offset_ms=reading.start_boottime_ms - start,
        holder_times=_each(report_pb2.HolderTime, reading.holder_times, *_HOLDER_TIME),
        **_put(reading, *_READING, "memory_used_bytes_max"),
    )


def _gap(gap: Gap, start: int) -> report_pb2.Gap:
    return report_pb2.Gap(
        start_offset_ms=gap.start_boottime_ms - start,
        continuity=report_pb2.Continuity(**_put(gap.continuity, *_CONTINUITY)),
        **_put(gap, "span_ms", "reason"),
    )


def _minutes(
    block: report_pb2.DeviceBlock, boot_id: bytes, segment: Segment, names: dict[bytes, str]
) -> DeviceMinutes:
    device, start = block.device, block.start_boottime_ms
    return DeviceMinutes(
        device=Device(
            vendor=Vendor(device.vendor), meter=MeterKind(device.meter), **_got(device, *_DEVICE)
        ),
        boot_id=boot_id,
        segment=segment,
        readings=tuple(
            Reading(
                start_boottime_ms=start + reading.start_offset_ms,
                holder_times=tuple(
                    HolderTime(**_got(time, *_HOLDER_TIME)) for time in reading.holder_times
                ),
                **_got(reading, *_READING),
                **_perhaps(reading, "memory_used_bytes_max"),
            )
            for reading in block.readings
        ),
        gaps=tuple(
            Gap(
                start_boottime_ms=start + gap.start_offset_ms,
                span_ms=gap.span_ms,
                reason=GapReason(gap.reason),
                continuity=Continuity(**_perhaps(gap.continuity, *_CONTINUITY)),
            )
            for gap in block.gaps
        ),
        events=tuple(
            DeviceEvent(hardware_id=device.hardware_id, **_got(event, "kind", *_EVENT))
            for event in block.events
        ),
        holders=tuple(
            HolderKey(kind=HolderKind(holder.kind), key=holder.key, name=names.get(holder.key, ""))
            for holder in block.holders
        ),
        **_got(block, *_SPAN),
    )
