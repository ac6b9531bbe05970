"""One frame of a segment file: how it is written and how it is found again.

    magic 4 | payload length 4 | kind 1 | number 8 | payload | CRC-32 4

All integers big-endian; the CRC covers everything before it but the magic. A frame is written by
one write, checksum included, so that no payload ever stands on disk whose checksum was still to
come. `number` counts up by one through a log: a hole shows what is missing, a repetition shows a
segment that was copied.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAGIC = b"KSF1"
PAYLOAD_BYTES_MAX = 2 << 20
"""A frame holds at most one report (1 MiB) and what the spool notes beside it."""

_HEAD = struct.Struct(">IBQ")
_CRC = struct.Struct(">I")
OVERHEAD_BYTES = len(MAGIC) + _HEAD.size + _CRC.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A payload with its kind (1..255) and its number in the log."""

    kind: int
    number: int
    payload: bytes

    def __post_init__(self) -> None:
        """Refuse what the format cannot hold."""
        if not 0 < self.kind < 256:
            raise ValueError(f"frame kind {self.kind}")
        if not 0 <= self.number < 1 << 64:
            raise ValueError(f"frame number {self.number}")
        if len(self.payload) > PAYLOAD_BYTES_MAX:
            raise ValueError(f"a payload of {len(self.payload)} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A frame read back, and where it stands in its file."""

    frame: Frame
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Bytes that are no frame; `torn` when nothing readable follows them."""

    start: int
    end: int
    torn: bool


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame."""
    body = _HEAD.pack(len(frame.payload), frame.kind, frame.number) + frame.payload
    return MAGIC + body + _CRC.pack(zlib.crc32(body))


Sound = Callable[[Frame], bool]
"""Whether a log's user can read a frame. One that nobody can is damage, whatever its checksum."""


def any_frame(_frame: Frame) -> bool:
    """Nothing is known of what the frames hold."""
    return True


def scan_frames(content: bytes, sound: Sound = any_frame) -> Iterator[Found | Damage]:
    """Read frames one after another; where bytes are none, go on at the next frame that is whole.

    Never raises: every byte is part of a frame found or of a damage reported.
    """
    offset = 0
    while offset < len(content):
        found = _frame_at(content, offset, sound)
        if found is None:
            resumed = _next_frame(content, offset + 1, sound)
            end = len(content) if resumed is None else resumed
            yield Damage(start=offset, end=end, torn=resumed is None)
            offset = end
        else:
            yield found
            offset = found.end


def _frame_at(content: bytes, offset: int, sound: Sound) -> Found | None:
    body_at = offset + len(MAGIC)
    if content[offset:body_at] != MAGIC or len(content) < offset + OVERHEAD_BYTES:
        return None
    length, kind, number = _HEAD.unpack_from(content, body_at)
    payload_at = body_at + _HEAD.size
    payload_end = payload_at + length
    if length > PAYLOAD_BYTES_MAX or kind == 0 or payload_end + _CRC.size > len(content):
        return None
    (crc,) = _CRC.unpack_from(content, payload_end)
    if zlib.crc32(content[body_at:payload_end]) != crc:
        return None
    frame = Frame(kind=kind, number=number, payload=content[payload_at:payload_end])
    if not sound(frame):
        return None
    return Found(frame=frame, start=offset, end=payload_end + _CRC.size)


def _next_frame(content: bytes, offset: int, sound: Sound) -> int | None:
    """Where the next whole frame begins. A magic inside a payload is not one: its CRC differs."""
    while (offset := content.find(MAGIC, offset)) >= 0:
        if _frame_at(content, offset, sound) is not None:
            return offset
        offset += 1
    return None
