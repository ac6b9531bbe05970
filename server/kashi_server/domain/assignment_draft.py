"""Proposals of assignments as somebody writes them: one in a form, many in a spreadsheet.

The spreadsheet has one proposal a row below a row of heads. A head is found by its Chinese or its
English name, or by both as the template has them; columns may stand in any order.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kashi_server.domain.contract import check_token
from kashi_server.domain.interval import Interval
from kashi_server.domain.minute_text import minute_of_text
from kashi_server.domain.sheet import SheetMistake, SheetRefused, SheetRow, sheet_mistake
from kashi_server.errors import InvalidValue

HEADS: Final[Mapping[str, tuple[str, str]]] = {
    "contract": ("合同编号", "contract"),
    "device": ("设备编号", "device"),
    "from": ("开始时间", "from"),
    "until": ("结束时间", "until"),
    "assignment": ("指派编号", "assignment"),
}
"""Columns: name in forms -> heads in Chinese and English. The last two may be left empty."""

NEEDED: Final = ("contract", "device", "from")
DRAFTS_MAX: Final = 1000
DEVICE_CHARACTERS_MAX: Final = 256
_BETWEEN: Final = re.compile(r"[\s/()（）]+")


def head_of(column: str) -> str:
    """A column's head as the template writes it."""
    return " ".join(HEADS[column])


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentDraft:
    """A proposal as written; `row` tells where it stands, `assignment_id` None: choose a number."""

    row: int
    contract_id: str
    hardware_id: str
    interval: Interval
    assignment_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what can name nothing."""
        check_token(self.contract_id, "contract")
        if self.assignment_id is not None:
            check_token(self.assignment_id, "assignment")
        if not self.hardware_id or len(self.hardware_id) > DEVICE_CHARACTERS_MAX:
            raise InvalidValue(
                "设备编号须为 1 至 256 个字符。a device has an id of 1 to 256 characters"
            )


def read_drafts(rows: Sequence[SheetRow]) -> list[AssignmentDraft]:
    """The proposals of a sheet.

    Raises:
        SheetRefused: every mistake with its row and column.
    """
    if not rows:
        raise sheet_mistake("表格是空的，请填写模板。the sheet is empty; fill in the template")
    columns = _columns(rows[0])
    if len(rows) - 1 > DRAFTS_MAX:
        raise sheet_mistake(
            f"表中有 {len(rows) - 1} 项提议；每个文件至多 {DRAFTS_MAX} 项。"
            f"the sheet has {len(rows) - 1} proposals; at most {DRAFTS_MAX} a file"
        )
    if len(rows) == 1:
        raise sheet_mistake(
            "表头之下没有内容；每行填写一项提议。"
            "there is no row below the heads; write one proposal a row"
        )
    written = [
        (row.number, {name: row.cell(place) for name, place in columns.items()}) for row in rows[1:]
    ]
    return drafts_of(written)


def drafts_of(written: Iterable[tuple[int, Mapping[str, str]]]) -> list[AssignmentDraft]:
    """Proposals from their row numbers and fields.

    Raises:
        SheetRefused: every mistake with its row and column.
    """
    drafts: list[AssignmentDraft] = []
    mistakes: list[SheetMistake] = []
    for number, fields in written:
        found = _Reading(number, fields)
        draft = found.draft()
        mistakes += found.mistakes
        if draft is not None:
            drafts.append(draft)
    if mistakes:
        raise SheetRefused(mistakes)
    return drafts


class _Reading:
    """One row being read."""

    def __init__(self, number: int, fields: Mapping[str, str]) -> None:
        self._number = number
        self._fields = fields
        self.mistakes: list[SheetMistake] = []

    def draft(self) -> AssignmentDraft | None:
        for column in NEEDED:
            if not self._text(column):
                self._wrong(column, "为空，此项必填。is empty; every proposal needs it")
        start, end = self._minute("from"), self._minute("until")
        if start is not None and end is not None and end <= start:
            self._wrong("until", "结束须晚于开始。is not after the beginning")
        for column in ("contract", "assignment"):
            self._token(column)
        if len(self._text("device")) > DEVICE_CHARACTERS_MAX:
            self._wrong(
                "device",
                f"超过 {DEVICE_CHARACTERS_MAX} 个字符。"
                f"is longer than {DEVICE_CHARACTERS_MAX} characters",
            )
        if self.mistakes or start is None:
            return None
        return AssignmentDraft(
            row=self._number,
            contract_id=self._text("contract"),
            hardware_id=self._text("device"),
            interval=Interval(start, end),
            assignment_id=self._text("assignment") or None,
        )

    def _text(self, column: str) -> str:
        return self._fields.get(column, "").strip()

    def _minute(self, column: str) -> int | None:
        if not self._text(column):
            return None
        try:
            return minute_of_text(self._text(column))
        except InvalidValue as error:
            self._wrong(column, str(error))
            return None

    def _token(self, column: str) -> None:
        if not self._text(column):
            return
        try:
            check_token(self._text(column), column)
        except InvalidValue as error:
            self._wrong(column, str(error))

    def _wrong(self, column: str, message: str) -> None:
        one = SheetMistake(row=self._number, column=head_of(column), message=message)
        self.mistakes.append(one)


def _columns(heads: SheetRow) -> dict[str, int]:
    """Which column stands where."""
    known = {part: name for name, both in HEADS.items() for part in (*both, "".join(both))}
    columns: dict[str, int] = {}
    mistakes: list[SheetMistake] = []
    for place, text in enumerate(heads.cells):
        name = known.get(_BETWEEN.sub("", text).lower())
        if not text.strip():
            continue
        if name is None:
            said = (
                "不是模板的表头；请删除该列，或重新下载模板。"
                "is no head of the template; remove the column or download the template again"
            )
            mistakes.append(SheetMistake(row=heads.number, column=text.strip()[:40], message=said))
        elif name in columns:
            said = "出现两次。stands twice"
            mistakes.append(SheetMistake(row=heads.number, column=text.strip(), message=said))
        else:
            columns[name] = place
    for name in NEEDED:
        if name not in columns:
            said = (
                "第一行表头中缺少此列；请下载模板。"
                "is missing among the heads of the first row; download the template"
            )
            mistakes.append(SheetMistake(row=heads.number, column=head_of(name), message=said))
    if mistakes:
        raise SheetRefused(mistakes)
    return columns
