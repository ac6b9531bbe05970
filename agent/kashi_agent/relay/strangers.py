"""Hosts that may not be this relay's: a certificate of the server's hosts says nothing of a party.

What the server says of a host decides. Until it has answered for one, little is kept of it; once it
says that a host is none of this relay's party, nothing is. Nothing is lost by that: a host keeps
what it has no receipt for.
"""

import sqlite3
from typing import Final

from kashi_agent.errors import RefusedError

UNKNOWN_REPORTS_MAX: Final = 10_080
"""35 days of reports: as long as a certificate lives that was carried."""

UNKNOWN_BYTES_MAX: Final = 64 << 20

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


def room_for(sql: sqlite3.Cursor, host_id: str, most: tuple[int, int]) -> tuple[int, int]:
    """How many reports and bytes of a host may wait; `most` of one the server has answered for."""
    row = sql.execute("SELECT notice_utc_ms FROM hosts WHERE host_id = ?", (host_id,)).fetchone()
    if row["notice_utc_ms"]:
        return most
    return min(most[0], UNKNOWN_REPORTS_MAX), min(most[1], UNKNOWN_BYTES_MAX)
