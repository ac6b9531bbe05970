"""On the day money moves a claim is worth what it comes to that day, and nothing above is paid."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial

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
from claim_contracts import amended
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import ClaimContent, InvoicePart
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.errors import Refused
from kashi_server.storage.unit_of_work import Work


def out_fen(ready: Filed) -> int:
    """Money out."""
    return sum(ready.balances("disbursed:").values())


# Threshold


def of_the_year(claims_work: Work, mode: str) -> Filed:
    """A threshold of 500 yuan; paid invoices of 300 and 250."""
    version = rules(
        redemption_mode=f'"{mode}"', threshold__year_yuan='"500.00"', stacking__ratio='"none"'
    )
    ready = filed(claims_work, version)
    with claims_work.begin() as unit:
        for place, fen in ((50, 300_00), (51, 250_00)):
            add_invoice(unit, invoice_number(place), "HT-A", COMPANY_A, (fen, 1_00))
            add_payment(unit, f"PAY-{place}", COMPANY_A, invoice_number(place), fen + 1_00)
        unit.commit()
    return ready


def submitted(ready: Filed, place: int, fen: int) -> str:
    """A claim of one of the invoices."""
    part = (InvoicePart(invoice_number(place), "HT-A", "accelerator", fen),)
    content = replace(ready.content(), invoices=part, payments=(f"PAY-{place}",))
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    return claim_id


def approved(ready: Filed, claim_id: str, fen: int) -> None:
    """Checked, reviewed, approved and public."""
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    ready.claims.approve(BOTH, claim_id, fen, WHY)
    ready.claims.publicise(OFFICER, claim_id)


def test_a_claim_that_only_padded_a_threshold_pays_nothing(claims_work: Work) -> None:
    """300 of 500 yuan, and 250 of a claim that is withdrawn once the first is approved."""
    ready = of_the_year(claims_work, "post_use")
    padding, claim_id = submitted(ready, 51, 250_00), submitted(ready, 50, 300_00)
    approved(ready, claim_id, 150_00)
    ready.claims.withdraw(CLERK, padding, WHY)
    ready.days_later(7)

    with pytest.raises(Refused, match=r"comes to 0\.00 yuan"):
        ready.claims.verify(OFFICER, claim_id, WHY)


def test_a_claim_that_nobody_approved_yet_opens_no_payment(claims_work: Work) -> None:
    """Together they reach it: each is approved on the other, and paid once both are."""
    ready = of_the_year(claims_work, "post_use")
    other, claim_id = submitted(ready, 51, 250_00), submitted(ready, 50, 300_00)
    approved(ready, claim_id, 150_00)
    ready.days_later(7)
    with pytest.raises(Refused, match=r"comes to 0\.00 yuan"):
        ready.claims.verify(OFFICER, claim_id, WHY)
    approved(ready, other, 125_00)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)

    assert out_fen(ready) == 150_00


def test_no_voucher_is_issued_on_expense_that_was_withdrawn(claims_work: Work) -> None:
    """The face would be 150 yuan, and the year stays below its threshold."""
    ready = of_the_year(claims_work, "claim_first")
    padding, claim_id = submitted(ready, 51, 250_00), submitted(ready, 50, 300_00)
    approved(ready, claim_id, 150_00)
    ready.claims.withdraw(CLERK, padding, WHY)
    ready.days_later(7)

    with pytest.raises(Refused, match=r"comes to 0\.00 yuan"):
        ready.claims.issue(OFFICER, claim_id)


def test_a_use_is_a_part_of_its_application_and_counts_once(claims_work: Work) -> None:
    """300 yuan of the application are the 300 of its use: not 600, which would reach 500."""
    ready = of_the_year(claims_work, "claim_first")
    other, claim_id = submitted(ready, 51, 250_00), submitted(ready, 50, 300_00)
    for one, fen in ((claim_id, 150_00), (other, 125_00)):
        approved(ready, one, fen)
    ready.days_later(7)
    ready.claims.issue(OFFICER, claim_id)
    ready.claims.withdraw(CLERK, other, WHY)

    with pytest.raises(Refused, match="come to nothing"):
        ready.claims.use(CLERK, claim_id)


# Papers


def test_without_a_voucher_nothing_is_paid_before_the_company_paid(claims_work: Work) -> None:
    """Two officers granted on an estimate; the payment it waits for is still not there."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"', stacking__ratio='"none"'))
    part = (InvoicePart(invoice_number(0), "HT-A", "accelerator", 450_00),)
    claim_id = drafted(ready, replace(ready.content(), invoices=part))
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    ready.claims.approve(BOTH, claim_id, 225_00, WHY, on_estimate=True)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)

    with pytest.raises(Refused, match="no money is used or paid on an estimate: payment"):
        ready.claims.verify(OFFICER, claim_id, WHY)


def drafted(ready: Filed, content: ClaimContent) -> str:
    """A draft with what is said, and nothing gathered."""
    return ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id


def cut(ready: Filed) -> None:
    """Compute for 100 yuan instead of 900."""
    amended(ready, "HT-A", 100_00)


def related(ready: Filed) -> None:
    """Both sides declare that they are related."""
    with ready.work.begin() as unit:
        unit.papers.put_declaration(
            RelatedDeclaration(
                contract_id="HT-A",
                declared_on=date(2026, 11, 5),
                unrelated=False,
                document="关联声明",
            )
        )
        unit.commit()


@pytest.mark.parametrize(("become", "worth"), [(cut, "50.00"), (related, "0.00")])
@pytest.mark.parametrize("verified", [False, True])
@pytest.mark.parametrize("mode", ["post_use", "claim_first"])
def test_what_an_amendment_or_a_declaration_took_away_is_not_paid(
    claims_work: Work, mode: str, verified: bool, become: Callable[[Filed], None], worth: str
) -> None:
    """Approved for 200 yuan: whatever came in since is seen where it is verified, and where it is
    paid."""
    ready = filed(claims_work, rules(redemption_mode=f'"{mode}"'))
    claims = ready.claims
    if mode == "claim_first":
        claim_id = ready.issued(200_00)
        claims.use(CLERK, claim_id)
        claims.redeem(CLERK, claim_id)
    else:
        claim_id = ready.approved(200_00)
        claims.publicise(OFFICER, claim_id)
        ready.days_later(7)
    if verified:
        claims.verify(OFFICER, claim_id, WHY)
    become(ready)

    step = partial(claims.pay, BOTH) if verified else partial(claims.verify, OFFICER)
    with pytest.raises(Refused, match=f"comes to {worth} yuan"):
        step(claim_id, WHY)
    assert out_fen(ready) == 0


def test_what_is_left_after_an_amendment_is_verified_and_paid(claims_work: Work) -> None:
    """200 yuan were approved, the contract then cut to 100: 50 are verified and paid."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    claim_id = ready.approved(200_00)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    cut(ready)
    ready.claims.verify(OFFICER, claim_id, WHY, amount_fen=50_00)
    ready.claims.pay(BOTH, claim_id, WHY)

    assert out_fen(ready) == 50_00
