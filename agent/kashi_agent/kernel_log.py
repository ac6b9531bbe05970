"""Error events of NVIDIA's driver in the kernel's log: some never come through its library, and
while a call into that hangs the log is all there is.

The log is read from its end on, and a process that takes another's place reads on where that one
stopped: the kernel numbers its records. Its texts are the driver's, such as `NVRM: Xid
(PCI:0000:17:00): 79, pid=1234, name=python3, GPU has fallen off the bus.`, with the
function's digit or without it.
"""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KERNEL_LOG: Final = Path("/dev/kmsg")

RECORD_BYTES: Final = 8_192
"""More than a record of the log is long; a shorter buffer would be refused."""

RECORDS_MAX: Final = 1_024
"""Read at a time, so that a kernel that complains without end does not hold us up."""

SKIMMED_MAX: Final = 1 << 17
"""More records than a log of 16 MiB holds."""

_NUMBER: Final = re.compile(rb"\d+,(\d+),\d+,")
_PLACE: Final = r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})(?:\.[0-7])?"
_XID: Final = re.compile(rf"NVRM: Xid \(PCI:({_PLACE})\): (\d+)")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KernelXid:
    """An error event: where on the bus, as `place_of` has it, and its number."""

    place: str
    number: int


class KernelLog:
    """The kernel's log, or a file that is written to like it."""

    def __init__(self, path: Path) -> None:
        """Open at the end; a log that may not be read is empty for good, and said so once."""
        self._rest = b""
        self._file: int | None = None
        self.sequence = 0
        """Number of the newest record read; 0: there is none with a number."""
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            said = "内核日志不可读，驱动错误只取自驱动库。Its library alone tells of errors: %s"
            logger.info(said, error)
        for _ in range(SKIMMED_MAX):
            record = self._record()
            if not record:
                break
            for line in record.split(b"\n"):
                self.sequence = _number_of(line) or self.sequence

    def resume(self, after: int) -> None:
        """Read on behind the record of this number, which was read and told of before; 0: of none.
        What the kernel has overwritten since is lost."""
        if after and after < self.sequence and self._file is not None:
            os.lseek(self._file, 0, os.SEEK_SET)
            self.sequence, self._rest = after, b""

    def xids(self) -> Iterator[KernelXid]:
        """Error events since the last call."""
        for line in self._lines():
            number = _number_of(line)
            if number and number <= self.sequence:
                continue
            self.sequence = number or self.sequence
            if (found := _XID.search(line.decode("utf-8", "replace"))) is not None:
                yield KernelXid(place_of(found[1]), int(found[5]))

    def _lines(self) -> Iterator[bytes]:
        for _ in range(RECORDS_MAX):
            record = self._record()
            if not record:
                return
            *lines, self._rest = (self._rest + record).split(b"\n")
            yield from lines

    def _record(self) -> bytes:
        if self._file is None:
            return b""
        try:
            return os.read(self._file, RECORD_BYTES)
        except BlockingIOError:
            return b""
        except BrokenPipeError:
            return b"\n"  # records were overwritten before they were read: go on with the oldest
        except OSError as error:
            said = "不再能读取内核日志。The kernel's log cannot be read any more: %s"
            logger.warning(said, error)
            os.close(self._file)
            self._file = None
            return b""


def _number_of(record: bytes) -> int:
    """A record's number; 0 where it has none."""
    found = _NUMBER.match(record)
    return 0 if found is None else int(found[1])


def place_of(bus_id: str) -> str:
    """A place on the bus as both the log's and the library's way of writing it come to: 0:17:00.

    What is no place is "".
    """
    found = re.fullmatch(_PLACE, bus_id)
    return "" if found is None else f"{int(found[1], 16):x}:{found[2]}:{found[3]}".lower()
