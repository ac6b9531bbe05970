"""How the sixty minutes of a device-hour lie on disk.

A packed value begins with a byte that tells its layout, so that a later one can stand beside it.
"""

import sys
import threading
from array import array
from typing import Final

import zstandard

from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES
from kashi_server.errors import StorageError

MINUTES_LEVEL: Final = 1
UNPACKED_BYTES_MAX: Final = 1 << 16

_LAYOUT_1: Final = b"\x01"
_WIDE: Final = QUANTITY_NAMES.index("utilised_ns")
_NARROW_BYTES: Final = 4 * MINUTES_PER_HOUR
_WIDE_BYTES: Final = 8 * MINUTES_PER_HOUR
_MINUTES_BYTES: Final = (len(QUANTITY_NAMES) - 1) * _NARROW_BYTES + _WIDE_BYTES


class _Codecs(threading.local):
    """Compression contexts: costly to make, and not to be shared between threads."""

    def __init__(self) -> None:
        self.minutes = zstandard.ZstdCompressor(
            level=MINUTES_LEVEL, write_checksum=False, write_content_size=True
        )
        self.expand = zstandard.ZstdDecompressor()


_codecs: Final = _Codecs()


def pack_minutes(columns: tuple["array[int]", ...]) -> bytes:
    """Sixty minutes of each quantity: 32 bits for times, 64 for card-nanoseconds.

    Raises:
        StorageError: a minute's time does not fit 32 bits: it was counted many times over.
    """
    try:
        parts = [
            _little(column if place == _WIDE else array("I", column))
            for place, column in enumerate(columns)
        ]
    except OverflowError as error:
        raise StorageError(
            "一个设备小时中有一分钟的计时超过 49 天。"
            "a minute of a device-hour holds more than 49 days"
        ) from error
    return _LAYOUT_1 + _codecs.minutes.compress(b"".join(parts))


def unpack_minutes(packed: bytes) -> tuple["array[int]", ...]:
    """The columns of a device-hour, in the order of `QUANTITY_NAMES`.

    Raises:
        StorageError: the stored bytes are damaged.
    """
    whole = _expand(packed)
    if len(whole) != _MINUTES_BYTES:
        raise StorageError(
            f"一个设备小时有 {len(whole)} 字节，应为 {_MINUTES_BYTES} 字节。"
            f"a device-hour of {len(whole)} bytes; it must have {_MINUTES_BYTES}"
        )
    columns: list[array[int]] = []
    place = 0
    for index in range(len(QUANTITY_NAMES)):
        wide = index == _WIDE
        end = place + (_WIDE_BYTES if wide else _NARROW_BYTES)
        column = array("Q" if wide else "I", whole[place:end])
        if sys.byteorder == "big":
            column.byteswap()
        columns.append(column if wide else array("Q", column))
        place = end
    return tuple(columns)


def _little(column: "array[int]") -> bytes:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()


def _expand(packed: bytes) -> bytes:
    if packed[:1] != _LAYOUT_1:
        raise StorageError(
            f"存储的字节采用未知的格式 {packed[:1].hex()}。"
            f"stored bytes of unknown layout {packed[:1].hex()}"
        )
    try:
        return _codecs.expand.decompress(packed[1:], max_output_size=UNPACKED_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise StorageError(f"存储的字节已损坏。stored bytes are damaged: {error}") from error
