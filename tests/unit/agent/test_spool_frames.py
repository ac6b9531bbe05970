"""Frames and segments: every flipped byte, every cut, copies, swaps and strangers."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import pytest
from damaged_segment import Spoilt, cut, flipped, read_again, zeroed
from fixtures_spool import SimulatedDisk
from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.errors import DiskFullError
from kashi_agent.spool.cursor import SLOT_BYTES, Cursor, CursorFile
from kashi_agent.spool.disk import BLOCK_BYTES, RealDisk
from kashi_agent.spool.frame import MAGIC, Damage, Found, Frame, encode_frame, scan_frames
from kashi_agent.spool.segments import Recovery, SegmentLog

LABEL = b"host one"
KIND = 7


def log_on(disk: SimulatedDisk, label: bytes = LABEL) -> tuple[SegmentLog, Recovery, list[bytes]]:
    """A log opened on a disk, what opening found, and the payloads it read."""
    payloads: list[bytes] = []
    log = SegmentLog(disk, "test", label, segment_bytes=400)
    recovery = log.open(lambda placed: payloads.append(placed.frame.payload))
    return log, recovery, payloads


def written(count: int, seed: int = 1) -> tuple[SimulatedDisk, list[bytes]]:
    """A disk with a log of so many frames over several segments."""
    disk = SimulatedDisk(Random(seed))
    log, _, _ = log_on(disk)
    payloads = [f"payload {n} ".encode() * 3 for n in range(count)]
    for payload in payloads:
        log.append(KIND, payload)
    log.sync()
    return disk, payloads


def segment_names(disk: SimulatedDisk) -> list[str]:
    """The segment files."""
    return [name for name in disk.names() if name.endswith(".seg")]


@given(st.lists(st.binary(max_size=80), max_size=6), st.binary(max_size=40))
def test_frames_are_found_again_among_anything(payloads: list[bytes], rubbish: bytes) -> None:
    """Whatever stands before them, all whole frames are found and no byte is unaccounted for."""
    frames = [Frame(kind=KIND, number=n, payload=p) for n, p in enumerate(payloads)]
    content = rubbish + b"".join(map(encode_frame, frames))

    found = list(scan_frames(content))

    assert [part.frame for part in found if isinstance(part, Found)] == frames
    edges = [0, *(part.end for part in found)]
    assert edges[:-1] == [part.start for part in found]
    assert edges[-1] == len(content)


def test_a_magic_inside_a_payload_is_no_frame() -> None:
    """Resynchronising does not stop at bytes that only look like a beginning."""
    frames = [Frame(kind=KIND, number=n, payload=MAGIC * 5) for n in range(3)]
    content = bytearray(b"".join(map(encode_frame, frames)))
    content[0] ^= 1

    found = list(scan_frames(bytes(content)))

    assert [part.frame for part in found if isinstance(part, Found)] == frames[1:]
    assert isinstance(found[0], Damage)
    assert not found[0].torn


def every_offset() -> Iterator[tuple[str, int]]:
    """Every byte of every segment of a small log."""
    disk, _ = written(12)
    for name in segment_names(disk):
        for offset in range(disk.size(name)):
            yield name, offset


def test_every_flipped_byte_costs_at_most_its_frame() -> None:
    """Whatever byte is flipped, the log opens, at most one frame is lost, none is invented, and
    what was taken out is kept beside it."""
    for name, offset in every_offset():
        disk, payloads = written(12)
        disk.flip(name, offset)

        log, recovery, read = log_on(disk)

        assert len(read) >= len(payloads) - 1, (name, offset)
        assert set(read) <= set(payloads)
        assert recovery.cut_bytes or recovery.corrupt_bytes or recovery.lost
        assert recovery.cut_bytes or any(n.endswith(".corrupt") for n in disk.names())
        log.append(KIND, b"after")
        log.sync()
        _, again, reread = log_on(disk)
        assert reread == [*read, b"after"]
        assert again.corrupt_bytes == again.cut_bytes == 0


def test_every_cut_of_the_end_is_a_torn_tail() -> None:
    """However long the last segment still is, whole frames stand and the rest is cut."""
    length = written(12)[0].size(segment_names(written(12)[0])[-1])
    for size in range(length):
        disk, payloads = written(12)
        last = segment_names(disk)[-1]
        disk.truncate(last, size)
        disk.sync(last)

        log, recovery, read = log_on(disk)

        assert read == payloads[: len(read)]
        assert recovery.lost == ()
        log.append(KIND, b"after")
        log.sync()
        assert log_on(disk)[2] == [*read, b"after"]


@pytest.mark.parametrize("spoilt", [flipped, cut, zeroed])
def test_every_frame_left_alone_is_recovered(spoilt: Callable[[int], Iterable[Spoilt]]) -> None:
    """A segment of 64 KiB spoilt all over: each frame whose bytes were left alone is read again,
    none is invented, the original is kept. `make soak` spoils it at every byte."""
    share = read_again(spoilt(409))

    assert share.trials > 100
    assert share.recovered == share.intact > share.trials


def test_a_tail_of_zeros_is_cut() -> None:
    """What a file system leaves of a write that never arrived."""
    disk, payloads = written(5)
    last = segment_names(disk)[-1]
    disk.append(last, bytes(100))
    disk.sync(last)

    _, recovery, read = log_on(disk)

    assert read == payloads
    assert recovery.cut_bytes == 100


def test_a_copied_segment_counts_once() -> None:
    """A file copied under a later name adds nothing."""
    disk, payloads = written(12)
    first = segment_names(disk)[0]
    disk.append("test-00000099.seg", disk.read(first))

    assert log_on(disk)[2] == payloads


def test_swapped_segments_are_read_in_their_order() -> None:
    """Numbers of frames decide, not names of files."""
    disk, payloads = written(12)
    first, second = segment_names(disk)[:2]
    disk.rename(first, "passing")
    disk.rename(second, first)
    disk.rename("passing", second)

    assert log_on(disk)[2] == payloads


def test_another_hosts_segment_is_set_aside() -> None:
    """A segment of another host is not read and not thrown away."""
    disk, _ = written(3)

    _, _, read = log_on(disk, b"host two")

    assert read == []
    assert [name for name in disk.names() if name.endswith(".corrupt")] != []


def test_a_lost_segment_is_named() -> None:
    """A whole file that is gone from the middle is a range of lost numbers."""
    disk, payloads = written(30)
    disk.remove(segment_names(disk)[1])

    _, recovery, read = log_on(disk)

    ((first, last),) = recovery.lost
    assert len(read) == len(payloads) - (last - first + 1)


def test_a_failed_fsync_is_not_believed_later() -> None:
    """What a failed fsync was to make durable is written anew and survives a power cut."""
    disk = SimulatedDisk(Random(3))
    log, _, _ = log_on(disk)
    failures = [OSError(5, "simulated")]
    disk.fail = lambda operation, _name: (
        failures.pop() if operation == "sync" and failures and log.segments() else None
    )
    log.append(KIND, b"precious")
    log.sync()
    disk.power_cut()

    assert log_on(disk)[2] == [b"precious"]


def test_a_block_the_medium_refuses_costs_its_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO on one block of a file: it reads as zeros, the frames around it are all there."""
    disk = RealDisk(tmp_path)
    log = SegmentLog(disk, "test", LABEL)
    log.open(lambda _placed: None)
    payloads = [bytes([n]) * 1_000 for n in range(40)]
    for payload in payloads:
        log.append(KIND, payload)
    log.sync()
    real = os.pread

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        if offset <= 3 * BLOCK_BYTES < offset + length:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", pread)
    read: list[bytes] = []
    recovery = SegmentLog(disk, "test", LABEL).open(
        lambda placed: read.append(placed.frame.payload)
    )

    assert set(read) <= set(payloads)
    assert len(payloads) - 6 <= len(read) < len(payloads)
    assert recovery.corrupt_bytes >= BLOCK_BYTES


def test_a_full_disk_leaves_the_log_as_it_was() -> None:
    """DiskFullError, no half frame, and the next frame fits when there is room."""
    disk, payloads = written(3)
    log, _, _ = log_on(disk)
    disk.bytes_max = disk.used + 10

    with pytest.raises(DiskFullError):
        log.append(KIND, b"too much for this disk")

    disk.bytes_max = None
    log.append(KIND, b"fits")
    log.sync()
    assert log_on(disk)[2] == [*payloads, b"fits"]


def test_only_the_oldest_segment_is_dropped() -> None:
    """Freeing goes from the front and never takes the last."""
    disk, payloads = written(12)
    log, _, _ = log_on(disk)
    first, second = log.segments()[:2]

    with pytest.raises(ValueError, match="not the oldest"):
        log.drop(second)
    log.drop(first)

    read = log_on(disk)[2]
    assert read == payloads[-len(read) :]


def test_the_cursor_survives_a_torn_slot() -> None:
    """Whatever byte of a slot is flipped, the cursor is the newest or the one before, and with both
    gone it is the empty one."""
    for offset in range(2 * SLOT_BYTES):
        disk = SimulatedDisk(Random(1))
        cursor = CursorFile(disk)
        cursor.open(create=True)
        for sequence in range(1, 4):
            cursor.write(Cursor(sealed_epoch=1, sealed_sequence=sequence))
        disk.flip("cursor", offset)

        again = CursorFile(disk).open(create=True)

        assert again.sealed_sequence in (2, 3)
    disk.overwrite("cursor", 0, bytes(2 * SLOT_BYTES))
    assert CursorFile(disk).open(create=True) == Cursor()
