"""All devices of a host over one stretch of one time axis: what the journal keeps frame by frame
and what a report is sealed from."""

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from kashi_agent.axis import ClockState
from kashi_agent.clock import ClockSync
from kashi_agent.encoding import DecodeError, decode, decode_event, encode, encode_event
from kashi_agent.reading import BOOT_ID_BYTES, DeviceMinutes, HostEvent, Segment
from kashi_agent.sample import Meter, MeterKind

STRETCH_BYTES_MAX = 64 << 20
"""A stretch unpacked: a frame that claims more is no stretch of ours."""

_FORMAT = "kashi/v1/stretch"
UNKNOWN_CLOCK = ClockState(sync=ClockSync.UNKNOWN, offset_ms=0, error_us_max=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """[start_boottime_ms, end_boottime_ms) of one segment of one boot: every device known then,
    what happened, the meters at work, and how the wall clock stood at its end.
    `devices_counted_only`: how many cards there were at most that are not reported.

    A device's own stretch may begin later (it appeared) or end earlier (it is gone for good).
    """

    boot_id: bytes
    segment: Segment
    start_boottime_ms: int
    end_boottime_ms: int
    devices: tuple[DeviceMinutes, ...] = ()
    events: tuple[HostEvent, ...] = ()
    meters: tuple[Meter, ...] = ()
    clock: ClockState = field(default=UNKNOWN_CLOCK)
    devices_counted_only: int = 0

    def __post_init__(self) -> None:
        """Refuse what does not lie within the stretch."""
        if len(self.boot_id) != BOOT_ID_BYTES:
            raise ValueError(f"a boot id has {BOOT_ID_BYTES} bytes, not {len(self.boot_id)}")
        if not 0 <= self.start_boottime_ms <= self.end_boottime_ms:
            raise ValueError(f"[{self.start_boottime_ms}, {self.end_boottime_ms}) ms")
        for minutes in self.devices:
            if (minutes.boot_id, minutes.segment) != (self.boot_id, self.segment) or not (
                self.start_boottime_ms <= minutes.start_boottime_ms
                and minutes.end_boottime_ms <= self.end_boottime_ms
            ):
                raise ValueError(f"{minutes.device.hardware_id} lies outside its stretch")
        if len({minutes.device.hardware_id for minutes in self.devices}) != len(self.devices):
            raise ValueError("a device stands in a stretch twice")
        if self.devices_counted_only < 0:
            raise ValueError(f"{self.devices_counted_only} devices counted only")

    @property
    def axis_key(self) -> tuple[bytes, int]:
        """Boot and segment: stretches of one axis can be joined."""
        return self.boot_id, self.segment.number

    @property
    def reading_count(self) -> int:
        """Readings of all devices."""
        return sum(len(minutes.readings) for minutes in self.devices)

    @property
    def gap_count(self) -> int:
        """Gaps of all devices."""
        return sum(len(minutes.gaps) for minutes in self.devices)


def encode_stretch(stretch: Stretch) -> bytes:
    """The bytes of a stretch on this host: packed lines of canonical JSON."""
    return zlib.compress(b"\n".join(_lines(stretch)), 1)


def decode_stretch(payload: bytes) -> Stretch:
    """The stretch whose bytes these are.

    Raises:
        DecodeError: they are none.
    """
    try:
        head, *lines = _unpacked(payload).split(b"\n")
        return _stretch(json.loads(head), lines)
    except DecodeError:
        raise
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise DecodeError(f"the bytes are not a stretch: {error}") from error


def _lines(stretch: Stretch) -> list[bytes]:
    segment = stretch.segment
    head = {
        "format": _FORMAT,
        "boot": stretch.boot_id.hex(),
        "segment": [segment.number, segment.anchor_utc_ms, segment.start_boottime_ms],
        "span": [stretch.start_boottime_ms, stretch.end_boottime_ms],
        "clock": [stretch.clock.sync, stretch.clock.offset_ms, stretch.clock.error_us_max],
        "meters": [
            [meter.kind, meter.cadence_ms, meter.library_version, meter.driver_version]
            for meter in stretch.meters
        ],
        "devices": len(stretch.devices),
        "counted_only": stretch.devices_counted_only,
    }
    return [
        json.dumps(head, separators=(",", ":")).encode(),
        *map(encode, stretch.devices),
        *map(encode_event, stretch.events),
    ]


def _unpacked(payload: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(payload, STRETCH_BYTES_MAX)
    if not unpacking.eof:
        raise DecodeError("the packed bytes do not end where they should")
    return content


def _stretch(head: dict[str, Any], lines: list[bytes]) -> Stretch:
    if head["format"] != _FORMAT:
        raise DecodeError(f"format {head['format']!r} is not {_FORMAT}")
    number, anchor_utc_ms, segment_start = head["segment"]
    start, end = head["span"]
    sync, offset_ms, error_us_max = head["clock"]
    count = int(head["devices"])
    return Stretch(
        boot_id=bytes.fromhex(head["boot"]),
        segment=Segment(
            number=number, anchor_utc_ms=anchor_utc_ms, start_boottime_ms=segment_start
        ),
        start_boottime_ms=start,
        end_boottime_ms=end,
        devices=tuple(map(decode, lines[:count])),
        events=tuple(map(decode_event, lines[count:])),
        meters=tuple(
            Meter(
                kind=MeterKind(kind),
                cadence_ms=cadence_ms,
                library_version=library,
                driver_version=driver,
            )
            for kind, cadence_ms, library, driver in head["meters"]
        ),
        clock=ClockState(sync=ClockSync(sync), offset_ms=offset_ms, error_us_max=error_us_max),
        devices_counted_only=int(head["counted_only"]),
    )
