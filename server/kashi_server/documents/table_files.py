"""Exported tables as files: CSV for spreadsheets, XLSX, JSON.

CSV carries a byte order mark, which Excel and WPS need to read Chinese, and ends lines with CRLF. A
text cell that a spreadsheet would take for a formula gets an apostrophe in front, in CSV and XLSX
alike; one of digits that a spreadsheet would take for a number and cut, in CSV alone: XLSX says
that it is text. JSON is for programs and keeps both as they are.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from kashi_server.errors import InvalidValue
from kashi_server.services.csv_text import is_formula, write_csv
from kashi_server.services.export_rows import Cell, Export

FORMAT: Final = "kashi/v1/export"
_NUMBER_MAX: Final = 10**15
"""A spreadsheet keeps fifteen digits; longer integers are written as text."""

SHEET_ROWS_MAX: Final = 2**20 - 1
"""Rows of a sheet below its heads; what is written beyond them is lost without a word."""

About = Mapping[str, str]
"""What a reader must know of a table: filter, time zone, generator."""


def write_table(export: Export, path: Path, about: About) -> int:
    """Write a table in the format its file's name ends in; the number of rows.

    Raises:
        KeyError: the name ends in none of `FORMATS`.
        OSError: the file cannot be written; InvalidValue: a sheet does not hold so many rows.
    """
    return FORMATS[path.suffix](export, path, about)


def _csv(export: Export, path: Path, _about: About) -> int:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        return write_csv(export, file)


def _json(export: Export, path: Path, about: About) -> int:
    rows = [dict(zip(export.columns, row, strict=True)) for row in export.rows]
    data = {"format": FORMAT, "table": export.name, "about": dict(about), "rows": rows}
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return len(rows)


def _xlsx(export: Export, path: Path, about: About) -> int:
    digest, count = hashlib.sha256(), 0
    # Cells are what they are: a text that looks like a formula or an address stays text.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with path.open("wb") as file, xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet(export.name)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, export.columns, bold)
        for count, row in enumerate(export.rows, 1):
            if count > SHEET_ROWS_MAX:
                raise InvalidValue(
                    f"一张工作表至多 {SHEET_ROWS_MAX} 行，此表更多；请改写为 .csv 或 .json。"
                    f"a sheet holds {SHEET_ROWS_MAX} rows and this table more; write .csv or .json"
                )
            cells = [_sheet_cell(cell) for cell in row]
            digest.update(json.dumps(cells, ensure_ascii=False).encode())
            sheet.write_row(count, 0, cells)
        sheet.autofilter(0, 0, count, len(export.columns) - 1)
        head = book.add_worksheet("about")
        told = {**about, "rows": str(count), "rows_sha256": digest.hexdigest()}
        for place, (name, value) in enumerate(told.items()):
            head.write_row(place, 0, (name, value))
    return count


def _sheet_cell(cell: Cell) -> Any:
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) >= _NUMBER_MAX:
        return str(cell)
    if isinstance(cell, str) and is_formula(cell):
        return f"'{cell}"
    return cell


FORMATS: Final[Mapping[str, Callable[[Export, Path, About], int]]] = {
    ".csv": _csv,
    ".json": _json,
    ".xlsx": _xlsx,
}
"""Formats by how a file's name ends."""
