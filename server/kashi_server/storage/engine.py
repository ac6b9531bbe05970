"""Opening the database: SQLite (embedded) or PostgreSQL (production), durable or not at all.

SQLite: one writer, `journal_mode=DELETE`, `synchronous=EXTRA`; write-ahead mode is avoided because
releases before 3.51.3 can corrupt it. PostgreSQL: fsync, synchronous_commit and full_page_writes
must be on. The settings are read back when the engine is opened; a server that cannot keep what it
acknowledges does not start.
"""

import time
from contextlib import closing

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from kashi_server.errors import StorageError

_SQLITE_SETTINGS = {"journal_mode": "delete", "synchronous": 3, "foreign_keys": 1}
_POSTGRESQL_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")
BUSY_TIMEOUT_MS = 60_000
IDLE_SECONDS = 5.0
_RETURNED = "kashi_returned"

__all__ = ["BUSY_TIMEOUT_MS", "Engine", "check_durability", "is_postgresql", "open_engine"]


def open_engine(url: str) -> Engine:
    """Open the database and check that it keeps what it acknowledges.

    Raises:
        StorageError: it cannot be opened, or a durability setting is off.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(parsed)
        event.listen(engine, "checkin", _note_return)
        event.listen(engine, "checkout", _ping_after_idle)
    try:
        with engine.connect() as connection:
            check_durability(connection)
    except StorageError:
        engine.dispose()
        raise
    except DBAPIError as error:
        engine.dispose()
        said = str(error.orig).strip().splitlines()
        raise StorageError(
            f"无法打开数据库。the database cannot be opened: {said[0] if said else error}"
        ) from error
    return engine


def is_postgresql(url: str) -> bool:
    """Whether an address is PostgreSQL's."""
    return make_url(url).get_backend_name() == "postgresql"


def check_durability(connection: Connection) -> None:
    """Read the durability settings back.

    Raises:
        StorageError: one of them is not as it must be.
    """
    if connection.dialect.name == "sqlite":
        for name, expected in _SQLITE_SETTINGS.items():
            found = connection.execute(text(f"PRAGMA {name}")).scalar_one()
            if found != expected:
                raise StorageError(
                    f"SQLite 运行时 {name}={found}，须为 {expected}。"
                    f"SQLite runs with {name}={found}; it must be {expected}"
                )
        return
    for name in _POSTGRESQL_SETTINGS:
        found = connection.execute(text(f"SHOW {name}")).scalar_one()
        if found != "on":
            raise StorageError(
                f"PostgreSQL 运行时 {name}={found}；请设为 on，否则断电时可能丢失已确认的报告。"
                f"PostgreSQL runs with {name}={found}; set it to on, or acknowledged reports"
                " can be lost in a power failure"
            )


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver must not open transactions by itself: BEGIN is ours, see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    for name, value in _SQLITE_SETTINGS.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _note_return(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_RETURNED] = time.monotonic()


def _ping_after_idle(
    connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    # A connection in steady use needs no question before every unit of work; one that lay idle
    # may have been cut by the server or on the way.
    if time.monotonic() - record.info.get(_RETURNED, 0.0) < IDLE_SECONDS:
        return
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError("the connection was cut while it lay idle") from error


def _begin_sqlite(connection: Connection) -> None:
    # A unit of work that may write takes the write lock at once: a reader that turns writer half
    # way would fail with SQLITE_BUSY instead of waiting its turn.
    immediate = connection.get_execution_options().get("kashi_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
