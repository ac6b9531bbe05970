"""An insider who owns the database: takes the guards off tables, and alters what they hold."""

from kashi_server.storage.unit_of_work import UnitOfWork, Work
from sqlalchemy import text


def unguard(unit: UnitOfWork, *tables: str) -> None:
    """Take every guard off these tables: those that allow no change, and those of bounds."""
    for table in tables:
        if unit.connection.dialect.name == "sqlite":
            named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :of")
            for name in unit.connection.execute(named, {"of": table}).scalars().all():
                unit.connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            unit.connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))


def alter(work: Work, table: str, statement: str) -> None:
    """Run a statement that no guard of this table is in the way of."""
    with work.begin() as unit:
        unguard(unit, table)
        unit.connection.execute(text(statement))
        unit.commit()
