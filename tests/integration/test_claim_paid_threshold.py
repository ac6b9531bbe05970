"""Below a year's threshold paid uses come to nothing, by the application as it is on that day."""

from typing import Any

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
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claim_case import Papers
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.invoice_righting import put_right
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from papers_falling import DECISION, void

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def papers(place: int, fen: int) -> Papers:
    """Compute of an invoice, and the payment of all of it."""
    part = InvoicePart(invoice_number(place), "HT-A", "accelerator", fen)
    return Papers(invoices=(part,), payments=(f"PAY-{place}",))


def issued(work: Work, fen: int = 200_00) -> tuple[Filed, str]:
    """A threshold of 400 yuan, a voucher of 200 on 450; invoice 50 came after the application."""
    ready = filed(work, rules(stacking__ratio='"none"', threshold__year_yuan='"400.00"'))
    claim_id = ready.issued(200_00)
    with ready.work.begin() as unit:
        add_invoice(unit, invoice_number(50), "HT-A", COMPANY_A, (fen, 1_00))
        add_payment(unit, "PAY-50", COMPANY_A, invoice_number(50), fen + 1_00)
        unit.commit()
    return ready, claim_id


def paid(work: Work, fen: int = 200_00) -> tuple[Filed, str]:
    """What the voucher gives on invoice 50 is used and paid."""
    ready, claim_id = issued(work, fen)
    ready.claims.use(CLERK, claim_id, papers=papers(50, fen))
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    return ready, claim_id


def cut(ready: Filed, yuan: str) -> None:
    """An officer imports an amendment by which the compute is for so much."""
    importing = Importing(ready.work, ready.clock, ready.claims)
    importing.take([ImportFile("agreed.toml", amendment(accelerator_yuan=yuan))], "officer", "")


def told(ready: Filed, claim_id: str) -> dict[str, Any]:
    """What the last step told of its worth."""
    terms = ready.claims.show(OFFICE, claim_id).events[-1].terms
    return {name: terms[name] for name in ("comes_to_yuan", "paid_yuan", "still_eligible_yuan")}


def test_the_first_flag_of_a_cut_contract_holds_the_new_expense_against_the_threshold(
    claims_work: Work,
) -> None:
    """300 yuan are left of the application where 400 are asked: all 100 that are out are due at
    once, not at a second flag."""
    ready, claim_id = paid(claims_work)
    cut(ready, "300.00")

    assert told(ready, claim_id) == {
        "comes_to_yuan": "0.00",
        "paid_yuan": "100.00",
        "still_eligible_yuan": "300.00",
    }
    (one,) = ready.claims.to_recover(OFFICE)
    assert (one.comes_to_fen, one.due_fen) == (0, 100_00)


def test_a_restored_contract_counts_at_once_towards_the_threshold(
    sqlite_claims_work: Work,
) -> None:
    """Cut to 300 yuan and restored to 900: with the restoring nothing is due any more."""
    ready, claim_id = paid(sqlite_claims_work)
    cut(ready, "300.00")
    assert ready.claims.to_recover(OFFICE)
    importing = Importing(ready.work, ready.clock, ready.claims)
    again = amendment(accelerator_yuan="900.00").replace("补-1", "补-2").replace("11-05", "11-06")
    importing.take([ImportFile("again.toml", again)], "officer", "")

    assert told(ready, claim_id)["comes_to_yuan"] == "100.00"
    assert ready.claims.to_recover(OFFICE) == []


def test_below_the_threshold_a_void_application_leaves_its_paid_uses_unknown(
    sqlite_claims_work: Work,
) -> None:
    """A use of 200 yuan reaches 400 with the application alone, of which nobody knows what is
    left: the stop names the void invoice, and all that is out is due."""
    ready, claim_id = paid(sqlite_claims_work)
    void(ready)

    stop = ready.claims.show(OFFICE, claim_id).events[-1]
    assert (stop.step, stop.terms["comes_to_yuan"]) == ("reopen", None)
    assert invoice_number(0) in stop.terms["problem"]
    (one,) = ready.claims.to_recover(OFFICE)
    assert (one.comes_to_fen, one.due_fen) == (None, 100_00)


def test_a_paid_use_that_reaches_the_threshold_alone_is_known_without_its_application(
    sqlite_claims_work: Work,
) -> None:
    """400 yuan of the use are enough, whatever the void invoice of the application was worth."""
    ready, claim_id = paid(sqlite_claims_work, 400_00)
    void(ready)

    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.SUSPENDED
    assert told(ready, claim_id)["comes_to_yuan"] == "200.00"


def test_a_voucher_that_a_false_word_stopped_is_worth_its_application_again(
    claims_work: Work,
) -> None:
    """One export said that the application's invoice is void; officers put that right and let the
    voucher go on: its 450 yuan count, so that a use of 200 comes to 100."""
    ready, claim_id = issued(claims_work)
    void(ready)
    put_right(ready.work, ready.clock, invoice_number(0), DECISION, "税务局查询结果")
    ready.claims.resume(BOTH, claim_id, WHY)
    resumed = ready.claims.show(OFFICE, claim_id).events[-1]
    ready.claims.use(CLERK, claim_id, papers=papers(50, 200_00))

    assert (resumed.step, resumed.terms["still_eligible_yuan"]) == ("resume", "450.00")
    assert ready.claims.show(OFFICE, claim_id).stored.claim.open_fen == 100_00


def test_a_voucher_that_goes_on_without_its_invoice_stays_worth_nothing(
    sqlite_claims_work: Work,
) -> None:
    """Officers let it go on while the invoice is void: nobody knows what of it is expense."""
    ready, claim_id = issued(sqlite_claims_work)
    void(ready)
    ready.claims.resume(BOTH, claim_id, WHY)

    with pytest.raises(Refused, match="come to nothing"):
        ready.claims.use(CLERK, claim_id, papers=papers(50, 200_00))


def test_a_voucher_that_went_on_first_is_worth_its_application_once_that_is_put_right(
    claims_work: Work,
) -> None:
    """Officers let it go on while the invoice is void, and put that right afterwards: the claim is
    told, its 450 yuan count, and a use of 200 comes to 100; nobody stops it again for that."""
    ready, claim_id = issued(claims_work)
    void(ready)
    ready.claims.resume(BOTH, claim_id, WHY)
    number = invoice_number(0)
    put_right(ready.work, ready.clock, number, DECISION, "税务局查询结果", ready.claims)
    flag = ready.claims.show(OFFICE, claim_id).events[-1]
    ready.claims.use(CLERK, claim_id, papers=papers(50, 200_00))

    assert (flag.step, flag.terms["still_eligible_yuan"]) == ("flag", "450.00")
    assert flag.reason.index("经两名经办人更正") < flag.reason.index("two officers found")
    assert number in flag.reason
    assert ready.claims.show(OFFICE, claim_id).stored.claim.open_fen == 100_00


def test_an_invoice_that_is_put_right_tells_nobody_who_rests_on_none_of_it(
    sqlite_claims_work: Work,
) -> None:
    """A claim that names another invoice goes on as it stands."""
    ready, claim_id = issued(sqlite_claims_work)
    void(ready, 50)
    number = invoice_number(50)
    put_right(ready.work, ready.clock, number, DECISION, "税务局查询结果", ready.claims)

    assert [one.step for one in ready.claims.show(OFFICE, claim_id).events].count("flag") == 0
