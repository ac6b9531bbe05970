"""Values of a usage mapping's settings: how each shape is read or refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from kashi_server.domain.party import check_credit_code
from kashi_server.domain.usage_source.settings import COUNTS, TIME_UNITS, Setting, Shape
from kashi_server.errors import InvalidValue

SECONDS_MAX: Final = 3_600
_OFFSET: Final = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")

Row = Mapping[str, str]


class SkippedRow(Exception):
    """A row that is of another contract, and may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Where a value of a row comes from: a constant, or a column and what its texts mean."""

    value: str = ""
    column: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    skip_others: bool = False

    def of(self, row: Row) -> str:
        """The value for a row.

        Raises:
            InvalidValue: the column is empty, or its text means nothing here.
            SkippedRow: its text means nothing here and may be passed over.
        """
        if self.value:
            return self.value
        text = row[self.column].strip()
        if not self.values:
            if not text:
                raise InvalidValue("为空。is empty")
            return text
        if text not in self.values:
            if self.skip_others:
                raise SkippedRow
            known = ", ".join(sorted(self.values))
            raise InvalidValue(
                f"“{text}”在映射文件中没有对应；已有 {known}。"
                f"'{text}' stands for nothing in the mapping; it knows {known}"
            )
        return self.values[text]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityColumn:
    """The column of the time used; `unit_ms` milliseconds of its unit."""

    column: str
    unit_ms: int
    of_cards: bool


def read_value(setting: Setting, value: object) -> Any:
    """The value of a setting.

    Raises:
        InvalidValue: it is none.
    """
    if setting.shape is Shape.CHOICE:
        if value not in setting.choices:
            raise InvalidValue(
                f"{value!r} 不是 {', '.join(map(repr, setting.choices))} 之一。"
                f"{value!r} is none of {', '.join(map(repr, setting.choices))}"
            )
        return value
    return _READERS[setting.shape](value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(f"{value!r} 不是文字。{value!r} is not text")
    return value.strip()


def _offset(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise InvalidValue(
            f"“{text}”不是与 UTC 的时差；请写为 +08:00，或 Z。"
            f"'{text}' is no offset from UTC; write it like +08:00, or Z"
        )
    width = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -width if match[1] == "-" else width


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not value:
        raise InvalidValue("请写成表，如 { column = '…' }。write a table, like { column = \"…\" }")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidValue(
            f"{name}：请列出计入的行的文字。{name}: list the texts of the rows that count"
        )
    if not all(isinstance(one, str) for one in value):
        raise InvalidValue(
            f"{name}：行的文字须写成文字。{name}: the texts of rows are written as text"
        )
    return tuple(value)


def _known(table: Mapping[str, object], *names: str) -> None:
    for name in sorted(table.keys() - set(names)):
        raise InvalidValue(
            f"没有字段“{name}”；已有 {', '.join(names)}。"
            f"there is no field '{name}'; known are {', '.join(names)}"
        )


def _chosen(table: Mapping[str, object]) -> Chosen:
    _known(table, "value", "column", "values", "others")
    if ("value" in table) == ("column" in table):
        raise InvalidValue(
            "请写固定值 value，或写列名 column。give a constant `value`, or a `column`"
        )
    if "value" in table:
        if len(table) > 1:
            raise InvalidValue(
                "固定值 value 不带 values 与 others。"
                "a constant `value` has no `values` and no `others`"
            )
        return Chosen(value=_text(table["value"]))
    values = table.get("values", {})
    if not isinstance(values, Mapping) or ("values" in table and not values):
        raise InvalidValue(
            "values 须为表，说明该列各种文字的含义。"
            "`values` is a table of what the texts of the column mean"
        )
    others = table.get("others", "refuse")
    if others not in ("refuse", "skip"):
        raise InvalidValue('others 只能为 refuse 或 skip。`others` is "refuse" or "skip"')
    if others == "skip" and not values:
        raise InvalidValue(
            "others 说明 values 未列出的文字如何处理，须与 values 同用。"
            "`others` says what becomes of texts that `values` does not name"
        )
    return Chosen(
        column=_text(table["column"]),
        values={str(name): _text(value) for name, value in values.items()},
        skip_others=others == "skip",
    )


def _quantity(table: Mapping[str, object]) -> QuantityColumn:
    _known(table, "column", "unit", "counts")
    unit, counts = table.get("unit"), table.get("counts", COUNTS[0])
    if unit not in TIME_UNITS:
        raise InvalidValue(
            f"unit {unit!r} 不是 {', '.join(TIME_UNITS)} 之一。"
            f"unit {unit!r} is none of {', '.join(TIME_UNITS)}"
        )
    if counts not in COUNTS:
        raise InvalidValue(
            f"counts {counts!r} 不是 {', '.join(COUNTS)} 之一。"
            f"counts {counts!r} is none of {', '.join(COUNTS)}"
        )
    return QuantityColumn(
        column=_text(table.get("column")),
        unit_ms=TIME_UNITS[str(unit)],
        of_cards=counts == "cards",
    )


def _credit_code(value: object) -> str:
    return check_credit_code(_text(value))


def _seconds(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue(f"{value!r} 不是整秒数。{value!r} are no whole seconds")
    if not 1 <= value <= SECONDS_MAX:
        raise InvalidValue(
            f"{value} 秒不成立；须为 1 至 {SECONDS_MAX}。{value} seconds: give 1 to {SECONDS_MAX}"
        )
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue(f"{value!r} 既非 true，也非 false。{value!r} is neither true nor false")
    return value


def _keep(value: object) -> dict[str, tuple[str, ...]]:
    return {name: _texts(name, texts) for name, texts in _table(value).items()}


_READERS: Final[Mapping[Shape, Callable[[object], Any]]] = {
    Shape.TEXT: _text,
    Shape.CREDIT_CODE: _credit_code,
    Shape.OFFSET: lambda value: _offset(_text(value)),
    Shape.SECONDS: _seconds,
    Shape.TRUTH: _truth,
    Shape.CHOSEN: lambda value: _chosen(_table(value)),
    Shape.QUANTITY: lambda value: _quantity(_table(value)),
    Shape.KEEP: _keep,
}
