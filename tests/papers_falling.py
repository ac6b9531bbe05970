"""Papers that fall away after a claim rested on them: an invoice, a certificate, a payment."""

from claim_cases import Filed, invoice_number
from fixtures_certificates import COMPANY_A
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services.acting import Acting as PartyActing
from kashi_server.services.certificate_standing import Standing
from kashi_server.services.invoices import InvoiceKeeping
from kashi_server.services.payment_righting import PaymentRighting
from kashi_server.services.told import Place, ToldInvoice
from kashi_server.services.two_officers import OfficersDecision

CLERK_OF_A = PartyActing(actor="clerk", party_id=COMPANY_A)
DECISION = OfficersDecision(officers=("officer", "second"), reason="银行回单查询：已退款")


def void(ready: Filed, place: int = 0) -> None:
    """The company's own export says that its invoice is void."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(invoice_number(place))
    assert stored is not None
    told = ToldInvoice(
        place=Place(file="export.xlsx", row=2),
        invoice=stored.invoice,
        status=InvoiceStatus.VOID,
        parts=(),
    )
    InvoiceKeeping(ready.work, ready.clock, ready.claims).take([told], CLERK_OF_A)


def withdraw(ready: Filed, reason: str = "measured wrongly", *, telling: bool = True) -> None:
    """The company's certificate is withdrawn; perhaps the claims are told, as the command does."""
    with ready.work.begin(writes=False) as unit:
        (number,) = [
            one.number for one in unit.certificates.certificates() if one.user_id == COMPANY_A
        ]
    watches = (ready.claims,) if telling else ()
    Standing(ready.work, ready.clock).withdraw(number, reason, "officer", watches)


def payment_back(ready: Filed) -> None:
    """The company's payment went back, two officers say."""
    righting = PaymentRighting(ready.work, ready.clock, ready.claims)
    righting.put_right((COMPANY_A, "PAY-0"), DECISION, "银行回复")
