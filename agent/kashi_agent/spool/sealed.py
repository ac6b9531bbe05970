"""Sealed reports, the server's receipts for them, and the checkpoints that came along.

A report is durable here before it is sent, stays until the server acknowledged it, and then for 35
days more, so that a server restored from a backup can ask again. What is kept beside the wire bytes
says where the report stands in the chain; it is never sent.
"""

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, takewhile

from kashi import limits

from kashi_agent.errors import SpoolError
from kashi_agent.spool.cursor import Cursor, CursorFile
from kashi_agent.spool.disk import Disk
from kashi_agent.spool.frame import Frame
from kashi_agent.spool.segments import SEGMENT_BYTES, Placed, Recovery, SegmentLog

KIND_REPORT = 2
KIND_RECEIPT = 3
KIND_CHECKPOINT = 4
KIND_OPENING = 5

Position = tuple[int, int]
"""Epoch and sequence."""

_NOTE = struct.Struct(">QQQQ32s16sIQQqQQBI")
"""Position, the position it follows, what `_NOTED` names, and how long `state` is."""
_NOTED = (
    *("sha256", "boot_id", "segment", "start_boottime_ms", "end_boottime_ms", "sealed_utc_ms"),
    *("journal_through", "replaces", "refusals"),
)
_RECEIPT = struct.Struct(">QQq")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedReport:
    """A report as it will be sent, and what the host notes of it.

    `follows`: the report before it on this host's chain; for the first of an epoch the last one
    that this host and the server agree on. `journal_through`: the last frame of the journal whose
    content it carries. `state`: what the sealer needs to go on from here. `replaces`: frame number
    of a report of an abandoned epoch whose content it repeats, else 0; `refusals`: how often the
    server had rejected this content when it was sealed.
    """

    epoch: int
    sequence: int
    follows: Position
    sha256: bytes
    boot_id: bytes
    segment: int
    start_boottime_ms: int
    end_boottime_ms: int
    sealed_utc_ms: int
    journal_through: int
    replaces: int = 0
    refusals: int = 0
    state: bytes
    wire: bytes

    @property
    def position(self) -> Position:
        """Epoch and sequence."""
        return self.epoch, self.sequence


@dataclass(slots=True, kw_only=True)
class Entry:
    """Where a sealed report lies. `refusals`: how often the server has rejected its content, in
    this report or before; `abandoned`: a later epoch was opened without it; `repeated`: another
    sealed report carries its content."""

    number: int
    position: Position
    sha256: bytes
    refusals: int
    segment: int
    start: int
    end: int
    utc_ms: int
    abandoned: bool = False
    repeated: bool = False


class SealedLog:
    """The log of sealed reports with its cursor. One writer."""

    def __init__(self, disk: Disk, label: bytes, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._log = SegmentLog(
            disk, "sealed", label, sound=_sound, segment_bytes=segment_bytes, moved=self._move
        )
        self._cursor = CursorFile(disk)
        self._entries: list[Entry] = []
        self._chain: list[Entry] = []
        """Those of them that are not abandoned. An epoch whose first report was rejected is opened
        again under its number: positions grow in the order of sealing in the chain alone."""
        self._abandoned: list[Entry] = []
        self.newest_receipt_utc_ms = 0
        """The server's time of the newest receipt that is kept; 0 without one."""
        self._cursor_due = False
        self._journal_through = 0
        self.checkpoint = b""
        self.opening = b""
        """The epoch that the next report is to open, as the reporter keeps it."""
        self._opening_name = self._opened = bytes(32)
        self.head_entry: Entry | None = None

    def open(self, *, repair: bool = True) -> Recovery:
        """Read the log and the cursor."""
        self._cursor.open(create=repair)
        receipted: list[Position] = []
        recovery = self._log.open(lambda placed: self._recall(placed, receipted), repair=repair)
        if self._opening_name == self._cursor.current.opened:
            self.opening = b""  # a report used it, whether or not one can still be read
        acknowledged = max(receipted, default=(0, 0))
        if acknowledged > self._cursor.current.acknowledged:
            self._cursor.current = _acknowledging(self._cursor.current, acknowledged, bytes(32))
        return recovery

    @property
    def acknowledged(self) -> Position:
        """The last report the server is known to hold."""
        return self._cursor.current.acknowledged

    @property
    def head(self) -> Position:
        """The last report that was ever sealed, whether it can still be read or not."""
        return max(self._kept_head, self._cursor.current.sealed)

    @property
    def durable_head(self) -> Position:
        """The last report whose number is durably used."""
        return self._cursor.current.sealed

    @property
    def tail_kept(self) -> bool:
        """Whether the last report that was ever sealed can still be read."""
        return self._kept_head >= self._cursor.current.sealed

    @property
    def _kept_head(self) -> Position:
        return (0, 0) if self.head_entry is None else self.head_entry.position

    @property
    def journal_through(self) -> int:
        """The last frame of the journal whose content is in a sealed report."""
        return max(self._journal_through, self._cursor.current.sealed_journal_through)

    @property
    def size(self) -> int:
        """How many sealed reports are kept."""
        return len(self._entries)

    @property
    def unacknowledged(self) -> int:
        """How many of them the server has yet to acknowledge."""
        return sum(1 for _ in self.after(self.acknowledged))

    def deliverable(self, *, acknowledged: bool = False) -> list[Entry]:
        """Reports that the server has yet to acknowledge, or all that are kept, for a reader beside
        whoever writes: those whose numbers the cursor has. Another may not be durable yet, and no
        power cut may give its number to a second report once it has left the host."""
        known = self.after((0, 0) if acknowledged else self.acknowledged)
        durable = self.durable_head
        return [entry for entry in known if entry.position <= durable]

    def append(self, report: SealedReport) -> Entry:
        """Keep a report. It must be durable, by `sync`, before it is sent or anything it carries
        is let go.

        Raises:
            DiskFullError: no room; nothing was kept.
            OSError: the disk failed; nothing was kept.
        """
        entry = self.head_entry
        if entry is None or entry.sha256 != report.sha256:
            entry = self._index(self._log.append(KIND_REPORT, _encode(report)), report)
            self._cursor_due = True
        return entry

    def sync(self) -> None:
        """Make every report durable, then the numbers they used.

        Raises:
            DiskFullError, OSError: not yet; call again. Their sequences are not to be used for
                others.
        """
        self._log.sync()
        entry = self.head_entry
        if self._cursor_due and entry is not None:
            self._cursor.write(
                replace(
                    self._cursor.current,
                    sealed_epoch=entry.position[0],
                    sealed_sequence=entry.position[1],
                    sealed_journal_through=self.journal_through,
                    opened=self._opened,
                )
            )
            self._cursor_due = False

    def read(self, entry: Entry) -> SealedReport:
        """A kept report.

        Raises:
            SpoolError: the disk no longer gives it back as it was written.
        """
        places = self._log.frames(entry.segment, entry.start, entry.end)
        # A failed fsync may have moved it to a later segment.
        later = (
            placed
            for segment in self._log.segments()
            if segment > entry.segment
            for placed in self._log.frames(segment)
        )
        for placed in chain(places, later):
            if placed.frame.number == entry.number and placed.frame.kind == KIND_REPORT:
                return _decode(placed.frame.payload)
        raise SpoolError(
            f"已封存的报告 {entry.position} 无法从段 {entry.segment} 读回；请重启 kashi-agent，它会"
            f"修复缓存并如实上报损失。Sealed report {entry.position} cannot be read back from "
            f"segment {entry.segment}; restart kashi-agent: it repairs the spool and reports what "
            "is lost"
        )

    def entries(self) -> tuple[Entry, ...]:
        """All kept reports, in the order they were sealed."""
        return tuple(self._entries)

    def after(self, position: Position) -> Iterator[Entry]:
        """Kept reports of this host's chain beyond a position, oldest first.

        A month of reports is not looked through.
        """
        return islice(self._chain, self._place_after(position), None)

    def _place_after(self, position: Position) -> int:
        return bisect_right(self._chain, position, key=lambda entry: entry.position)

    def abandon_after(self, position: Position) -> None:
        """Take everything beyond a position out of the chain: a new epoch goes on from there."""
        first = self._place_after(position)
        for entry in self._chain[first:]:
            entry.abandoned = True
            self._abandoned.append(entry)
        del self._chain[first:]

    def stranded(self) -> list[Entry]:
        """Reports of abandoned epochs whose content no report of the chain carries: to be sealed
        again."""
        return [entry for entry in self._abandoned if not entry.repeated]

    def acknowledge(self, receipts: list[tuple[Position, bytes, int]], head_sha256: bytes) -> None:
        """Keep receipts (position, bytes, server's UTC milliseconds), then move the cursor.

        Raises:
            DiskFullError, OSError: the receipts are not kept; sending again brings them again.
        """
        if not receipts:
            return
        payloads = [_RECEIPT.pack(*one, utc_ms) + receipt for one, receipt, utc_ms in receipts]
        self._keep_brought(KIND_RECEIPT, payloads)
        for position, _, utc_ms in receipts:
            self._note_receipt(position, utc_ms)
        newest = max(position for position, _, _ in receipts)
        if newest > self.acknowledged:
            self._cursor.write(_acknowledging(self._cursor.current, newest, head_sha256))

    def keep_checkpoint(self, checkpoint: bytes) -> None:
        """Keep a checkpoint of the server's log, if it is another than the last."""
        if checkpoint != self.checkpoint:
            self._keep_brought(KIND_CHECKPOINT, [checkpoint])
            self.checkpoint = checkpoint

    def keep_opening(self, opening: bytes) -> None:
        """Keep what the next report is to open, until a report is kept."""
        if opening != self.opening:
            self._take_opening(self._keep_brought(KIND_OPENING, [opening])[-1].frame)

    def _take_opening(self, frame: Frame) -> None:
        """Its name tells it from the same words said again: by the frame too."""
        self.opening = frame.payload
        self._opening_name = hashlib.sha256(b"%d " % frame.number + frame.payload).digest()

    def _keep_brought(self, kind: int, payloads: list[bytes]) -> list[Placed]:
        """Make durable what the server brought; where that fails, it brings it again, and only
        reports are written anew."""
        try:
            placed = [self._log.append(kind, payload) for payload in payloads]
            self._log.sync()
        except OSError:
            self._log.forget_unsynced(kept=lambda frame: frame.kind == KIND_REPORT)
            raise
        return placed

    def receipts(self) -> Iterator[tuple[Position, bytes]]:
        """Every receipt that is kept, in the order they came."""
        for segment in self._log.segments():
            for placed in self._log.frames(segment):
                if placed.frame.kind == KIND_RECEIPT:
                    epoch, sequence, _ = _RECEIPT.unpack_from(placed.frame.payload)
                    yield (epoch, sequence), placed.frame.payload[_RECEIPT.size :]

    def free(self, *, early: bool = False) -> int:
        """Remove segments whose reports were all acknowledged 35 days before the newest receipt;
        `early`: the oldest one whose reports were all acknowledged, for a disk that is full.

        Time is the server's own, from its receipts: no step of this host's clock frees anything.
        """
        freed = 0
        for segment in self._log.segments()[:-1]:
            held = self._oldest_in(segment)
            if not all(self._may_go(entry, early=early) for entry in held):
                break
            if not self._log.drop(segment):
                break
            del self._entries[: len(held)]
            del self._chain[: sum(not entry.abandoned for entry in held)]
            freed += 1
            if early:
                break
        return freed

    def _oldest_in(self, segment: int) -> list[Entry]:
        return list(takewhile(lambda entry: entry.segment == segment, self._entries))

    def _may_go(self, entry: Entry, *, early: bool) -> bool:
        age_ms = self.newest_receipt_utc_ms - entry.utc_ms
        old = early or age_ms > limits.RETAIN_ACKNOWLEDGED_MS
        stranded = entry.abandoned and not entry.repeated
        return old and entry.position <= self.acknowledged and not stranded

    def _recall(self, placed: Placed, receipted: list[Position]) -> None:
        payload = placed.frame.payload
        if placed.frame.kind == KIND_REPORT:
            self._index(placed, _decode(payload))
        elif placed.frame.kind == KIND_RECEIPT:
            epoch, sequence, utc_ms = _RECEIPT.unpack_from(payload)
            receipted.append((epoch, sequence))
            self._note_receipt((epoch, sequence), utc_ms)
        elif placed.frame.kind == KIND_CHECKPOINT:
            self.checkpoint = payload
        elif placed.frame.kind == KIND_OPENING:
            self._take_opening(placed.frame)

    def _index(self, placed: Placed, report: SealedReport) -> Entry:
        entry = Entry(
            number=placed.frame.number,
            position=report.position,
            sha256=report.sha256,
            refusals=report.refusals,
            segment=placed.segment,
            start=placed.start,
            end=placed.end,
            utc_ms=report.sealed_utc_ms,
        )
        if report.sequence == 1:
            self.abandon_after(report.follows)
        if report.replaces:
            for earlier in self._entries:
                earlier.repeated = earlier.repeated or earlier.number == report.replaces
        self._entries.append(entry)
        self._chain.append(entry)
        self.head_entry = entry
        self.opening, self._opened = b"", self._opening_name
        self._journal_through = max(self._journal_through, report.journal_through)
        return entry

    def _move(self, placed: Placed) -> None:
        """A failed fsync had a frame written anew elsewhere."""
        for entry in reversed(self._entries):
            if entry.number == placed.frame.number:
                entry.segment, entry.start, entry.end = placed.segment, placed.start, placed.end
            if entry.number <= placed.frame.number:
                return

    def _note_receipt(self, position: Position, utc_ms: int) -> None:
        self.newest_receipt_utc_ms = max(self.newest_receipt_utc_ms, utc_ms)
        for entry in reversed(self._entries):
            if entry.position == position:
                entry.utc_ms = utc_ms
                return


def _sound(frame: Frame) -> bool:
    """Whether a frame is long enough for what it says it holds."""
    if frame.kind == KIND_RECEIPT:
        return len(frame.payload) >= _RECEIPT.size
    if frame.kind != KIND_REPORT:
        return True
    if len(frame.payload) < _NOTE.size:
        return False
    return len(frame.payload) > _NOTE.size + int(_NOTE.unpack_from(frame.payload)[-1])


def _acknowledging(cursor: Cursor, position: Position, sha256: bytes) -> Cursor:
    return replace(
        cursor,
        acknowledged_epoch=position[0],
        acknowledged_sequence=position[1],
        acknowledged_sha256=sha256,
    )


def _encode(report: SealedReport) -> bytes:
    noted = (getattr(report, name) for name in _NOTED)
    note = _NOTE.pack(*report.position, *report.follows, *noted, len(report.state))
    return note + report.state + report.wire


def _decode(payload: bytes) -> SealedReport:
    epoch, sequence, *follows_and_noted, state_length = _NOTE.unpack_from(payload)
    last_epoch, last_sequence, *noted = follows_and_noted
    wire_at = _NOTE.size + state_length
    return SealedReport(
        epoch=epoch,
        sequence=sequence,
        follows=(last_epoch, last_sequence),
        state=payload[_NOTE.size : wire_at],
        wire=payload[wire_at:],
        **dict(zip(_NOTED, noted, strict=True)),
    )
