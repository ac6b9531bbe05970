"""Traces: recorded or generated workloads in JSON lines, read lazily.

The first line is the head, every further line one entry; times are milliseconds after the trace's
start, entries stand in order of their start, and entries of one device do not overlap.

    {"format": "kashi/v1/trace", "origin": "generated", "note": "...", "cadence_ms": 1000,
     "start_utc_ms": 1790784000000, "span_ms": 86400000, "devices": [{"vendor": "NVIDIA",
     "hardware_id": "GPU-...", "model": "H100", "memory_bytes": 85899345920}]}
    {"device": 0, "start_ms": 0, "end_ms": 600000, "utilisation_ppm": 930000, "power_mw": 640000,
     "memory_used_bytes": 73014444032, "holders": [["SLURM_JOB", "4711"]]}
    {"device": 0, "start_ms": 600000, "end_ms": 660000, "gap": "DEVICE_LOST"}
    {"device": 0, "at_ms": 700000, "utilisation_ppm": 250000, "energy_counter_mj": 99}
    {"device": 0, "at_ms": 800000, "gone": true}

A span says that one observation held throughout, a sample what was seen at one instant, a gap that
nobody observed and why, and *gone* that the device left this host for good. A value that is left
out or null was not recorded; `holders` [] is nobody. What no entry covers is a hole in the trace.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from kashi_agent.errors import FileError
from kashi_agent.reading import GapReason
from kashi_agent.sample import (
    CADENCE_MS_MAX,
    Absent,
    AbsentReason,
    Device,
    Holder,
    HolderKind,
    MeterKind,
    Observation,
    Vendor,
)

TRACE_FORMAT: Final = "kashi/v1/trace"
SPAN_MS_MAX: Final = 10 * 366 * 86_400_000
"""Ten years."""
UTC_MS_MAX: Final = 253_402_300_800_000
"""The end of the year 9999."""
NOT_RECORDED: Final = Absent(AbsentReason.NOT_RECORDED)

_Json = dict[str, Any]
VALUES: Final = ("utilisation_ppm", "energy_counter_mj", "power_mw", "memory_used_bytes")
_KINDS: Final = {
    str: ("文本", "a text"),
    int: ("整数", "an integer"),
    list: ("列表", "a list"),
    dict: ("对象", "an object"),
}
_SEEN: Final = frozenset({*VALUES, "holders"})


class TraceError(FileError):
    """A trace is not in its form; the message names line and field."""


class Origin(StrEnum):
    """Where a workload comes from: it is shown wherever the workload is."""

    RECORDED = "recorded"
    GENERATED = "generated"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHead:
    """What a trace says of itself. `start_utc_ms` is the instant from which its times count."""

    origin: Origin
    note: str
    start_utc_ms: int
    span_ms: int
    cadence_ms: int
    devices: tuple[Device, ...]

    def __post_init__(self) -> None:
        """Refuse a trace of no length or cadence, or of too much, or with a device twice."""
        for name, value, most in (
            ("span_ms", self.span_ms, SPAN_MS_MAX),
            ("cadence_ms", self.cadence_ms, CADENCE_MS_MAX),
            ("start_utc_ms", self.start_utc_ms + 1, UTC_MS_MAX),
        ):
            if not 0 < value <= most:
                raise ValueError(
                    f"{name} 为 {value}，须在 1 至 {most} 之间。"
                    f"{name}: {value} is not from 1 to {most}"
                )
        if len({device.hardware_id for device in self.devices}) != len(self.devices):
            raise ValueError("同一设备出现两次。A device stands in the trace twice")


@dataclass(frozen=True, slots=True)
class Span:
    """One observation that held over [start_ms, end_ms) of a device (its place in the head)."""

    device: int
    start_ms: int
    end_ms: int
    seen: Observation


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch nobody observed."""

    device: int
    start_ms: int
    end_ms: int
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Instant:
    """What was seen at one instant."""

    device: int
    start_ms: int
    seen: Observation


@dataclass(frozen=True, slots=True)
class Gone:
    """The device left this host for good."""

    device: int
    start_ms: int


Entry = Span | Hole | Instant | Gone


@dataclass(frozen=True, slots=True)
class Trace:
    """A head and its entries, which are read (or generated) as they are asked for, once."""

    head: TraceHead
    entries: Iterator[Entry]


def read_trace(lines: Iterable[str]) -> Trace:
    """A trace from its lines; entries are checked as they are read.

    Raises:
        TraceError: now for the head, later for an entry.
    """
    numbered = enumerate(lines, start=1)
    for number, line in numbered:
        if line.strip():
            head = _parsed(number, line, _head)
            return Trace(head, _entries(head, numbered))
    raise TraceError(
        "文件为空：首行须为文件头。The trace is empty: its first line must be the head"
    )


def _entries(head: TraceHead, numbered: Iterator[tuple[int, str]]) -> Iterator[Entry]:
    reached: dict[int, int] = {}
    last_ms = 0
    for number, line in numbered:
        if not line.strip():
            continue
        entry = _parsed(number, line, _entry)
        if not 0 <= entry.device < len(head.devices):
            raise TraceError(
                f"第 {number} 行：设备 {entry.device} 不在文件头中。"
                f"Line {number}: device {entry.device} is not in the head"
            )
        end_ms = entry.end_ms if isinstance(entry, Span | Hole) else entry.start_ms
        if not reached.get(entry.device, 0) <= entry.start_ms <= end_ms <= head.span_ms:
            raise TraceError(
                f"第 {number} 行：设备 {entry.device} 的 [{entry.start_ms}, {end_ms}) 毫秒与前一条"
                f"重叠、倒退或超出全长。Line {number}: [{entry.start_ms}, {end_ms}) ms of device "
                f"{entry.device} overlaps the entry before, runs back or leaves the trace"
            )
        if entry.start_ms < last_ms:
            raise TraceError(
                f"第 {number} 行：{entry.start_ms} 毫秒排在 {last_ms} 毫秒之后。"
                f"Line {number}: {entry.start_ms} ms stands after {last_ms} ms"
            )
        reached[entry.device], last_ms = end_ms, entry.start_ms
        yield entry


def _parsed(number: int, line: str, build: Any) -> Any:
    try:
        return build(_typed({"JSON": json.loads(line)}, "JSON", dict))
    except KeyError as error:
        raise TraceError(
            f"第 {number} 行：字段 {error} 缺失或未知。"
            f"Line {number}: field {error} is missing or unknown"
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise TraceError(f"第 {number} 行不合格式。Line {number}: {error}") from error


def _head(fields: _Json) -> TraceHead:
    if fields["format"] != TRACE_FORMAT:
        shown = fields["format"]
        raise ValueError(f"format 为 {shown!r}。Format {shown!r} is not {TRACE_FORMAT}")
    return TraceHead(
        origin=Origin(_text(fields, "origin")),
        note=_text(fields, "note"),
        start_utc_ms=_integer(fields, "start_utc_ms"),
        span_ms=_integer(fields, "span_ms"),
        cadence_ms=_integer(fields, "cadence_ms"),
        devices=tuple(_device(device) for device in _typed(fields, "devices", list)),
    )


def _device(fields: Any) -> Device:
    share = _typed({"devices": fields}, "devices", dict).get("share", [1, 1])
    if not isinstance(share, list) or [type(part) for part in share] != [int, int]:
        raise TypeError(f"share {share!r} 不是两个整数。Share {share!r} is not two integers")
    return Device(
        vendor=Vendor[_text(fields, "vendor")],
        hardware_id=_text(fields, "hardware_id"),
        model=_text(fields, "model"),
        meter=MeterKind.REPLAY,
        parent_hardware_id=_text(fields, "parent_hardware_id", ""),
        serial=_text(fields, "serial", ""),
        pci_bus_id=_text(fields, "pci_bus_id", ""),
        memory_bytes=_integer({"memory_bytes": 0, **fields}, "memory_bytes"),
        share_numerator=share[0],
        share_denominator=share[1],
    )


def _entry(fields: _Json) -> Entry:
    device = _integer(fields, "device")
    if "gone" in fields:
        return Gone(device, _integer(fields, "at_ms"))
    if "at_ms" in fields:
        return Instant(device, _integer(fields, "at_ms"), _seen(fields, {"device", "at_ms"}))
    start_ms, end_ms = _integer(fields, "start_ms"), _integer(fields, "end_ms")
    if end_ms <= start_ms:
        raise ValueError(
            f"start_ms {start_ms} 不早于 end_ms {end_ms}。"
            f"Start_ms {start_ms} is not before end_ms {end_ms}"
        )
    if "gap" in fields:
        return Hole(device, start_ms, end_ms, GapReason[_text(fields, "gap")])
    return Span(device, start_ms, end_ms, _seen(fields, {"device", "start_ms", "end_ms"}))


def _seen(fields: _Json, others: set[str]) -> Observation:
    unknown = set(fields) - others - _SEEN
    if unknown:
        raise KeyError(sorted(unknown)[0])
    utilisation, energy, power, memory = (_value(fields, name) for name in VALUES)
    holders = None if fields.get("holders") is None else _typed(fields, "holders", list)
    return Observation(
        utilisation_ppm=utilisation,
        energy_counter_mj=energy,
        power_mw=power,
        memory_used_bytes=memory,
        holders=NOT_RECORDED if holders is None else frozenset(map(_holder, holders)),
    )


def _value(fields: _Json, name: str) -> int | Absent:
    return NOT_RECORDED if fields.get(name) is None else _integer(fields, name)


def _holder(pair: Any) -> Holder:
    match pair:
        case [str(kind), str(name)]:
            return Holder(HolderKind[kind], name)
    raise TypeError(f"holders {pair!r} 应为 [kind, name]。Holders {pair!r} is not [kind, name]")


def _text(fields: _Json, name: str, default: str | None = None) -> str:
    text: str = _typed(fields if default is None else {name: default, **fields}, name, str)
    return text


def _integer(fields: _Json, name: str) -> int:
    integer: int = _typed(fields, name, int)
    return integer


def _typed(fields: _Json, name: str, kind: type) -> Any:
    if type(fields[name]) is not kind:
        zh, en = _KINDS[kind]
        raise TypeError(f"{name} 应为{zh}。{name} {fields[name]!r} is not {en}")
    return fields[name]
