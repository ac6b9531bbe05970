"""`domain.same_hardware` in SQL, on both stores: what is the same for every id of one hardware."""

from typing import Any

from sqlalchemy import ColumnElement, Text, case, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


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
    return case((folded.like("mig-%"), _BeforeDot(folded)), else_=folded)
