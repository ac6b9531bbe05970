"""Of a claim's paid money the office's list tells what is due, by what was told last."""

import json
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
from kashi_server.commands.claim_printing import print_recoverable
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState
from kashi_server.services.accounts import Role
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_flags import Recoverable, recoverable
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from papers_falling import void

S = ClaimState
OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def paid(work: Work) -> tuple[Filed, str]:
    """A claim without a voucher of which 200 yuan were paid on papers of 450."""
    ready = filed(work, rules(redemption_mode='"post_use"'))
    claim_id = ready.approved(200_00)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    return ready, claim_id


def amended(ready: Filed, yuan: str, place: int = 1) -> None:
    """One amendment after the other says what the compute is for."""
    text = amendment(accelerator_yuan=yuan)
    text = text.replace("补-1", f"补-{place}").replace("2026-11-05T", f"2026-11-{place + 4:02}T")
    importing = Importing(ready.work, ready.clock, ready.claims)
    importing.take([ImportFile("agreed.toml", text)], "officer", "")


def listed(ready: Filed) -> Recoverable | None:
    """What the office's list has, if anything."""
    found = ready.claims.to_recover(OFFICE)
    assert len(found) <= 1
    return found[0] if found else None


def test_what_was_restored_since_is_due_no_more(claims_work: Work) -> None:
    """Cut to 100 yuan and back to 900: the last word is that it comes to what was paid."""
    ready, _claim_id = paid(claims_work)
    amended(ready, "100.00")
    assert listed(ready) is not None
    ready.days_later(1)
    amended(ready, "900.00", 2)

    assert listed(ready) is None


def test_what_is_due_is_what_was_out_above_the_worth_less_what_was_recovered_since(
    sqlite_claims_work: Work,
) -> None:
    """200 out and 50 due to stay: 150; 60 recovered: 90; then it comes to 120 of 140: 20."""
    ready, claim_id = paid(sqlite_claims_work)
    amended(ready, "100.00")
    first = listed(ready)
    ready.claims.claw_back(BOTH, claim_id, 60_00, WHY)
    second = listed(ready)
    ready.days_later(1)
    amended(ready, "240.00", 2)
    third = listed(ready)
    ready.claims.claw_back(BOTH, claim_id, 20_00, WHY)

    assert first is not None
    assert second is not None
    assert third is not None
    assert [one.due_fen for one in (first, second, third)] == [150_00, 90_00, 20_00]
    assert (third.paid_fen, third.comes_to_fen) == (140_00, 120_00)
    assert listed(ready) is None


def stopped(work: Work) -> tuple[Filed, str]:
    """100 yuan of a voucher were paid on another invoice than that of the application, which
    becomes void: stopped, and what was paid still comes to what it was."""
    ready = filed(work)
    claim_id = ready.issued(200_00)
    with ready.work.begin() as unit:
        add_invoice(unit, invoice_number(50), "HT-A", COMPANY_A, (200_00, 1_00))
        add_payment(unit, "PAY-50", COMPANY_A, invoice_number(50), 201_00)
        unit.commit()
    part = InvoicePart(invoice_number(50), "HT-A", "accelerator", 200_00)
    ready.claims.use(CLERK, claim_id, papers=Papers(invoices=(part,), payments=("PAY-50",)))
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    void(ready)
    return ready, claim_id


def test_a_stop_keeps_a_claim_on_the_list_with_nothing_due(sqlite_claims_work: Work) -> None:
    """Until two officers let it go on."""
    ready, claim_id = stopped(sqlite_claims_work)
    found = listed(ready)
    assert found is not None
    assert (found.stored.claim.state, found.comes_to_fen, found.due_fen) == (
        S.SUSPENDED,
        100_00,
        0,
    )
    ready.claims.resume(BOTH, claim_id, WHY)

    assert listed(ready) is None


def test_a_stop_that_tells_no_sum_is_unknown_and_not_nothing(sqlite_claims_work: Work) -> None:
    """All that was out may be due, less what was recovered since."""
    ready, claim_id = stopped(sqlite_claims_work)
    ready.claims.claw_back(BOTH, claim_id, 30_00, WHY)
    assert listed(ready) is None
    shown = ready.claims.show(OFFICE, claim_id)
    silent = [replace(one, terms={}) if one.step == "reopen" else one for one in shown.events]
    found = recoverable(shown.stored, silent)

    assert found is not None
    assert (found.comes_to_fen, found.paid_fen, found.due_fen) == (None, 70_00, 70_00)


def test_the_console_says_what_is_due(
    sqlite_claims_work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the table and as JSON, beside what is out."""
    ready, claim_id = paid(sqlite_claims_work)
    amended(ready, "100.00")
    found = ready.claims.to_recover(OFFICE)
    print_recoverable(found, as_json=False)
    table = capsys.readouterr().out
    print_recoverable(found, as_json=True)
    (told,) = json.loads(capsys.readouterr().out)

    assert "150.00" in table
    assert (told["claim_id"], told["paid_fen"], told["due_fen"]) == (claim_id, 200_00, 150_00)
