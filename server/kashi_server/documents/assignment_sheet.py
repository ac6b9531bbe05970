"""The spreadsheet in which many assignments are proposed at once: the template, and reading it."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Final

import xlsxwriter

from kashi_server.documents.workbook_reading import read_xlsx
from kashi_server.domain.assignment_draft import (
    DRAFTS_MAX,
    HEADS,
    AssignmentDraft,
    head_of,
    read_drafts,
)
from kashi_server.domain.both_languages import halves
from kashi_server.domain.sheet import SheetMistake, SheetRefused, SheetRow, sheet_mistake
from kashi_server.errors import InvalidValue
from kashi_server.services.assignment_views import ContractRow
from kashi_server.services.sheets import Row, exact_text

_SHEET: Final = "指派 assignments"
_CONTRACTS: Final = "合同 contracts"
_NOTES: Final = {
    "contract": "从下拉列表中选择。Choose from the list.",
    "device": "与主机页面所列完全一致。Exactly as the host's page shows it.",
    "from": "北京时间，整分钟。Beijing time, a whole minute: 2026-10-01 10:20",
    "until": "不含该分钟；无结束则留空。Exclusive; empty: without end.",
    "assignment": "可留空，自动编号。May be left empty: a number is given.",
}
_WIDTHS: Final = {"contract": 24, "device": 46, "from": 20, "until": 20, "assignment": 24}


class AssignmentSheets:
    """Makes the template for somebody's contracts, and reads it back."""

    def template(self, contracts: Sequence[ContractRow]) -> bytes:
        """An XLSX file with the heads, and the contracts that its rows may name."""
        content = BytesIO()
        with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
            sheet = book.add_worksheet(_SHEET)
            bold = book.add_format({"bold": True, "bg_color": "#DCE6F1", "border": 1})
            formats = {
                "from": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
                "until": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            }
            text = book.add_format({"num_format": "@"})
            for place, column in enumerate(HEADS):
                sheet.write_string(0, place, head_of(column), bold)
                sheet.write_comment(0, place, _NOTES[column])
                sheet.set_column(place, place, _WIDTHS[column], formats.get(column, text))
            sheet.freeze_panes(1, 0)
            _write_contracts(book, contracts)
            if contracts:
                source = f"='{_CONTRACTS}'!$A$2:$A${len(contracts) + 1}"
                rule = {"validate": "list", "source": source}
                sheet.data_validation(1, 0, DRAFTS_MAX, 0, rule)
        return content.getvalue()

    def read(self, content: bytes) -> list[AssignmentDraft]:
        """The proposals of a filled-in template.

        Raises:
            SheetRefused: every mistake with its row and column.
        """
        try:
            sheets = read_xlsx(content)
        except InvalidValue as error:
            zh, en = halves(str(error))
            raise sheet_mistake(
                f"{zh}；请另存为 .xlsx，不设密码。"
                f"{en}; save it from the spreadsheet as .xlsx, without a password"
            ) from error
        return read_drafts([_text_of(row) for row in sheets[0].rows] if sheets else [])


def _text_of(row: Row) -> SheetRow:
    """The row as text; a number that a spreadsheet cannot keep is told, not guessed."""
    try:
        return SheetRow(number=row.number, cells=tuple(exact_text(cell) for cell in row.cells))
    except InvalidValue as error:
        raise SheetRefused([SheetMistake(row=row.number, column="", message=str(error))]) from error


def _write_contracts(book: xlsxwriter.Workbook, contracts: Iterable[ContractRow]) -> None:
    sheet = book.add_worksheet(_CONTRACTS)
    bold = book.add_format({"bold": True})
    for place, head in enumerate(("合同编号 contract", "供给方 provider", "使用方 user")):
        sheet.write_string(0, place, head, bold)
        sheet.set_column(place, place, 36)
    for number, row in enumerate(contracts, start=1):
        sheet.write_string(number, 0, row.contract.contract_id)
        sheet.write_string(number, 1, row.provider.name_zh)
        sheet.write_string(number, 2, row.user.name_zh)
