"""Invoices from the tax bureau's export: 全量发票查询导出, columns found by their headers.

The export has a sheet 发票基础信息 with one row an invoice, and a sheet 信息汇总表 with one row a
line; others (建筑服务 …) tell more of some kinds and are not read. Either sheet alone is taken too:
without the first, an invoice is the sum of its lines; without the second, it is one line. Headers
and words were taken from programs in public that read these exports, not from a specification: see
docs/papers.md.

A company's export holds everything it ever bought. Only invoices between the two sides of a
contract here are taken; the rest is passed by, unread beyond its two codes, and counted.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus, check_number
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.domain.taxed import Taxed, sum_taxed
from kashi_server.errors import InvalidValue
from kashi_server.services.paper_mapping import PaperMapping
from kashi_server.services.sheets import (
    Header,
    Row,
    Sheet,
    day,
    exact_text,
    fen,
    find_header,
    rows_below,
)
from kashi_server.services.told import Place, Read, ToldInvoice

COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "number": ("数电发票号码", "数电票号码", "全电发票号码", "发票号码"),
    "seller_id": ("销方识别号", "销售方识别号", "销售方纳税人识别号"),
    "seller_name": ("销方名称", "销售方名称"),
    "buyer_id": ("购方识别号", "购买方识别号", "购买方纳税人识别号"),
    "buyer_name": ("购买方名称", "购方名称"),
    "issued_on": ("开票日期",),
    "name": ("货物或应税劳务名称", "货物、应税劳务及服务", "项目名称"),
    "ex_tax": ("金额", "不含税金额"),
    "tax": ("税额",),
    "incl": ("价税合计",),
    "status": ("发票状态",),
    "remark": ("备注",),
}
REQUIRED: Final = (
    "number", "seller_id", "seller_name", "buyer_id", "buyer_name", "issued_on",
    "ex_tax", "tax", "incl",
)  # fmt: skip
STATUSES: Final[Mapping[str, InvoiceStatus]] = {
    "正常": InvoiceStatus.NORMAL,
    "已红冲-部分": InvoiceStatus.PARTLY_RED,
    "部分红冲": InvoiceStatus.PARTLY_RED,
    "已红冲-全额": InvoiceStatus.RED,
    "已红冲": InvoiceStatus.RED,
    "全额红冲": InvoiceStatus.RED,
    "已作废": InvoiceStatus.VOID,
    "作废": InvoiceStatus.VOID,
}
WHOLE_LINE: Final = "（未列明项目）"
"""The name of the one line of an invoice whose lines no sheet tells."""

BASE_SHEET: Final = "发票基础信息"
_BLUE: Final = re.compile(r"被红冲蓝字数电(?:发)?票号码\s*[:：]\s*(\d{20})(?!\d)")

Sides = Mapping[tuple[str, str], Sequence[str]]
"""(provider, user) -> the contracts between them."""


@dataclass(slots=True)
class _Found:
    """What one number came to while sheets are read."""

    place: Place
    head: dict[str, object]
    amount: Taxed | None = None
    lines: list[tuple[str, Taxed]] = field(default_factory=list)


def read_invoice_sheets(
    sheets: Sequence[Sheet], file: str, sides: Sides, mapping: PaperMapping
) -> Read:
    """The invoices of a workbook that are between sides of contracts.

    Raises:
        MistakesFound: no sheet has the columns, or rows are not what they must be; each with file,
            row and column.
    """
    reading = _Reading(file, sides, mapping)
    headed = list(_headed(sheets, file, mapping))
    if not headed:
        named = "、".join(COLUMNS[name][0] for name in REQUIRED)
        raise MistakesFound(
            [
                Mistake(
                    file=file,
                    line=1,
                    field="",
                    message=(f"没有工作表含有这些列：{named}。no sheet has the columns {named}"),
                )
            ]
        )
    # The sheet of whole invoices first: it says what the lines must add up to.
    bases = [one for one in headed if one[0].name == BASE_SHEET]
    detailed = [one for one in headed if "name" in one[1].columns and one not in bases]
    for sheet, header in bases:
        reading.sheet(sheet, header, whole=True)
    for sheet, header in detailed:
        reading.sheet(sheet, header, whole=False)
    if not bases and not detailed:
        for sheet, header in headed:
            reading.sheet(sheet, header, whole=True)
    told = reading.told()
    if reading.mistakes:
        raise MistakesFound(reading.mistakes)
    return Read(invoices=tuple(told), passed_by=len(reading.passed_by))


def _headed(
    sheets: Iterable[Sheet], file: str, mapping: PaperMapping
) -> Iterable[tuple[Sheet, Header]]:
    try:
        known = mapping.headers(COLUMNS)
        for sheet in sheets:
            header = find_header(sheet, known, REQUIRED)
            if header is not None:
                yield sheet, header
    except InvalidValue as error:
        raise MistakesFound([Mistake(file=file, line=1, field="", message=str(error))]) from error


class _Reading:
    def __init__(self, file: str, sides: Sides, mapping: PaperMapping) -> None:
        self.mistakes: list[Mistake] = []
        self.passed_by: set[str] = set()
        self._file = file
        self._sides = sides
        self._mapping = mapping
        self._statuses = {**STATUSES, **mapping.status}
        self._found: dict[str, _Found] = {}

    def sheet(self, sheet: Sheet, header: Header, *, whole: bool) -> None:
        """Read a sheet of whole invoices, or of their lines."""
        for row in rows_below(sheet, header):
            pair = header.cell(row, "seller_id").text, header.cell(row, "buyer_id").text
            if pair not in self._sides:
                # Sums below a table have no number; rows of others are theirs.
                self.passed_by.update(filter(None, [header.cell(row, "number").text]))
                continue
            place = Place(file=f"{self._file}[{sheet.name}]", row=row.number)
            self._row(_RowReader(row, header, place, self.mistakes), place, whole=whole)

    def _row(self, reader: "_RowReader", place: Place, *, whole: bool) -> None:
        before = len(self.mistakes)
        number = reader.number()
        head = {
            "seller_id": reader.text("seller_id"),
            "buyer_id": reader.text("buyer_id"),
            "seller_name": reader.text("seller_name"),
            "buyer_name": reader.text("buyer_name"),
            "issued_on": reader.day(),
            "status": reader.status(self._statuses),
            "blue_number": reader.blue(),
        }
        amount = reader.amount()
        name = reader.text("name") if not whole else ""
        if len(self.mistakes) > before or amount is None:
            return
        known = self._found.get(number)
        if known is None:
            known = self._found[number] = _Found(place=place, head=head)
        elif known.head != head:
            differing = next(key for key in head if head[key] != known.head[key])
            reader.mistake(
                differing,
                f"发票 {number} 与 {known.place.file} 第 {known.place.row} 行所述不一"
                "致。"
                f"invoice {number} says otherwise in {known.place.file} row {known.place.row}",
            )
            return
        if whole and known.amount is not None:
            reader.mistake("number", f"发票 {number} 重复出现。invoice {number} stands twice")
        elif whole:
            known.amount = amount
        else:
            known.lines.append((name or WHOLE_LINE, amount))

    def told(self) -> list[ToldInvoice]:
        """The invoices; what does not hold together is a mistake."""
        made: list[ToldInvoice] = []
        for number, found in sorted(self._found.items()):
            try:
                made.append(self._told(number, found))
            except InvalidValue as error:
                self.mistakes.append(found.place.mistake(COLUMNS["number"][0], str(error)))
        return made

    def _told(self, number: str, found: _Found) -> ToldInvoice:
        amount = found.amount or sum_taxed(part for _name, part in found.lines)
        lines = found.lines or [(WHOLE_LINE, amount)]
        head = dict(found.head)
        status = head.pop("status")
        assert status is None or isinstance(status, InvoiceStatus)
        invoice = Invoice(
            number=number,
            amount=amount,
            lines=tuple(
                InvoiceLine(line=place, name=name, amount=part)
                for place, (name, part) in enumerate(lines, 1)
            ),
            **head,  # type: ignore[arg-type]  # read one by one above, each by its own reader
        )
        if invoice.red and status is not InvoiceStatus.VOID:
            # A red invoice itself stands; what its row calls red-flushed is the blue one.
            status = InvoiceStatus.NORMAL
        return ToldInvoice(
            place=found.place,
            invoice=invoice,
            status=status,
            parts=parts_of(invoice, self._sides, self._mapping),
        )


def parts_of(
    invoice: Invoice, sides: Sides, mapping: PaperMapping
) -> tuple[tuple[int, str, str], ...]:
    """The parts that a mapping says an invoice's lines are for."""
    contracts = sides.get((invoice.seller_id, invoice.buyer_id), ())
    said = ((line.line, mapping.part_of(line.name, contracts)) for line in invoice.lines)
    return tuple((line, *part) for line, part in said if part is not None)


def sides_of(contracts: Collection[tuple[str, str, str]]) -> Sides:
    """Contracts as (contract, provider, user), by their two sides."""
    found: dict[tuple[str, str], list[str]] = {}
    for contract_id, provider_id, user_id in sorted(contracts):
        found.setdefault((provider_id, user_id), []).append(contract_id)
    return found


class _RowReader:
    """Reads the cells of one row; what is wrong becomes a mistake at its column."""

    def __init__(self, row: Row, header: Header, place: Place, mistakes: list[Mistake]) -> None:
        self._row = row
        self._header = header
        self._place = place
        self._mistakes = mistakes

    def mistake(self, field_name: str, message: str) -> None:
        self._mistakes.append(self._place.mistake(self._header.name(field_name), message))

    def text(self, field_name: str) -> str:
        return self._header.cell(self._row, field_name).text

    def number(self) -> str:
        try:
            return check_number(exact_text(self._header.cell(self._row, "number")))
        except InvalidValue as error:
            self.mistake("number", str(error))
            return ""

    def day(self) -> object:
        try:
            return day(self._header.cell(self._row, "issued_on"))
        except InvalidValue as error:
            self.mistake("issued_on", str(error))
            return None

    def status(self, known: Mapping[str, InvoiceStatus]) -> InvoiceStatus | None:
        said = self.text("status")
        if not said:
            return None
        if said not in known:
            self.mistake(
                "status",
                f"状态“{said}”不在 {'、'.join(known)} 之中，请在对照文件的 [status] 中"
                "注明。"
                f"'{said}' is none of {'、'.join(known)}; map it in [status]",
            )
            return None
        return known[said]

    def blue(self) -> str:
        found = _BLUE.search(self.text("remark"))
        return found[1] if found else ""

    def amount(self) -> Taxed | None:
        fens: dict[str, int] = {}
        for name in ("ex_tax", "tax", "incl"):
            try:
                fens[name] = fen(self._header.cell(self._row, name))
            except InvalidValue as error:
                self.mistake(name, str(error))
        if len(fens) < 3:
            return None
        try:
            amount = Taxed(ex_tax_fen=fens["ex_tax"], tax_fen=fens["tax"])
            amount.check_incl(fens["incl"])
        except InvalidValue as error:
            self.mistake("incl", str(error))
            return None
        return amount
