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
from pathlib import Path
from typing import Final

from kashi import limits

from kashi_agent.chain_link import follows
from kashi_agent.durable import foreign_owner, make_folder
from kashi_agent.errors import DiskFullError, SpoolError
from kashi_agent.relay.parcel import Parcel, Returned
from kashi_agent.relay.rows import (
    STANDINGS,
    TABLES,
    Handed,
    HostStanding,
    drop_detached,
    drop_refused,
    handed_to,
    held_of,
    keep,
    standing_of,
    waiting_of,
)
from kashi_agent.relay.strangers import check_no_stranger, check_room, check_waiting, estrange
from kashi_agent.spool.sealed import Position

BYTES_PER_HOST_MAX: Final = 1 << 30
"""What one host may take of the disk, though each of its reports be the largest there is."""

REPORTS_PER_HOST_MAX: Final = 20_000
"""Two months of reports; a host that has more waiting keeps them itself."""

BUSY_SECONDS: Final = 30.0

_LOG = logging.getLogger(__name__)


class RelayStore:
    """The file. Safe in several threads, and beside another process that has it open."""

    def __init__(self, path: Path) -> None:
        """Open or begin it.

        Raises:
            SpoolError: the disk does not allow it, or it is another user's.
        """
        if foreign := foreign_owner(path, path.parent):
            raise SpoolError(foreign)
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
            DiskFullError: there is no room, on the disk, for this host or for hosts that the server
                has not answered for; nothing was kept.
            StrangerError: the server said that it is not this relay's; nothing was kept.
        """
        with self._transaction() as sql:
            check_no_stranger(sql, host_id, utc_ms)
            sql.execute(
                "INSERT INTO hosts (host_id, heard_utc_ms) VALUES (?, ?)"
                " ON CONFLICT (host_id) DO UPDATE SET heard_utc_ms = excluded.heard_utc_ms",
                (host_id, utc_ms),
            )
            sql.execute(
                "DELETE FROM receipts WHERE host_id = ? AND (epoch, sequence) <= (?, ?)",
                (host_id, *acknowledged),
            )
            held = max(acknowledged, held_of(sql, host_id))
            for parcel in parcels:
                if parcel.position > held and not follows(held, parcel.position):
                    break
                keep(sql, host_id, parcel, utc_ms)
                held = max(held, parcel.position)
            if parcels:
                waiting = waiting_of(sql, host_id)
                check_waiting(host_id, waiting, (REPORTS_PER_HOST_MAX, BYTES_PER_HOST_MAX))
                check_room(sql, host_id, waiting)
            return handed_to(sql, host_id, held)

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
                drop_refused(sql, host_id, word.refused)
                drop_detached(sql, host_id, word.head)

    def trouble(self, host_id: str, what: str) -> None:
        """Note what keeps a host's reports from being forwarded."""
        with self._transaction() as sql:
            sql.execute("UPDATE hosts SET trouble = ? WHERE host_id = ?", (what, host_id))

    def estrange(self, host_id: str, why: str) -> None:
        """Let go of what waits of a host that the server says is not this relay's, and refuse it
        for a day from when it was last heard."""
        with self._transaction() as sql:
            estrange(sql, host_id, why)

    def ask(self, host_id: str, request: bytes, key: bytes, utc_ms: int) -> bytes:
        """Keep a host's request for a certificate over a TLS key; the answer, if it has come.

        Raises:
            StrangerError: the server said that the host is not this relay's.
        """
        with self._transaction() as sql:
            check_no_stranger(sql, host_id, utc_ms)
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
            return [standing_of(row) for row in sql.execute(STANDINGS)]

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
                    raise DiskFullError(self._unusable(error)) from error
                raise SpoolError(self._unusable(error)) from error
            except sqlite3.DatabaseError as error:
                raise SpoolError(
                    f"{self._path} 已损坏；请重启 kashi-relay，它会移开此文件。{self._path} is "
                    f"damaged; restart kashi-relay: it sets the file aside: {error}"
                ) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.rollback()
                sql.close()

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            raise SpoolError(self._unusable(error)) from error
        except sqlite3.DatabaseError as error:
            aside = self._path.with_suffix(".corrupt")
            said = "%s 已损坏，移到旁边。It is damaged (%s) and set aside as %s"
            _LOG.error(said, self._path, error, aside)
            self._path.replace(aside)
            self._path.with_name(self._path.name + "-journal").unlink(missing_ok=True)
            return self._connect()

    def _unusable(self, error: sqlite3.OperationalError) -> str:
        return f"{self._path} 无法使用。{self._path} cannot be used: {error}"

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
            connection.executescript(TABLES)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
