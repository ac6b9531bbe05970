"""Of a voucher the worth of what was paid is that of its paid uses, each on its own papers."""

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
from kashi_server.services.claim_uses import open_uses, paid_uses
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from papers_falling import void

S = ClaimState
OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def papers(place: int, fen: int) -> Papers:
    """Compute of an invoice, and the payment of all of it."""
    part = InvoicePart(invoice_number(place), "HT-A", "accelerator", fen)
    return Papers(invoices=(part,), payments=(f"PAY-{place}",))


def issued(work: Work) -> tuple[Filed, str]:
    """A voucher of 200 yuan; invoices 50 and 51 of 200 yuan come after the application."""
    ready = filed(work, rules(stacking__ratio='"none"'))
    claim_id = ready.issued(200_00)
    with ready.work.begin() as unit:
        for place in (50, 51):
            add_invoice(unit, invoice_number(place), "HT-A", COMPANY_A, (200_00, 1_00))
            add_payment(unit, f"PAY-{place}", COMPANY_A, invoice_number(place), 201_00)
        unit.commit()
    return ready, claim_id


def spent(ready: Filed, claim_id: str, place: int, verified_fen: int | None = None) -> None:
    """100 yuan of the voucher are used on an invoice and paid, or what the officer verifies."""
    ready.claims.use(CLERK, claim_id, papers=papers(place, 200_00))
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY, amount_fen=verified_fen)
    ready.claims.pay(BOTH, claim_id, WHY)


def cut(ready: Filed, yuan: str) -> None:
    """An officer imports an amendment by which the compute is for so much."""
    importing = Importing(ready.work, ready.clock, ready.claims)
    importing.take([ImportFile("agreed.toml", amendment(accelerator_yuan=yuan))], "officer", "")


def test_a_void_invoice_of_a_paid_use_is_unknown_though_the_application_stands(
    claims_work: Work,
) -> None:
    """The application names other papers and comes to 225 yuan as before: not what was paid. One
    fen of it settles nothing."""
    ready, claim_id = issued(claims_work)
    spent(ready, claim_id, 50)
    void(ready, 50)

    stop = ready.claims.show(OFFICE, claim_id).events[-1]
    assert (stop.step, stop.after) == ("reopen", S.SUSPENDED)
    assert (stop.terms["comes_to_yuan"], stop.terms["paid_yuan"]) == (None, "100.00")
    assert "does not hold good" in stop.terms["problem"]
    ready.claims.claw_back(BOTH, claim_id, 1, WHY)
    (left,) = ready.claims.to_recover(OFFICE)
    assert (left.paid_fen, left.comes_to_fen) == (99_99, None)


def test_what_the_application_names_and_nothing_was_paid_on_takes_nothing_away(
    sqlite_claims_work: Work,
) -> None:
    """Paid on invoice 50; the company gives the rest back, and its contract is cut to what the
    paid use is of: it comes to what was paid."""
    ready, claim_id = issued(sqlite_claims_work)
    spent(ready, claim_id, 50)
    ready.claims.withdraw(CLERK, claim_id, WHY)
    cut(ready, "200.00")

    flag = ready.claims.show(OFFICE, claim_id).events[-1]
    assert (flag.step, flag.terms["comes_to_yuan"]) == ("flag", "100.00")
    assert ready.claims.to_recover(OFFICE) == []


def test_a_cut_contract_is_told_of_what_was_paid_and_not_of_what_was_granted(
    sqlite_claims_work: Work,
) -> None:
    """100 of 200 yuan were paid; on a contract of 100 the paid use comes to 50."""
    ready, claim_id = issued(sqlite_claims_work)
    spent(ready, claim_id, 50)
    cut(ready, "100.00")

    (found,) = ready.claims.to_recover(OFFICE)
    assert (found.paid_fen, found.comes_to_fen) == (100_00, 50_00)


def test_what_an_officer_cut_of_one_payment_makes_up_for_nothing_of_another(
    sqlite_claims_work: Work,
) -> None:
    """Of the first use 60 of 100 yuan were verified, of the second 100; each payment counts up to
    what it was."""
    ready, claim_id = issued(sqlite_claims_work)
    spent(ready, claim_id, 50, 60_00)
    spent(ready, claim_id, 51)
    with ready.work.begin(writes=False) as unit:
        assert [one.paid_fen for one in paid_uses(unit, claim_id)] == [60_00, 100_00]
        assert open_uses(unit, claim_id) == []
    cut(ready, "900.01")

    assert ready.claims.show(OFFICE, claim_id).events[-1].terms["comes_to_yuan"] == "160.00"


def test_one_contract_carries_its_uses_once_and_not_each_of_them(claims_work: Work) -> None:
    """Two uses of 200 yuan of compute were paid 100 each; on a contract of 200 the first comes to
    all of it and the second to nothing."""
    ready, claim_id = issued(claims_work)
    spent(ready, claim_id, 50)
    spent(ready, claim_id, 51)
    cut(ready, "200.00")

    (found,) = ready.claims.to_recover(OFFICE)
    assert (found.paid_fen, found.comes_to_fen, found.due_fen) == (200_00, 100_00, 100_00)


def test_what_an_earlier_use_took_of_a_contract_is_not_used_again(
    sqlite_claims_work: Work,
) -> None:
    """Once 100 were paid on 200 yuan of compute the contract is cut to that: nothing is left."""
    ready, claim_id = issued(sqlite_claims_work)
    spent(ready, claim_id, 50)
    cut(ready, "200.00")

    with pytest.raises(Refused, match="come to nothing"):
        ready.claims.use(CLERK, claim_id, papers=papers(51, 200_00))
