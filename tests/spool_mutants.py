"""Spools with one safeguard taken out: what the tests of durability must notice.

Each function takes one safeguard out through a patch. Its docstring says what is then wrong.
"""

import zlib
from typing import Any

import pytest
from fixtures_spool import SimulatedDisk
from kashi_agent import reporter
from kashi_agent.recorder import Recorder
from kashi_agent.shipping import Shipper
from kashi_agent.spool import Entry, SealedReport, journal
from kashi_agent.spool.journal import Journal
from kashi_agent.spool.sealed import Position, SealedLog
from kashi_agent.spool.segments import Placed, SegmentLog
from kashi_agent.spool.spool import Spool
from kashi_agent.stretch import Stretch

Patch = pytest.MonkeyPatch


def without_fsync(patch: Patch) -> None:
    """Frames are written and never made durable."""
    patch.setattr(SegmentLog, "sync", SegmentLog._settle)


def without_folder_fsync(patch: Patch) -> None:
    """New files are never made durable in their folder."""
    patch.setattr(SimulatedDisk, "sync_folder", lambda _self: None)


def without_checksum(patch: Patch) -> None:
    """A frame is believed whatever its bytes are: torn ones as well."""

    class Agreeing(int):
        def __ne__(self, _other: object) -> bool:
            return False

        __eq__ = int.__eq__
        __hash__ = int.__hash__

    class Blind:
        @staticmethod
        def crc32(content: bytes) -> int:
            return Agreeing(zlib.crc32(content))

    patch.setattr("kashi_agent.spool.frame.zlib", Blind)


def cursor_before_receipts(patch: Patch) -> None:
    """The cursor moves before the receipts it speaks of are durable."""
    true_acknowledge, true_sync = SealedLog.acknowledge, SegmentLog.sync

    def acknowledge(
        self: SealedLog, receipts: list[tuple[Position, bytes, int]], head_sha256: bytes
    ) -> None:
        patch.setattr(SegmentLog, "sync", lambda _self: None)
        try:
            true_acknowledge(self, receipts, head_sha256)
        finally:
            patch.setattr(SegmentLog, "sync", true_sync)

    patch.setattr(SealedLog, "acknowledge", acknowledge)


def frees_before_sealing(patch: Patch) -> None:
    """The journal lets go of stretches before the report that carries them is durable."""

    def settle(self: Spool, journal_through: int) -> None:
        patch.setattr(self.sealed._log, "sync", self.sealed._log._settle)
        self.journal.release(journal_through)

    patch.setattr(Spool, "settle", settle)


def replaces_nothing(patch: Patch) -> None:
    """A frame of an open minute no longer replaces the one before it."""
    patch.setattr(journal, "_replaces", lambda _placed, _earlier: False)


def restart_replaces_one_frame(patch: Patch) -> None:
    """What a crash left open is replaced alone, not with what it had replaced itself."""

    def reopen_newest(self: Journal) -> None:
        newest = self.newest()
        assert newest is not None
        self._standing_after = newest.number - 1

    patch.setattr(Journal, "reopen_newest", reopen_newest)


def restart_leaves_frames_open(patch: Patch) -> None:
    """What a crash left open is never closed."""

    true_init = Recorder.__init__

    def init(self: Recorder, **arguments: Any) -> None:
        true_init(self, **arguments)
        self._waiting.clear()

    patch.setattr(Recorder, "__init__", init)


def seals_twice_after_restart(patch: Patch) -> None:
    """What the chain carries already is sealed again."""
    patch.setattr(reporter, "_after", lambda stretch, _end: stretch)


def leaves_holes(patch: Patch) -> None:
    """Time whose frames are lost is passed over in silence."""
    patch.setattr(reporter, "bridged", lambda stretch, _from: stretch)


def believes_a_second_fsync(patch: Patch) -> None:
    """After a failed fsync the same file is asked again, which says that all is well."""

    def sync(self: SegmentLog) -> None:
        name = self.file_name(self._segments[-1]) if self._segments else ""
        for _ in range(3):
            try:
                self._disk.sync(name)
            except OSError:
                continue
            break
        self._settle()

    patch.setattr(SegmentLog, "sync", sync)


def numbers_begin_anew(patch: Patch) -> None:
    """An emptied journal counts from 1 although sealed reports name its numbers."""
    true_open = Journal.open

    def opened(self: Journal, sealed_through: int, *, repair: bool = True) -> Any:
        recovery = true_open(self, sealed_through, repair=repair)
        if not recovery.frames:
            self._log.next_number = 1
            self._standing_after = 0
        return recovery

    patch.setattr(Journal, "open", opened)


def a_number_is_used_when_durable(patch: Patch) -> None:
    """A report whose fsync failed leaves its number to another report."""
    true_keep = Spool.keep

    def keep(self: Spool, report: SealedReport) -> Entry:
        entry = true_keep(self, report)
        self.sealed.sync()
        return entry

    patch.setattr(Spool, "keep", keep)


def coarsens_what_stands(patch: Patch) -> None:
    """A full disk takes whole minutes out of the journal, not only what others replace."""
    patch.setattr(Journal, "_standing", lambda self, segment: list(self._log.frames(segment))[-1:])


def coarsens_sealed_reports(patch: Patch) -> None:
    """A full disk takes reports that were not delivered."""
    true_write = Spool.write

    def write(self: Spool, stretch: Stretch, *, open_minute: bool) -> int:
        number = true_write(self, stretch, open_minute=open_minute)
        if self.disk_full:
            for segment in self.sealed._log.segments()[:-1]:
                frames: list[Placed] = list(self.sealed._log.frames(segment))
                self.sealed._log.keep_only(segment, frames[:1])
        return number

    patch.setattr(Spool, "write", write)


def drops_when_full(patch: Patch) -> None:
    """Minutes that a full disk does not take are forgotten."""
    true_write = Recorder._write_waiting

    def write(self: Recorder) -> bool:
        durable = true_write(self)
        self._waiting.clear()
        return durable

    patch.setattr(Recorder, "_write_waiting", write)


def opens_no_epoch(patch: Patch) -> None:
    """A host set back to a snapshot goes on under numbers that the server already has."""
    patch.setattr(Shipper, "_open_epoch", lambda *_arguments, **_more: None)


def frees_without_receipt(patch: Patch) -> None:
    """Reports go when they are sent, not when the server says that it has them."""

    def may_go(_self: SealedLog, _entry: Entry, *, early: bool) -> bool:
        return True

    patch.setattr(SealedLog, "_may_go", may_go)
