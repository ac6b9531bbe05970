"""Databases in which claims can be filed: a certified month, papers and accounts, filled once.

    def test_something(claims_work: Work) -> None:        # on SQLite and on PostgreSQL

Filling takes seconds; each test gets a copy of what a session filled once.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from claim_cases import prepare
from fixtures_database import PostgresqlServer, copied_postgresql
from kashi_server.storage.engine import open_engine
from kashi_server.storage.unit_of_work import Work

_PREPARED = "kashi_claims_template"


def _fill(url: str) -> None:
    engine = open_engine(url)
    try:
        prepare(Work(engine))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def _sqlite_claims(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("claims") / "kashi.sqlite"
    shutil.copyfile(_sqlite_template, path)
    _fill(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_claims(postgresql_server: PostgresqlServer, _postgresql_template: str) -> str:
    postgresql_server.execute(f"CREATE DATABASE {_PREPARED} TEMPLATE {_postgresql_template}")
    _fill(postgresql_server.url(_PREPARED))
    return _PREPARED


@pytest.fixture
def sqlite_claims_work(_sqlite_claims: Path, tmp_path: Path) -> Iterator[Work]:
    """A copy on SQLite."""
    path = tmp_path / "claims.sqlite"
    shutil.copyfile(_sqlite_claims, path)
    engine = open_engine(f"sqlite:///{path}")
    try:
        yield Work(engine)
    finally:
        engine.dispose()


@pytest.fixture
def postgresql_claims_work(
    postgresql_server: PostgresqlServer, _postgresql_claims: str
) -> Iterator[Work]:
    """A copy on PostgreSQL."""
    for database in copied_postgresql(postgresql_server, _postgresql_claims):
        yield database.work


@pytest.fixture(params=["sqlite", "postgresql"])
def claims_work(request: pytest.FixtureRequest) -> Work:
    """A copy, once on SQLite and once on PostgreSQL."""
    found = request.getfixturevalue(f"{request.param}_claims_work")
    assert isinstance(found, Work)
    return found
