"""Payments from tables and TOML files.

No bank's export has credit codes, so the columns are ours; a mapping file renames them and gives as
constants what no column tells. A row is one payment, or one invoice of a payment: rows of one
reference belong together and say the same of the payment.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from kashi_server.domain.invoice import check_number
from kashi_server.domain.money import parse_yuan
from kashi_server.domain.party import check_credit_code
from kashi_server.domain.payment import Covered, Payment
from kashi_server.domain.positioned import (
    Mistake,
    MistakesFound,
    Path,
    Positioned,
    parse_positioned,
)
from kashi_server.errors import InvalidValue
from kashi_server.services.paper_mapping import PaperMapping
from kashi_server.services.sheets import (
    Cell,
    Header,
    Row,
    Sheet,
    day,
    exact_text,
    fen,
    find_header,
    rows_below,
)
from kashi_server.services.told import Place, Read, ToldPayment

COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "reference": ("流水号", "交易流水号", "银行流水号", "reference"),
    "payer": ("付款方识别号", "付款方统一社会信用代码", "payer"),
    "payee": ("收款方识别号", "收款方统一社会信用代码", "payee"),
    "paid_on": ("付款日期", "交易日期", "paid_on"),
    "amount": ("付款金额", "交易金额", "金额", "amount_yuan"),
    "invoice": ("发票号码", "数电发票号码", "invoice"),
    "covers": ("核销金额", "对应发票金额", "covers_yuan"),
    "document": ("回单", "凭证", "document"),
}
REQUIRED: Final = ("reference", "payer", "payee", "paid_on", "amount")
_FIELDS: Final = ("reference", "payer", "payee", "paid_on", "amount_yuan", "document", "covers")


def read_payment_sheets(sheets: Sequence[Sheet], file: str, mapping: PaperMapping) -> Read:
    """The payments of a workbook or CSV file.

    Raises:
        MistakesFound: no sheet has the columns, or rows are not what they must be; each with file,
            row and column.
    """
    required = [name for name in REQUIRED if name not in mapping.constants]
    found: dict[tuple[str, str], ToldPayment] = {}
    mistakes: list[Mistake] = []
    headed = False
    try:
        known = mapping.headers(COLUMNS)
        for sheet in sheets:
            header = find_header(sheet, known, required)
            if header is None:
                continue
            headed = True
            for row in rows_below(sheet, header):
                place = Place(file=f"{file}[{sheet.name}]", row=row.number)
                _take(_RowReader(row, header, place, mapping.constants, mistakes), found)
    except InvalidValue as error:
        mistakes.append(Mistake(file=file, line=1, field="", message=str(error)))
    if not headed and not mistakes:
        named = "、".join(COLUMNS[name][0] for name in required)
        mistakes.append(
            Mistake(
                file=file,
                line=1,
                field="",
                message=(f"没有工作表含有这些列：{named}。no sheet has the columns {named}"),
            )
        )
    if mistakes:
        raise MistakesFound(mistakes)
    return Read(payments=tuple(found.values()))


def _take(reader: "_RowReader", found: dict[tuple[str, str], ToldPayment]) -> None:
    told = reader.payment()
    if told is None:
        return
    key = told.payment.payer_id, told.payment.reference
    known = found.get(key)
    if known is None:
        found[key] = told
    elif known.payment != told.payment:
        reader.mistake(
            "reference",
            f"付款 {key[1]} 与第 {known.place.row} 行所述不一致。"
            f"payment {key[1]} says otherwise in row {known.place.row}",
        )
    else:
        found[key] = ToldPayment(
            place=known.place, payment=known.payment, covers=(*known.covers, *told.covers)
        )


class _RowReader:
    """Reads the cells of one row; what is wrong becomes a mistake at its column."""

    def __init__(
        self,
        row: Row,
        header: Header,
        place: Place,
        constants: Mapping[str, str],
        mistakes: list[Mistake],
    ) -> None:
        self._row = row
        self._header = header
        self._place = place
        self._constants = constants
        self._mistakes = mistakes

    def mistake(self, name: str, message: str) -> None:
        self._mistakes.append(self._place.mistake(self._header.name(name), message))

    def payment(self) -> ToldPayment | None:
        before = len(self._mistakes)
        reference = self._read("reference", exact_text)
        payer = self._read("payer", _credit_code)
        payee = self._read("payee", _credit_code)
        paid_on = self._read("paid_on", day)
        amount_fen = self._read("amount", fen)
        covers = self._covers(amount_fen)
        if len(self._mistakes) > before:
            return None
        try:
            payment = Payment(
                payer_id=payer,
                reference=reference,
                payee_id=payee,
                paid_on=paid_on,
                amount_fen=amount_fen,
                document=self._cell("document").text,
            )
        except InvalidValue as error:
            self.mistake("reference", str(error))
            return None
        return ToldPayment(place=self._place, payment=payment, covers=covers)

    def _covers(self, amount_fen: Any) -> tuple[Covered, ...]:
        if not self._cell("invoice").text:
            return ()
        number = self._read("invoice", lambda cell: check_number(exact_text(cell)))
        told = self._cell("covers").text
        covered_fen = self._read("covers", fen) if told else amount_fen
        if number is None or covered_fen is None:
            return ()
        try:
            return (Covered(number=number, amount_fen=covered_fen),)
        except InvalidValue as error:
            self.mistake("covers", str(error))
            return ()

    def _cell(self, name: str) -> Cell:
        cell = self._header.cell(self._row, name)
        return cell if cell.text else Cell(self._constants.get(name, ""))

    def _read(self, name: str, read: Any) -> Any:
        try:
            return read(self._cell(name))
        except InvalidValue as error:
            self.mistake(name, str(error))
            return None


def _credit_code(cell: Cell) -> str:
    return check_credit_code(cell.text)


def read_payment_toml(text: str, file: str) -> Read:
    """The payments of a TOML file: tables `[[payment]]`, each with its `covers`.

    Raises:
        MistakesFound: every mistake with its line.
    """
    document, mistakes = parse_positioned(text, file), list[Mistake]()
    mistakes += [
        document.mistake(
            (name,), "没有此表，可用：[[payment]]。there is no such table; known is [[payment]]"
        )
        for name in document.content.keys() - {"payment"}
    ]
    tables = document.content.get("payment", [])
    told: list[ToldPayment] = []
    if isinstance(tables, list):
        for index, table in enumerate(tables):
            one = _toml_payment(document, ("payment", index), table, mistakes)
            if one is not None:
                told.append(one)
    else:
        mistakes.append(
            document.mistake(("payment",), "须写作 [[payment]]。write it as [[payment]]")
        )
    if mistakes:
        raise MistakesFound(mistakes)
    return Read(payments=tuple(told))


def _toml_payment(
    document: Positioned, path: Path, table: object, mistakes: list[Mistake]
) -> ToldPayment | None:
    if not isinstance(table, dict):
        mistakes.append(document.mistake(path, "须为表。is not a table"))
        return None
    before = len(mistakes)
    for name in table.keys() - set(_FIELDS):
        known = ", ".join(_FIELDS)
        mistakes.append(
            document.mistake(
                (*path, name),
                f"没有此字段，可用字段：{known}。there is no such field; known are {known}",
            )
        )

    def read(name: str, of: Any, *, required: bool = True) -> Any:
        if name not in table:
            if required:
                mistakes.append(document.mistake((*path, name), "缺少此字段。is missing"))
            return None
        try:
            return of(table[name])
        except InvalidValue as error:
            mistakes.append(document.mistake((*path, name), str(error)))
            return None

    values = {
        "payer_id": read("payer", lambda value: check_credit_code(_text(value))),
        "reference": read("reference", _text),
        "payee_id": read("payee", lambda value: check_credit_code(_text(value))),
        "paid_on": read("paid_on", _day),
        "amount_fen": read("amount_yuan", _fen),
        "document": read("document", _text, required=False) or "",
    }
    covers = read("covers", _covers, required=False) or ()
    if len(mistakes) > before:
        return None
    try:
        payment = Payment(**values)
    except InvalidValue as error:
        mistakes.append(document.mistake((*path, "reference"), str(error)))
        return None
    place = Place(file=document.file, row=document.line_of(path))
    return ToldPayment(place=place, payment=payment, covers=covers)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(f"{value!r} 不是文本。{value!r} is not text")
    return value.strip()


def _day(value: object) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise InvalidValue(
            f"{value!r} 不是日期，请直接写作 2026-08-20。"
            f"{value!r} is not a day; write it bare, like 2026-08-20"
        )
    return value


def _fen(value: object) -> int:
    return parse_yuan(_text(value))


def _covers(value: object) -> tuple[Covered, ...]:
    if not isinstance(value, list):
        raise InvalidValue(
            '须写作 [{ invoice = "…", amount_yuan = "…" }]。'
            'write it as [{ invoice = "…", amount_yuan = "…" }]'
        )
    covers: list[Covered] = []
    for one in value:
        if not isinstance(one, dict) or one.keys() != {"invoice", "amount_yuan"}:
            raise InvalidValue(
                "每项对应须有 invoice 与 amount_yuan，且没有其他字段。"
                "each cover has an invoice and an amount_yuan, and nothing else"
            )
        number = check_number(_text(one["invoice"]))
        covers.append(Covered(number=number, amount_fen=_fen(one["amount_yuan"])))
    return tuple(covers)
