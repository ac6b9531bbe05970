"""Towards a year's threshold counts what still is expense: not what ended unpaid, or is void."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from changed_agreements import amendment
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
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState
from kashi_server.services import claim_filing, claim_worth
from kashi_server.services.accounts import Role
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_standing import before
from kashi_server.services.claim_steps import existing
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.invoice_righting import put_right
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from papers_falling import DECISION, void

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def other(ready: Filed) -> str:
    """Another draft of the company, on an invoice of its own."""
    with ready.work.begin() as unit:
        add_invoice(unit, invoice_number(50), "HT-A", COMPANY_A, (300_00, 1_00))
        add_payment(unit, "PAY-50", COMPANY_A, invoice_number(50), 301_00)
        unit.commit()
    part = (InvoicePart(invoice_number(50), "HT-A", "accelerator", 300_00),)
    content = replace(ready.content(), invoices=part, payments=("PAY-50",))
    return ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id


def counted_fen(ready: Filed, claim_id: str) -> int | None:
    """What the company's other claims bring towards its threshold, where money moves."""
    with ready.work.begin(writes=False) as unit:
        return before(unit, existing(unit, claim_id), granted=True).standing.year_eligible_fen


def cut(ready: Filed, yuan: str) -> None:
    """An officer imports an amendment by which the compute is for so much."""
    importing = Importing(ready.work, ready.clock, ready.claims)
    importing.take([ImportFile("agreed.toml", amendment(accelerator_yuan=yuan))], "officer", "")


def expired(ready: Filed, claim_id: str) -> None:
    """Its last day passes."""
    ready.days_later(400)
    ready.claims.expire()


def withdrawn(ready: Filed, claim_id: str) -> None:
    """The company gives the rest of it up."""
    ready.claims.withdraw(CLERK, claim_id, WHY)


@pytest.mark.parametrize("ends", [expired, withdrawn])
def test_a_voucher_that_ended_brings_what_was_paid_on_and_no_more(
    claims_work: Work, ends: Callable[[Filed, str], None]
) -> None:
    """450 yuan while it could be used; once it ended the 300 of its paid use, which nobody else can
    claim. The other 150 are free for another claim, and would count twice."""
    ready = filed(claims_work)
    claim_id, draft = ready.issued(200_00), other(ready)
    part = InvoicePart(invoice_number(0), "HT-A", "accelerator", 300_00)
    ready.claims.use(CLERK, claim_id, papers=Papers(invoices=(part,), payments=("PAY-0",)))
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    assert counted_fen(ready, draft) == 450_00
    ends(ready, claim_id)

    assert counted_fen(ready, draft) == 300_00


@pytest.mark.parametrize("ends", [expired, withdrawn])
def test_a_voucher_that_ended_unpaid_brings_nothing(
    sqlite_claims_work: Work, ends: Callable[[Filed, str], None]
) -> None:
    """Nobody was paid on it."""
    ready = filed(sqlite_claims_work)
    claim_id, draft = ready.issued(200_00), other(ready)
    assert counted_fen(ready, draft) == 450_00
    ends(ready, claim_id)

    assert counted_fen(ready, draft) == 0


def test_a_voucher_that_ended_without_a_word_brings_what_its_paid_use_was_found_to_be(
    sqlite_claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended by a step that tells nothing of it: the 300 yuan that its use was evaluated at count
    at once, before anybody looks at it again; a flag that tells nothing leaves nothing sure."""
    ready = filed(sqlite_claims_work)
    claim_id, draft = ready.issued(200_00), other(ready)
    part = InvoicePart(invoice_number(0), "HT-A", "accelerator", 300_00)
    ready.claims.use(CLERK, claim_id, papers=Papers(invoices=(part,), payments=("PAY-0",)))
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    monkeypatch.setattr(claim_filing, "tell_paid_eligible", lambda _taking: None)
    monkeypatch.setattr(claim_worth, "tell_paid_eligible", lambda _taking: None)
    withdrawn(ready, claim_id)
    assert counted_fen(ready, draft) == 300_00
    void(ready)

    assert counted_fen(ready, draft) == 0


def test_what_was_paid_on_counts_no_more_once_it_is_void_or_recovered(
    sqlite_claims_work: Work,
) -> None:
    """Expired with 100 yuan paid on 450; the invoice is void: nothing of that is expense. Put
    right it is again, until the money is recovered."""
    ready = filed(sqlite_claims_work)
    claim_id, draft = ready.issued(200_00), other(ready)
    ready.claims.use(CLERK, claim_id, amount_fen=100_00)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    expired(ready, claim_id)
    assert counted_fen(ready, draft) == 450_00
    void(ready)
    assert counted_fen(ready, draft) == 0
    number = invoice_number(0)
    put_right(ready.work, ready.clock, number, DECISION, "税务局查询结果", ready.claims)
    assert counted_fen(ready, draft) == 450_00
    ready.claims.claw_back(BOTH, claim_id, 40_00, WHY)

    assert counted_fen(ready, draft) == 0


def test_void_expense_of_a_claim_that_goes_on_counts_nothing(claims_work: Work) -> None:
    """Two officers let its voucher go on; the invoice that it was granted on stays void."""
    ready = filed(claims_work)
    claim_id, draft = ready.issued(200_00), other(ready)
    void(ready)
    ready.claims.resume(BOTH, claim_id, WHY)

    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.ISSUED
    assert counted_fen(ready, draft) == 0


def test_void_expense_of_a_claim_under_review_counts_nothing(sqlite_claims_work: Work) -> None:
    """Back at the check of form, nothing of it is known to be expense."""
    ready = filed(sqlite_claims_work)
    claim_id, draft = ready.approved(200_00), other(ready)
    void(ready)

    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.FORM_CHECK
    with ready.work.begin(writes=False) as unit:
        assert before(unit, existing(unit, draft)).standing.year_eligible_fen == 0


def test_a_cut_contract_counts_what_is_left_of_it(sqlite_claims_work: Work) -> None:
    """Paid on 450 yuan of compute; on a contract of 100 no more of it is expense."""
    ready = filed(sqlite_claims_work, rules(redemption_mode='"post_use"'))
    claim_id, draft = ready.approved(200_00), other(ready)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    cut(ready, "100.00")
    assert counted_fen(ready, draft) == 100_00

    flag = ready.claims.show(OFFICE, claim_id).events[-1]
    assert (flag.step, flag.terms["still_eligible_yuan"]) == ("flag", "100.00")
