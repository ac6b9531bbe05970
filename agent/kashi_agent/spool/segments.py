"""A log of frames over segment files: append, synchronise, recover, free from the front.

Files are named `<log>-<number>.seg` and begin with a frame that names the log and its owner. A
segment is never changed once the next one is begun, but by repair, and repair keeps what it took
out beside it as `*.corrupt`. Opening never refuses: what can be read is read, what cannot is
reported.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from kashi_agent.errors import DiskFullError
from kashi_agent.spool.disk import Disk
from kashi_agent.spool.frame import (
    Damage,
    Found,
    Frame,
    Sound,
    any_frame,
    encode_frame,
    scan_frames,
)

SEGMENT_BYTES = 1 << 20
KIND_SEGMENT = 1
"""Opens every segment; payload: the log's label. Other kinds belong to the log's user."""
PASSING_MAX = 4
"""Files in a row whose fsync may fail before one must be removed for the next."""

_SUFFIX = ".seg"


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame of the log, and where it stands: segment and offsets."""

    segment: int
    start: int
    end: int
    frame: Frame


@dataclass(slots=True, kw_only=True)
class Recovery:
    """What opening a log found. `lost` are ranges of frame numbers that are gone, both inclusive;
    `cut_bytes` stood torn at the end, `corrupt_bytes` unreadable before it. `damaged` are files and
    how many of their bytes are unreadable, or another owner's."""

    frames: int = 0
    cut_bytes: int = 0
    corrupt_bytes: int = 0
    lost: tuple[tuple[int, int], ...] = ()
    damaged: tuple[tuple[str, int], ...] = ()


class SegmentLog:
    """One log. `label` binds its segments to their owner: another host's are set aside. `sound`
    says of a frame of the user's own kinds whether the user can read it; `moved` is told of each
    frame that a failed fsync sent to another place."""

    def __init__(
        self,
        disk: Disk,
        name: str,
        label: bytes,
        *,
        sound: Sound = any_frame,
        segment_bytes: int = SEGMENT_BYTES,
        moved: Callable[[Placed], None] = lambda _placed: None,
    ) -> None:
        self._sound: Sound = lambda frame: frame.kind == KIND_SEGMENT or sound(frame)
        self._disk = disk
        self._name = name
        self._label = label
        self._segment_bytes = segment_bytes
        self._segments: list[int] = []
        self._file_number = 0
        self._size: int | None = None
        self._unsynced: list[Frame] = []
        self._passing: list[int] = []
        self._passed: list[int] = []
        self._moved = moved
        self._beside = False
        self.next_number = 1

    def open(self, visit: Callable[[Placed], None], *, repair: bool = True) -> Recovery:
        """Read the whole log, in order of its numbers, and mend it.

        `visit` sees every frame once. With `repair` off nothing on disk is touched: for readers
        beside a running agent.
        """
        self._beside = not repair
        survey = _Survey(self._disk, self._name, self._label, self._sound)
        ordered = survey.order()
        for position, segment in enumerate(ordered):
            survey.read(segment, last=position == len(ordered) - 1, visit=visit, repair=repair)
        if repair:
            survey.set_aside_foreign()
        self._segments = ordered
        self._file_number = survey.highest
        self.next_number = survey.next_number
        self._size = survey.appendable_size
        if repair and self._size is not None:  # a process may have died between write and fsync
            with suppress(OSError):
                self._unsynced = [placed.frame for placed in self.frames(ordered[-1])]
        return survey.recovery

    def segments(self) -> tuple[int, ...]:
        """Numbers of the segment files, oldest first."""
        return tuple(self._segments)

    def frames(self, segment: int, start: int = 0, end: int | None = None) -> Iterator[Placed]:
        """Whole frames of one segment between two offsets, as far as it is written now. Beside a
        running agent: none of one that the agent has let go of meanwhile."""
        length = -1 if end is None else end - start
        try:
            content = self._disk.read(self.file_name(segment), start, length)
        except FileNotFoundError:
            if self._beside:
                return
            raise
        for found in scan_frames(content, sound=self._sound):
            if not isinstance(found, Damage) and found.frame.kind != KIND_SEGMENT:
                yield Placed(segment, start + found.start, start + found.end, found.frame)

    def append(self, kind: int, payload: bytes) -> Placed:
        """Write a frame in one call. It survives the process at once, the machine after `sync`.

        Raises:
            DiskFullError: no room; the log is as before.
            OSError: the disk failed; the next frame goes to a new segment.
        """
        frame = Frame(kind=kind, number=self.next_number, payload=payload)
        encoded = encode_frame(frame)
        size = self._room_for(len(encoded))
        try:
            self._disk.append(self.file_name(self._segments[-1]), encoded)
        except DiskFullError:
            raise  # the file is as it was
        except OSError:
            self._size = None
            raise
        self._size = size + len(encoded)
        self._unsynced.append(frame)
        self.next_number += 1
        self._drop_passed()
        return Placed(self._segments[-1], size, self._size, frame)

    def sync(self) -> None:
        """Make everything appended durable.

        A failed fsync may have dropped the pages it failed on, and asking again would say all is
        well: what it was to make durable is written anew, to another file.

        Raises:
            OSError: that failed as well; the frames stay in memory for the next call.
        """
        if not self._unsynced:
            return
        try:
            self._sync_once()
        except OSError:
            self._sync_once()
        self._settle()

    def forget_unsynced(self, kept: Sound = lambda _frame: False) -> None:
        """What did not become durable, but for the frames that are `kept`, will be repeated by its
        user: it is not written anew. Until the next frame stands it stays where a process that
        starts anew can read it."""
        self._unsynced = [frame for frame in self._unsynced if kept(frame)]

    def drop(self, segment: int) -> bool:
        """Remove the oldest segment; False where the disk does not let it go: try again later.

        Nobody counts on a removal: one that a power cut takes back brings back what is known.
        """
        if not self._segments or self._segments[0] != segment or len(self._segments) == 1:
            raise ValueError(f"segment {segment} is not the oldest of several")
        try:
            self._disk.remove(self.file_name(segment))
        except OSError:
            return False
        self._segments.pop(0)
        with suppress(OSError):
            self._disk.sync_folder()
        return True

    def keep_only(self, segment: int, kept: list[Placed]) -> int:
        """Rewrite a closed segment with some of its frames; the number of bytes given back.

        Raises:
            DiskFullError, OSError: the segment is as before.
        """
        if segment == self._segments[-1]:
            raise ValueError(f"segment {segment} is still being written")
        if not kept:  # nothing in it to number a head by; it goes when its turn to be dropped comes
            return 0
        name = self.file_name(segment)
        head = self._head(kept[0].frame.number - 1)
        content = b"".join(map(encode_frame, [head, *(placed.frame for placed in kept)]))
        size = self._disk.size(name)
        if len(content) >= size:
            return 0
        replace_file(self._disk, name, content)
        return size - len(content)

    def file_name(self, segment: int) -> str:
        """The file of a segment."""
        return f"{self._name}-{segment:08d}{_SUFFIX}"

    def begin_segment(self) -> None:
        """Go on in a new file, durable before anything follows in it. What is not durable yet comes
        first: its head names the number before.

        Raises:
            OSError: it cannot be, or files whose fsync failed cannot be removed: then no more of
                them are made.
        """
        if len(self._passing) >= PASSING_MAX:
            self._drop_passed()
        if len(self._passing) >= PASSING_MAX:
            raise OSError(errno.EIO, os.strerror(errno.EIO), self.file_name(self._passing[0]))
        self._file_number += 1
        first = self._unsynced[0].number if self._unsynced else self.next_number
        head = encode_frame(self._head(first - 1))
        name = self.file_name(self._file_number)
        try:
            self._disk.append(name, head)
            self._disk.sync(name)
            self._disk.sync_folder()
        except OSError:
            self._disk.remove(name)
            raise
        self._segments.append(self._file_number)
        self._passing.append(self._file_number)
        if not self._unsynced:
            self._passed = self._passing[:-1]
        self._size = len(head)

    def _head(self, number: int) -> Frame:
        """What a segment begins with: whose it is, and the number of the frame before it."""
        return Frame(kind=KIND_SEGMENT, number=number, payload=self._label)

    def _room_for(self, length: int) -> int:
        """The size of the file to append to; a new one when this is full or not to be trusted."""
        full = self._size is not None and self._size + length > self._segment_bytes
        if full:
            self.sync()
        if self._size is None and self._unsynced:
            self._rewrite_unsynced()
        if self._size is None or full:
            self.begin_segment()
        assert self._size is not None
        return self._size

    def _settle(self) -> None:
        """Everything that was appended is durable."""
        self._unsynced.clear()
        self._drop_passed()
        self._passing.clear()
        self._passed.clear()

    def _sync_once(self) -> None:
        """Ask for durability; where that fails, this file is never believed again."""
        try:
            if self._size is None:
                self._rewrite_unsynced()
            self._disk.sync(self.file_name(self._segments[-1]))
        except OSError:
            self._size = None
            raise

    def _rewrite_unsynced(self) -> None:
        """Write what is not durable to a new file."""
        self.begin_segment()
        segment, size = self._segments[-1], self._size or 0
        self._size = None
        placed: list[Placed] = []
        try:
            for frame in self._unsynced:
                encoded = encode_frame(frame)
                self._disk.append(self.file_name(segment), encoded)
                placed.append(Placed(segment, size, size := size + len(encoded), frame))
        except OSError:
            self._passed.append(segment)
            self._drop_passed()
            raise
        self._size = size
        for one in placed:
            self._moved(one)
        self._passed = self._passing[:-1]
        self._drop_passed()

    def _drop_passed(self) -> None:
        """Remove the files that never became durable and whose frames stand in another, or are
        forgotten: a disk that fails for long is not filled with copies."""
        for segment in list(self._passed):
            with suppress(OSError):  # it stays in the list, and is tried again
                self._disk.remove(self.file_name(segment))
                for begun in (self._passed, self._passing, self._segments):
                    if segment in begun:
                        begun.remove(segment)


class _Survey:
    """One reading of all segment files of a log."""

    def __init__(self, disk: Disk, name: str, label: bytes, sound: Sound) -> None:
        self._sound = sound
        self._disk = disk
        self._name = name
        self._label = label
        self._foreign: list[str] = []
        self._last_number: int | None = None
        self.recovery = Recovery()
        self.highest = 0
        self.appendable_size: int | None = None

    @property
    def next_number(self) -> int:
        """Number of the frame to come."""
        return 1 if self._last_number is None else self._last_number + 1

    def order(self) -> list[int]:
        """Our segments by the number of their first frame: a file may carry a wrong name."""
        firsts: list[tuple[int, int]] = []
        for name in self._disk.names():
            segment = _segment_of(name, self._name)
            if segment is None:
                continue
            self.highest = max(self.highest, segment)
            first = self._first_number(name)
            if first is None:
                self._foreign.append(name)
            else:
                firsts.append((first, segment))
        return [segment for _, segment in sorted(firsts)]

    def _first_number(self, name: str) -> int | None:
        """Number of the first readable frame; None for another's segment, or nothing readable."""
        content = self._disk.read(name)
        for found in scan_frames(content, sound=self._sound):
            if isinstance(found, Damage):
                continue
            if found.frame.kind == KIND_SEGMENT and found.frame.payload != self._label:
                self._damaged(name, len(content))
                return None
            return found.frame.number
        self.recovery.corrupt_bytes += len(content)
        self._damaged(name, len(content))
        return None

    def _damaged(self, name: str, size: int) -> None:
        if size:
            self.recovery.damaged += ((name, size),)

    def read(
        self, segment: int, *, last: bool, visit: Callable[[Placed], None], repair: bool
    ) -> None:
        """Mend a segment's file, then visit its frames where they now stand."""
        name = f"{self._name}-{segment:08d}{_SUFFIX}"
        content = self._disk.read(name)
        damages = [
            part for part in scan_frames(content, sound=self._sound) if isinstance(part, Damage)
        ]
        torn = damages.pop() if last and damages and damages[-1].torn else None
        self.recovery.cut_bytes += torn.end - torn.start if torn else 0
        corrupt = sum(damage.end - damage.start for damage in damages)
        self.recovery.corrupt_bytes += corrupt
        self._damaged(name, corrupt)
        self.appendable_size = len(content)
        if repair and damages:
            content = self._rewrite(name, content)
        elif repair and torn:
            self._cut(name, torn.start)
        for part in scan_frames(content, sound=self._sound):
            if isinstance(part, Found):
                self._take(Placed(segment, part.start, part.end, part.frame), visit)

    def _take(self, placed: Placed, visit: Callable[[Placed], None]) -> None:
        """Count a frame once. A copy of one already seen is passed over: a failed fsync and a
        copied segment both leave such."""
        number = placed.frame.number
        if placed.frame.kind == KIND_SEGMENT:
            if self._last_number is None:
                self._last_number = number
            return
        if self._last_number is not None and number <= self._last_number:
            return
        if self._last_number is not None and number > self._last_number + 1:
            self.recovery.lost += ((self._last_number + 1, number - 1),)
        self._last_number = number
        self.recovery.frames += 1
        visit(placed)

    def _cut(self, name: str, size: int) -> None:
        """Cut a torn tail. A disk that will not take even that gets a new segment instead."""
        try:
            self._disk.truncate(name, size)
            self._disk.sync(name)
            self.appendable_size = size
        except OSError:
            self.appendable_size = None

    def _rewrite(self, name: str, content: bytes) -> bytes:
        """Rewrite a segment without its bad middle, the original beside it as `*.corrupt`; what it
        then holds.

        Each step can be repeated: a crash before the rename leaves the segment as it was. A disk
        that will not take the repair changes nothing: the segment is read around again next time.
        """
        kept = (part for part in scan_frames(content, sound=self._sound) if isinstance(part, Found))
        mended = b"".join(content[part.start : part.end] for part in kept)
        try:
            self._disk.remove(f"{name}.corrupt")
            self._disk.append(f"{name}.corrupt", content)
            self._disk.sync(f"{name}.corrupt")
            replace_file(self._disk, name, mended)
        except OSError:
            self.appendable_size = None
            return content
        self.appendable_size = len(mended)
        return mended

    def set_aside_foreign(self) -> None:
        """Take another owner's and unreadable segments out of the way, under `*.corrupt`."""
        with suppress(OSError):  # what stays is passed over again next time
            for name in self._foreign:
                self._disk.rename(name, f"{name}.corrupt")
            if self._foreign:
                self._disk.sync_folder()


def replace_file(disk: Disk, name: str, content: bytes) -> None:
    """Replace a file in one durable step. What a crash leaves of it is removed by the next."""
    passing = f"{name}.mended"
    disk.remove(passing)
    try:
        disk.append(passing, content)
        disk.sync(passing)
        disk.rename(passing, name)
    except OSError:
        disk.remove(passing)
        raise
    disk.sync_folder()


def _segment_of(name: str, log: str) -> int | None:
    stem = name.removesuffix(_SUFFIX)
    prefix, _, digits = stem.rpartition("-")
    if stem == name or prefix != log or not digits.isdigit():
        return None
    return int(digits)
