"""Real databases for tests: SQLite files and a PostgreSQL server that a session starts once.

    def test_something(database: Database) -> None:      # runs on both
    def test_one(sqlite_database: Database) -> None:     # runs on SQLite
    def test_other(postgresql_database: Database) -> None:

Each test gets a fresh database with every migration applied. It is cheap: the migrations run once
a session into a template, which SQLite copies as a file and PostgreSQL as a template database.
PostgreSQL listens on a Unix socket in a directory of its own: no port, nobody else's server.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import Engine, text

SYSTEM_USER: Final = "postgres"
SUPERUSER: Final = "kashi_owner"
START_SECONDS_MAX: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A fresh, migrated database.

    Attributes:
        backend: "sqlite" or "postgresql".
        url: what `open_engine` takes, should a test need a second engine.
        engine: an open engine; the fixture disposes of it.
        work: opens units of work on that engine.
    """

    backend: str
    url: str
    engine: Engine
    work: Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlServer:
    """A running PostgreSQL server, reached through the socket in `directory`."""

    directory: Path
    binaries: Path

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Where a database of this server stands."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.directory}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of a transaction, as the superuser."""
        engine = open_engine(self.url(database))
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


def postgresql_binaries() -> Path | None:
    """Folder of the newest PostgreSQL here; None when there is none."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]),
    )
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _as_server_user(command: list[str]) -> list[str]:
    # PostgreSQL refuses to run as root, so root hands over to the user Debian's package made.
    if os.geteuid() != 0:
        return command
    return [
        "setpriv",
        f"--reuid={SYSTEM_USER}",
        f"--regid={SYSTEM_USER}",
        "--init-groups",
        *command,
    ]


def _server_directory() -> Path:
    # Memory where there is some: the server keeps fsync on, as in production, and pays little.
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    directory = Path(tempfile.mkdtemp(prefix="kashi-pg-", dir=parent))
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        os.chown(directory, user.pw_uid, user.pw_gid)
    return directory


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(
        _as_server_user(command),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=START_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server for this session; skips where PostgreSQL is not installed."""
    binaries = postgresql_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed: apt-get install util-linux")
    directory = _server_directory()
    cluster = directory / "cluster"
    control = [str(binaries / "pg_ctl"), "-D", str(cluster), "-w", "-t", str(START_SECONDS_MAX)]
    try:
        _run(
            [
                str(binaries / "initdb"),
                *("-D", str(cluster), "-U", SUPERUSER, "-A", "trust"),
                *("-E", "UTF8", "--locale=C", "--no-instructions"),
            ],
            directory,
        )
        options = (
            f"-c listen_addresses= -c unix_socket_directories={directory}"
            " -c max_connections=64 -c shared_buffers=32MB"
        )
        log = str(directory / "server.log")
        _run([*control, "-l", log, "-o", options, "start"], directory)
        try:
            yield PostgresqlServer(directory=directory, binaries=binaries)
        finally:
            _run([*control, "-m", "immediate", "stop"], directory)
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "kashi.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server: PostgresqlServer) -> str:
    name = "kashi_template"
    postgresql_server.execute(f"CREATE DATABASE {name}")
    engine = open_engine(postgresql_server.url(name))
    migrate(engine)
    engine.dispose()
    return name


def _opened(backend: str, url: str) -> Iterator[Database]:
    engine = open_engine(url)
    try:
        yield Database(backend=backend, url=url, engine=engine, work=Work(engine))
    finally:
        engine.dispose()


@pytest.fixture
def sqlite_database(_sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite database."""
    path = tmp_path / "kashi.sqlite"
    shutil.copyfile(_sqlite_template, path)
    yield from _opened("sqlite", f"sqlite:///{path}")


def copied_postgresql(server: PostgresqlServer, template: str) -> Iterator[Database]:
    """A copy of a template database, gone when the iterator is left."""
    name = f"kashi_{secrets.token_hex(6)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield from _opened("postgresql", server.url(name))
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgresql_database(
    postgresql_server: PostgresqlServer, _postgresql_template: str
) -> Iterator[Database]:
    """A fresh, migrated PostgreSQL database."""
    yield from copied_postgresql(postgresql_server, _postgresql_template)


@pytest.fixture(scope="module")
def module_postgresql_database(
    postgresql_server: PostgresqlServer, _postgresql_template: str
) -> Iterator[Database]:
    """The same for all tests of a file, where filling it takes long and no test spoils it."""
    yield from copied_postgresql(postgresql_server, _postgresql_template)


def empty_postgresql(server: PostgresqlServer) -> Iterator[str]:
    """Address of a database without a single table, gone when the iterator is left."""
    name = f"kashi_{secrets.token_hex(6)}"
    server.execute(f"CREATE DATABASE {name}")
    try:
        yield server.url(name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Address of a PostgreSQL database without a single table."""
    yield from empty_postgresql(postgresql_server)


@pytest.fixture(scope="module")
def module_empty_postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The same for all tests of a file."""
    yield from empty_postgresql(postgresql_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh, migrated database, once on SQLite and once on PostgreSQL."""
    name = f"{request.param}_database"
    opened = request.getfixturevalue(name)
    assert isinstance(opened, Database)
    return opened


@pytest.fixture
def work(database: Database) -> Work:
    """Units of work on the fresh database."""
    return database.work
