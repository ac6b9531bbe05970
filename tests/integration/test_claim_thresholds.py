"""A year's threshold: expense that a claim names no more, or that is stopped, reaches nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from claim_cases import (
    BOTH,
    CLERK,
    OFFICER,
    WHY,
    Filed,
    add_invoice,
    add_payment,
    filed,
    invoice_number,
    rules,
)
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import ClaimContent, InvoicePart
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def content(ready: Filed, place: int, fen: int) -> ClaimContent:
    """One invoice's compute with its payment."""
    part = (InvoicePart(invoice_number(place), "HT-A", "accelerator", fen),)
    return replace(ready.content(), invoices=part, payments=(f"PAY-{place}",))


def of_the_year(claims_work: Work) -> Filed:
    """A threshold of 400 yuan of eligible expense, an invoice of 450 and two of 30."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"', threshold__year_yuan='"400.00"'))
    with claims_work.begin() as unit:
        for place in (50, 51):
            add_invoice(unit, invoice_number(place), "HT-A", COMPANY_A, (30_00, 1_00))
            add_payment(unit, f"PAY-{place}", COMPANY_A, invoice_number(place), 31_00)
        unit.commit()
    return ready


def submitted(ready: Filed, said: ClaimContent) -> str:
    """A claim that was handed in."""
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, said).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    return claim_id


def corrected_to_less(ready: Filed, claim_id: str) -> None:
    """Returned for correction; the company then names another, smaller invoice."""
    ready.claims.check(OFFICER, claim_id)
    ready.claims.send_back(OFFICER, claim_id, WHY)
    ready.claims.change(CLERK, claim_id, content(ready, 50, 30_00))
    ready.claims.submit(CLERK, claim_id)


def suspended(ready: Filed, claim_id: str) -> None:
    """An officer stops it."""
    ready.claims.suspend(OFFICER, claim_id, WHY)


@pytest.mark.parametrize("become", [corrected_to_less, suspended])
def test_a_threshold_counts_what_claims_stand_for_now(
    claims_work: Work, become: Callable[[Filed, str], None]
) -> None:
    """60 or 30 yuan of the year do not reach 400, whatever an earlier evaluation had found."""
    ready = of_the_year(claims_work)
    large = submitted(ready, content(ready, 0, 450_00))
    become(ready, large)
    small = submitted(ready, content(ready, 51, 30_00))
    ready.claims.check(OFFICER, small)

    assert ready.claims.show(OFFICE, small).stored.claim.computed_fen == 0
    ready.claims.review(OFFICER, small, WHY)
    with pytest.raises(Refused):
        ready.claims.approve(BOTH, small, 15_00, WHY)


def test_a_threshold_counts_another_claim_that_stands(claims_work: Work) -> None:
    """450 yuan of another claim and 30 of this one reach 400."""
    ready = of_the_year(claims_work)
    submitted(ready, content(ready, 0, 450_00))
    small = submitted(ready, content(ready, 51, 30_00))

    assert ready.claims.show(OFFICE, small).stored.claim.computed_fen == 15_00


def test_a_voucher_counts_by_its_application_whatever_was_used(claims_work: Work) -> None:
    """450 yuan were granted on and 20 used: it is the 450 that reach 400 with another claim."""
    ready = filed(claims_work, rules(threshold__year_yuan='"400.00"'))
    with claims_work.begin() as unit:
        add_invoice(unit, invoice_number(51), "HT-A", COMPANY_A, (30_00, 1_00))
        add_payment(unit, "PAY-51", COMPANY_A, invoice_number(51), 31_00)
        unit.commit()
    voucher = submitted(ready, content(ready, 0, 450_00))
    ready.claims.check(OFFICER, voucher)
    ready.claims.review(OFFICER, voucher, WHY)
    ready.claims.approve(BOTH, voucher, 200_00, WHY)
    ready.claims.publicise(OFFICER, voucher)
    ready.days_later(7)
    ready.claims.issue(OFFICER, voucher)
    ready.claims.use(CLERK, voucher, amount_fen=20_00)
    small = submitted(ready, content(ready, 51, 30_00))

    assert ready.claims.show(OFFICE, small).stored.claim.computed_fen == 15_00
