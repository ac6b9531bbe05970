"""A full segment of 64 KiB, spoiled at a byte: which of its frames the next agent reads.

The whole-host trials of `damage` show that nothing untrue is told; this one is about the log alone,
so that every byte of a segment of a real size can have its turn.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from random import Random

from fixtures_spool import SimulatedDisk
from kashi_agent.spool.frame import Frame
from kashi_agent.spool.segments import Placed, SegmentLog

SEGMENT_BYTES = 1 << 16
FRAME_BYTES = (60, 2_500)
LABEL = b"host one"
KIND = 7

Spoilt = tuple[bytes, int, int]
"""What the file then holds, and the first and the last byte (exclusive) that are not as written."""


@dataclass(slots=True)
class Share:
    """Frames whose bytes were left alone, and how many of them were read again, over all trials."""

    trials: int = 0
    intact: int = 0
    recovered: int = 0

    @property
    def percent(self) -> float:
        """Recovered of intact."""
        return 100 * self.recovered / self.intact


@cache
def full() -> tuple[bytes, tuple[Placed, ...]]:
    """The segment's bytes, and its frames with their places."""
    random, disk = Random(64), SimulatedDisk(Random(1))
    log = SegmentLog(disk, "test", LABEL, segment_bytes=SEGMENT_BYTES)
    log.open(lambda _placed: None)
    placed: list[Placed] = []
    while len(log.segments()) < 2:
        placed.append(log.append(KIND, random.randbytes(random.randint(*FRAME_BYTES))))
    return disk.read(log.file_name(1)), tuple(placed[:-1])


def flipped(stride: int = 1) -> Iterable[Spoilt]:
    """One byte is another, each in its turn."""
    content, _ = full()
    for at in range(0, len(content), stride):
        yield content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :], at, at + 1


def cut(stride: int = 1) -> Iterable[Spoilt]:
    """The file ends sooner, at any length."""
    content, _ = full()
    for size in range(0, len(content), stride):
        yield content[:size], size, len(content)


def zeroed(stride: int = 1) -> Iterable[Spoilt]:
    """From a byte on, the file is as long as it was and holds nothing."""
    content, _ = full()
    for size in range(0, len(content), stride):
        yield content[:size].ljust(len(content), b"\0"), size, len(content)


def read_again(spoilt: Iterable[Spoilt]) -> Share:
    """Open a log on each spoilt segment.

    Raises:
        AssertionError: a frame was read that was not written, or damaged bytes were thrown away.
    """
    share = Share()
    _, written = full()
    for content, first, end in spoilt:
        intact = {one.frame for one in written if one.end <= first or one.start >= end}
        disk = SimulatedDisk(Random(1))
        disk.append("test-00000001.seg", content)
        read: set[Frame] = set()
        log = SegmentLog(disk, "test", LABEL, segment_bytes=SEGMENT_BYTES)
        recovery = log.open(partial(_take, read))
        assert read <= {one.frame for one in written}, f"invented, spoilt at {first}"
        kept = [disk.read(name) for name in disk.names() if name.endswith(".corrupt")]
        assert kept in ([], [content]), f"the original is gone, spoilt at {first}"
        assert kept or not recovery.corrupt_bytes, f"taken out and not kept, spoilt at {first}"
        share.trials += 1
        share.intact += len(intact)
        share.recovered += len(intact & read)
    return share


def _take(read: set[Frame], placed: Placed) -> None:
    read.add(placed.frame)
