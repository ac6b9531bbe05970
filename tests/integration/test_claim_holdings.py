"""What claims hold of invoices that fall away: it stops no other use, and goes to nobody."""

from dataclasses import replace

from claim_cases import (
    CLERK,
    OFFICER,
    WHY,
    Filed,
    add_invoice,
    add_payment,
    filed,
    invoice_number,
    opened,
    rules,
)
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting as PartyActing
from kashi_server.services.claim_case import Papers
from kashi_server.services.invoices import InvoiceKeeping
from kashi_server.services.ledger import Ledger
from kashi_server.services.sight import Reader
from kashi_server.services.told import Place, ToldInvoice
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
CLERK_OF_A = PartyActing(actor="clerk", party_id=COMPANY_A)
BOTH_OFFICERS = replace(OFFICER, second="second")
BLUE, LATER = invoice_number(0), invoice_number(60)


def void(ready: Filed, number: str) -> None:
    """The company's own export says that an invoice is void."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(number)
    assert stored is not None
    place = Place(file="export.xlsx", row=2)
    told = ToldInvoice(place=place, invoice=stored.invoice, status=InvoiceStatus.VOID, parts=())
    InvoiceKeeping(ready.work, ready.clock, ready.claims).take([told], CLERK_OF_A)


def taken(ready: Filed, number: str) -> dict[str, int]:
    """What the invoice's own account says that each claim holds."""
    found: dict[str, int] = {}
    with ready.work.begin(writes=False) as unit:
        for one in unit.invoices.allocations(number=number):
            found[one.claim_id] = found.get(one.claim_id, 0) + one.amount_fen
    return {claim_id: fen for claim_id, fen in found.items() if fen}


def handed_in(ready: Filed, batch_id: str, fen: int) -> str:
    """A claim of compute on the first invoice."""
    part = (InvoicePart(BLUE, "HT-A", "accelerator", fen),)
    content = replace(ready.content(), invoices=part, payments=("PAY-0",))
    claim_id = ready.claims.draft(CLERK, batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    return claim_id


def test_a_void_invoice_that_no_use_rests_on_stops_no_other_use(claims_work: Work) -> None:
    """Two invoices granted, one becomes void: the voucher is used on what is left, and on new
    papers, and the void one is held no longer."""
    ready = filed(claims_work)
    with claims_work.begin() as unit:
        add_invoice(unit, LATER, "HT-A", COMPANY_A, (100_00, 1_00))
        add_payment(unit, "PAY-60", COMPANY_A, LATER, 101_00)
        unit.commit()
    claims, claim_id = ready.claims, ready.issued(200_00)
    void(ready, LATER)
    claims.resume(BOTH_OFFICERS, claim_id, WHY)
    named = Papers(
        invoices=(InvoicePart(BLUE, "HT-A", "accelerator", 100_00),), payments=("PAY-0",)
    )

    claims.use(CLERK, claim_id, papers=named)
    claims.use(CLERK, claim_id, amount_fen=10_00)
    claim = claims.show(OFFICE, claim_id).stored.claim

    assert (claim.state, claim.outstanding_fen) == (ClaimState.PARTIALLY_USED, 60_00)
    with claims_work.begin(writes=False) as unit:
        assert {one.number for one in unit.claims.held_parts(claim_id)} == {BLUE}
    assert Ledger(claims_work, ready.clock).check() == []


def test_what_is_given_back_of_a_void_invoice_goes_to_nobody(claims_work: Work) -> None:
    """Two programmes hold it and it becomes void: the first gives up, and who waited gets none."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    second = opened(
        claims_work,
        ready.clock,
        rules("other-voucher", redemption_mode='"post_use"'),
        batch_id="SQ-3",
    )
    first = handed_in(ready, ready.batch.batch_id, 450_00)
    waiting = handed_in(second, "SQ-3", 450_00)
    before = taken(ready, BLUE)
    void(ready, BLUE)

    ready.claims.withdraw(CLERK, first, WHY)
    after_first = taken(ready, BLUE)
    second.claims.withdraw(CLERK, waiting, WHY)

    assert before == {first: 450_00}
    assert after_first == {}
    assert taken(ready, BLUE) == {}


def test_who_was_handed_in_first_is_served_first_whatever_it_is_called(claims_work: Work) -> None:
    """The later claim's id sorts before the first one's: it gets what the first one leaves."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    second = opened(
        claims_work,
        ready.clock,
        rules("other-voucher", redemption_mode='"post_use"'),
        batch_id="AA-1",
    )
    first = handed_in(ready, ready.batch.batch_id, 400_00)
    ready.clock.advance(1000)
    later = handed_in(second, "AA-1", 300_00)

    assert later < first
    assert taken(ready, BLUE) == {first: 400_00, later: 50_00}
    ready.claims.withdraw(CLERK, first, WHY)
    assert taken(ready, BLUE) == {later: 300_00}
