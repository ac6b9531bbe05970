"""Claims on an invoice of which two officers let another content stand: whose it is, and once."""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, add_payment, filed, rules
from claim_cases import RIVAL as CLERK_OF_B
from contested_cases import (
    CLERK_OF_A,
    DECISION,
    DOCUMENT,
    NUMBER,
    OFFICE,
    RIVAL,
    SELLER,
    damaged,
    deciding,
    given_back,
    said,
    shown,
    told,
)
from fixtures_certificates import COMPANY_A, COMPANY_B
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import Refused
from kashi_server.services.claims import Acting
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.storage.unit_of_work import Work


def paid(ready: Filed, by: Acting, claim_id: str) -> str:
    """A claim whose voucher is used, redeemed, verified and paid."""
    ready.claims.use(by, claim_id)
    ready.claims.redeem(by, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    return claim_id


def covered(ready: Filed, payer_id: str, fen: int) -> None:
    """A payment covers the invoice."""
    with ready.work.begin() as unit:
        add_payment(unit, "PAY-9", payer_id, NUMBER, fen)
        unit.commit()


def drafted(ready: Filed, by: Acting, contract_id: str, *parts: InvoicePart) -> str:
    """A draft that names these parts."""
    content = replace(ready.content(contract_id), invoices=parts, payments=("PAY-9",))
    return ready.claims.draft(by, ready.batch.batch_id, content).claim.claim_id


def taken(ready: Filed) -> dict[str, int]:
    """By claim what the invoice's own account says is taken of it."""
    found: dict[str, int] = {}
    with ready.work.begin(writes=False) as unit:
        for one in unit.invoices.allocations(number=NUMBER):
            found[one.claim_id] = found.get(one.claim_id, 0) + one.amount_fen
    return found


@pytest.mark.parametrize("recovered", [True, False])
def test_the_true_buyer_claims_its_invoice_after_another_was_paid_on_a_false_content(
    claims_work: Work, recovered: bool
) -> None:
    """A was paid on the content that names it; two officers let B's stand: B's claim goes through
    to its payment, whether A gave the money back or owes it still; the invoice's account never
    holds more than the invoice is for, and fsck finds nothing."""
    ready = filed(claims_work)
    false = paid(ready, CLERK, ready.issued(200_00))
    told(ready, replace(shown(ready).stored.invoice, buyer_id=COMPANY_B), SELLER)
    given_back(ready)
    deciding(ready).decide(NUMBER, 2, DECISION, DOCUMENT)
    assert ready.claims.show(OFFICE, false).stored.claim.state is ClaimState.SUSPENDED
    if recovered:
        ready.claims.claw_back(BOTH, false, 200_00, WHY)
    lines = ((1, "HT-B", "accelerator"), (2, "HT-B", "storage"))
    told(ready, shown(ready).stored.invoice, RIVAL, *lines)
    covered(ready, COMPANY_B, 500_00)

    true = paid(ready, CLERK_OF_B, ready.issued(200_00, CLERK_OF_B, "HT-B"))

    assert ready.claims.show(OFFICE, true).stored.claim.amounts.disbursed_fen == 200_00
    assert taken(ready) == {false: 0, true: 500_00}
    more = drafted(ready, CLERK_OF_B, "HT-B", InvoicePart(NUMBER, "HT-B", "accelerator", 1))
    with pytest.raises(Refused, match=f"held by {true}|claimed before by {true}"):
        ready.claims.submit(CLERK_OF_B, more)
    assert damaged(claims_work, NUMBER) == []
    assert check_claim_books(claims_work) == []


def test_who_was_paid_on_a_false_content_is_not_paid_again_on_the_true_one(
    claims_work: Work,
) -> None:
    """Both contents are A's, and no line of the true one is for the part that carried its money:
    what A was paid counts against the invoice until it is recovered, and then no more."""
    ready = filed(claims_work, rules(clawback__ban_months='"none"'))
    first = paid(ready, CLERK, ready.issued(200_00))
    told(ready, said(300_00), SELLER)
    given_back(ready)
    deciding(ready).decide(NUMBER, 2, DECISION, DOCUMENT)
    told(ready, shown(ready).stored.invoice, CLERK_OF_A, (1, "HT-A", "storage"))
    covered(ready, COMPANY_A, 300_00)
    again = drafted(ready, CLERK, "HT-A", InvoicePart(NUMBER, "HT-A", "storage", 250_00))

    with pytest.raises(Refused, match=f"claimed before by {first}"):
        ready.claims.submit(CLERK, again)
    ready.claims.claw_back(BOTH, first, 200_00, WHY)
    ready.claims.submit(CLERK, again)

    assert taken(ready) == {first: 50_00, again: 250_00}
    assert damaged(claims_work, NUMBER) == []
