"""Uses of a voucher: nothing is used on what nobody knows."""

from dataclasses import replace

import pytest
from claim_cases import (
    BOTH,
    CLERK,
    OFFICER,
    WHY,
    Filed,
    add_invoice,
    filed,
    invoice_number,
    rules,
)
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claim_case import Papers
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def unpaid(ready: Filed) -> Papers:
    """An invoice of 400 yuan that no payment covers."""
    with ready.work.begin() as unit:
        add_invoice(unit, invoice_number(50), "HT-A", COMPANY_A, (400_00, 1_00))
        unit.commit()
    return Papers(invoices=(InvoicePart(invoice_number(50), "HT-A", "accelerator", 400_00),))


def test_a_voucher_is_not_used_on_an_invoice_that_nobody_paid(claims_work: Work) -> None:
    """The rules count payments: without any the amount is a guess, and the voucher stays whole."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)

    with pytest.raises(Refused, match="payment"):
        ready.claims.use(CLERK, claim_id, papers=unpaid(ready))
    claim = ready.claims.show(OFFICE, claim_id).stored.claim
    assert (claim.state, claim.balance_fen) == (ClaimState.ISSUED, 200_00)


def test_an_approval_on_an_estimate_grants_no_use_without_payments(claims_work: Work) -> None:
    """Two officers may grant before anything is paid; the voucher then waits for the payment."""
    ready = filed(claims_work)
    claims = ready.claims
    content = replace(ready.content(), invoices=unpaid(ready).invoices)
    claim_id = claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)
    claims.approve(BOTH, claim_id, 200_00, WHY, on_estimate=True)
    claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    claims.issue(OFFICER, claim_id)

    with pytest.raises(Refused, match="payment"):
        claims.use(CLERK, claim_id)


def test_what_two_officers_left_open_does_not_stop_a_use(claims_work: Work) -> None:
    """A parameter that nobody knew when the claim was approved on an estimate stays open."""
    ready = filed(claims_work, rules(stacking__ratio="unknown"))
    claims, claim_id = ready.claims, ready.draft()
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)
    claims.approve(BOTH, claim_id, 200_00, WHY, on_estimate=True)
    claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    claims.issue(OFFICER, claim_id)

    assert claims.use(CLERK, claim_id).stored.claim.state is ClaimState.USED
