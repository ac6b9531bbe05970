"""A payment: what a company paid to its provider, and which invoices it was for."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from kashi_server.domain.contract_terms import check_text
from kashi_server.domain.invoice import check_number
from kashi_server.domain.money import FEN_MAX
from kashi_server.domain.party import check_credit_code
from kashi_server.errors import InvalidValue

COVERS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """How much of a payment was for one invoice, including tax."""

    number: str
    amount_fen: int

    def __post_init__(self) -> None:
        """Refuse nothing and less."""
        check_number(self.number)
        if self.amount_fen <= 0:
            raise InvalidValue(
                f"付款对应发票 {self.number} 的金额 {self.amount_fen} 分不成立。"
                f"a payment covers {self.amount_fen} fen of invoice {self.number}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as the bank booked it; it never changes.

    Attributes:
        reference: the bank's reference (流水号), with the payer its key.
        paid_on: the day of Asia/Shanghai on which it was booked.
        payer_id, payee_id: credit codes.
        amount_fen: what was paid.
        document: name of the voucher (回单); may be empty.
    """

    payer_id: str
    reference: str
    payee_id: str
    paid_on: date
    amount_fen: int
    document: str = ""

    def __post_init__(self) -> None:
        """Refuse a payment to oneself and one of nothing."""
        check_credit_code(self.payer_id)
        check_credit_code(self.payee_id)
        check_text(self.reference, "reference")
        if self.document:
            check_text(self.document, "document")
        if self.payer_id == self.payee_id:
            raise InvalidValue(
                f"付款 {self.reference} 的收款方就是付款方。"
                f"payment {self.reference} is to the payer itself"
            )
        if not 0 < self.amount_fen <= FEN_MAX:
            raise InvalidValue(
                f"付款 {self.reference} 的金额 {self.amount_fen} 分不成立。"
                f"payment {self.reference} of {self.amount_fen} fen"
            )


def check_covers(payment: Payment, covers: tuple[Covered, ...]) -> None:
    """Refuse covers above the payment, or of one invoice twice.

    Raises:
        InvalidValue: they are.
    """
    if len(covers) > COVERS_MAX:
        raise InvalidValue(
            f"付款 {payment.reference} 对应的发票超过 {COVERS_MAX} 张。"
            f"payment {payment.reference} covers more than {COVERS_MAX} invoices"
        )
    numbers = [one.number for one in covers]
    if len(set(numbers)) != len(numbers):
        raise InvalidValue(
            f"付款 {payment.reference} 对同一张发票写了两次。"
            f"payment {payment.reference} names an invoice twice"
        )
    total = sum(one.amount_fen for one in covers)
    if total > payment.amount_fen:
        raise InvalidValue(
            f"付款 {payment.reference} 金额 {payment.amount_fen} 分，"
            f"对应发票合计却为 {total} 分。"
            f"payment {payment.reference} of {payment.amount_fen} fen covers {total} fen"
        )
