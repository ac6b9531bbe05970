"""A case as plain data: what a case file says, so that anyone can evaluate it again.

`load_case` reads back what is written here. What nobody knows is left out.
"""

from dataclasses import fields, is_dataclass
from datetime import date
from fractions import Fraction

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.case_data import FORMAT, file_name
from kashi_server.domain.money import parse_decimal, yuan_text


def case_to_data(case: Case) -> dict[str, object]:
    """A case in the format `kashi/v1/case`.

    Raises:
        InvalidValue: a number of card-hours or a price has no spelling of at most eight places.
    """
    return {"format": FORMAT, **_table(case)}


def _table(value: object) -> dict[str, object]:
    """The fields of a record that say more than that nobody knows, or that it is as usual."""
    assert is_dataclass(value)
    return {
        file_name(one.name): _plain(held, fen=one.name.endswith("_fen"))
        for one in fields(value)
        if (held := getattr(value, one.name)) not in (None, {}) and held != one.default
    }


def _plain(value: object, *, fen: bool) -> object:
    match value:
        case int() if fen:
            return yuan_text(value)
        case Fraction():
            text = decimal_text(value)
            parse_decimal(text)
            return text
        case date():
            return value.isoformat()
        case tuple():
            return [_plain(one, fen=False) for one in value]
        case dict():
            return dict(sorted(value.items()))
        case _ if is_dataclass(value):
            return _table(value)
        case _:
            return value
