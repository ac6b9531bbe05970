"""The spool: the journal of what was measured, the sealed reports, and room kept for bad days.

Order of durability: a stretch is in the journal before anybody counts on it; a sealed report is in
its log before it is sent and before its stretches leave the journal; a receipt is in the log before
the cursor moves. So whatever instant the machine stops at, what was measured stands somewhere.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from kashi_agent.errors import DiskFullError
from kashi_agent.spool.disk import Disk
from kashi_agent.spool.journal import Journal
from kashi_agent.spool.sealed import Entry, Position, SealedLog, SealedReport
from kashi_agent.spool.segments import SEGMENT_BYTES, Recovery
from kashi_agent.stretch import Stretch

RESERVES: Final[Mapping[str, int]] = {
    "reserve": 8 << 20,
    "reserve-sealing": 4 << 20,
    "reserve-receipts": 256 << 10,
}
"""Files that keep room for bad days, given up in this order: the first to whatever is written, the
second to sealing and receipts alone, the third to receipts. Without these two, a disk full of what
was measured could never send it, and so never be rid of it."""

LOOKS_MAX: Final = 5
"""An agent lets go of a segment once in many reports; what is missing time and again is not its
doing."""

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

    @property
    def damaged(self) -> tuple[tuple[str, int], ...]:
        """Files, and how many of their bytes are unreadable or another host's."""
        return *self.sealed.damaged, *self.journal.damaged


class Spool:
    """Everything of one host that is not yet, or was lately, with the server."""

    def __init__(
        self,
        disk: Disk,
        host_id: str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        reserves: Mapping[str, int] = RESERVES,
    ) -> None:
        self._label = hashlib.sha256(f"kashi/spool\n{host_id}".encode()).digest()[:16]
        self._disk = disk
        self._reserves = reserves
        self._segment_bytes = segment_bytes
        self._begin()
        self.disk_full = False

    def _begin(self) -> None:
        """Two logs of which nothing was read yet."""
        label, size = self._label, self._segment_bytes
        self.sealed = SealedLog(self._disk, label + b"sealed", segment_bytes=size)
        self.journal = Journal(self._disk, label + b"journal", segment_bytes=size)

    def open(self) -> SpoolRecovery:
        """Become the only writer and mend what a crash left.

        Raises:
            LockedError: another agent works here. Nothing else keeps a spool from opening.
        """
        self._disk.lock()
        self._keep_reserves()
        sealed = self.sealed.open()
        journal = self.journal.open(self.sealed.journal_through)
        self.journal.release(self.sealed.journal_through)
        return SpoolRecovery(journal=journal, sealed=sealed)

    def look(self) -> SpoolRecovery:
        """Read the spool beside a running agent, changing nothing. What the agent lets go of
        meanwhile is looked for no more: it is looked at anew."""
        for _ in range(LOOKS_MAX - 1):
            try:
                return self._look()
            except FileNotFoundError:
                self._begin()
        return self._look()

    def _look(self) -> SpoolRecovery:
        sealed = self.sealed.open(repair=False)
        journal = self.journal.open(self.sealed.journal_through, repair=False)
        return SpoolRecovery(journal=journal, sealed=sealed)

    @property
    def whole_in_sealed(self) -> bool:
        """Whether everything that was written is in sealed reports that are durable."""
        kept = self.sealed.head_entry
        if kept is not None and kept.position > self.sealed.durable_head:
            return False
        return next(self.journal.unsealed(with_open=True), None) is None

    def write(self, stretch: Stretch, *, open_minute: bool) -> int:
        """Keep what was measured since the last cut, durable when this returns; its frame's number.

        Raises:
            DiskFullError: no room even after giving up the reserve and coarsening.
        """
        return self._making_room(
            lambda: self.journal.write(stretch, open_minute=open_minute), reserves=1
        )

    def keep(self, report: SealedReport) -> Entry:
        """Keep a sealed report: its number is used when this returns. It is durable by `settle`,
        or by `sealed.sync` before it is sent.

        Raises:
            DiskFullError: no room even after giving up all reserves; nothing is kept.
        """
        return self._making_room(lambda: self.sealed.append(report), reserves=2)

    def settle(self, journal_through: int) -> None:
        """Make the kept reports durable, then let go of the frames of the journal they carry.

        Raises:
            DiskFullError, OSError: not yet durable; the frames stay, call again.
        """
        self._making_room(self.sealed.sync, reserves=2)
        self.journal.release(journal_through)

    def acknowledge(self, receipts: list[tuple[Position, bytes, int]], head_sha256: bytes) -> None:
        """Keep receipts, as `sealed.acknowledge` does, with room made for them."""
        self._making_room(lambda: self.sealed.acknowledge(receipts, head_sha256), reserves=3)

    def keep_checkpoint(self, checkpoint: bytes) -> None:
        """Keep a checkpoint, as `sealed.keep_checkpoint` does, with room made for it."""
        self._making_room(lambda: self.sealed.keep_checkpoint(checkpoint), reserves=3)

    def keep_opening(self, opening: bytes) -> None:
        """Keep an epoch that is to be opened, as `sealed.keep_opening` does, with room made."""
        self._making_room(lambda: self.sealed.keep_opening(opening), reserves=3)

    def free(self) -> None:
        """Let go of what was acknowledged long ago, and take the reserves back when there is room
        again."""
        self.sealed.free()
        self._keep_reserves()

    def close(self) -> None:
        """Let go of the files and of the lock."""
        self._disk.close()

    def _making_room(self, write: Callable[[], _Result], *, reserves: int) -> _Result:
        """Write; on a full disk give up the first so many reserves, coarsen what is unsealed, and
        last let go of what the server has acknowledged: it has it, and it has not what is new.

        A sealed report that is not acknowledged is never touched.
        """
        for reserve in [*list(self._reserves)[:reserves], ""]:
            try:
                return write()
            except DiskFullError:
                self.disk_full = True
                self._give_up(reserve)
        while True:
            try:
                return write()
            except DiskFullError:
                if not self.sealed.free(early=True):
                    raise

    def _give_up(self, reserve: str) -> None:
        """Give up a reserve, if it is there, and coarsen in its room: each segment is rewritten
        beside itself."""
        if reserve in self._disk.names():
            self._disk.remove(reserve)
            self._disk.sync_folder()
        with suppress(DiskFullError):
            self.journal.coarsen()

    def _keep_reserves(self) -> None:
        self.disk_full = False
        for name, size in self._reserves.items():
            try:
                if name not in self._disk.names():
                    self._disk.reserve(name, size)
                    self._disk.sync_folder()
            except OSError:
                self.disk_full = True
                with suppress(OSError):  # a disk that takes nothing may not give anything either
                    self._disk.remove(name)
