"""Reading spreadsheets that people and offices send: XLSX bytes to rows of exact text.

The file comes from outside: its size, what it unpacks to, its rows and columns are bounded before
a cell is looked at, and a document type declaration, which no spreadsheet needs, is refused: that
is where XML bombs and foreign files hide. Formulas are taken by the value the spreadsheet last
showed; nothing is computed here.
"""

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from io import BytesIO
from typing import Final

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from kashi_server.domain.sheet import SheetRow, sheet_mistake

SHEET_BYTES_MAX: Final = 8 * 1024 * 1024
UNPACKED_BYTES_MAX: Final = 96 * 1024 * 1024
PARTS_MAX: Final = 400
ROWS_MAX: Final = 20_000
COLUMNS_MAX: Final = 100

# What openpyxl raises on files that are none: it lets the causes through as they come.
_BROKEN: Final = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    SyntaxError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


def read_sheet(content: bytes, name: str | None = None) -> list[SheetRow]:
    """The rows of an XLSX file's first sheet, or of the one called `name`; blank ones left out.

    Raises:
        SheetRefused: it is no XLSX, too large, or has no such sheet.
    """
    _check(content)
    with warnings.catch_warnings():
        # What openpyxl would drop when it wrote the file again does not concern a reader.
        warnings.simplefilter("ignore")
        try:
            return [row for row in _rows(content, name) if not row.is_blank]
        except _BROKEN as error:
            raise sheet_mistake(
                "the file cannot be read as XLSX; open it in a spreadsheet and save it as .xlsx"
                f" again ({type(error).__name__})"
            ) from error


def _check(content: bytes) -> None:
    if len(content) > SHEET_BYTES_MAX:
        raise sheet_mistake(
            f"the file has {len(content)} bytes; at most {SHEET_BYTES_MAX} are read: split it"
        )
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > PARTS_MAX or unpacked > UNPACKED_BYTES_MAX:
                raise sheet_mistake("the file unpacks to more than is read: split it")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _refuse_declarations(archive, part)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        zlib.error,
    ) as error:
        raise sheet_mistake(
            "this is no XLSX file; save it from the spreadsheet as .xlsx, without a password"
        ) from error


def _refuse_declarations(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    # A declaration stands before the first element; UTF-16 writes a zero beside each letter.
    with archive.open(part) as stream:
        head = stream.read(4096).replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise sheet_mistake(f"{part.filename} declares a document type; spreadsheets have none")


def _rows(content: bytes, name: str | None) -> Iterator[SheetRow]:
    book = openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=True)
    try:
        if name is not None and name not in book.sheetnames:
            raise sheet_mistake(f"there is no sheet '{name}'; there are: {book.sheetnames}")
        sheet = book[name or book.sheetnames[0]]
        rows = sheet.iter_rows(max_col=COLUMNS_MAX, values_only=True)
        for number, cells in enumerate(rows, start=1):
            row = SheetRow(number=number, cells=_texts(cells))
            # A far cell makes the reader count up to it through blank rows.
            if number > ROWS_MAX and (number > 2 * ROWS_MAX or not row.is_blank):
                raise sheet_mistake(f"the sheet has more than {ROWS_MAX} rows: split it")
            yield row
    finally:
        book.close()


def _texts(cells: tuple[object, ...]) -> tuple[str, ...]:
    """The cells as text, up to the last one that holds something."""
    texts = [_text(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def _text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "TRUE" if cell else "FALSE"
        case datetime():
            return cell.isoformat()
        case date() | time():
            return cell.isoformat()
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            # The shortest text that reads back as the same number: what the spreadsheet showed.
            return repr(cell)
        case _:
            return str(cell)
