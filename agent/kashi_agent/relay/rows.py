"""The rows of a relay's store: its tables, and what is asked of them within one transaction."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from kashi_agent.chain_link import follows
from kashi_agent.relay.parcel import Parcel
from kashi_agent.spool.sealed import Position

RECEIPTS_A_CALL_MAX: Final = 1024

TABLES: Final = """
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
CREATE TABLE IF NOT EXISTS strangers (
    host_id TEXT PRIMARY KEY,
    told_utc_ms INTEGER NOT NULL,
    why TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    bytes BLOB NOT NULL
);
"""


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
    """How a host stands with a relay. Times in UTC milliseconds, None: never or nothing.

    `known`: the server has answered for it; `stranger`: the server said it is not this relay's.
    """

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
    known: bool
    stranger: bool


def keep(sql: sqlite3.Cursor, host_id: str, parcel: Parcel, utc_ms: int) -> None:
    """Keep one report, unless its receipt is here."""
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


def held_of(sql: sqlite3.Cursor, host_id: str) -> Position:
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


def handed_to(sql: sqlite3.Cursor, host_id: str, held: Position) -> Handed:
    """What to hand to a host."""
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


def drop_refused(sql: sqlite3.Cursor, host_id: str, refused: frozenset[bytes]) -> None:
    """Let refused reports go, and what follows each on its chain."""
    for wire_sha256 in refused:
        sql.execute(
            "DELETE FROM reports WHERE host_id = ? AND (epoch, sequence) >="
            " (SELECT epoch, sequence FROM reports WHERE host_id = ? AND wire_sha256 = ?)",
            (host_id, host_id, wire_sha256),
        )


def drop_detached(sql: sqlite3.Cursor, host_id: str, head: Position) -> None:
    """Let go of what does not follow the server's head."""
    first = sql.execute(
        "SELECT epoch, sequence FROM reports WHERE host_id = ? AND (epoch, sequence) > (?, ?)"
        " ORDER BY epoch, sequence",
        (host_id, *head),
    ).fetchone()
    if first is not None and not follows(head, (first["epoch"], first["sequence"])):
        sql.execute(
            "DELETE FROM reports WHERE host_id = ? AND (epoch, sequence) > (?, ?)",
            (host_id, *head),
        )


def waiting_of(sql: sqlite3.Cursor, host_id: str) -> tuple[int, int]:
    """How many reports of a host wait, and their bytes."""
    count, size = sql.execute(
        "SELECT count(*), coalesce(sum(length(wire)), 0) FROM reports WHERE host_id = ?", (host_id,)
    ).fetchone()
    return count, size


STANDINGS: Final = """
SELECT host_id, heard_utc_ms,
    (SELECT count(*) FROM reports WHERE reports.host_id = hosts.host_id) AS waiting_reports,
    (SELECT min(kept_utc_ms) FROM reports WHERE reports.host_id = hosts.host_id) AS oldest_utc_ms,
    last_epoch, last_sequence, head_epoch, head_sequence,
    nullif(notice_utc_ms, 0) AS answered_utc_ms,
    (SELECT count(*) FROM receipts WHERE receipts.host_id = hosts.host_id) AS receipts_to_fetch,
    renewal != x'' AND certificate = x'' AS renewal_waiting, trouble,
    notice_utc_ms > 0 AS known,
    EXISTS (SELECT 1 FROM strangers WHERE strangers.host_id = hosts.host_id) AS stranger
FROM hosts ORDER BY host_id
"""


def standing_of(row: sqlite3.Row) -> HostStanding:
    """How the host of a row of STANDINGS stands."""
    fields = dict(row)
    last = (fields.pop("last_epoch"), fields.pop("last_sequence"))
    head = (fields.pop("head_epoch"), fields.pop("head_sequence"))
    for name in ("renewal_waiting", "known", "stranger"):
        fields[name] = bool(fields[name])
    return HostStanding(last=last, head=head, **fields)
