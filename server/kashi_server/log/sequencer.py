"""The sequencer: gives everything that is committed its index, and signs the head.

Order of one unit of work: take the head's lock; give reports and entries their indices; write the
tiles; read everything new back and hash it again; check that the tree holds the one signed before;
move the head by compare-and-swap; sign; commit. A checkpoint that was signed stands on rows that
were read from storage, and two sequencers can not fork the log.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.merkle import Frontier, leaf_hash

from kashi_server.errors import StorageError
from kashi_server.log.checkpoint import sign_checkpoint
from kashi_server.log.tree import Tree, appended_tiles
from kashi_server.services.log_port import Checkpoint, Entry, LogHead, LogPort, LogWork, Run
from kashi_server.services.receipts import log_entry

ENTRIES_AT_ONCE_MAX: Final = 10_000
"""Indices given in one unit of work: other writers wait that long at most."""

ENTRY: Final = b"kashi/v1/entry\n"
"""Prefix of everything in the log that is no report."""


class Keys(Protocol):
    """The key the sequencer signs with."""

    @property
    def checkpoint_key(self) -> ec.EllipticCurvePrivateKey:
        """Signs checkpoints."""


def sequence(work: LogWork, keyring: Keys, clock: Callable[[], int]) -> Checkpoint:
    """Give every committed entry its index and sign the head.

    Returns:
        The latest checkpoint; it covers everything that was committed before the call.

    Raises:
        StorageError: what is stored is not what was signed; nothing is signed then.
    """
    while True:
        with work.begin() as unit:
            checkpoint, more = _extend(unit.log, keyring, clock())
            unit.commit()
        if not more:
            return checkpoint


def entry_bytes(kind: str, reference: str, entry: bytes) -> bytes:
    """What the log hashes for an entry that is no report."""
    return ENTRY + f"{kind}\n{reference}\n".encode() + entry


def _extend(log: LogPort, keyring: Keys, utc_ms: int) -> tuple[Checkpoint, bool]:
    head = log.lock_head()
    runs = [
        replace(run, first_index=head.size + run.first_index)
        for run in log.pending_runs(ENTRIES_AT_ONCE_MAX)
    ]
    size = head.size + sum(run.count for run in runs)
    pending = log.pending_entries(ENTRIES_AT_ONCE_MAX)
    entries = [
        Entry(size + place, one.kind, one.reference, one.entry) for place, one in enumerate(pending)
    ]
    latest = log.latest_checkpoint()
    if not runs and not entries and latest is not None:
        return latest, False
    after = _append(log, head, runs, entries)
    log.add_runs(runs)
    log.add_entries(entries, [one.pending_id for one in pending])
    root = _check(log, head, after, latest)
    if not log.move_head(head, after):
        raise StorageError(
            "另一排序程序移动了日志的头，未签任何内容。"
            "another sequencer moved the head of the log; nothing was signed"
        )
    checkpoint = sign_checkpoint(keyring.checkpoint_key, after.size, root, utc_ms)
    log.add_checkpoint(checkpoint)
    full = size - head.size == ENTRIES_AT_ONCE_MAX or len(pending) == ENTRIES_AT_ONCE_MAX
    return checkpoint, full


def _append(log: LogPort, head: LogHead, runs: Sequence[Run], entries: Sequence[Entry]) -> LogHead:
    leaves = [leaf_hash(entry) for run in runs for entry in _run_entries(log, run)]
    leaves += [leaf_hash(entry_bytes(one.kind, one.reference, one.entry)) for one in entries]
    log.write_tiles(appended_tiles(log.tile, head.size, leaves))
    frontier = Frontier(head.size, list(head.peaks))
    for leaf in leaves:
        frontier.append(leaf)
    return LogHead(frontier.size, tuple(frontier.peaks))


def _check(log: LogPort, before: LogHead, after: LogHead, latest: Checkpoint | None) -> bytes:
    """Read back what will be signed; the root, once it has been reached in two ways.

    Raises:
        StorageError: a stored entry, tile or head is not what was written or signed.
    """
    tree = Tree(log.tile, after.size)
    for index, entry in stored_entries(log, before.size, after.size):
        if leaf_hash(entry) != tree.leaf(index):
            raise StorageError(
                f"日志第 {index} 条读回的内容与散列时不同。"
                f"entry {index} of the log reads back other than it was hashed"
            )
    root = tree.root()
    if root != Frontier(after.size, list(after.peaks)).root():
        raise StorageError(
            "日志的分块与前沿得出不同的根。tiles and frontier of the log lead to different roots"
        )
    if latest is not None and Tree(log.tile, latest.size).root() != latest.root:
        raise StorageError(
            f"日志已不再含有在第 {latest.size} 条处所签的树。"
            f"the log no longer holds the tree that was signed at size {latest.size}"
        )
    return root


def stored_entries(log: LogPort, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Every entry with an index in [start, end), read from storage: reports first, then others.

    Raises:
        StorageError: an index has no entry.
    """
    found = 0
    for run in log.runs(start, end):
        skipped = max(0, start - run.first_index)
        count = min(run.first_index + run.count, end) - run.first_index - skipped
        part = Run(
            run.first_index + skipped, run.host_id, run.epoch, run.first_sequence + skipped, count
        )
        for place, entry in enumerate(_run_entries(log, part)):
            yield part.first_index + place, entry
            found += 1
    for one in log.entries(start, end):
        yield one.log_index, entry_bytes(one.kind, one.reference, one.entry)
        found += 1
    if found != end - start:
        raise StorageError(
            f"日志第 {start} 至 {end} 条之间只有 {found} 条记录。"
            f"{found} entries of the log stand at indices {start} to {end}"
        )


def _run_entries(log: LogPort, run: Run) -> Iterator[bytes]:
    found = 0
    for receipt in log.receipts(run):
        yield log_entry(receipt)
        found += 1
    if found != run.count:
        raise StorageError(
            f"主机 {run.host_id} 第 {run.epoch} 纪元：自第 {run.first_sequence} 号起存有 "
            f"{found} 份报告，而日志有 {run.count} 份。"
            f"host {run.host_id} epoch {run.epoch}: {found} reports are stored from sequence"
            f" {run.first_sequence} on where the log has {run.count}"
        )
