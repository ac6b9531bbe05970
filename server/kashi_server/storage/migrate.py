"""Bringing a database to the current schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from kashi_server.storage import tables
from kashi_server.storage.schema import metadata

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine, revision: str = "head") -> None:
    """Run every migration that the database has not seen."""
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def is_current(engine: Engine) -> bool:
    """Whether a database has seen exactly the migrations of this version."""
    with engine.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(_config()).get_heads())


def missing_columns(engine: Engine) -> list[str]:
    """Columns that this version asks for and the database lacks, as `table.column`.

    A database of a development version has seen every migration's number, and not what was added
    to one since: of that nobody would hear before some statement fails.
    """
    assert tables is not None  # importing it hangs every table on the metadata
    found = {
        (table, column["name"])
        for (_, table), columns in inspect(engine).get_multi_columns().items()
        for column in columns
    }
    return sorted(
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if (table.name, column.name) not in found
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
