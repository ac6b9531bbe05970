"""Reading XLSX files from outside, by openpyxl, after they were found to be harmless.

Before openpyxl sees a byte: the ZIP has few members, none larger than is read, and every XML in it
declares no document type and is bounded (counted while it is unpacked, not believed). Formulas are
refused: what a cell shows would not be what the file says. A number is given as the text of its 15
digits, which is what a spreadsheet keeps of it; nothing is counted in floating point.
"""

import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from itertools import chain
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from kashi_server.domain.both_languages import because
from kashi_server.errors import InvalidValue
from kashi_server.services.csv_text import bare_cell
from kashi_server.services.plain_xml import check_plain
from kashi_server.services.sheets import (
    CELL_CHARACTERS_MAX,
    COLUMNS_MAX,
    EMPTY,
    ROWS_MAX,
    Cell,
    Row,
    Sheet,
)

XLSX_BYTES_MAX: Final = 20 * 2**20
MEMBERS_MAX: Final = 300
UNPACKED_BYTES_MAX: Final = 200 * 2**20
XML_ELEMENTS_MAX: Final = 12_000_000
SHEETS_MAX: Final = 50
_CHUNK_BYTES: Final = 65_536
# What openpyxl raises on files it cannot make sense of.
_READ_ERRORS: Final = (
    InvalidFileException, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError,
    AttributeError, IndexError, AssertionError, NotImplementedError, OverflowError, SyntaxError,
    EOFError, OSError, RuntimeError,
)  # fmt: skip
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks, of which one may stand before XML."""

_QUIET: Final = threading.Lock()


def read_xlsx(content: bytes) -> Sequence[Sheet]:
    """The visible and hidden sheets of a workbook.

    Raises:
        InvalidValue: it is none, is larger than is read, or holds formulas or declared entities.
    """
    if len(content) > XLSX_BYTES_MAX:
        raise InvalidValue(
            f"它有 {len(content)} 字节；至多读取 {XLSX_BYTES_MAX} 字节。"
            f"it has {len(content)} bytes; at most {XLSX_BYTES_MAX} are read"
        )
    _check_zip(content)
    # Workbooks of the tax bureau lack a default style, of which openpyxl warns. The filter of
    # warnings is one for the whole process, so one reader at a time changes it.
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _sheets(content)
        except InvalidValue:
            raise
        except _READ_ERRORS as error:
            raise InvalidValue(
                f"它不是可读取的工作簿。it is not a workbook that can be read: {error}"
            ) from error


def _check_zip(content: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _check_members(archive)
    except InvalidValue as error:
        raise InvalidValue(because("工作簿未被读取", "the workbook is not read", error)) from error
    except _READ_ERRORS as error:
        raise InvalidValue(f"它不是 XLSX 文件。it is not an XLSX file: {error}") from error


def _check_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        raise InvalidValue(
            f"它有 {len(members)} 个部件；至多读取 {MEMBERS_MAX} 个。"
            f"it has {len(members)} parts; at most {MEMBERS_MAX} are read"
        )
    if sum(member.file_size for member in members) > UNPACKED_BYTES_MAX:
        raise InvalidValue(
            f"解压后超过 {UNPACKED_BYTES_MAX} 字节。"
            f"unpacked it is larger than {UNPACKED_BYTES_MAX} bytes"
        )
    for member in members:
        chunks = _chunks(archive, member)
        first = next(chunks, b"")
        # By content, not by name: a workbook may call its sheets what it likes.
        if first.lstrip().startswith((b"<", b"\x00<", *_MARKS)):
            check_plain(chain([first], chunks), elements_max=XML_ELEMENTS_MAX)


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    unpacked = 0
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK_BYTES):
            unpacked += len(chunk)
            if unpacked > member.file_size:
                raise InvalidValue(
                    f"{member.filename} 的实际大小超过其所述。"
                    f"{member.filename} is larger than it says"
                )
            yield chunk


def _sheets(content: bytes) -> list[Sheet]:
    book = load_workbook(BytesIO(content), read_only=True, data_only=False, keep_links=False)
    try:
        if len(book.worksheets) > SHEETS_MAX:
            raise InvalidValue(
                f"它的工作表超过 {SHEETS_MAX} 张。it has more than {SHEETS_MAX} sheets"
            )
        made: list[Sheet] = []
        for sheet in book.worksheets:
            # The sheet's own word on its size is not believed.
            sheet.reset_dimensions()
            left = ROWS_MAX - sum(len(one.rows) for one in made)
            made.append(Sheet(sheet.title, tuple(_rows(sheet, left))))
        return made
    finally:
        book.close()


def _rows(sheet: Any, rows_max: int) -> Iterator[Row]:
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if number > rows_max:
            raise InvalidValue(f"它的行数超过 {ROWS_MAX}。it has more than {ROWS_MAX} rows")
        if len(cells) > COLUMNS_MAX:
            raise InvalidValue(
                f"{sheet.title} 第 {number} 行超过 {COLUMNS_MAX} 列。"
                f"row {number} of {sheet.title} has more than {COLUMNS_MAX} columns"
            )
        texts = tuple(_cell(cell, sheet.title) for cell in cells)
        if any(cell.text for cell in texts):
            yield Row(number, texts)


def _cell(cell: Any, sheet: str) -> Cell:
    value = cell.value
    if cell.data_type == "f":
        raise InvalidValue(
            f"{sheet} 的单元格 {cell.coordinate} 含公式；请将工作表另存为数值。"
            f"cell {cell.coordinate} of {sheet} holds a formula; save the sheet as values"
        )
    match value:
        case None:
            return EMPTY
        case str():
            if len(value) > CELL_CHARACTERS_MAX:
                raise InvalidValue(
                    f"{sheet} 的单元格 {cell.coordinate} 有 {len(value)} 个字符；"
                    f"至多读取 {CELL_CHARACTERS_MAX} 个。"
                    f"cell {cell.coordinate} of {sheet} has {len(value)} characters; at most"
                    f" {CELL_CHARACTERS_MAX} are read"
                )
            # A table of ours that was opened as CSV and saved as a workbook.
            return Cell(bare_cell(value.strip()))
        case bool():
            return Cell("TRUE" if value else "FALSE")
        case int():
            return Cell(str(value), numeric=True)
        case float():
            # As many digits as a spreadsheet shows, spelled without an exponent.
            return Cell(format(Decimal(format(value, ".15g")), "f"), numeric=True)
        case datetime():
            return Cell(value.isoformat(sep=" ", timespec="seconds"))
        case date():
            return Cell(value.isoformat())
        case _:
            return Cell(str(value))
