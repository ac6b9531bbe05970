"""Workbooks for tests, written as an office's programs write them."""

import zipfile
from collections.abc import Mapping
from io import BytesIO

from openpyxl import Workbook
from paper_cases import SheetText


def workbook(*sheets: SheetText) -> bytes:
    """An XLSX file of some sheets."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in sheets:
        made = book.create_sheet(sheet.name)
        for row in sheet.rows:
            made.append(list(row))
    content = BytesIO()
    book.save(content)
    book.close()
    return content.getvalue()


def with_parts(content: bytes, parts: Mapping[str, bytes]) -> bytes:
    """An XLSX file with some of its parts put in the place of others, or beside them."""
    changed = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(content)) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.infolist():
            if member.filename not in parts:
                new.writestr(member.filename, old.read(member))
        for name, part in parts.items():
            new.writestr(name, part)
    return changed.getvalue()


def part_of(content: bytes, name: str) -> bytes:
    """A part of an XLSX file."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return archive.read(name)
