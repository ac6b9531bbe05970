"""Copies of a database: SQLite by its backup API, PostgreSQL by pg_dump and pg_restore."""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Final

from sqlalchemy import inspect
from sqlalchemy.engine import URL, make_url

from kashi_server.errors import Refused, StorageError
from kashi_server.storage.engine import BUSY_TIMEOUT_MS, open_engine

DEBIAN_BINARIES: Final = Path("/usr/lib/postgresql")
# The owner stands under row-level security too, with a policy that shows everything.
_DUMP: Final = ("--format=custom", "--no-owner", "--enable-row-security")
SECONDS_MAX: Final = 6 * 3600


def dump(url: str, target: Path) -> None:
    """Write a consistent copy of a database to a file that does not exist yet; it may be in use.

    Raises:
        StorageError: the copy failed; nothing is left of it.
    """
    parsed = make_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            _copy_sqlite(_sqlite_file(parsed), target)
        else:
            _run("pg_dump", parsed, [*_DUMP, "--file", str(target)])
    except StorageError:
        target.unlink(missing_ok=True)
        raise


def load(url: str, source: Path) -> None:
    """Fill an empty database from a copy.

    Raises:
        Refused: the database is not empty.
        StorageError: the copy is damaged or cannot be loaded.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        target = _sqlite_file(parsed)
        if target.exists():
            raise Refused(
                f"{target} 已存在；备份不会覆盖已有的数据库。"
                f"{target} exists; a backup is never restored over a database"
            )
        _copy_sqlite(source, target)
        return
    _refuse_filled(url)
    _run(
        "pg_restore", parsed, ["--no-owner", "--exit-on-error", "--single-transaction", str(source)]
    )


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.exists():
        raise StorageError(
            f"缺少 {source}，没有可复制的数据库。{source} is missing; there is no database to copy"
        )
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_MS / 1000)
    writing = sqlite3.connect(target)
    try:
        # All pages in one step: one instant of the database, writers wait meanwhile.
        reading.backup(writing, pages=-1)
        found = writing.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StorageError(f"无法复制 {source}。{source} cannot be copied: {error}") from error
    finally:
        reading.close()
        writing.close()
    if found != "ok":
        raise StorageError(f"{source} 已损坏。{source} is damaged: {found}")
    _sync(target)


def _sqlite_file(url: URL) -> Path:
    assert url.database is not None
    return Path(url.database)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _refuse_filled(url: str) -> None:
    engine = open_engine(url)
    try:
        tables = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if tables:
        raise Refused(
            f"数据库中已有 {len(tables)} 张表；备份只恢复到空数据库。"
            f"the database has {len(tables)} tables; a backup is restored to an empty one"
        )


def _run(tool: str, url: URL, arguments: list[str]) -> None:
    # The password travels in the environment: a command line is for everybody to read.
    environment = {**os.environ, "PGPASSWORD": url.password or ""}
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    done = subprocess.run(
        [_tool(tool), "--dbname", plain, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        raise StorageError(f"{tool} 失败。{tool} failed: {done.stderr.strip().splitlines()[-1]}")


def _tool(name: str) -> str:
    installed = sorted(
        DEBIAN_BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True
    )
    found = str(installed[0]) if installed else shutil.which(name)
    if found is None:
        raise StorageError(
            f"未安装 {name}，请运行 apt-get install postgresql-client。"
            f"{name} is not installed: apt-get install postgresql-client"
        )
    return found
