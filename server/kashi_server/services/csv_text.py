"""Tables as CSV text that spreadsheets read as it is meant.

A byte order mark, which Excel and WPS need to read Chinese; lines end with CRLF (RFC 4180); a text
cell that a spreadsheet would take for a formula gets an apostrophe in front. A negative amount is
a number and stays one.

A spreadsheet reads a text of digits alone as a number, of which it keeps fifteen digits and no
leading nought: an invoice's number or an all-digit credit code opened and saved would be another
one. Such a text gets the apostrophe too, and our importers take it off. Only the table that is
attached to a certificate has it bare: no spreadsheet saves that one, and its bytes are compared.
"""

import csv
import re
from io import StringIO
from typing import Final, TextIO

from kashi_server.services.export_rows import Cell, Export

GUARD: Final = "'"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_RENUMBERED: Final = re.compile(r"-?(?:\d{16,}|0\d+|\d+[eE]\d+)")
"""More digits than a spreadsheet keeps, a leading nought, digits that it reads as an exponent."""


def csv_bytes(export: Export, *, digits_bare: bool = False) -> bytes:
    """A whole table, its columns first; `digits_bare` for what is compared by program."""
    written = StringIO(newline="")
    write_csv(export, written, digits_bare=digits_bare)
    return written.getvalue().encode("utf-8-sig")


def write_csv(export: Export, file: TextIO, *, digits_bare: bool = False) -> int:
    """Write a table row by row; the number of rows below the columns.

    `file` is opened without newline translation, and with the encoding that writes the mark.
    """
    writer, count = csv.writer(file), 0
    writer.writerow(export.columns)
    for row in export.rows:
        writer.writerow([plain_cell(cell, digits_bare=digits_bare) for cell in row])
        count += 1
    return count


def plain_cell(cell: Cell, *, digits_bare: bool = False) -> str:
    """A cell as text: nothing is empty, yes and no are true and false."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    guarded = is_formula(cell) or (not digits_bare and is_renumbered(cell))
    return f"{GUARD}{cell}" if guarded else cell


def bare_cell(text: str) -> str:
    """A cell that a person hands in, without what guarded it from a spreadsheet."""
    bare = text.removeprefix(GUARD)
    return bare if is_formula(bare) or is_renumbered(bare) else text


def is_renumbered(text: str) -> bool:
    """Whether a spreadsheet would take a text for a number and save another text."""
    return _RENUMBERED.fullmatch(text.strip()) is not None


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute it instead of showing it."""
    return text.startswith(_FORMULA) and not _is_number(text)


def _is_number(text: str) -> bool:
    whole, _sign, part = text.removeprefix("-").partition(".")
    return whole.isdecimal() and (part == "" or part.isdecimal())
