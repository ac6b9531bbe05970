"""Tables as people hand them in: sheets of rows of cells, of XLSX or CSV, read by their headers."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Final, Protocol

from kashi_server.domain.money import parse_yuan
from kashi_server.errors import InvalidValue

ROWS_MAX: Final = 50_000
COLUMNS_MAX: Final = 200
CELL_CHARACTERS_MAX: Final = 4_000
CSV_BYTES_MAX: Final = 20 * 2**20
HEADER_ROWS_MAX: Final = 20
"""Titles may stand above a header; so many rows are looked at."""

NUMBER_DIGITS_EXACT: Final = 15
"""A spreadsheet keeps so many digits of a number."""

_DAY: Final = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?([ T].*)?")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as text; `numeric`: the sheet holds a number, which has 15 exact digits at most."""

    text: str
    numeric: bool = False


EMPTY: Final = Cell("")


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not empty, counted from 1 as people count."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name and its rows."""

    name: str
    rows: tuple[Row, ...]


class SheetReader(Protocol):
    """Reads a spreadsheet file."""

    def __call__(self, content: bytes) -> Sequence[Sheet]:
        """Its sheets.

        Raises:
            InvalidValue: it is none, holds formulas, or is larger than is read.
        """


def read_csv(content: bytes) -> Sheet:
    """A CSV file in UTF-8 or GB 18030, separated by commas.

    Raises:
        InvalidValue: it is neither, or larger than is read.
    """
    if len(content) > CSV_BYTES_MAX:
        raise InvalidValue(
            f"文件有 {len(content)} 字节，最多读取 {CSV_BYTES_MAX} 字节。"
            f"it has {len(content)} bytes; at most {CSV_BYTES_MAX} are read"
        )
    text = _decoded(content)
    rows: list[Row] = []
    try:
        for number, values in enumerate(csv.reader(StringIO(text, newline=""), strict=True), 1):
            if number > ROWS_MAX or len(values) > COLUMNS_MAX:
                raise InvalidValue(
                    f"超过 {ROWS_MAX} 行或 {COLUMNS_MAX} 列。"
                    f"it has more than {ROWS_MAX} rows or {COLUMNS_MAX} columns"
                )
            # What guards exported cells from spreadsheets is no part of them.
            cells = tuple(Cell(value.strip().removeprefix("'").strip("\t")) for value in values)
            if any(cell.text for cell in cells):
                rows.append(Row(number, cells))
    except csv.Error as error:
        raise InvalidValue(f"不是可读取的 CSV。it is not CSV: {error}") from error
    return Sheet("CSV", tuple(rows))


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidValue(
        "文本编码既不是 UTF-8，也不是 GB 18030。it is text neither in UTF-8 nor in GB 18030"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header row that was found: which field stands in which column."""

    row: int
    columns: Mapping[str, int]
    names: Mapping[str, str]

    def cell(self, row: Row, field: str) -> Cell:
        """The cell of a field; empty where the row or the sheet has none."""
        column = self.columns.get(field)
        if column is None or column >= len(row.cells):
            return EMPTY
        return row.cells[column]

    def name(self, field: str) -> str:
        """How the sheet calls a field."""
        return self.names.get(field, field)


def find_header(
    sheet: Sheet, known: Mapping[str, Sequence[str]], required: Sequence[str]
) -> Header | None:
    """The first row in which every required field has a column; None where there is none.

    Args:
        sheet: the sheet.
        known: by field, the names its column may have, the best first.
        required: fields without which a row is no header.

    Raises:
        InvalidValue: a column of the header stands twice.
    """
    for row in sheet.rows[:HEADER_ROWS_MAX]:
        places: dict[str, list[int]] = {}
        for column, cell in enumerate(row.cells):
            places.setdefault(_plain(cell.text), []).append(column)
        columns: dict[str, int] = {}
        names: dict[str, str] = {}
        for field, candidates in known.items():
            name = next((one for one in candidates if _plain(one) in places), None)
            if name is None:
                continue
            found = places[_plain(name)]
            if len(found) > 1:
                raise InvalidValue(
                    f"工作表 {sheet.name} 第 {row.number} 行有两列同名“{name}”。"
                    f"sheet {sheet.name} row {row.number}: two columns are '{name}'"
                )
            columns[field], names[field] = found[0], name
        if all(field in columns for field in required):
            return Header(row=row.number, columns=columns, names=names)
    return None


def _plain(text: str) -> str:
    return "".join(text.split()).lower()


def rows_below(sheet: Sheet, header: Header) -> Iterator[Row]:
    """The rows under a header."""
    return (row for row in sheet.rows if row.number > header.row)


def exact_text(cell: Cell) -> str:
    """The text of a cell that must be exact, like a number of 20 digits.

    Raises:
        InvalidValue: the sheet holds a number, of which it keeps 15 digits.
    """
    if cell.numeric and len(cell.text) > NUMBER_DIGITS_EXACT:
        raise InvalidValue(
            f"单元格为数值，电子表格只保留 {NUMBER_DIGITS_EXACT} 位，"
            "请以文本格式重新导出。"
            f"the cell holds a number, and a spreadsheet keeps {NUMBER_DIGITS_EXACT} digits of it;"
            " export it again as text"
        )
    return cell.text


def fen(cell: Cell) -> int:
    """An amount in yuan, like 780000.00 or 780,000.00, as fen.

    Raises:
        InvalidValue: it is none.
    """
    if not cell.text:
        raise InvalidValue("为空，此处须填金额（元）。is empty; an amount in yuan belongs here")
    text = cell.text.removeprefix("¥").removeprefix("￥").replace(",", "").strip()
    return parse_yuan(_without_zeros(text))


def _without_zeros(text: str) -> str:
    """Zeros behind the second place say nothing: 1.5000 is 1.50."""
    whole, point, part = text.partition(".")
    if point and len(part) > 2 and not part[2:].strip("0"):
        return f"{whole}.{part[:2]}"
    return text


def day(cell: Cell) -> date:
    """A day, like 2026-10-08, 2026/10/8, 20261008 or 2026年10月8日, with or without a time.

    Raises:
        InvalidValue: it is none.
    """
    found = _DAY.fullmatch(cell.text)
    if found is None:
        raise InvalidValue(
            f"“{cell.text}”不是日期，写法如 2026-10-08。"
            f"'{cell.text}' is not a day; write it like 2026-10-08"
        )
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise InvalidValue(f"“{cell.text}”不是日期。'{cell.text}' is not a day: {error}") from error
