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

_KINDS: Final[dict[int, tuple[str, str]]] = {
    carry_pb2.CARRY_KIND_REPORTS: ("报告文件", "a file of reports"),
    carry_pb2.CARRY_KIND_RECEIPTS: ("回执文件", "a file of receipts"),
    carry_pb2.CARRY_KIND_REQUESTS: ("登记申请文件", "a file of requests"),
    carry_pb2.CARRY_KIND_RESPONSES: ("登记答复文件", "a file of responses"),
}
_CUT: Final = ("文件被截断", "the file was cut short")
"""In Chinese and in English."""


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
            raise self._broken(0, "未打开文件", "does not open the file")
        self.opening = first.opening
        if self.opening.kind != kind:
            (zh, en), (due_zh, due_en) = _kind(self.opening.kind), _kind(kind)
            what = f"opening.kind 是{zh}，不是{due_zh}"
            raise self._broken(0, what, f"opening.kind is {en}, not {due_en}")
        count, last = 1, first
        for record in records:
            last, count = record, count + 1
        if last.WhichOneof("record") != "end":
            what = f"is not the end: {_CUT[1]}"
            raise self._broken(count - 1, f"不是结尾：{_CUT[0]}", what)
        if (told := last.end.record_count) != count - 1:
            what = f"end.record_count 为 {told}，应为 {count - 1}"
            raise self._broken(count - 1, what, f"end.record_count is {told}, not {count - 1}")

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
                raise FormError(f"{self.path} 不是携带文件。{self.path} is no carry file")
            number, ended = 0, False
            while head := file.read(_FRAME.size):
                if ended:
                    raise self._broken(number, "在结尾之后", "stands after the end")
                record = self._record(file, number, head, digest)
                which = record.WhichOneof("record")
                if which is None or (which == "opening") != (number == 0):
                    zh, en = (which, which) if which else ("未知的种类", "of an unknown kind")
                    raise self._broken(number, f"记录是 {zh}", f"record is {en}")
                ended = which == "end"
                yield record
                number += 1
            if number == 0:
                raise self._broken(0, f"缺失：{_CUT[0]}", f"is missing: {_CUT[1]}")
        if self.sha256 not in (b"", digest.digest()):
            raise FormError(
                f"{self.path} 在读取期间有变化。{self.path} has changed while it was read"
            )
        self.sha256 = digest.digest()

    def _record(
        self, file: BinaryIO, number: int, head: bytes, digest: "hashlib._Hash"
    ) -> carry_pb2.CarryRecord:
        if len(head) < _FRAME.size:
            raise self._broken(number, f"length：{_CUT[0]}", f"length: {_CUT[1]}")
        length, crc = _FRAME.unpack(head)
        if length > limits.CARRY_RECORD_BYTES_MAX:
            most = limits.CARRY_RECORD_BYTES_MAX
            raise self._broken(
                number, f"length {length} 超过 {most}", f"length {length} exceeds {most}"
            )
        if file.tell() + length > self._bytes_max:
            most = self._bytes_max
            raise self._broken(number, f"文件超过 {most} 字节", f"the file exceeds {most} bytes")
        payload = file.read(length)
        if len(payload) < length:
            raise self._broken(number, f"内容：{_CUT[0]}", f"content: {_CUT[1]}")
        digest.update(head + payload)
        if zlib.crc32(payload) != crc:
            raise self._broken(
                number, "crc 不符：文件已损坏", "crc does not match: the file is damaged"
            )
        try:
            return carry_pb2.CarryRecord.FromString(payload)
        except DecodeError as error:
            raise self._broken(number, "内容不是记录", "content is no record") from error

    def _broken(self, number: int, zh: str, en: str) -> FormError:
        return FormError(
            f"{self.path} 第 {number} 条记录：{zh}。{self.path}: record {number}: {en}"
        )


def _kind(number: int) -> tuple[str, str]:
    """A kind of file in Chinese and in English."""
    return _KINDS.get(number, (f"未知的种类 {number}", f"the unknown kind {number}"))
