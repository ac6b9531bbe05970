"""`domain.same_hardware` in SQL, on both stores: what is the same for every id of one hardware.

Kept as columns that the database works out, not as expressions of an index: under row-level
security PostgreSQL looks nothing up by a function that might tell of a row, as `lower` might.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Computed, Text, case, func, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from kashi_server.storage import schema


class _BeforeDot(FunctionElement[str]):
    """A text up to its first dot, or all of it."""

    type = Text()
    inherit_cache = True


@compiles(_BeforeDot, "postgresql")
def _postgresql(element: _BeforeDot, compiler: SQLCompiler, **options: Any) -> str:
    return f"split_part({compiler.process(element.clauses, **options)}, '.', 1)"


@compiles(_BeforeDot, "sqlite")
def _sqlite(element: _BeforeDot, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f"substr({text}, 1, instr({text} || '.', '.') - 1)"


def key_of(hardware_id: ColumnElement[str]) -> ColumnElement[str]:
    """`domain.same_hardware.hardware_key` of a column."""
    folded = func.lower(hardware_id)
    return case((func.substr(folded, 1, 4) == "mig-", _BeforeDot(folded)), else_=folded)


def key_column(name: str, of: str, *, stored: bool = True) -> Column[str]:
    """A column with the key of another of its table; without one where that is empty, so that
    nothing is looked for among all that have none.

    Args:
        stored: no on SQLite, which adds to a table only columns that it works out when read; its
            indexes hold them all the same.
    """
    told: ColumnElement[str] = literal_column(of, Text())
    key = Computed(key_of(func.nullif(told, "")), persisted=stored)
    return Column(name, schema.Text, key, nullable=True)
