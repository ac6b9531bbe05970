"""Inserting with a word on conflicts, in the dialect at hand."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`.

    The two dialects spell them by the same methods and share no base for them.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
