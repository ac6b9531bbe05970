"""Claims on an invoice about whose content two officers decide: told of what changed, and no more.

To decide for the content that stands is the one way off the contested list after a stranger's word.
"""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, rules
from contested_cases import (
    DECISION,
    DOCUMENT,
    NUMBER,
    OFFICE,
    RED,
    RIVAL,
    SELLER,
    THE_OFFICE,
    damaged,
    deciding,
    keeping,
    said,
    shown,
    told,
)
from fixtures_certificates import COMPANY_B
from kashi_server.domain.claim import Claim
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.storage.unit_of_work import Work


def steps(ready: Filed, claim_id: str) -> tuple[Claim, int]:
    """A claim, and how many steps it has taken."""
    shown_claim = ready.claims.show(OFFICE, claim_id)
    return shown_claim.stored.claim, len(shown_claim.events)


def brought(ready: Filed, stage: str) -> str:
    """A claim that came so far: approved before its use, or verified or paid."""
    if stage == "approved":
        return ready.approved(200_00)
    claim_id = ready.issued(200_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    if stage == "paid":
        ready.claims.pay(BOTH, claim_id, WHY)
    return claim_id


@pytest.mark.parametrize("stage", ["approved", "verified", "paid"])
def test_deciding_for_what_stands_leaves_claims_as_they_are(claims_work: Work, stage: str) -> None:
    """A stranger told another content, which stopped nothing; two officers confirm what stands,
    twice: the number is off the list, no claim takes a step, and a side's later word alone stops
    nothing."""
    post_use = {"redemption_mode": '"post_use"'} if stage == "approved" else {}
    ready = filed(claims_work, rules(**post_use))
    claim_id = brought(ready, stage)
    before = steps(ready, claim_id)
    told(ready, said(99_00, buyer_id=COMPANY_B), RIVAL)
    assert keeping(ready).contested() == [NUMBER]

    deciding(ready).decide(NUMBER, 1, DECISION, DOCUMENT)
    deciding(ready).decide(NUMBER, 1, DECISION, DOCUMENT)

    assert keeping(ready).contested() == []
    assert steps(ready, claim_id) == before
    told(ready, said(98_00), SELLER)
    assert shown(ready).stored.status is InvoiceStatus.NORMAL
    assert steps(ready, claim_id) == before
    assert damaged(claims_work, NUMBER) == []


def test_a_red_invoice_that_two_officers_confirm_tells_no_claim_on_its_blue_one(
    claims_work: Work,
) -> None:
    """It took 10 yuan back before and does so after: neither a step of the claim nor a change of
    the blue one's status; where another amount of it comes to stand, the claim is told."""
    ready = filed(claims_work)
    told(ready, said(-10_00, RED, blue_number=NUMBER), SELLER)
    part = (InvoicePart(NUMBER, "HT-A", "accelerator", 100_00),)
    content = replace(ready.content(), invoices=part, payments=("PAY-0",))
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    before, statuses = steps(ready, claim_id), shown(ready).statuses
    told(ready, said(-20_00, RED, COMPANY_B, NUMBER), RIVAL)

    deciding(ready).decide(RED, 1, DECISION, DOCUMENT)

    assert (steps(ready, claim_id), shown(ready).statuses) == (before, statuses)
    told(ready, said(-20_00, RED, blue_number=NUMBER), THE_OFFICE)
    deciding(ready).decide(RED, 3, DECISION, DOCUMENT)
    assert steps(ready, claim_id)[1] > before[1]
    assert shown(ready).statuses == statuses
    assert damaged(claims_work, RED) == []


def test_deciding_for_what_stands_after_a_side_contested_it_tells_the_claims(
    claims_work: Work,
) -> None:
    """The seller's other content made the invoice void and stopped the claim; confirmed, it stands
    again, and the claim says since when."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    told(ready, said(99_00), SELLER)
    stopped = steps(ready, claim_id)
    assert stopped[0].state is ClaimState.SUSPENDED

    deciding(ready).decide(NUMBER, 1, DECISION, DOCUMENT)

    assert shown(ready).stored.status is InvoiceStatus.NORMAL
    assert steps(ready, claim_id)[1] == stopped[1] + 1
    ready.claims.resume(BOTH, claim_id, WHY)
    assert steps(ready, claim_id)[0].state is ClaimState.ISSUED
    assert damaged(claims_work, NUMBER) == []
