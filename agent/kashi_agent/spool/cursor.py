"""The cursor: which reports were sealed and which the server acknowledged, in two slots.

Writes go to the slots in turn, each with a counting generation and a checksum, so that a torn
write leaves the other slot standing. The cursor outlives damage to the segments: without it, a
sealed report lost from the end of its log would look as if its number had never been used.
"""

import struct
import zlib
from contextlib import suppress
from dataclasses import astuple, dataclass, replace

from kashi_agent.spool.disk import Disk

FILE_NAME = "cursor"
SLOT_BYTES = 128

_MAGIC = b"KSC1"
_SLOT = struct.Struct(">QQQQQQ32s")
_CRC = struct.Struct(">I")
_OPENED = struct.Struct(">32sI")
"""Behind the checksum, where older agents wrote zeros and look at nothing; its own covers both."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """`sealed_*`: the last report that was ever sealed, and the last frame of the journal whose
    content was. `acknowledged_*`: the last the server has, with its hash. `opened`: which kept
    opening a report used last. All 0 before the first. The fields stand on disk in this order.
    """

    generation: int = 0
    sealed_epoch: int = 0
    sealed_sequence: int = 0
    sealed_journal_through: int = 0
    acknowledged_epoch: int = 0
    acknowledged_sequence: int = 0
    acknowledged_sha256: bytes = bytes(32)
    opened: bytes = bytes(32)

    @property
    def sealed(self) -> tuple[int, int]:
        """Epoch and sequence of the last sealed report."""
        return self.sealed_epoch, self.sealed_sequence

    @property
    def acknowledged(self) -> tuple[int, int]:
        """Epoch and sequence of the last acknowledged report."""
        return self.acknowledged_epoch, self.acknowledged_sequence


class CursorFile:
    """The cursor on disk. `write` is durable when it returns."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.current = Cursor()

    def open(self, *, create: bool) -> Cursor:
        """The newest slot that is whole; the cursor of an empty spool when none is.

        `create`: make the file with both slots, so that moving it never needs room.
        """
        if FILE_NAME in self._disk.names():
            content = self._disk.read(FILE_NAME)
            slots = (_decode(content[:SLOT_BYTES]), _decode(content[SLOT_BYTES:]))
            whole = [cursor for cursor in slots if cursor is not None]
            self.current = max(whole, key=lambda cursor: cursor.generation, default=Cursor())
        elif create:
            with suppress(OSError):  # `write` makes it as well, and says when it cannot
                self._disk.overwrite(FILE_NAME, 0, bytes(2 * SLOT_BYTES))
                self._disk.sync(FILE_NAME)
                self._disk.sync_folder()
        return self.current

    def write(self, cursor: Cursor) -> None:
        """Replace the older slot.

        Raises:
            DiskFullError, OSError: the disk failed; the current slot stands.
        """
        following = replace(cursor, generation=self.current.generation + 1)
        slot = following.generation % 2
        self._disk.overwrite(FILE_NAME, slot * SLOT_BYTES, _encode(following))
        self._disk.sync(FILE_NAME)
        self.current = following


def _encode(cursor: Cursor) -> bytes:
    *fixed, opened = astuple(cursor)
    body = _MAGIC + _SLOT.pack(*fixed)
    content = body + _CRC.pack(zlib.crc32(body))
    return (content + _OPENED.pack(opened, zlib.crc32(body + opened))).ljust(SLOT_BYTES, b"\0")


def _decode(slot: bytes) -> Cursor | None:
    length = len(_MAGIC) + _SLOT.size
    if len(slot) < length + _CRC.size or slot[: len(_MAGIC)] != _MAGIC:
        return None
    (crc,) = _CRC.unpack_from(slot, length)
    if zlib.crc32(slot[:length]) != crc:
        return None
    return replace(Cursor(*_SLOT.unpack_from(slot, len(_MAGIC))), opened=_opened(slot, length))


def _opened(slot: bytes, length: int) -> bytes:
    """The opening that was used; none by an older agent, nor where a torn write left none."""
    at = length + _CRC.size
    if len(slot) < at + _OPENED.size:
        return bytes(32)
    opened, crc = _OPENED.unpack_from(slot, at)
    return bytes(opened) if zlib.crc32(slot[:length] + opened) == crc else bytes(32)
