"""How a report and its receipt lie on disk: few bytes, every one of them exact again when read.

Three things are left out because they follow from what stays, and are put back on reading:

- the digests of the blocks, which are hashes of the salts and contents beside them;
- the report's hash in its receipt, which stands in a column of the row;
- what a host says again in every report (its devices' names, its own): compression begins with the
  first report of each 64 as a dictionary, header and device blocks only, so that a name block can
  be erased anywhere.

A packed value begins with a byte that tells what was left out.
"""

import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import zstandard
from kashi import chain, signing
from kashi.errors import FormError
from kashi.v1 import report_pb2
from sqlalchemy import Connection, select

from kashi_server.errors import StorageError
from kashi_server.services.facts_port import base_sequence
from kashi_server.storage.tables.facts import reports

LEVEL: Final = 3
UNPACKED_BYTES_MAX: Final = 4 << 20
BASES_KEPT_MAX: Final = 256

_LAYOUT: Final = 1
_DIGESTS_OUT: Final = 2
_HASH_OUT: Final = 4
_BASED: Final = 8
_KNOWN: Final = _LAYOUT | _DIGESTS_OUT | _HASH_OUT | _BASED

_LENGTH: Final = struct.Struct("<I")
_MARK: Final = b"\x12\x20"
_BLANK: Final = _MARK + bytes(32)
"""Field 2, 32 bytes: how a digest stands in a header and a report's hash does not (field 4)."""

_HASH_MARK: Final = b"\x22\x20"
_HASH_BLANK: Final = _HASH_MARK + bytes(32)


class _Codecs(threading.local):
    """Compression contexts: costly to make, and not to be shared between threads."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False)
        self.expand = zstandard.ZstdDecompressor()


_codecs: Final = _Codecs()


def pack_report(
    wire: bytes,
    receipt: bytes,
    *,
    sha256: bytes = b"",
    digests: Sequence[bytes] = (),
    base: bytes | None = None,
) -> bytes:
    """A report and its receipt, compressed together.

    Args:
        wire: the report.
        receipt: its receipt.
        sha256: the report's hash; left out of the receipt if it stands there once.
        digests: digests of all blocks in order, each known to be the hash of salt and content;
            empty when one of them is not.
        base: the report whose words this one repeats.
    """
    kind = _LAYOUT
    blanked = _blanked(wire, digests)
    if blanked is not None:
        kind, wire = kind | _DIGESTS_OUT, blanked
    if sha256 and receipt.count(_HASH_MARK + sha256) == 1 and _HASH_BLANK not in receipt:
        kind, receipt = kind | _HASH_OUT, receipt.replace(_HASH_MARK + sha256, _HASH_BLANK)
    whole = _LENGTH.pack(len(wire)) + wire + receipt
    if base is None:
        return bytes((kind,)) + _codecs.compress.compress(whole)
    compressor = zstandard.ZstdCompressor(
        level=LEVEL, dict_data=_dictionary(base), write_checksum=False, write_dict_id=False
    )
    return bytes((kind | _BASED,)) + compressor.compress(whole)


def unpack_report(
    packed: bytes, sha256: bytes = b"", base: Callable[[], bytes] | None = None
) -> tuple[bytes, bytes]:
    """The exact bytes of a report and of its receipt.

    Args:
        packed: what `pack_report` made.
        sha256: the report's hash, as the row has it.
        base: reads the report this one was packed against.

    Raises:
        StorageError: the stored bytes are damaged.
    """
    kind = packed[0] if packed else 0
    if not kind & _LAYOUT or kind & ~_KNOWN:
        raise StorageError(
            f"存储的字节采用未知的格式 {packed[:1].hex()}。"
            f"stored bytes of unknown layout {packed[:1].hex()}"
        )
    whole = _expanded(packed[1:], base if kind & _BASED else None)
    (length,) = _LENGTH.unpack_from(whole) if len(whole) >= _LENGTH.size else (len(whole),)
    end = _LENGTH.size + length
    if len(whole) < end:
        raise StorageError("存储的报告短于其所述长度。a stored report is shorter than it says")
    wire, receipt = whole[_LENGTH.size : end], whole[end:]
    if kind & _DIGESTS_OUT:
        wire = _refilled(wire)
    if kind & _HASH_OUT:
        receipt = receipt.replace(_HASH_BLANK, _HASH_MARK + sha256)
    return wire, receipt


class ReportUnpacker:
    """Unpacks rows of reports, fetching the reports they were packed against."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bases: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    def unpack(self, row: Any) -> tuple[bytes, bytes]:
        """Report and receipt of a row with host_id, epoch, sequence, sha256 and content.

        Raises:
            StorageError: the stored bytes are damaged, or the report they lean on is.
        """
        key = (row.host_id, row.epoch, base_sequence(row.sequence))
        unpacked = unpack_report(bytes(row.content), bytes(row.sha256), lambda: self._base(key))
        if row.sequence == key[2]:
            self._keep(key, unpacked[0])
        return unpacked

    def packed_again(self, row: Any, wire: bytes) -> bytes:
        """The row's content with other bytes of the same report, whose names were erased."""
        content = bytes(row.content)
        key = (row.host_id, row.epoch, base_sequence(row.sequence))
        base = self._base(key) if content[0] & _BASED else None
        _wire, receipt = self.unpack(row)
        return pack_report(wire, receipt, sha256=bytes(row.sha256), base=base)

    def _base(self, key: tuple[str, int, int]) -> bytes:
        base = self._bases.get(key)
        if base is None:
            host_id, epoch, sequence = key
            query = select(reports.c.sha256, reports.c.content).where(
                reports.c.host_id == host_id,
                reports.c.epoch == epoch,
                reports.c.sequence == sequence,
            )
            row = self._connection.execute(query).one_or_none()
            if row is None:
                raise StorageError(
                    f"缺少主机 {host_id} 第 {epoch} 纪元第 {sequence} 号报告。"
                    f"host {host_id} epoch {epoch} sequence {sequence} is missing"
                )
            base = unpack_report(bytes(row.content), bytes(row.sha256))[0]
            self._keep(key, base)
        return base

    def _keep(self, key: tuple[str, int, int], wire: bytes) -> None:
        while len(self._bases) >= BASES_KEPT_MAX:
            self._bases.popitem(last=False)
        self._bases[key] = wire


def _blanked(wire: bytes, digests: Sequence[bytes]) -> bytes | None:
    """The report with zeros for its digests; None where they could not be put back."""
    if not digests or _BLANK in wire:
        return None
    parts: list[bytes] = []
    at = 0
    for digest in digests:
        found = wire.find(_MARK + digest, at)
        if found < 0:
            return None
        parts += (wire[at:found], _BLANK)
        at = found + len(_BLANK)
    parts.append(wire[at:])
    return b"".join(parts)


def _refilled(blanked: bytes) -> bytes:
    """The report with its digests again: zeros are as long, so it can be read as it is."""
    try:
        message = report_pb2.Report.FromString(blanked)
    except ValueError as error:
        raise StorageError("存储的报告无法读取。a stored report cannot be read") from error
    pieces = blanked.split(_BLANK)
    if len(pieces) != len(message.blocks) + 1:
        raise StorageError(
            "存储的报告的数据块与打包时不同。"
            "a stored report has other blocks than when it was packed"
        )
    parts = [pieces[0]]
    for block, piece in zip(message.blocks, pieces[1:], strict=True):
        parts += (_MARK, signing.block_sha256(block.salt, block.content), piece)
    return b"".join(parts)


@lru_cache(maxsize=1024)
def _dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    try:
        message, _header = chain.parse_report(base)
    except FormError as error:
        raise StorageError(
            "其他报告打包所依据的报告无法读取。"
            "a report that others were packed against cannot be read"
        ) from error
    words = [message.header]
    words += [
        block.content for block in message.blocks if block.kind == report_pb2.BLOCK_KIND_DEVICE
    ]
    return zstandard.ZstdCompressionDict(b"".join(words), zstandard.DICT_TYPE_RAWCONTENT)


def _expanded(compressed: bytes, base: Callable[[], bytes] | None) -> bytes:
    try:
        expand = _codecs.expand
        if base is not None:
            expand = zstandard.ZstdDecompressor(dict_data=_dictionary(base()))
        return expand.decompress(compressed, max_output_size=UNPACKED_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise StorageError(f"存储的字节已损坏。stored bytes are damaged: {error}") from error
