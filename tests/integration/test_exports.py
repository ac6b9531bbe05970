"""Exported tables: the same figures in every format, and nothing a spreadsheet would run."""

import csv
import json
from dataclasses import replace
from fractions import Fraction
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from claim_cases import RIVAL, filed, prepare
from kashi_server.documents.table_files import write_table
from kashi_server.documents.workbook_reading import read_xlsx
from kashi_server.domain.interval import Month
from kashi_server.domain.ledger import Account, Movement, Posting
from kashi_server.domain.statement import Statement
from kashi_server.errors import InvalidValue
from kashi_server.services.claim_rows import claims_export, claims_of
from kashi_server.services.csv_text import bare_cell, csv_bytes, plain_cell
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.export_rows import (
    COLUMNS,
    Export,
    ledger_export,
    lines_export,
    statements_export,
)
from kashi_server.services.ledger_port import StoredMovement
from kashi_server.services.sheets import read_csv
from kashi_server.storage.unit_of_work import Work
from kashi_verify.table import check_table
from statement_samples import long_statement, rented_statement

ABOUT = {"month": "2026-10"}
HOSTILE = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", '=HYPERLINK("x")', "'quoted", "计算"]


def stored(statement: Statement) -> StoredStatement:
    """A statement as the database has it."""
    content = statement.to_bytes()
    return StoredStatement(
        number=statement.number,
        revision=1,
        month=Month(2026, 10),
        user_id=statement.user.party_id,
        provider_id=None,
        contract_id=None,
        programme_id=None,
        demo=False,
        observed_ms=0,
        gap_ms=0,
        card_hours="1/3",
        amount_fen=sum(line.amount_fen for line in statement.lines),
        eligible_fen=0,
        estimate_fen=None,
        content=content,
        sha256=bytes(32),
    )


def rows_of(path: Path) -> list[list[str]]:
    """A file's rows as text, its head first."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))
    if path.suffix == ".json":
        found = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return [list(found[0]), *([_text(cell) for cell in row.values()] for row in found)]
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return [[_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]


def bare_rows_of(path: Path) -> list[list[str]]:
    """The same, without what guards a cell from spreadsheets."""
    return [[bare_cell(cell) for cell in row] for row in rows_of(path)]


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".xlsx"])
def test_lines_add_up_to_the_statement_in_every_format(tmp_path: Path, suffix: str) -> None:
    """Every line with its exact figures; amounts sum to the statement's."""
    statement = long_statement(120)
    path = tmp_path / f"lines{suffix}"

    assert write_table(lines_export([stored(statement)]), path, ABOUT) == 120

    head, *rows = rows_of(path)
    assert tuple(head) == COLUMNS["lines"]
    amounts = [Fraction(row[head.index("amount_yuan")]) * 100 for row in rows]
    assert sum(amounts) == sum(line.amount_fen for line in statement.lines)
    observed = sum(int(row[head.index("observed_ms")]) for row in rows)
    assert observed == sum(line.quantities.observed_ms for line in statement.lines)


def test_formats_agree_cell_by_cell(tmp_path: Path) -> None:
    """CSV, XLSX and JSON hold the same table."""
    files = [tmp_path / f"s{suffix}" for suffix in (".csv", ".json", ".xlsx")]
    for path in files:
        write_table(statements_export([stored(rented_statement())] * 2), path, ABOUT)

    one, other, third = map(bare_rows_of, files)
    assert one == other == third


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    """A text a spreadsheet would run is disarmed; a negative number stays a number."""
    export = Export("hostile", ("text", "amount"), [(text, "-12.50") for text in HOSTILE])
    for suffix in (".csv", ".xlsx"):
        path = tmp_path / f"hostile{suffix}"
        write_table(export, path, ABOUT)
        _head, *rows = rows_of(path)
        assert not [row for row in rows if row[0][:1] in "=+-@\t\r\n"]
        assert {row[1] for row in rows} == {"-12.50"}
    sheet = openpyxl.load_workbook(tmp_path / "hostile.xlsx").worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}


NUMBERS = [
    "24442000000012345678",
    "914403001234567890",
    "-1234567890123456",
    "00012345",
    "1234e5678",
    "９１４４０３００１２３４５６７８９０",
]


def saved(content: bytes) -> list[list[str | float]]:
    """A CSV file's cells as a spreadsheet opens them: what reads as a number is one, and a number
    has fifteen digits."""
    rows = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""))
    return [[_opened(text) for text in row] for row in rows]


def _opened(text: str) -> str | float:
    try:
        return float(format(float(text), ".15g"))
    except ValueError:
        return text


def test_long_numbers_survive_a_spreadsheet_and_come_back_bare(tmp_path: Path) -> None:
    """Invoice numbers and all-digit credit codes, opened and saved as CSV or as a workbook: the
    importers read what was exported; unguarded, every one of them would be another."""
    export = Export("numbers", ("号码", "amount", "days"), [(text, "12.50", 7) for text in NUMBERS])
    path = tmp_path / "numbers.csv"
    write_table(export, path, ABOUT)
    opened = saved(path.read_bytes())
    assert {(row[1], row[2]) for row in opened[1:]} == {(12.5, 7.0)}
    again = StringIO(newline="")
    csv.writer(again).writerows([str(cell) for cell in row] for row in opened)
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in opened:
        book.active.append(row)
    book.save(tmp_path / "numbers.xlsx")

    from_csv = read_csv(again.getvalue().encode("utf-8-sig"))
    (from_xlsx,) = read_xlsx((tmp_path / "numbers.xlsx").read_bytes())

    for sheet in (from_csv, from_xlsx):
        assert [row.cells[0].text for row in sheet.rows[1:]] == NUMBERS
    bare = saved(csv_bytes(export, digits_bare=True))
    assert not {str(row[0]) for row in bare[1:]} & set(NUMBERS)


@pytest.mark.parametrize("text", ["0", "0.50", "123456789012345", "2026-10", "1/3", "DEAD123e5"])
def test_what_a_spreadsheet_keeps_is_not_guarded(text: str) -> None:
    """Figures stay figures, and a text that is no number is text anyway."""
    assert plain_cell(text) == text


def test_the_table_of_a_certificate_has_its_digits_bare() -> None:
    """kashi-verify compares it cell by cell: its bytes are those of before."""
    statement = rented_statement()
    code = "914403001234567890"
    data = statement.to_bytes().replace(statement.user.party_id.encode(), code.encode())
    lines = lines_export([replace(stored(statement), content=data, user_id=code)])

    told = csv_bytes(lines, digits_bare=True)

    assert check_table(told, [json.loads(data)]) == len(statement.lines)
    assert told.count(f",{code},".encode()) == len(statement.lines)


def test_csv_opens_in_a_spreadsheet_as_chinese(tmp_path: Path) -> None:
    """A byte order mark, and lines that end with CRLF."""
    path = tmp_path / "s.csv"
    write_table(statements_export([stored(rented_statement())]), path, ABOUT)

    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\n") == content.count(b"\r\n") == 2


def test_xlsx_keeps_long_integers_and_says_what_it_holds(tmp_path: Path) -> None:
    """Sixteen digits survive; a second sheet names filter, rows and their hash."""
    path = tmp_path / "n.xlsx"
    write_table(Export("n", ("n",), [(1234567890123456789,), (5,)]), path, ABOUT)

    book = openpyxl.load_workbook(path)
    assert [cell.value for cell in book.worksheets[0]["A"]] == ["n", "1234567890123456789", 5]
    about = {str(name): value for name, value in book["about"].iter_rows(values_only=True)}
    assert (about["month"], about["rows"], len(str(about["rows_sha256"]))) == ("2026-10", "2", 64)


def test_postings_are_exported_with_who_and_why(tmp_path: Path) -> None:
    """One row a posting, in yuan."""
    movement = Movement(
        key="k", kind="appropriate", reference="p/2026", officer="officer", reason="预算",
        postings=(
            Posting(Account("authority:p", floored=False), -150),
            Posting(Account("pool:p"), 150),
        ),
    )  # fmt: skip
    rows = list(ledger_export([StoredMovement(1, "k", 1_795_000_000_000, b"", movement)]).rows)

    assert [row[-3:] for row in rows] == [
        ("authority:p", "yuan", "-1.50"),
        ("pool:p", "yuan", "1.50"),
    ]
    assert rows[0][1] == "2026-11-18T19:06:40+08:00"
    assert write_table(ledger_export([]), tmp_path / "empty.json", ABOUT) == 0


def test_claims_are_exported_as_they_stand(tmp_path: Path, work: Work) -> None:
    """One row a claim: who, for what, where it stands, what was approved, and its voucher."""
    prepare(work)
    house = filed(work)
    claim_id = house.issued(20_000)
    draft = house.draft(RIVAL, "HT-B")
    with work.begin(writes=False) as unit:
        found = unit.claims.claims()
        names_zh = {one.party_id: one.name_zh for one in unit.expense.parties()}
    assert [one.claim.claim_id for one in claims_of(found, Month(2020, 1))] == []
    assert list(claims_of(found, None)) == list(found)
    files = [tmp_path / f"claims{suffix}" for suffix in (".csv", ".json", ".xlsx")]
    for path in files:
        assert write_table(claims_export(found, names_zh), path, ABOUT) == 2

    one, other, third = map(bare_rows_of, files)
    assert one == other == third
    head, *rows = one
    assert tuple(head) == COLUMNS["claims"]
    told = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    issued = told[claim_id]
    assert (issued["state"], issued["approved_yuan"], issued["reserved_yuan"]) == (
        "issued",
        "200.00",
        "200.00",
    )
    assert (issued["voucher_face_yuan"], issued["voucher_used_yuan"]) == ("200.00", "0.00")
    assert (issued["programme_id"], issued["contracts"]) == ("test-voucher", "HT-A")
    assert issued["company_name_zh"] == names_zh[issued["company_id"]]
    assert (told[draft]["state"], told[draft]["voucher"]) == ("draft", "")


def test_a_sheet_that_cannot_hold_a_table_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows beyond the last one of a sheet would be lost: the whole table is refused, and CSV has
    room for it."""
    monkeypatch.setattr("kashi_server.documents.table_files.SHEET_ROWS_MAX", 2)
    table = Export("usage", ("n",), [(1,), (2,), (3,)])

    with pytest.raises(InvalidValue, match="holds 2 rows"):
        write_table(table, tmp_path / "t.xlsx", {})
    assert write_table(table, tmp_path / "t.csv", {}) == 3
