"""The substrate of the database: durability gate, units of work, migrations."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fixtures_database import Database, PostgresqlServer
from kashi_server.errors import StorageError
from kashi_server.storage import tables
from kashi_server.storage.engine import check_durability, open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.schema import metadata
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import create_engine, text


def _make_table(work: Work) -> None:
    with work.begin() as unit:
        unit.connection.execute(text("CREATE TABLE probe (n INTEGER)"))
        unit.commit()


def _insert_and_fail(work: Work) -> None:
    with work.begin() as unit:
        unit.connection.execute(text("INSERT INTO probe VALUES (1)"))
        raise RuntimeError("halfway")


def _rows(work: Work) -> list[int]:
    with work.begin(writes=False) as unit:
        return list(unit.connection.execute(text("SELECT n FROM probe ORDER BY n")).scalars())


@pytest.mark.parametrize("setting", ["synchronous=NORMAL", "journal_mode=WAL", "foreign_keys=OFF"])
def test_sqlite_that_forgets_is_refused(sqlite_database: Database, setting: str) -> None:
    """A SQLite connection that could lose acknowledged facts is refused, and the setting named."""
    with create_engine(sqlite_database.url).connect() as connection:
        for sound in ("journal_mode=DELETE", "synchronous=EXTRA", "foreign_keys=ON"):
            connection.exec_driver_sql(f"PRAGMA {sound}")
        check_durability(connection)
        connection.exec_driver_sql(f"PRAGMA {setting}")

        with pytest.raises(StorageError, match=setting.split("=", maxsplit=1)[0]):
            check_durability(connection)


def test_postgresql_that_forgets_is_refused(
    postgresql_server: PostgresqlServer, empty_postgresql_url: str
) -> None:
    """A PostgreSQL database without synchronous commit is refused before anything is stored."""
    name = empty_postgresql_url.split("/")[3].split("?")[0]
    postgresql_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")

    with pytest.raises(StorageError, match="synchronous_commit=off"):
        open_engine(empty_postgresql_url)


def test_leaving_without_commit_rolls_back(work: Work) -> None:
    """What a unit of work did is gone unless it commits."""
    _make_table(work)
    with work.begin() as unit:
        unit.connection.execute(text("INSERT INTO probe VALUES (1)"))
    with work.begin() as unit:
        unit.connection.execute(text("INSERT INTO probe VALUES (2)"))
        unit.commit()

    assert _rows(work) == [2]


def test_error_rolls_back(work: Work) -> None:
    """An error inside a unit of work undoes it and goes on to the caller."""
    _make_table(work)
    with pytest.raises(RuntimeError, match="halfway"):
        _insert_and_fail(work)

    assert _rows(work) == []


def test_migrations_equal_the_tables(database: Database) -> None:
    """The migrated schema is exactly the one the tables describe."""
    assert tables is not None
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)

    assert differences == []


def test_migrations_run_twice_change_nothing(database: Database) -> None:
    """A database that is up to date may be migrated again."""
    migrate(database.engine)


def test_each_test_gets_its_own_database(database: Database) -> None:
    """Nothing of the migrations' history but one version is in a fresh database."""
    with database.engine.connect() as connection:
        versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()

        assert len(list(versions)) == 1
