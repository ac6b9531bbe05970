"""Contested invoices for tests: who tells what of a number, what two officers do, and fsck."""

from datetime import date

from claim_cases import Filed, invoice_number
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER
from kashi_server.domain.both_languages import halves
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from kashi_server.domain.taxed import Taxed
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting as PartyActing
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.invoice_deciding import InvoiceDeciding
from kashi_server.services.invoices import InvoiceHistory, InvoiceKeeping, TakenInvoices
from kashi_server.services.payment_righting import PaymentRighting
from kashi_server.services.sight import Reader
from kashi_server.services.told import Place, ToldInvoice
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
THE_OFFICE = PartyActing(actor="officer")
SELLER = PartyActing(actor="seller", party_id=PROVIDER)
CLERK_OF_A = PartyActing(actor="clerk", party_id=COMPANY_A)
RIVAL = PartyActing(actor="rival", party_id=COMPANY_B)
NUMBER, OTHER, RED = invoice_number(0), invoice_number(60), invoice_number(900)
DECISION = OfficersDecision(officers=("officer", "second"), reason="税务局查询结果")
DOCUMENT = "查验截图 2026-11-05"


def said(
    fen: int,
    number: str = NUMBER,
    buyer_id: str = COMPANY_A,
    blue_number: str = "",
    buyer_name: str = "需求方",
) -> Invoice:
    """What an invoice says."""
    amount = Taxed(ex_tax_fen=fen, tax_fen=0)
    return Invoice(
        number=number,
        issued_on=date(2026, 11, 2),
        seller_id=PROVIDER,
        buyer_id=buyer_id,
        seller_name="供给方",
        buyer_name=buyer_name,
        amount=amount,
        lines=(InvoiceLine(line=1, name="算力", amount=amount),),
        blue_number=blue_number,
    )


def told(
    ready: Filed,
    invoice: Invoice,
    acting: PartyActing,
    *parts: tuple[int, str, str],
    status: InvoiceStatus | None = InvoiceStatus.NORMAL,
    file: str = "export.xlsx",
) -> TakenInvoices:
    """A file of somebody's with this invoice; None: it does not say how the invoice stands."""
    place = Place(file=file, row=2)
    one = ToldInvoice(place=place, invoice=invoice, status=status, parts=parts)
    return InvoiceKeeping(ready.work, ready.clock, ready.claims).take([one], acting)


def shown(ready: Filed, number: str = NUMBER, acting: PartyActing = THE_OFFICE) -> InvoiceHistory:
    """The invoice as somebody sees it."""
    return InvoiceKeeping(ready.work, ready.clock).show(number, acting)


def keeping(ready: Filed) -> InvoiceKeeping:
    """Invoices as the office lists them."""
    return InvoiceKeeping(ready.work, ready.clock)


def deciding(ready: Filed) -> InvoiceDeciding:
    """Where two officers decide."""
    return InvoiceDeciding(ready.work, ready.clock, ready.claims)


def given_back(ready: Filed) -> None:
    """Two officers take off what payments cover of the invoice."""
    with ready.work.begin(writes=False) as unit:
        covering = [one.payment for one in unit.payments.payments() if one.counted.get(NUMBER)]
    for one in covering:
        righting = PaymentRighting(ready.work, ready.clock, ready.claims)
        righting.put_right((one.payer_id, one.reference), DECISION, DOCUMENT)


def damaged(work: Work, number: str) -> list[str]:
    """What fsck finds wrong with a number, but for what the samples lay past the log."""
    unlogged = ("stands in no log entry", "is in the log and nowhere else")
    kinds = ("invoice-version", "invoice-decision")
    found = (halves(one)[1] for one in check_logged(work))
    return [
        one
        for one in found
        if number in one and (one.startswith(kinds) or not one.endswith(unlogged))
    ]
