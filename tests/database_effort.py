"""How much a database does for a reading: counted by itself, never in time.

    with claims_work.begin(writes=False) as unit:
        before = effort(unit, lambda: unit.claims.requested_fen("SQ-2026-1", "a claim"))

On SQLite its own steps; on PostgreSQL the rows that were fetched from tables, with
tables read from end to end only where no index serves: a small one is read so in any case.
"""

import sqlite3
from collections.abc import Callable

from kashi_server.storage.unit_of_work import UnitOfWork
from sqlalchemy import Connection, text

_FETCHED = text(
    "SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)"
    " FROM pg_stat_xact_user_tables"
)
_BY_INDEX = text("SET LOCAL enable_seqscan = off")


def effort(unit: UnitOfWork, read: Callable[[], object]) -> int:
    """What a reading takes: steps on SQLite, rows on PostgreSQL."""
    if unit.connection.dialect.name == "sqlite":
        return _steps(unit.connection, read)
    unit.connection.execute(_BY_INDEX)
    before = unit.connection.execute(_FETCHED).scalar_one()
    read()
    return int(unit.connection.execute(_FETCHED).scalar_one() - before)


def _steps(connection: Connection, read: Callable[[], object]) -> int:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    taken = [0]

    def count() -> int:
        taken[0] += 1
        return 0

    driver.set_progress_handler(count, 1)
    try:
        read()
    finally:
        driver.set_progress_handler(None, 0)
    return taken[0]
