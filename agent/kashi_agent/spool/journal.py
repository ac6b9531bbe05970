"""What was measured and not yet sealed, frame by frame.

A frame holds a stretch: everything since the last cut, as far as it is settled. It says which
frames it replaces: all after a stated number. While minutes are open each frame replaces the one
before it; once they are cut the frame stands for good. So a crash loses nothing that was written,
and a frame that can no longer be read loses only what no later frame repeats.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from kashi_agent.encoding import DecodeError, decode_stretch, encode_stretch
from kashi_agent.spool.disk import Disk
from kashi_agent.spool.frame import Frame
from kashi_agent.spool.segments import SEGMENT_BYTES, Placed, Recovery, SegmentLog
from kashi_agent.stretch import Stretch

KIND_STRETCH = 2

_NOTE = struct.Struct(">QB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The stretch of one frame of the journal. `open`: its last minute was not over."""

    number: int
    open: bool
    stretch: Stretch


class Journal:
    """The log of unsealed stretches. One writer."""

    def __init__(self, disk: Disk, label: bytes, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._log = SegmentLog(
            disk, "journal", label, sound=_sound, segment_bytes=segment_bytes, moved=self._recall
        )
        self._sealed_through = 0
        self._newest_after = 0
        self._last_frames: dict[int, int] = {}
        self._standing_after = 0
        self._coarse: set[int] = set()
        self.unreadable = 0

    def open(self, sealed_through: int, *, repair: bool = True) -> Recovery:
        """Read the log; frames up to `sealed_through` are in sealed reports already."""
        self._sealed_through = sealed_through
        recovery = self._log.open(self._recall, repair=repair)
        # Every frame of the log may be gone while sealed reports still name them: a number is
        # never used twice, or a new frame would pass for one that is sealed.
        self._log.next_number = max(self._log.next_number, sealed_through + 1)
        self._standing_after = self._log.next_number - 1
        return recovery

    def newest(self) -> Kept | None:
        """The newest readable frame, sealed or not."""
        for segment in reversed(self._log.segments()):
            for placed in reversed(list(self._log.frames(segment))):
                for kept in self._kept(placed):
                    return kept
        return None

    def write(self, stretch: Stretch, *, open_minute: bool) -> int:
        """Append what was measured since the last cut, durable when this returns; the frame's
        number. It replaces the frames since then; `open_minute`: the next one replaces it.

        Raises:
            DiskFullError, OSError: not durable; the next call repeats it all and more, so that
                nothing of it is kept for another try.
        """
        note = _NOTE.pack(self._standing_after, open_minute)
        placed = self._log.append(KIND_STRETCH, note + encode_stretch(stretch))
        self._recall(placed)
        try:
            self._log.sync()
        except OSError:
            self._log.forget_unsynced()
            kept = set(self._log.segments())
            self._last_frames = {s: n for s, n in self._last_frames.items() if s in kept}
            raise
        if not open_minute:
            self._standing_after = placed.frame.number
        return placed.frame.number

    def reopen_newest(self) -> None:
        """Let the next frame replace the newest, which a crash left with its minutes open, and
        whatever that one replaces: should it be lost, the ones before it must not stand again."""
        self._standing_after = self._newest_after

    def unsealed(self, *, with_open: bool) -> Iterator[Kept]:
        """Frames that stand and that no sealed report carries yet, oldest first, each read when
        asked for.

        `with_open`: also the newest frame while its minutes are open; for readers only, for the
        next frame will replace it.
        """
        pending: Placed | None = None
        for segment in self._log.segments():
            if self._last_frames.get(segment, 0) <= self._sealed_through:
                continue
            for placed in self._log.frames(segment):
                if placed.frame.number <= self._sealed_through:
                    continue
                if pending is not None and not _replaces(placed, pending):
                    yield from self._kept(pending)
                pending = placed
        if pending is not None and (with_open or not _is_open(pending)):
            yield from self._kept(pending)

    def release(self, through: int) -> None:
        """Frames up to this number are in sealed reports: remove the segments that hold no other.

        The newest segment always stays, for its numbers and for what the devices last were.
        """
        self._sealed_through = max(self._sealed_through, through)
        for segment in self._log.segments()[:-1]:
            if self._last_frames.get(segment, 0) > self._sealed_through:
                return
            if not self._log.drop(segment):
                return
            self._last_frames.pop(segment, None)

    def coarsen(self) -> int:
        """Rewrite all but the newest segment without the frames that others replace; the number
        of bytes that gives back. Sums stay: only intermediate states of minutes go."""
        freed = 0
        for segment in self._log.segments()[:-1]:
            if segment not in self._coarse:
                freed += self._log.keep_only(segment, self._standing(segment))
                self._coarse.add(segment)
        return freed

    def _standing(self, segment: int) -> list[Placed]:
        """Frames of a segment that no later frame in it replaces and no report carries."""
        frames = [p for p in self._log.frames(segment) if p.frame.number > self._sealed_through]
        standing = [
            placed for placed, follower in pairwise(frames) if not _replaces(follower, placed)
        ]
        return [*standing, *frames[-1:]]

    def _recall(self, placed: Placed) -> None:
        self._newest_after = _standing_after(placed)
        self._last_frames[placed.segment] = placed.frame.number

    def _kept(self, placed: Placed) -> Iterator[Kept]:
        """The stretch of a frame; nothing, and counted, when its bytes are none."""
        try:
            stretch = decode_stretch(placed.frame.payload[_NOTE.size :])
        except DecodeError:
            self.unreadable += 1
        else:
            yield Kept(number=placed.frame.number, open=_is_open(placed), stretch=stretch)


def _sound(frame: Frame) -> bool:
    return len(frame.payload) >= _NOTE.size


def _replaces(placed: Placed, earlier: Placed) -> bool:
    return _standing_after(placed) < earlier.frame.number


def _standing_after(placed: Placed) -> int:
    return int(_NOTE.unpack_from(placed.frame.payload)[0])


def _is_open(placed: Placed) -> bool:
    return bool(_NOTE.unpack_from(placed.frame.payload)[1])
