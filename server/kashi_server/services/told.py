"""What a file told of papers, each with its place in the file, so that a mistake can name it."""

from dataclasses import dataclass

from kashi_server.domain.invoice import Invoice, InvoiceStatus
from kashi_server.domain.payment import Covered, Payment
from kashi_server.domain.positioned import Mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file and a row or line in it, counted from 1."""

    file: str
    row: int

    def mistake(self, field: str, message: str) -> Mistake:
        """A mistake there; `field` names the column."""
        return Mistake(file=self.file, line=self.row, field=field, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldInvoice:
    """An invoice and how it stands, as a file tells it.

    `parts` pairs the line with the contract's part where the file or its mapping says so;
    `status` None: the file does not tell how it stands (an XML file is the invoice itself).
    """

    place: Place
    invoice: Invoice
    status: InvoiceStatus | None
    parts: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPayment:
    """A payment and what it covers, as a file tells it."""

    place: Place
    payment: Payment
    covers: tuple[Covered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a file held: papers of contracts here, and how many rows were passed by as others'."""

    invoices: tuple[ToldInvoice, ...] = ()
    payments: tuple[ToldPayment, ...] = ()
    passed_by: int = 0
