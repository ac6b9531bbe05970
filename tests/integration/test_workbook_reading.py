"""Claims about spreadsheets that come from outside: exact text, bounded cost, one sentence."""

import zipfile
from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
from kashi_server.documents import workbook_reading
from kashi_server.documents.workbook_reading import read_xlsx
from kashi_server.domain.sheet import SheetMistake, SheetRefused
from kashi_server.errors import InvalidValue
from openpyxl import Workbook


def written(*rows: tuple[Any, ...], name: str = "Sheet") -> bytes:
    """An XLSX file of these rows."""
    book = Workbook()
    assert book.active is not None
    book.active.title = name
    for row in rows:
        book.active.append(row)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def test_cells_are_the_text_that_was_shown() -> None:
    """Numbers keep every digit, instants their second, blank rows vanish and keep their place."""
    content = written(
        ("发票号码", "金额", "日期"),
        (None, None, None),
        ("24442000000012345678", 0.1, date(2026, 10, 1)),
        (20260001, 12.0, datetime.fromisoformat("2026-10-01 10:20:30")),
        (True, "x", " "),
        name="发票基础信息",
    )

    (sheet,) = read_xlsx(content)

    assert sheet.name == "发票基础信息"
    assert [row.number for row in sheet.rows] == [1, 3, 4, 5]
    texts = [tuple(cell.text for cell in row.cells[:3]) for row in sheet.rows]
    assert texts[1] == ("24442000000012345678", "0.1", "2026-10-01 00:00:00")
    assert texts[2] == ("20260001", "12", "2026-10-01 10:20:30")
    assert texts[3] == ("TRUE", "x", "")


def rebuilt(content: bytes, part: str, text: bytes) -> bytes:
    """The file with one part replaced."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, text if entry.filename == part else old.read(entry))
    return out.getvalue()


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"no archive at all",
        written(("a",))[:-40],
        written(("a",))[:300] + bytes(200) + written(("a",))[500:],
        rebuilt(written(("a",)), "xl/workbook.xml", b"<workbook"),
        rebuilt(written(("a",)), "xl/worksheets/sheet1.xml", b"<a><b></a>"),
        rebuilt(written(("a",)), "[Content_Types].xml", b"<Types/>"),
    ],
    ids=["empty", "text", "cut", "holed", "workbook", "worksheet", "types"],
)
def test_what_is_no_spreadsheet_is_one_sentence(broken: bytes) -> None:
    """Whatever is broken, and wherever: a refusal, never a traceback."""
    with pytest.raises(InvalidValue):
        read_xlsx(broken)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_anything_is_read(encoding: str) -> None:
    """Entities that unfold into gigabytes need a declaration, and no spreadsheet has one."""
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    content = rebuilt(written(("a",)), "xl/worksheets/sheet1.xml", bomb.encode(encoding))

    with pytest.raises(InvalidValue, match="the workbook is not read"):
        read_xlsx(content)


def test_what_unpacks_beyond_measure_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive's own list is added up first; rows and bytes have bounds of their own."""
    zeros = rebuilt(written(("a",)), "xl/styles.xml", bytes(3_000_000))
    monkeypatch.setattr(workbook_reading, "UNPACKED_BYTES_MAX", 2_000_000)
    with pytest.raises(InvalidValue, match="unpacked"):
        read_xlsx(zeros)
    monkeypatch.setattr(workbook_reading, "ROWS_MAX", 2)
    with pytest.raises(InvalidValue, match="more than 2 rows"):
        read_xlsx(written(("a",), ("b",), ("c",)))
    monkeypatch.setattr(workbook_reading, "XLSX_BYTES_MAX", 100)
    with pytest.raises(InvalidValue, match="at most 100"):
        read_xlsx(written(("a",)))


def test_a_cell_far_down_does_not_cost_the_way_to_it() -> None:
    """One cell in the last row a spreadsheet has: refused, not counted up to."""
    far = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData></worksheet>'
    )
    with pytest.raises(InvalidValue, match="more than"):
        read_xlsx(rebuilt(written(("a",)), "xl/worksheets/sheet1.xml", far))


def test_mistakes_are_told_in_order_and_not_without_end() -> None:
    """Row, column, what to do; the rest is counted."""
    refused = SheetRefused(
        SheetMistake(row=row, column="合同编号 contract", message="write the contract's number")
        for row in range(150, 0, -1)
    )

    said = str(refused).splitlines()

    assert said[1] == "第 1 行 row 1, 合同编号 contract: write the contract's number"
    assert said[-1] == "……另有 50 处。… and 50 more"
    assert len(refused.mistakes) == 150
