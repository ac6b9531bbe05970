"""Carry files: how calls and answers stand in a file.

    "kashi/v1/carry" and a newline, then records: length (4 bytes), CRC-32 (4 bytes), CarryRecord

Numbers are big-endian. The first record opens the file and says what it is for, the last one counts
those before it. A file is read twice: once to the end, so that nothing of a damaged one is taken,
and then record by record. Both are bounded by `limits`.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from google.protobuf.message import DecodeError

from kashi import limits
from kashi.errors import FormError
from kashi.v1 import carry_pb2

MAGIC: Final = b"kashi/v1/carry\n"

_FRAME: Final = struct.Struct(">II")

_LONG: Final = frozenset({carry_pb2.CARRY_KIND_REPORTS, carry_pb2.CARRY_KIND_RECEIPTS})
"""Kinds that are worked through record by record; others are read into memory."""


def write_carry_file(
    path: Path, opening: carry_pb2.CarryOpening, records: Iterable[carry_pb2.CarryRecord]
) -> int:
    """Write a carry file, whole and durable or not at all; its records between opening and end.

    For its owner alone: reports name devices and jobs.

    Raises:
        OSError: it cannot be written; nothing stands under its name.
    """
    passing = path.with_name(f".{path.name}.part")
    passing.unlink(missing_ok=True)
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            count = _write_records(file, opening, records)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(path)
    finally:
        passing.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return count


def _write_records(
    file: BinaryIO, opening: carry_pb2.CarryOpening, records: Iterable[carry_pb2.CarryRecord]
) -> int:
    file.write(MAGIC)
    _write(file, carry_pb2.CarryRecord(opening=opening))
    count = 0
    for record in records:
        _write(file, record)
        count += 1
    _write(file, carry_pb2.CarryRecord(end=carry_pb2.CarryEnd(record_count=count + 1)))
    return count


def _write(file: BinaryIO, record: carry_pb2.CarryRecord) -> None:
    payload = record.SerializeToString()
    file.write(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)


class CarryFile:
    """A carry file that was read to its end once and is sound. `sha256`: of all its bytes."""

    def __init__(self, path: Path, kind: int) -> None:
        """Check the whole file.

        Args:
            path: where it lies.
            kind: the CarryKind it must be of.

        Raises:
            FormError: it is none, is cut short or damaged, or is for something else. The message
                names file, record and field.
            OSError: it cannot be read.
        """
        self.path = path
        self._bytes_max = (
            limits.CARRY_FILE_BYTES_MAX if kind in _LONG else limits.CARRY_SMALL_FILE_BYTES_MAX
        )
        self.sha256 = b""
        records = self._all()
        first = next(records)
        if first.WhichOneof("record") != "opening":
            raise self._broken(0, "does not open the file")
        self.opening = first.opening
        if self.opening.kind != kind:
            raise self._broken(0, f"opening.kind is {_kind(self.opening.kind)}, not {_kind(kind)}")
        count, last = 1, first
        for record in records:
            last, count = record, count + 1
        if last.WhichOneof("record") != "end":
            raise FormError(f"{path}: record {count - 1} is not the end: the file was cut short")
        if last.end.record_count != count - 1:
            raise self._broken(count - 1, f"end.record_count is {last.end.record_count}")

    def records(self) -> Iterator[tuple[int, carry_pb2.CarryRecord]]:
        """The records between opening and end, each with its number in the file.

        Raises:
            FormError: the file has changed since it was checked; told at its end at the latest.
        """
        for number, record in enumerate(self._all()):
            if record.WhichOneof("record") not in ("opening", "end"):
                yield number, record

    def _all(self) -> Iterator[carry_pb2.CarryRecord]:
        digest = hashlib.sha256(MAGIC)
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise FormError(f"{self.path}: 不是携带文件 / is no carry file")
            number, ended = 0, False
            while head := file.read(_FRAME.size):
                if ended:
                    raise self._broken(number, "stands after the end")
                record = self._record(file, number, head, digest)
                which = record.WhichOneof("record")
                if which is None or (which == "opening") != (number == 0):
                    raise self._broken(number, f"record is {which or 'of an unknown kind'}")
                ended = which == "end"
                yield record
                number += 1
            if number == 0:
                raise FormError(f"{self.path}: record 0 is missing: the file was cut short")
        if self.sha256 not in (b"", digest.digest()):
            raise FormError(f"{self.path}: has changed while it was read")
        self.sha256 = digest.digest()

    def _record(
        self, file: BinaryIO, number: int, head: bytes, digest: "hashlib._Hash"
    ) -> carry_pb2.CarryRecord:
        if len(head) < _FRAME.size:
            raise self._broken(number, "length: the file was cut short")
        length, crc = _FRAME.unpack(head)
        if length > limits.CARRY_RECORD_BYTES_MAX:
            raise self._broken(number, f"length {length} exceeds {limits.CARRY_RECORD_BYTES_MAX}")
        if file.tell() + length > self._bytes_max:
            raise self._broken(number, f"the file exceeds {self._bytes_max} bytes")
        payload = file.read(length)
        if len(payload) < length:
            raise self._broken(number, "content: the file was cut short")
        digest.update(head + payload)
        if zlib.crc32(payload) != crc:
            raise self._broken(number, "crc does not match: the file is damaged")
        try:
            return carry_pb2.CarryRecord.FromString(payload)
        except DecodeError as error:
            raise self._broken(number, "content is no record") from error

    def _broken(self, number: int, why: str) -> FormError:
        return FormError(f"{self.path}: record {number}: {why}")


def _kind(number: int) -> str:
    known = carry_pb2.CarryKind.values()
    return carry_pb2.CarryKind.Name(number) if number in known else str(number)
