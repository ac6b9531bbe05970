"""What papers come to beside what was metered, as they stand on one day; it lowers nothing.

Invoices and payments count until that day, less what red invoices until that day took back. Metered
is every closed month of the contract by then: both sides of the difference tell of the same day.
Of what is paid on an invoice, a contract has its share of what is left of it, and no more.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kashi_server.domain.interval import Month
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.taxed import Taxed

Plain = dict[str, object]


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of amounts, without and with tax.

    No `Taxed`: each red invoice has its tax cut by itself, so that a fen of tax may be left where
    nothing without tax is.
    """

    ex_tax_fen: int = 0
    incl_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RedPaper:
    """A red invoice: what it takes back in all, and of one contract; negative.

    Attributes:
        of_contract: by its lines that are mapped to the contract; None: no line of it is.
        unmapped_fen: including tax, by its lines that are mapped to no contract at all; 0 or less.
    """

    number: str
    issued_on: date
    amount: Taxed
    of_contract: Taxed | None
    unmapped_fen: int

    def to_data(self) -> Plain:
        """As the summary has it."""
        of_contract = self.of_contract
        return {
            "number": self.number,
            "issued_on": self.issued_on.isoformat(),
            **_amounts(self.amount),
            "contract_ex_tax_fen": None if of_contract is None else of_contract.ex_tax_fen,
            "contract_incl_fen": None if of_contract is None else of_contract.incl_fen,
            "unmapped_incl_fen": self.unmapped_fen,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaper:
    """A blue invoice of which a part is for the contract, and the red ones that name it."""

    number: str
    issued_on: date
    status: InvoiceStatus
    amount: Taxed
    of_contract: Taxed
    reds: tuple[RedPaper, ...]

    @property
    def left(self) -> Left | None:
        """What is left for the contract; None: nobody knows.

        Red invoices that are not here took some of it, or a red one without mapped lines may have
        taken it from another part of the invoice. Never more than the whole invoice has left.
        """
        if self.status in (InvoiceStatus.RED, InvoiceStatus.VOID):
            return Left()
        if self.status is InvoiceStatus.PARTLY_RED and not self.reds:
            return None
        mapped = [one.of_contract for one in self.reds if one.of_contract is not None]
        of_contract = _plus((self.of_contract, *mapped))
        most = min(of_contract, self._rest, key=lambda one: one.incl_fen)
        least_fen = of_contract.incl_fen + sum(one.unmapped_fen for one in self.reds)
        return most if max(0, least_fen) >= most.incl_fen else None

    @property
    def _rest(self) -> Left:
        """What red invoices left of the whole."""
        return _plus((self.amount, *(one.amount for one in self.reds)))

    def paid_fen(self, covered_fen: int) -> int | None:
        """What of the payments on the invoice is the contract's: its share of what is left.

        Cut to a fen, invoice by invoice; contracts together never have more than was paid.

        Args:
            covered_fen: what payments cover of the whole invoice.
        """
        left, rest_fen = self.left, self._rest.incl_fen
        if left is None:
            return None
        return min(covered_fen, rest_fen) * left.incl_fen // rest_fen if left.incl_fen else 0

    def to_data(self, covered_fen: int) -> Plain:
        """As the summary has it, with what payments cover of the whole invoice."""
        left = self.left
        return {
            "number": self.number,
            "issued_on": self.issued_on.isoformat(),
            "status": str(self.status),
            **_amounts(self.amount),
            "contract_ex_tax_fen": self.of_contract.ex_tax_fen,
            "contract_incl_fen": self.of_contract.incl_fen,
            "reds": [one.to_data() for one in self.reds],
            "left_ex_tax_fen": None if left is None else left.ex_tax_fen,
            "left_incl_fen": None if left is None else left.incl_fen,
            "contract_paid_fen": self.paid_fen(covered_fen),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPaper:
    """What a payment covers of the whole of an invoice."""

    reference: str
    paid_on: date
    invoice: str
    covered_fen: int

    def to_data(self) -> Plain:
        """As the summary has it."""
        return {
            "reference": self.reference,
            "paid_on": self.paid_on.isoformat(),
            "invoice": self.invoice,
            "covered_fen": self.covered_fen,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """Everything of a contract's money until a day.

    Attributes:
        until_day: a day of Asia/Shanghai; nothing later counts.
        until_month: the last month that is metered and closed.
        payments: of invoices of which something is left.
    """

    until_day: date
    until_month: Month
    metered_fen: int
    invoices: Sequence[InvoicePaper]
    payments: Sequence[PaidPaper]

    def to_data(self) -> Plain:
        """As the summary has it."""
        left = _plus([one.left for one in self.invoices if one.left is not None])
        covered = Counter[str]()
        for one in self.payments:
            covered[one.invoice] += one.covered_fen
        paid = [one.paid_fen(covered[one.number]) for one in self.invoices]
        return {
            "invoices": [one.to_data(covered[one.number]) for one in self.invoices],
            "payments": [one.to_data() for one in self.payments],
            "tie_out": {
                "until_day": self.until_day.isoformat(),
                "until_month": str(self.until_month),
                "metered_fen": self.metered_fen,
                "invoiced_ex_tax_fen": left.ex_tax_fen,
                "invoiced_incl_fen": left.incl_fen,
                "unknown_invoices": sum(1 for one in self.invoices if one.left is None),
                "paid_fen": sum(fen for fen in paid if fen is not None),
                "invoiced_less_metered_fen": left.incl_fen - self.metered_fen,
            },
        }


def _plus(amounts: Sequence[Taxed | Left]) -> Left:
    """The sum; nothing where red ones took back all of it or more."""
    incl_fen = sum(one.incl_fen for one in amounts)
    ex_tax_fen = sum(one.ex_tax_fen for one in amounts)
    return Left(ex_tax_fen, incl_fen) if incl_fen > 0 else Left()


def _amounts(amount: Taxed) -> Plain:
    return {
        "ex_tax_fen": amount.ex_tax_fen,
        "tax_fen": amount.tax_fen,
        "incl_fen": amount.incl_fen,
    }
