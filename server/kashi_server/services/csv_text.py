"""Tables as CSV text that spreadsheets read as it is meant.

A byte order mark, which Excel and WPS need to read Chinese; lines end with CRLF (RFC 4180); a text
cell that a spreadsheet would take for a formula gets an apostrophe in front. A negative amount is
a number and stays one.
"""

import csv
from io import StringIO
from typing import Final, TextIO

from kashi_server.services.export_rows import Cell, Export

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_bytes(export: Export) -> bytes:
    """A whole table, its columns first."""
    written = StringIO(newline="")
    write_csv(export, written)
    return written.getvalue().encode("utf-8-sig")


def write_csv(export: Export, file: TextIO) -> int:
    """Write a table row by row; the number of rows below the columns.

    `file` is opened without newline translation, and with the encoding that writes the mark.
    """
    writer, count = csv.writer(file), 0
    writer.writerow(export.columns)
    for row in export.rows:
        writer.writerow([plain_cell(cell) for cell in row])
        count += 1
    return count


def plain_cell(cell: Cell) -> str:
    """A cell as text: nothing is empty, yes and no are true and false."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    return f"'{cell}" if is_formula(cell) else cell


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute it instead of showing it."""
    return text.startswith(_FORMULA) and not _is_number(text)


def _is_number(text: str) -> bool:
    whole, _sign, part = text.removeprefix("-").partition(".")
    return whole.isdecimal() and (part == "" or part.isdecimal())
