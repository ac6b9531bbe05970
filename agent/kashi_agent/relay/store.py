"""What a relay keeps: reports until their receipts are here, receipts until their hosts have them.

One SQLite file, each step one transaction, durable before it is answered. Rolled-back journal and
full synchronisation: the write-ahead log of older SQLite versions can lose what was committed. A
file that is damaged is set aside and a new one begun: every host still has what it was not
receipted for, and hands it over again.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kashi import limits

from kashi_agent.durable import make_folder
from kashi_agent.errors import DiskFullError, SpoolError
from kashi_agent.relay.parcel import Parcel, Returned
from kashi_agent.spool.sealed import Position

REPORTS_PER_HOST_MAX: Final = 20_000
"""Two months of reports; a host that has more waiting keeps them itself."""

RECEIPTS_A_CALL_MAX: Final = 1024

BUSY_SECONDS: Final = 30.0

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS hosts (
    host_id TEXT PRIMARY KEY,
    heard_utc_ms INTEGER NOT NULL,
    head_epoch INTEGER NOT NULL DEFAULT 0,
    head_sequence INTEGER NOT NULL DEFAULT 0,
    notice BLOB NOT NULL DEFAULT x'',
    notice_utc_ms INTEGER NOT NULL DEFAULT 0,
    last_epoch INTEGER NOT NULL DEFAULT 0,
    last_sequence INTEGER NOT NULL DEFAULT 0,
    last_report BLOB NOT NULL DEFAULT x'',
    renewal BLOB NOT NULL DEFAULT x'',
    renewal_key BLOB NOT NULL DEFAULT x'',
    certificate BLOB NOT NULL DEFAULT x'',
    trouble TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS reports (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    host_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    wire_sha256 BLOB NOT NULL,
    wire BLOB NOT NULL,
    kept_utc_ms INTEGER NOT NULL,
    UNIQUE (host_id, wire_sha256)
);
CREATE TABLE IF NOT EXISTS receipts (
    host_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    receipt BLOB NOT NULL,
    PRIMARY KEY (host_id, epoch, sequence)
);
CREATE TABLE IF NOT EXISTS checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    bytes BLOB NOT NULL
);
"""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What a relay hands to a host: up to where it holds reports, and what came back."""

    held: Position
    receipts: tuple[bytes, ...]
    notice: bytes
    last_report: bytes
    checkpoint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStanding:
    """How a host stands with a relay. Times in UTC milliseconds, None: never or nothing."""

    host_id: str
    heard_utc_ms: int
    waiting_reports: int
    oldest_utc_ms: int | None
    last: Position
    head: Position
    answered_utc_ms: int | None
    receipts_to_fetch: int
    renewal_waiting: bool
    trouble: str


class RelayStore:
    """The file. Safe in several threads, and beside another process that has it open."""

    def __init__(self, path: Path) -> None:
        """Open or begin it.

        Raises:
            SpoolError: the disk does not allow it.
        """
        self._path = path
        self._turn = threading.Lock()
        make_folder(path.parent)
        self._connection = self._opened()

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            self._connection.close()

    def take(
        self, host_id: str, parcels: Sequence[Parcel], acknowledged: Position, utc_ms: int
    ) -> Handed:
        """Keep reports of a host, durable when this returns, and tell what to hand to it.

        Only what follows is kept: what comes after a hole would be refused by the server, and the
        host, told up to where reports are held, fills the hole first.

        Raises:
            DiskFullError: there is no room, on the disk or for this host; nothing was kept.
        """
        with self._transaction() as sql:
            sql.execute(
                "INSERT INTO hosts (host_id, heard_utc_ms) VALUES (?, ?)"
                " ON CONFLICT (host_id) DO UPDATE SET heard_utc_ms = excluded.heard_utc_ms",
                (host_id, utc_ms),
            )
            sql.execute(
                "DELETE FROM receipts WHERE host_id = ? AND (epoch, sequence) <= (?, ?)",
                (host_id, *acknowledged),
            )
            held = max(acknowledged, _held(sql, host_id))
            for parcel in parcels:
                if parcel.position > held and not _follows(held, parcel.position):
                    break
                _keep(sql, host_id, parcel, utc_ms)
                held = max(held, parcel.position)
            waiting = _count(sql, "reports", host_id)
            if parcels and waiting > REPORTS_PER_HOST_MAX:
                raise DiskFullError(f"{waiting} reports of host {host_id} wait already")
            return _handed(sql, host_id, held)

    def waiting_hosts(self) -> list[str]:
        """Hosts with reports to be forwarded, the one whose oldest waits longest first."""
        with self._transaction() as sql:
            rows = sql.execute("SELECT host_id FROM reports GROUP BY host_id ORDER BY min(place)")
            return [row["host_id"] for row in rows]

    def batch(self, host_id: str, after: Position = (0, 0)) -> list[tuple[Position, bytes]]:
        """The oldest reports of a host beyond a position: as many as a call takes, in order."""
        taken: list[tuple[Position, bytes]] = []
        size = 0
        with self._transaction() as sql:
            rows = sql.execute(
                "SELECT epoch, sequence, wire FROM reports WHERE host_id = ?"
                " AND (epoch, sequence) > (?, ?) ORDER BY epoch, sequence, place LIMIT ?",
                (host_id, *after, limits.REPORTS_PER_CALL_MAX),
            )
            for epoch, sequence, wire in rows:
                size += len(wire) + 8
                if taken and size > limits.REPORT_BYTES_MAX:
                    break
                taken.append(((epoch, sequence), wire))
        return taken

    def absorb(self, returned: Returned) -> None:
        """Take what the server sent back for a host.

        1. A report whose receipt is here goes; the receipt waits for its host.
        2. An older notice changes nothing more.
        3. A refused report goes, and with it what follows it on its chain.
        4. What does not follow the server's head goes: reports before it are missing here, and the
           host hands over everything from the head on.
        """
        host_id, word = returned.host_id, returned.word
        with self._transaction() as sql:
            for slip in returned.slips:
                own = (host_id, *slip.position, slip.sha256)
                sql.execute(
                    "DELETE FROM reports WHERE host_id = ? AND epoch = ? AND sequence = ?"
                    " AND sha256 = ?",
                    own,
                )
                sql.execute(
                    "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?)", (*own, slip.receipt)
                )
            if returned.checkpoint:
                sql.execute(
                    "INSERT OR REPLACE INTO checkpoint VALUES (1, ?)", (returned.checkpoint,)
                )
            newer = sql.execute(
                "UPDATE hosts SET head_epoch = ?, head_sequence = ?, notice = ?, notice_utc_ms = ?,"
                " trouble = '' WHERE host_id = ? AND notice_utc_ms < ?",
                (*word.head, word.notice, word.answered_utc_ms, host_id, word.answered_utc_ms),
            ).rowcount
            if newer:
                _drop_refused(sql, host_id, word.refused)
                _drop_detached(sql, host_id, word.head)

    def trouble(self, host_id: str, what: str) -> None:
        """Note what keeps a host's reports from being forwarded."""
        with self._transaction() as sql:
            sql.execute("UPDATE hosts SET trouble = ? WHERE host_id = ?", (what, host_id))

    def ask(self, host_id: str, request: bytes, key: bytes, utc_ms: int) -> bytes:
        """Keep a host's request for a certificate over a TLS key; the answer, if it has come."""
        with self._transaction() as sql:
            sql.execute(
                "INSERT OR IGNORE INTO hosts (host_id, heard_utc_ms) VALUES (?, ?)",
                (host_id, utc_ms),
            )
            sql.execute(
                "UPDATE hosts SET renewal = ?, renewal_key = ?, certificate = x''"
                " WHERE host_id = ? AND renewal_key != ?",
                (request, key, host_id, key),
            )
            row = sql.execute(
                "SELECT certificate FROM hosts WHERE host_id = ?", (host_id,)
            ).fetchone()
            return bytes(row["certificate"])

    def renewals(self) -> list[tuple[str, bytes]]:
        """Requests for certificates that nobody has answered yet."""
        with self._transaction() as sql:
            rows = sql.execute(
                "SELECT host_id, renewal FROM hosts WHERE renewal != x'' AND certificate = x''"
            )
            return [(row["host_id"], row["renewal"]) for row in rows]

    def settle(self, host_id: str, key: bytes, answer: bytes) -> None:
        """Keep the answer to a host's request, if it is for the key that was asked for last."""
        with self._transaction() as sql:
            sql.execute(
                "UPDATE hosts SET certificate = ? WHERE host_id = ? AND renewal_key = ?",
                (answer, host_id, key),
            )

    def standings(self) -> list[HostStanding]:
        """How every host stands."""
        with self._transaction() as sql:
            hosts = sql.execute("SELECT * FROM hosts ORDER BY host_id").fetchall()
            return [self._standing(sql, host) for host in hosts]

    def _standing(self, sql: sqlite3.Cursor, host: Any) -> HostStanding:
        waiting, oldest = sql.execute(
            "SELECT count(*), min(kept_utc_ms) FROM reports WHERE host_id = ?", (host["host_id"],)
        ).fetchone()
        return HostStanding(
            host_id=host["host_id"],
            heard_utc_ms=host["heard_utc_ms"],
            waiting_reports=waiting,
            oldest_utc_ms=oldest,
            last=(host["last_epoch"], host["last_sequence"]),
            head=(host["head_epoch"], host["head_sequence"]),
            answered_utc_ms=host["notice_utc_ms"] or None,
            receipts_to_fetch=_count(sql, "receipts", host["host_id"]),
            renewal_waiting=bool(host["renewal"]) and not host["certificate"],
            trouble=host["trouble"],
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """One transaction; what fails in it leaves nothing."""
        with self._turn:
            sql = self._connection.cursor()
            try:
                sql.execute("BEGIN IMMEDIATE")
                yield sql
                sql.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if "full" in str(error):
                    raise DiskFullError(f"{self._path}: {error}") from error
                raise SpoolError(f"{self._path}: {error}") from error
            except sqlite3.DatabaseError as error:
                raise SpoolError(
                    f"{self._path}: {error}; restart kashi-relay: it sets the file aside"
                ) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()
                sql.close()

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            raise SpoolError(f"{self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            aside = self._path.with_suffix(".corrupt")
            _LOG.error("%s is damaged (%s); it is set aside as %s", self._path, error, aside)
            self._path.replace(aside)
            self._path.with_name(self._path.name + "-journal").unlink(missing_ok=True)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = EXTRA")
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)
            connection.executescript(_TABLES)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _keep(sql: sqlite3.Cursor, host_id: str, parcel: Parcel, utc_ms: int) -> None:
    receipted = sql.execute(
        "SELECT 1 FROM receipts WHERE host_id = ? AND epoch = ? AND sequence = ? AND sha256 = ?",
        (host_id, *parcel.position, parcel.sha256),
    ).fetchone()
    if receipted is None:
        sql.execute(
            "INSERT OR IGNORE INTO reports (host_id, epoch, sequence, sha256, wire_sha256, wire,"
            " kept_utc_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (host_id, *parcel.position, parcel.sha256, parcel.wire_sha256, parcel.wire, utc_ms),
        )
    sql.execute(
        "UPDATE hosts SET last_epoch = ?, last_sequence = ?, last_report = ?"
        " WHERE host_id = ? AND (last_epoch, last_sequence) <= (?, ?)",
        (*parcel.position, parcel.label, host_id, *parcel.position),
    )


def _held(sql: sqlite3.Cursor, host_id: str) -> Position:
    """Up to where a host's reports are here or with the server."""
    host = sql.execute(
        "SELECT head_epoch, head_sequence FROM hosts WHERE host_id = ?", (host_id,)
    ).fetchone()
    newest = sql.execute(
        "SELECT epoch, sequence FROM reports WHERE host_id = ? ORDER BY epoch DESC, sequence DESC",
        (host_id,),
    ).fetchone()
    head = (host["head_epoch"], host["head_sequence"])
    return head if newest is None else max(head, (newest["epoch"], newest["sequence"]))


def _follows(held: Position, position: Position) -> bool:
    return position in ((held[0], held[1] + 1), (held[0] + 1, 1))


def _handed(sql: sqlite3.Cursor, host_id: str, held: Position) -> Handed:
    host = sql.execute("SELECT * FROM hosts WHERE host_id = ?", (host_id,)).fetchone()
    receipts = sql.execute(
        "SELECT receipt FROM receipts WHERE host_id = ? ORDER BY epoch, sequence LIMIT ?",
        (host_id, RECEIPTS_A_CALL_MAX),
    ).fetchall()
    checkpoint = sql.execute("SELECT bytes FROM checkpoint").fetchone()
    return Handed(
        held=held,
        receipts=tuple(row["receipt"] for row in receipts),
        notice=host["notice"],
        last_report=host["last_report"],
        checkpoint=b"" if checkpoint is None else checkpoint["bytes"],
    )


def _drop_refused(sql: sqlite3.Cursor, host_id: str, refused: frozenset[bytes]) -> None:
    for wire_sha256 in refused:
        sql.execute(
            "DELETE FROM reports WHERE host_id = ? AND (epoch, sequence) >="
            " (SELECT epoch, sequence FROM reports WHERE host_id = ? AND wire_sha256 = ?)",
            (host_id, host_id, wire_sha256),
        )


def _drop_detached(sql: sqlite3.Cursor, host_id: str, head: Position) -> None:
    first = sql.execute(
        "SELECT epoch, sequence FROM reports WHERE host_id = ? AND (epoch, sequence) > (?, ?)"
        " ORDER BY epoch, sequence",
        (host_id, *head),
    ).fetchone()
    if first is not None and not _follows(head, (first["epoch"], first["sequence"])):
        sql.execute(
            "DELETE FROM reports WHERE host_id = ? AND (epoch, sequence) > (?, ?)",
            (host_id, *head),
        )


def _count(sql: sqlite3.Cursor, table: str, host_id: str) -> int:
    counted = {
        "reports": "SELECT count(*) FROM reports WHERE host_id = ?",
        "receipts": "SELECT count(*) FROM receipts WHERE host_id = ?",
    }
    found: int = sql.execute(counted[table], (host_id,)).fetchone()[0]
    return found
