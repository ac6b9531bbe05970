"""Columns beside canonical content, compared with it: what queries add up is what the log vouches
for. Of rated lines the content is their statement's, of corrections the run's and the lines'."""

import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Table, select

from kashi_server.domain.booked_line import minutes_of
from kashi_server.domain.gap_worth import gap_worth_fen
from kashi_server.storage.tables.expense import rated_lines, statements

Values = Mapping[str, object]

_LATER = ("evidence_level", "counted_gap_fen")
"""Columns that rows of earlier versions have not: without a value they say nothing."""


def rated_line_faults(connection: Connection) -> Iterator[str]:
    """Every rated line whose columns are not what its statement's bytes say, in words."""
    query = select(
        statements.c.user_id, statements.c.number, statements.c.revision, statements.c.content
    )
    expected = [
        {
            "user_id": row.user_id,
            "number": row.number,
            "revision": row.revision,
            **_line_values(line),
        }
        for row in connection.execute(query)
        for line in json.loads(bytes(row.content))["lines"]
    ]
    yield from unlike(connection, rated_lines, ("number", "revision", "line"), expected)


def unlike(
    connection: Connection, table: Table, key: tuple[str, ...], expected: Iterable[Values]
) -> Iterator[str]:
    """What parts the rows of a table from what they should be, each named by its key."""
    wanted = {tuple(one[name] for name in key): one for one in expected}
    stored = {
        tuple(row[name] for name in key): row
        for row in connection.execute(select(table)).mappings()
    }
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
