"""An invoice: a 数电票 by its 20 digits, its amounts to the fen, its lines, and how it stands.

The number is 2 digits of the year, 2 of the region, 1 of the channel and 15 of the serial; it names
one invoice in the whole country, so it is the key. A red invoice (红字发票) takes back what its
blue one said, in part or whole: its amounts are negative and it names the blue one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from kashi_server.domain.contract import check_token
from kashi_server.domain.party import check_credit_code
from kashi_server.domain.taxed import Taxed, sum_taxed
from kashi_server.errors import InvalidValue

NUMBER_DIGITS: Final = 20
LINES_MAX: Final = 2_000
NAME_CHARACTERS_MAX: Final = 300


def check_number(text: str) -> str:
    """The number of a 数电票, if it is one.

    Raises:
        InvalidValue: it is not 20 digits.
    """
    if len(text) != NUMBER_DIGITS or not (text.isascii() and text.isdigit()):
        raise InvalidValue(
            f"“{text}”不是数电票号码；须为 {NUMBER_DIGITS} 位数字。"
            f"'{text}' is not the number of a 数电票: {NUMBER_DIGITS} digits"
        )
    return text


class InvoiceStatus(StrEnum):
    """How an invoice stands at the tax bureau."""

    NORMAL = "normal"
    PARTLY_RED = "partly_red"
    RED = "red"
    VOID = "void"

    @property
    def claimable(self) -> bool:
        """Whether anything of it can be claimed: not of a red-flushed or void one."""
        return self in (InvoiceStatus.NORMAL, InvoiceStatus.PARTLY_RED)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line, counted from 1: what was sold, and for how much. A discount line is negative."""

    line: int
    name: str
    amount: Taxed

    def __post_init__(self) -> None:
        """Refuse a line without a name or place."""
        if self.line < 1:
            raise InvalidValue(f"没有第 {self.line} 行。there is no line {self.line}")
        if not self.name.strip() or len(self.name) > NAME_CHARACTERS_MAX:
            raise InvalidValue(
                f"第 {self.line} 行没有项目名称，或名称过长。"
                f"line {self.line} has no name, or an endless one"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What an invoice says; it never changes. How it stands does: `InvoiceStatus`.

    Attributes:
        number: its 20 digits.
        issued_on: the day of Asia/Shanghai on which it was issued.
        seller_id, buyer_id: credit codes.
        seller_name, buyer_name: as it spells them.
        amount: all of it; negative: a red invoice.
        lines: what it is for; they add up to the amount.
        blue_number: of a red invoice: the invoice it takes back; "" where it does not say.
    """

    number: str
    issued_on: date
    seller_id: str
    buyer_id: str
    seller_name: str
    buyer_name: str
    amount: Taxed
    lines: tuple[InvoiceLine, ...]
    blue_number: str = ""

    def __post_init__(self) -> None:
        """Refuse an invoice whose parts do not hold together."""
        check_number(self.number)
        check_credit_code(self.seller_id)
        check_credit_code(self.buyer_id)
        if not self.amount.incl_fen:
            raise InvalidValue(
                f"发票 {self.number} 的金额为零。invoice {self.number} is for nothing"
            )
        if not 1 <= len(self.lines) <= LINES_MAX:
            raise InvalidValue(
                f"发票 {self.number} 有 {len(self.lines)} 行；须为 1 至 {LINES_MAX} 行。"
                f"invoice {self.number} has {len(self.lines)} lines"
            )
        if [line.line for line in self.lines] != list(range(1, len(self.lines) + 1)):
            raise InvalidValue(
                f"发票 {self.number} 的行号不是从 1 起连续编号。"
                f"the lines of invoice {self.number} are not counted from 1"
            )
        total = sum_taxed(line.amount for line in self.lines)
        if total != self.amount:
            raise InvalidValue(
                f"发票 {self.number} 各行合计 {_text(total, '分')}，"
                f"票面为 {_text(self.amount, '分')}。"
                f"the lines of invoice {self.number} come to {_text(total)},"
                f" the invoice to {_text(self.amount)}"
            )
        if self.blue_number:
            check_number(self.blue_number)
            if not self.red:
                raise InvalidValue(
                    f"发票 {self.number} 是蓝字发票，却写了对应的蓝字发票。"
                    f"invoice {self.number} is blue and names a blue one"
                )
            if self.blue_number == self.number:
                raise InvalidValue(
                    f"发票 {self.number} 不能冲销自身。invoice {self.number} takes back itself"
                )

    @property
    def red(self) -> bool:
        """It takes back another one."""
        return self.amount.incl_fen < 0


def _text(amount: Taxed, unit: str = "fen") -> str:
    return f"{amount.ex_tax_fen} + {amount.tax_fen} {unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePart:
    """Which part of which contract a line of an invoice is for."""

    line: int
    contract_id: str
    part: str

    def __post_init__(self) -> None:
        """Refuse what names no part."""
        check_token(self.contract_id, "contract_id")
        check_token(self.part, "part")


def amounts_by_part(
    lines: Iterable[InvoiceLine], mapped: Iterable[LinePart]
) -> dict[tuple[str, str], Taxed]:
    """The amount of an invoice by (contract, part); lines of no part are left out."""
    amounts = {line.line: line.amount for line in lines}
    found: dict[tuple[str, str], list[Taxed]] = {}
    for one in mapped:
        found.setdefault((one.contract_id, one.part), []).append(amounts[one.line])
    return {key: sum_taxed(parts) for key, parts in sorted(found.items())}


def status_by_reds(invoice: Invoice, reds: Iterable[Invoice]) -> InvoiceStatus:
    """How red invoices leave one: normal where none takes back anything, and of a red one."""
    taken_back = [red.amount.incl_fen for red in reds]
    if not taken_back or invoice.red:
        return InvoiceStatus.NORMAL
    left_fen = invoice.amount.incl_fen + sum(taken_back)
    return InvoiceStatus.PARTLY_RED if left_fen > 0 else InvoiceStatus.RED
