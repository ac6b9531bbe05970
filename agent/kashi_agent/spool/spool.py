"""The spool: the journal of what was measured, the sealed reports, and room kept for bad days.

Order of durability: a stretch is in the journal before anybody counts on it; a sealed report is in
its log before it is sent and before its stretches leave the journal; a receipt is in the log before
the cursor moves. So whatever instant the machine stops at, what was measured stands somewhere.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from kashi_agent.errors import DiskFullError
from kashi_agent.spool.disk import Disk
from kashi_agent.spool.journal import Journal
from kashi_agent.spool.sealed import Entry, SealedLog, SealedReport
from kashi_agent.spool.segments import SEGMENT_BYTES, Recovery
from kashi_agent.stretch import Stretch

RESERVE_FILE: Final = "reserve"
RESERVE_BYTES: Final = 8 << 20
"""Room for weeks of eight devices, given up when the disk is full."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolRecovery:
    """What opening the spool found in its two logs."""

    journal: Recovery
    sealed: Recovery

    @property
    def repaired_bytes(self) -> int:
        """Bytes that were cut or taken out."""
        parts = (self.journal, self.sealed)
        return sum(part.cut_bytes + part.corrupt_bytes for part in parts)


class Spool:
    """Everything of one host that is not yet, or was lately, with the server."""

    def __init__(
        self,
        disk: Disk,
        host_id: str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        label = hashlib.sha256(f"kashi/spool\n{host_id}".encode()).digest()[:16]
        self._disk = disk
        self._reserve_bytes = reserve_bytes
        self.sealed = SealedLog(disk, label + b"sealed", segment_bytes=segment_bytes)
        self.journal = Journal(disk, label + b"journal", segment_bytes=segment_bytes)
        self.disk_full = False

    def open(self) -> SpoolRecovery:
        """Become the only writer and mend what a crash left.

        Raises:
            LockedError: another agent works here. Nothing else keeps a spool from opening.
        """
        self._disk.lock()
        self._keep_reserve()
        sealed = self.sealed.open()
        journal = self.journal.open(self.sealed.journal_through)
        self.journal.release(self.sealed.journal_through)
        return SpoolRecovery(journal=journal, sealed=sealed)

    def look(self) -> SpoolRecovery:
        """Read the spool beside a running agent, changing nothing."""
        sealed = self.sealed.open(repair=False)
        journal = self.journal.open(self.sealed.journal_through, repair=False)
        return SpoolRecovery(journal=journal, sealed=sealed)

    def write(self, stretch: Stretch, *, open_minute: bool) -> int:
        """Keep what was measured since the last cut, durable when this returns; its frame's number.

        Raises:
            DiskFullError: no room even after giving up the reserve and coarsening.
        """
        return self._making_room(lambda: self.journal.write(stretch, open_minute=open_minute))

    def keep(self, report: SealedReport) -> Entry:
        """Keep a sealed report: its number is used when this returns. It is durable by `settle`,
        or by `sealed.sync` before it is sent.

        Raises:
            DiskFullError: no room even after giving up the reserve and coarsening; nothing is kept.
        """
        return self._making_room(lambda: self.sealed.append(report))

    def settle(self, journal_through: int) -> None:
        """Make the kept reports durable, then let go of the frames of the journal they carry.

        Raises:
            DiskFullError, OSError: not yet durable; the frames stay, call again.
        """
        self._making_room(self.sealed.sync)
        self.journal.release(journal_through)

    def free(self) -> None:
        """Let go of what was acknowledged long ago, and take the reserve back when there is room
        again."""
        self.sealed.free()
        self._keep_reserve()

    def close(self) -> None:
        """Let go of the files and of the lock."""
        self._disk.close()

    def _making_room(self, write: Callable[[], _Result]) -> _Result:
        """Write; on a full disk give up the reserve, then coarsen what is unsealed, and say so.

        Sealed reports are never touched: they are signed, and some are already with the server.
        """
        for make_room in (self._give_up_reserve, self.journal.coarsen):
            try:
                return write()
            except DiskFullError:
                self.disk_full = True
                make_room()
        return write()

    def _give_up_reserve(self) -> None:
        if RESERVE_FILE in self._disk.names():
            self._disk.remove(RESERVE_FILE)
            self._disk.sync_folder()
            self.journal.coarsen()  # each segment is rewritten beside itself: now there is room

    def _keep_reserve(self) -> None:
        try:
            if RESERVE_FILE not in self._disk.names():
                self._disk.reserve(RESERVE_FILE, self._reserve_bytes)
                self._disk.sync_folder()
            self.disk_full = False
        except OSError:
            self.disk_full = True
            with suppress(OSError):  # a disk that takes nothing may not give anything either
                self._disk.remove(RESERVE_FILE)
