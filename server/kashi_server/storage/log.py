"""The repository of the append-only log."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, tuple_, update

from kashi_server.services.log_port import Checkpoint, Entry, LogHead, PendingEntry, Run
from kashi_server.storage.report_packing import ReportUnpacker
from kashi_server.storage.tables.facts import heads, reports
from kashi_server.storage.tables.log import (
    checkpoints,
    log_entries,
    log_head,
    log_pending,
    log_positions,
    log_runs,
    log_tiles,
)
from kashi_server.storage.upserts import insert_into

HASH_BYTES: Final = 32
_ONE_ROW: Final = 1
_ALL: Final = 2**31 - 1


class LogRepository:
    """The log in one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unpacker = ReportUnpacker(connection)

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Add an entry; the sequencer gives it its index once it is committed."""
        row = {"kind": kind, "reference": reference, "entry": entry}
        self._connection.execute(insert(log_pending).values(row))

    def logged(self, kind: str) -> Iterator[bytes]:
        """Every entry of a kind, with an index or waiting for one, in order.

        What waited when this began, and got its index meanwhile, comes once.
        """
        size = select(func.coalesce(func.max(log_entries.c.log_index), -1))
        last = int(self._connection.execute(size).scalar_one())
        of_pending = select(log_pending.c.entry).where(log_pending.c.kind == kind)
        waiting = self._connection.execute(of_pending.order_by(log_pending.c.pending_id)).scalars()
        pending = [bytes(entry) for entry in waiting]
        left = Counter(pending)
        query = (
            select(log_entries.c.log_index, log_entries.c.entry)
            .where(log_entries.c.kind == kind)
            .order_by(log_entries.c.log_index)
        )
        with self._connection.execute(query, execution_options={"yield_per": 500}) as rows:
            for row in rows:
                entry = bytes(row.entry)
                if row.log_index > last:
                    left[entry] -= 1
                yield entry
        for entry in pending:
            if left[entry] > 0:
                left[entry] -= 1
                yield entry

    def lock_head(self) -> LogHead:
        """The head, locked until the unit ends: one sequencer at a time."""
        first = insert_into(self._connection, log_head).values(
            log_head_id=_ONE_ROW, size=0, peaks=b""
        )
        self._connection.execute(first.on_conflict_do_nothing())
        return _head(self._connection.execute(select(log_head).with_for_update()).one())

    def head(self) -> LogHead:
        """The head as it stands."""
        row = self._connection.execute(select(log_head)).one_or_none()
        return LogHead(0, ()) if row is None else _head(row)

    def move_head(self, before: LogHead, after: LogHead) -> bool:
        """Replace the head if it is still `before`; False when another moved it."""
        moved = self._connection.execute(
            update(log_head)
            .where(log_head.c.size == before.size, log_head.c.peaks == b"".join(before.peaks))
            .values(size=after.size, peaks=b"".join(after.peaks))
        )
        return moved.rowcount == 1

    def pending_runs(self, count_max: int) -> Sequence[Run]:
        """Committed reports without an index, as runs whose indices count from 0, by host."""
        runs: list[Run] = []
        index = 0
        for host_id, epoch, sequence in self._hosts_behind():
            later = tuple_(reports.c.epoch, reports.c.sequence) > tuple_(epoch, sequence)
            query = (
                select(
                    reports.c.epoch,
                    func.min(reports.c.sequence).label("first_sequence"),
                    func.count().label("run_count"),
                )
                .where(reports.c.host_id == host_id, later)
                .group_by(reports.c.epoch)
                .order_by(reports.c.epoch)
            )
            for row in self._connection.execute(query).all():
                count = min(row.run_count, count_max - index)
                runs.append(Run(index, host_id, row.epoch, row.first_sequence, count))
                index += count
                if index == count_max:
                    return runs
        return runs

    def _hosts_behind(self) -> list[tuple[str, int, int]]:
        """Hosts whose head has no index yet, with the last place that has."""
        held = log_positions
        epoch, sequence = func.coalesce(held.c.epoch, 0), func.coalesce(held.c.sequence, 0)
        query = (
            select(heads.c.host_id, epoch, sequence)
            .outerjoin(held, held.c.host_id == heads.c.host_id)
            .where(or_(epoch != heads.c.epoch, sequence != heads.c.sequence))
            .order_by(heads.c.host_id)
        )
        return [(row[0], row[1], row[2]) for row in self._connection.execute(query)]

    def pending_entries(self, count_max: int) -> Sequence[PendingEntry]:
        """Committed entries without an index, oldest first."""
        query = select(log_pending).order_by(log_pending.c.pending_id).limit(count_max)
        return [
            PendingEntry(row.pending_id, row.kind, row.reference, bytes(row.entry))
            for row in self._connection.execute(query)
        ]

    def receipts(self, run: Run) -> Iterator[bytes]:
        """Stored receipts of a run's reports in order."""
        query = (
            select(
                reports.c.host_id,
                reports.c.epoch,
                reports.c.sequence,
                reports.c.sha256,
                reports.c.content,
            )
            .where(
                reports.c.host_id == run.host_id,
                reports.c.epoch == run.epoch,
                reports.c.sequence >= run.first_sequence,
                reports.c.sequence < run.first_sequence + run.count,
            )
            .order_by(reports.c.sequence)
        )
        with self._connection.execute(query, execution_options={"yield_per": 500}) as rows:
            for row in rows:
                yield self._unpacker.unpack(row)[1]

    def counted_beyond(self, size: int, end_utc_ms: int) -> bool:
        """A counted report that begins before an instant is not among the first `size` entries."""
        later = [(run, run.first_sequence) for run in self.pending_runs(_ALL)]
        later += [
            (run, run.first_sequence + max(0, size - run.first_index))
            for run in self.runs(size, max(size, self.head().size))
        ]
        for run, first_sequence in later:
            query = select(reports.c.sequence).where(
                reports.c.host_id == run.host_id,
                reports.c.epoch == run.epoch,
                reports.c.sequence >= first_sequence,
                reports.c.sequence < run.first_sequence + run.count,
                reports.c.counted == 1,
                reports.c.start_utc_ms < end_utc_ms,
            )
            if self._connection.execute(query.limit(1)).first() is not None:
                return True
        return False

    def add_runs(self, runs: Sequence[Run]) -> None:
        """Give reports their indices."""
        if not runs:
            return
        self._connection.execute(
            insert(log_runs),
            [
                {
                    "first_index": run.first_index,
                    "host_id": run.host_id,
                    "epoch": run.epoch,
                    "first_sequence": run.first_sequence,
                    "count": run.count,
                }
                for run in runs
            ],
        )
        last = {run.host_id: run for run in runs}
        statement = insert_into(self._connection, log_positions)
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["host_id"],
                set_={
                    "epoch": statement.excluded.epoch,
                    "sequence": statement.excluded.sequence,
                },
            ),
            [
                {
                    "host_id": run.host_id,
                    "epoch": run.epoch,
                    "sequence": run.first_sequence + run.count - 1,
                }
                for run in last.values()
            ],
        )

    def add_entries(self, entries: Sequence[Entry], pending_ids: Sequence[int]) -> None:
        """Give entries their indices; they are pending no longer."""
        if not entries:
            return
        self._connection.execute(
            insert(log_entries),
            [
                {
                    "log_index": one.log_index,
                    "kind": one.kind,
                    "reference": one.reference,
                    "entry": one.entry,
                }
                for one in entries
            ],
        )
        gone = delete(log_pending).where(log_pending.c.pending_id.in_(pending_ids))
        self._connection.execute(gone)

    def runs(self, start: int, end: int) -> Sequence[Run]:
        """Runs that touch the indices [start, end), in order."""
        lowest = select(func.max(log_runs.c.first_index)).where(log_runs.c.first_index <= start)
        query = (
            select(log_runs)
            .where(
                log_runs.c.first_index < end,
                log_runs.c.first_index >= func.coalesce(lowest.scalar_subquery(), 0),
                log_runs.c.first_index + log_runs.c["count"] > start,
            )
            .order_by(log_runs.c.first_index)
        )
        return [
            Run(row.first_index, row.host_id, row.epoch, row.first_sequence, row[4])
            for row in self._connection.execute(query)
        ]

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Entries with an index in [start, end), in order."""
        query = (
            select(log_entries)
            .where(log_entries.c.log_index >= start, log_entries.c.log_index < end)
            .order_by(log_entries.c.log_index)
        )
        return [
            Entry(row.log_index, row.kind, row.reference, bytes(row.entry))
            for row in self._connection.execute(query)
        ]

    def tile(self, level: int, number: int) -> bytes:
        """Hashes of a tile, 32 bytes each; empty when there is none."""
        query = select(log_tiles.c.hashes).where(
            log_tiles.c.level == level, log_tiles.c.number == number
        )
        found = self._connection.execute(query).scalar_one_or_none()
        return b"" if found is None else bytes(found)

    def write_tiles(self, tiles: Mapping[tuple[int, int], bytes]) -> None:
        """Write tiles whole."""
        if not tiles:
            return
        statement = insert_into(self._connection, log_tiles)
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["level", "number"], set_={"hashes": statement.excluded.hashes}
            ),
            [
                {"level": level, "number": number, "hashes": hashes}
                for (level, number), hashes in sorted(tiles.items())
            ],
        )

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; one a size, for good."""
        self._connection.execute(
            insert(checkpoints).values(
                size=checkpoint.size,
                root=checkpoint.root,
                utc_ms=checkpoint.utc_ms,
                signed=checkpoint.signed,
            )
        )

    def latest_checkpoint(self) -> Checkpoint | None:
        """The largest checkpoint."""
        query = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _checkpoint(row)

    def latest_signed(self) -> bytes:
        """The latest serialised SignedCheckpoint; empty before the first."""
        found = self._connection.exec_driver_sql(
            "SELECT signed FROM checkpoints ORDER BY size DESC LIMIT 1"
        ).scalar_one_or_none()
        return b"" if found is None else bytes(found)

    def checkpoint(self, size: int) -> Checkpoint | None:
        """The checkpoint of a size."""
        query = select(checkpoints).where(checkpoints.c.size == size)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _checkpoint(row)

    def checkpoints(self) -> Iterator[Checkpoint]:
        """All checkpoints by size."""
        query = select(checkpoints).order_by(checkpoints.c.size)
        with self._connection.execute(query, execution_options={"yield_per": 500}) as rows:
            for row in rows:
                yield _checkpoint(row)

    def index_of_report(self, host_id: str, epoch: int, sequence: int) -> int | None:
        """Where a report stands in the log; None before it has an index."""
        query = (
            select(log_runs)
            .where(
                log_runs.c.host_id == host_id,
                log_runs.c.epoch == epoch,
                log_runs.c.first_sequence <= sequence,
            )
            .order_by(log_runs.c.first_sequence.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None or sequence >= row.first_sequence + row[4]:
            return None
        return int(row.first_index + sequence - row.first_sequence)

    def index_of(self, kind: str, reference: str) -> int | None:
        """Where the latest entry of this kind and reference stands; None before it has an index."""
        query = select(func.max(log_entries.c.log_index)).where(
            log_entries.c.kind == kind, log_entries.c.reference == reference
        )
        found = self._connection.execute(query).scalar_one()
        return None if found is None else int(found)

    def beginning(self, kind: str, beginning: str, size: int | None) -> Mapping[str, Entry]:
        """The latest entry of each reference of a kind that begins so, with an index below `size`;
        None: of all that have an index."""
        query = select(log_entries).where(
            log_entries.c.kind == kind,
            log_entries.c.reference.startswith(beginning, autoescape=True),
        )
        if size is not None:
            query = query.where(log_entries.c.log_index < size)
        return {
            row.reference: Entry(row.log_index, row.kind, row.reference, bytes(row.entry))
            for row in self._connection.execute(query.order_by(log_entries.c.log_index))
        }

    def reached(self, host_id: str, size: int) -> tuple[int, int]:
        """The last report of a host with an index below `size`; (0, 0) when there is none."""
        query = (
            select(log_runs)
            .where(log_runs.c.host_id == host_id, log_runs.c.first_index < size)
            .order_by(log_runs.c.first_index.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return 0, 0
        count = min(row[4], size - row.first_index)
        return int(row.epoch), int(row.first_sequence + count - 1)

    def references(self, kind: str, size: int) -> Sequence[str]:
        """References of the entries of a kind with an index below `size`, in order."""
        query = (
            select(log_entries.c.reference)
            .where(log_entries.c.kind == kind, log_entries.c.log_index < size)
            .order_by(log_entries.c.log_index)
        )
        return list(self._connection.execute(query).scalars())

    def entries_of(self, kind: str, size: int) -> Sequence[Entry]:
        """The entries of a kind with an index below `size`, in order."""
        query = (
            select(log_entries)
            .where(log_entries.c.kind == kind, log_entries.c.log_index < size)
            .order_by(log_entries.c.log_index)
        )
        return [
            Entry(row.log_index, row.kind, row.reference, bytes(row.entry))
            for row in self._connection.execute(query)
        ]


def _head(row: Row[Any]) -> LogHead:
    joined = bytes(row.peaks)
    edges = range(0, len(joined) + 1, HASH_BYTES)
    return LogHead(row.size, tuple(joined[start:end] for start, end in pairwise(edges)))


def _checkpoint(row: Row[Any]) -> Checkpoint:
    return Checkpoint(
        size=row.size, root=bytes(row.root), utc_ms=row.utc_ms, signed=bytes(row.signed)
    )
