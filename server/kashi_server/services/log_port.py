"""What the append-only log asks of storage, and what it gives to others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A signed head of the log; `signed` is a serialised SignedCheckpoint."""

    size: int
    root: bytes
    utc_ms: int
    signed: bytes


@dataclass(frozen=True, slots=True)
class LogHead:
    """How far the log is written: its size and the roots of its perfect subtrees."""

    size: int
    peaks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Reports of one host and epoch with consecutive sequences, at consecutive indices."""

    first_index: int
    host_id: str
    epoch: int
    first_sequence: int
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Anything else in the log: prices, rules, statements, certificates, privileged acts."""

    log_index: int
    kind: str
    reference: str
    entry: bytes


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """An entry that is committed and has no index yet."""

    pending_id: int
    kind: str
    reference: str
    entry: bytes


class LogPort(Protocol):
    """The repository of the log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Add an entry; the sequencer gives it its index once it is committed."""

    def lock_head(self) -> LogHead:
        """The head, locked until the unit ends: one sequencer at a time."""

    def head(self) -> LogHead:
        """The head as it stands."""

    def move_head(self, before: LogHead, after: LogHead) -> bool:
        """Replace the head if it is still `before`; False when another moved it."""

    def pending_runs(self, count_max: int) -> Sequence[Run]:
        """Committed reports without an index, as runs whose indices count from 0, by host."""

    def pending_entries(self, count_max: int) -> Sequence[PendingEntry]:
        """Committed entries without an index, oldest first."""

    def receipts(self, run: Run) -> Iterator[bytes]:
        """Stored receipts of a run's reports in order."""

    def add_runs(self, runs: Sequence[Run]) -> None:
        """Give reports their indices."""

    def add_entries(self, entries: Sequence[Entry], pending_ids: Sequence[int]) -> None:
        """Give entries their indices; they are pending no longer."""

    def runs(self, start: int, end: int) -> Sequence[Run]:
        """Runs that touch the indices [start, end), in order."""

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Entries with an index in [start, end), in order."""

    def tile(self, level: int, number: int) -> bytes:
        """Hashes of a tile, 32 bytes each; empty when there is none."""

    def write_tiles(self, tiles: Mapping[tuple[int, int], bytes]) -> None:
        """Write tiles whole."""

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; one a size, for good."""

    def latest_checkpoint(self) -> Checkpoint | None:
        """The largest checkpoint."""

    def checkpoint(self, size: int) -> Checkpoint | None:
        """The checkpoint of a size."""

    def checkpoints(self) -> Iterator[Checkpoint]:
        """All checkpoints by size."""

    def index_of_report(self, host_id: str, epoch: int, sequence: int) -> int | None:
        """Where a report stands in the log; None before it has an index."""

    def index_of(self, kind: str, reference: str) -> int | None:
        """Where the latest entry of this kind and reference stands; None before it has an index."""


class LogUnit(Protocol):
    """A unit of work as the log needs it."""

    @property
    def log(self) -> LogPort:
        """The repository."""

    def commit(self) -> None:
        """Make it durable."""


class LogWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[LogUnit]:
        """Open one."""
