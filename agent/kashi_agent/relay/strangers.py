"""Hosts that may not be this relay's: a certificate of the server's hosts says nothing of a party.

What the server says of a host decides. Until it has answered for one, little is kept of it; once it
says that a host is none of this relay's party, nothing is. Nothing is lost by that: a host keeps
what it has no receipt for.
"""

import sqlite3
from typing import Final

from kashi_agent.errors import DiskFullError, RefusedError

UNKNOWN_REPORTS_MAX: Final = 10_080
"""35 days of reports: as long as a certificate lives that was carried."""

UNKNOWN_BYTES_MAX: Final = 64 << 20

UNKNOWN_HOSTS_MAX: Final = 64
"""How many such hosts may leave all that one may: together they have no more room."""

STRANGER_MS: Final = 86_400_000
"""How long a host is refused; then the server is asked again."""


class StrangerError(RefusedError):
    """The server says that a host is none of this relay's party."""


def check_no_stranger(sql: sqlite3.Cursor, host_id: str, utc_ms: int) -> None:
    """Refuse a host that the server refused for this relay within a day.

    Raises:
        StrangerError: it did.
    """
    row = sql.execute("SELECT * FROM strangers WHERE host_id = ?", (host_id,)).fetchone()
    if row is None:
        return
    if 0 <= utc_ms - row["told_utc_ms"] < STRANGER_MS:
        raise StrangerError(
            f"本中继不转送主机 {host_id}：服务器称其不属于本中继的单位。"
            f"This relay passes nothing on for host {host_id}: {row['why']}"
        )
    sql.execute("DELETE FROM strangers WHERE host_id = ?", (host_id,))


def estrange(sql: sqlite3.Cursor, host_id: str, why: str) -> None:
    """Let go of all that waits of a host, and refuse it from when it was last heard."""
    sql.execute("DELETE FROM reports WHERE host_id = ?", (host_id,))
    sql.execute(
        "UPDATE hosts SET renewal = x'', renewal_key = x'', trouble = ? WHERE host_id = ?",
        (why, host_id),
    )
    sql.execute(
        "INSERT OR REPLACE INTO strangers SELECT host_id, heard_utc_ms, ? FROM hosts"
        " WHERE host_id = ?",
        (why, host_id),
    )


def check_room(sql: sqlite3.Cursor, host_id: str, waiting: tuple[int, int]) -> None:
    """Refuse what is too much of a host that the server has not answered for, or of all of them.

    Args:
        sql: a transaction.
        host_id: the host.
        waiting: how many of its reports wait, and their bytes.

    Raises:
        DiskFullError: there is no room for it.
    """
    row = sql.execute("SELECT notice_utc_ms FROM hosts WHERE host_id = ?", (host_id,)).fetchone()
    if row["notice_utc_ms"]:
        return
    check_waiting(host_id, waiting, (UNKNOWN_REPORTS_MAX, UNKNOWN_BYTES_MAX))
    count, size = sql.execute(
        "SELECT count(*), coalesce(sum(length(wire)), 0) FROM reports"
        " WHERE host_id IN (SELECT host_id FROM hosts WHERE notice_utc_ms = 0)"
    ).fetchone()
    if (
        count > UNKNOWN_HOSTS_MAX * UNKNOWN_REPORTS_MAX
        or size > UNKNOWN_HOSTS_MAX * UNKNOWN_BYTES_MAX
    ):
        raise DiskFullError(
            f"服务器尚未答复的主机合计已有 {count} 份报告待送，共 {size} 字节；本中继暂不接收主机"
            f" {host_id} 的报告，它自行保留。请让本中继先与服务器交换一次。"
            f"{count} reports of hosts that the server has not answered for wait already, {size}"
            f" bytes; this relay takes none of host {host_id}, which keeps them itself. Let the"
            " relay reach the server first"
        )


def check_waiting(host_id: str, waiting: tuple[int, int], most: tuple[int, int]) -> None:
    """Refuse more reports of a host than may wait, or more bytes.

    Raises:
        DiskFullError: there are more.
    """
    if waiting[0] > most[0] or waiting[1] > most[1]:
        raise DiskFullError(
            f"主机 {host_id} 已有 {waiting[0]} 份报告待送，共 {waiting[1]} 字节。"
            f"{waiting[0]} reports of host {host_id} wait already, {waiting[1]} bytes"
        )
