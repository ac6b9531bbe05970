"""Traces written: what `kashi_agent.trace` reads."""

import json
from collections.abc import Iterator
from typing import Any

from kashi_agent.sample import Absent, Device, Observation
from kashi_agent.trace import (
    TRACE_FORMAT,
    VALUES,
    Entry,
    Gone,
    Hole,
    Instant,
    Span,
    Trace,
    TraceHead,
)

_Json = dict[str, Any]


def write_trace(trace: Trace) -> Iterator[str]:
    """The lines of a trace, each with its newline."""
    yield _line(_head_fields(trace.head))
    for entry in trace.entries:
        yield _line(_entry_fields(entry))


def _line(fields: _Json) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def _head_fields(head: TraceHead) -> _Json:
    return {
        "format": TRACE_FORMAT,
        "origin": head.origin,
        "note": head.note,
        "start_utc_ms": head.start_utc_ms,
        "span_ms": head.span_ms,
        "cadence_ms": head.cadence_ms,
        "devices": [_device_fields(device) for device in head.devices],
    }


def _device_fields(device: Device) -> _Json:
    return {
        "vendor": device.vendor.name,
        "hardware_id": device.hardware_id,
        "model": device.model,
        "parent_hardware_id": device.parent_hardware_id,
        "serial": device.serial,
        "pci_bus_id": device.pci_bus_id,
        "memory_bytes": device.memory_bytes,
        "share": [device.share_numerator, device.share_denominator],
    }


def _entry_fields(entry: Entry) -> _Json:
    match entry:
        case Gone(device, at_ms):
            return {"device": device, "at_ms": at_ms, "gone": True}
        case Instant(device, at_ms, seen):
            return {"device": device, "at_ms": at_ms, **_seen_fields(seen)}
        case Hole(device, start_ms, end_ms, reason):
            return {"device": device, "start_ms": start_ms, "end_ms": end_ms, "gap": reason.name}
        case Span(device, start_ms, end_ms, seen):
            span = {"device": device, "start_ms": start_ms, "end_ms": end_ms}
            return {**span, **_seen_fields(seen)}


def _seen_fields(seen: Observation) -> _Json:
    fields: _Json = {}
    for name in VALUES:
        value = getattr(seen, name)
        if not isinstance(value, Absent):
            fields[name] = value
    if not isinstance(seen.holders, Absent):
        named = sorted((holder.kind.name, holder.name) for holder in seen.holders)
        fields["holders"] = [list(holder) for holder in named]
    return fields
