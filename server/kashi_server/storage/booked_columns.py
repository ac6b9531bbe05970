"""Columns beside canonical content, compared with it: what queries add up is what the log vouches
for. Of rated lines the content is their statement's, of corrections the run's and the lines'."""

import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, select

from kashi_server.domain.booked_line import minutes_of
from kashi_server.domain.gap_worth import gap_worth_fen
from kashi_server.storage.tables.expense import rated_lines, statements

Values = Mapping[str, object]

_STATEMENT = ("user_id", "number", "revision")
_LINE = ("number", "revision", "line")

_LATER = ("evidence_level", "counted_gap_fen")
"""Columns that rows of earlier versions have not: without a value they say nothing."""


def rated_line_faults(connection: Connection) -> Iterator[str]:
    """Every rated line whose columns are not what its statement's bytes say, in words."""
    # One statement at a time: a city's lines are millions.
    keys = select(statements.c.user_id, statements.c.number, statements.c.revision)
    for of in connection.execute(keys.order_by(statements.c.number, statements.c.revision)).all():
        yield from _of_statement(connection, of._asdict())
    strays = ~exists().where(*(rated_lines.c[name] == statements.c[name] for name in _STATEMENT))
    yield from unlike(connection, rated_lines, _LINE, (), strays)


def _of_statement(connection: Connection, of: Values) -> Iterator[str]:
    content = connection.execute(
        select(statements.c.content).where(*(statements.c[name] == of[name] for name in _STATEMENT))
    ).scalar_one()
    expected = [{**of, **_line_values(line)} for line in json.loads(bytes(content))["lines"]]
    here = and_(*(rated_lines.c[name] == of[name] for name in _STATEMENT))
    yield from unlike(connection, rated_lines, _LINE, expected, here)


def unlike(
    connection: Connection,
    table: Table,
    key: tuple[str, ...],
    expected: Iterable[Values],
    where: ColumnElement[bool] | None = None,
) -> Iterator[str]:
    """What parts the rows of a table, or some of them, from what they should be, each named by its
    key."""
    query = select(table) if where is None else select(table).where(where)
    wanted = {tuple(one[name] for name in key): one for one in expected}
    stored = {tuple(row[name] for name in key): row for row in connection.execute(query).mappings()}
    for place in sorted(wanted.keys() | stored.keys(), key=str):
        name = f"{table.name} {'/'.join(map(str, place))}"
        said, row = wanted.get(place), stored.get(place)
        if row is None:
            yield (f"{name}：缺少此行。{name} is missing")
        elif said is None:
            yield (f"{name}：没有任何内容提到它。{name} stands in no content")
        else:
            for column, value in said.items():
                noted = row[column] is not None or column not in _LATER
                if noted and row[column] != value:
                    yield (
                        f"{name}：列 {column} 与其字节所述不符。"
                        f"{name}: column {column} is not what its bytes say"
                    )


def _line_values(line: Mapping[str, Any]) -> dict[str, object]:
    start, end = minutes_of(line)
    share = None if line["share"] is None else Fraction(line["share"])
    quantities = line["quantities"]
    return {
        "line": line["line"],
        "hardware_id": line["hardware_id"],
        "host_id": line["host_id"],
        "start_minute": start,
        "end_minute": end,
        "price_id": line["price_id"],
        "leased_ms": quantities["leased_ms"],
        "observed_ms": quantities["observed_ms"],
        "gap_ms": quantities["gap_ms"],
        "billed_ms": line["billed_ms"],
        "share_numerator": 0 if share is None else share.numerator,
        "share_denominator": 1 if share is None else share.denominator,
        "amount_fen": line["amount_fen"],
        "eligible": line["eligible"],
        "reasons": " ".join(line["reasons"]),
        "evidence_level": line["evidence_level"],
        "counted_gap_fen": gap_worth_fen(line),
    }
