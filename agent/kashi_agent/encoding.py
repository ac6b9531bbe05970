"""The bytes of `DeviceMinutes` and `HostEvent` on this host: canonical JSON, lossless and strict.

These bytes live in the spool until they are sealed; they are never sent. One value has one
encoding, and `decode` refuses bytes that are not exactly it, so a damaged or foreign frame cannot
pass for a measurement.
"""

import json
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, Final, TypeVar

from kashi_agent.reading import (
    UNKNOWN_CONTINUITY,
    Continuity,
    DeviceMinutes,
    Ending,
    Gap,
    GapReason,
    HolderKey,
    HolderTime,
    HostEvent,
    HostEventKind,
    Reading,
    Segment,
)
from kashi_agent.sample import Device, DeviceEvent, HolderKind, MeterKind, Vendor

MINUTES_FORMAT: Final = "kashi/v1/device-minutes"
EVENT_FORMAT: Final = "kashi/v1/host-event"

_Value = TypeVar("_Value")
_Json = Any  # what json gives: checked field by field below


class DecodeError(ValueError):
    """The bytes are not an encoded value."""


def encode(minutes: DeviceMinutes) -> bytes:
    """The bytes of a stretch of device minutes."""
    return _dump([MINUTES_FORMAT, *_minutes_fields(minutes)])


def decode(frame: bytes) -> DeviceMinutes:
    """The value whose bytes these are.

    Raises:
        DecodeError: they are not the encoding of any `DeviceMinutes`.
    """
    return _load(frame, MINUTES_FORMAT, _minutes, encode)


def encode_event(event: HostEvent) -> bytes:
    """The bytes of a host event."""
    return _dump([EVENT_FORMAT, event.boottime_ms, event.kind, event.detail, event.value])


def decode_event(frame: bytes) -> HostEvent:
    """The host event whose bytes these are.

    Raises:
        DecodeError: they are not the encoding of any `HostEvent`.
    """
    return _load(frame, EVENT_FORMAT, _event, encode_event)


def _dump(value: list[_Json]) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()


def _load(
    frame: bytes,
    format_name: str,
    build: Callable[[list[_Json]], _Value],
    encoded: Callable[[_Value], bytes],
) -> _Value:
    try:
        fields = json.loads(frame)
        value = build(_body(fields, format_name))
        # Being its own re-encoding rules out spaces, escapes and every other second spelling.
        canonical = encoded(value) == frame
    except DecodeError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise DecodeError(f"the bytes are not a {format_name} frame: {error}") from error
    if not canonical:
        raise DecodeError(f"the {format_name} frame is not in its canonical form")
    return value


def _body(fields: _Json, format_name: str) -> list[_Json]:
    if not isinstance(fields, list) or fields[:1] != [format_name]:
        raise DecodeError(f"the bytes are not a {format_name} frame")
    return fields[1:]


def _integer(value: _Json) -> int:
    if type(value) is not int:
        raise DecodeError(f"{value!r} is not an integer")
    return value


def _text(value: _Json) -> str:
    if not isinstance(value, str):
        raise DecodeError(f"{value!r} is not a text")
    return value


def _flag(value: _Json) -> bool:
    if type(value) is not bool:
        raise DecodeError(f"{value!r} is not true or false")
    return value


def _event(fields: list[_Json]) -> HostEvent:
    boottime_ms, kind, detail, value = fields
    return HostEvent(
        boottime_ms=_integer(boottime_ms),
        kind=HostEventKind(_integer(kind)),
        detail=_text(detail),
        value=_integer(value),
    )


def _minutes_fields(minutes: DeviceMinutes) -> list[_Json]:
    return [
        list(_device_fields(minutes.device)),
        minutes.boot_id.hex(),
        list(astuple(minutes.segment)),
        minutes.start_boottime_ms,
        minutes.end_boottime_ms,
        [_reading_fields(reading) for reading in minutes.readings],
        [_gap_fields(gap) for gap in minutes.gaps],
        [[event.boottime_ms, event.kind, event.detail, event.value] for event in minutes.events],
        [[holder.kind, holder.key.hex(), holder.name] for holder in minutes.holders],
        _ending_fields(minutes.ending),
    ]


def _minutes(fields: list[_Json]) -> DeviceMinutes:
    device, boot_id, segment, start, end, readings, gaps, events, holders, ending = fields
    number, anchor_utc_ms, segment_start = segment
    known = _device(device)
    return DeviceMinutes(
        device=known,
        boot_id=bytes.fromhex(boot_id),
        segment=Segment(
            number=_integer(number),
            anchor_utc_ms=_integer(anchor_utc_ms),
            start_boottime_ms=_integer(segment_start),
        ),
        start_boottime_ms=_integer(start),
        end_boottime_ms=_integer(end),
        readings=tuple(_reading(reading) for reading in readings),
        gaps=tuple(_gap(gap) for gap in gaps),
        events=tuple(_device_event(known.hardware_id, event) for event in events),
        holders=tuple(_holder(holder) for holder in holders),
        ending=_ending(ending),
    )


def _device_fields(device: Device) -> tuple[_Json, ...]:
    return (
        device.vendor,
        device.hardware_id,
        device.model,
        device.meter,
        device.parent_hardware_id,
        device.serial,
        device.pci_bus_id,
        device.memory_bytes,
        device.share_numerator,
        device.share_denominator,
    )


def _device(fields: list[_Json]) -> Device:
    vendor, hardware_id, model, meter, parent, serial, bus, memory, numerator, denominator = fields
    return Device(
        vendor=Vendor(_integer(vendor)),
        hardware_id=_text(hardware_id),
        model=_text(model),
        meter=MeterKind(_integer(meter)),
        parent_hardware_id=_text(parent),
        serial=_text(serial),
        pci_bus_id=_text(bus),
        memory_bytes=_integer(memory),
        share_numerator=_integer(numerator),
        share_denominator=_integer(denominator),
    )


def _reading_fields(reading: Reading) -> list[_Json]:
    return [
        reading.start_boottime_ms,
        reading.span_ms,
        reading.observed_ms,
        reading.held_known_ms,
        reading.held_ms,
        reading.utilisation_known_ms,
        reading.active_ms,
        reading.utilised_ns,
        reading.unattributed_ms,
        reading.energy_known_ms,
        reading.energy_mj,
        reading.energy_integrated,
        reading.memory_used_bytes_max,
        [[time.holder, time.held_ms, time.share_ms] for time in reading.holder_times],
    ]


def _reading(fields: list[_Json]) -> Reading:
    start, span, observed, held_known, held, known, active, utilised = fields[:8]
    unattributed, energy_known, energy, integrated, memory, times = fields[8:]
    return Reading(
        start_boottime_ms=_integer(start),
        span_ms=_integer(span),
        observed_ms=_integer(observed),
        held_known_ms=_integer(held_known),
        held_ms=_integer(held),
        utilisation_known_ms=_integer(known),
        active_ms=_integer(active),
        utilised_ns=_integer(utilised),
        unattributed_ms=_integer(unattributed),
        energy_known_ms=_integer(energy_known),
        energy_mj=_integer(energy),
        energy_integrated=_flag(integrated),
        memory_used_bytes_max=None if memory is None else _integer(memory),
        holder_times=tuple(HolderTime(*map(_integer, time)) for time in times),
    )


def _gap_fields(gap: Gap) -> list[_Json]:
    known = gap.continuity
    continuity = [known.same_driver, known.same_holders, known.energy_mj]
    return [gap.start_boottime_ms, gap.span_ms, gap.reason, continuity]


def _gap(fields: list[_Json]) -> Gap:
    start, span, reason, (same_driver, same_holders, energy_mj) = fields
    continuity = Continuity(same_driver=same_driver, same_holders=same_holders, energy_mj=energy_mj)
    return Gap(
        start_boottime_ms=_integer(start),
        span_ms=_integer(span),
        reason=GapReason(_integer(reason)),
        continuity=UNKNOWN_CONTINUITY if continuity == UNKNOWN_CONTINUITY else continuity,
    )


def _device_event(hardware_id: str, fields: list[_Json]) -> DeviceEvent:
    boottime_ms, kind, detail, value = fields
    return DeviceEvent(
        hardware_id=hardware_id,
        boottime_ms=_integer(boottime_ms),
        kind=_integer(kind),
        detail=_text(detail),
        value=_integer(value),
    )


def _holder(fields: list[_Json]) -> HolderKey:
    kind, key, name = fields
    return HolderKey(kind=HolderKind(_integer(kind)), key=bytes.fromhex(key), name=_text(name))


def _ending_fields(ending: Ending) -> list[_Json]:
    keys = ending.holder_keys
    return [
        ending.energy_counter_mj,
        None if keys is None else sorted(key.hex() for key in keys),
    ]


def _ending(fields: list[_Json]) -> Ending:
    counter, keys = fields
    return Ending(
        energy_counter_mj=None if counter is None else _integer(counter),
        holder_keys=None if keys is None else frozenset(bytes.fromhex(key) for key in keys),
    )
