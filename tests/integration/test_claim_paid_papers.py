"""Public money paid on a paper that falls away later is told, wherever the claim stands."""

from collections.abc import Callable

import pytest
from changed_agreements import amendment
from claim_cases import (
    BOTH,
    CLERK,
    OFFICER,
    WHY,
    Filed,
    filed,
    rules,
)
from kashi_server.domain.claim_states import ClaimState
from kashi_server.services.accounts import Role
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.ledger import Ledger
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from papers_falling import payment_back, void, withdraw

S = ClaimState
OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def half_paid(ready: Filed) -> str:
    """A voucher of 200 yuan, of which half was used and paid on all the claim's papers."""
    claim_id = ready.issued(200_00)
    ready.claims.use(CLERK, claim_id, amount_fen=100_00)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    return claim_id


def withdrawn(ready: Filed) -> str:
    """The company gives back what is left of its voucher."""
    claim_id = half_paid(ready)
    ready.claims.withdraw(CLERK, claim_id, WHY)
    return claim_id


def expired(ready: Filed) -> str:
    """What is left of the voucher ends by its day."""
    claim_id = half_paid(ready)
    ready.days_later(400)
    ready.claims.expire()
    return claim_id


def suspended(ready: Filed) -> str:
    """An officer stops it for reasons of their own."""
    claim_id = half_paid(ready)
    ready.claims.suspend(OFFICER, claim_id, WHY)
    return claim_id


def clawed_back(ready: Filed) -> str:
    """An amendment cut the contract, and what was paid above it was recovered: 100 of 200 left."""
    claim_id = paid(ready, 200_00)
    importing = Importing(ready.work, ready.clock, ready.claims)
    importing.take([ImportFile("agreed.toml", amendment(accelerator_yuan="200.00"))], "officer", "")
    ready.claims.claw_back(BOTH, claim_id, 100_00, WHY)
    return claim_id


def paid(ready: Filed, fen: int) -> str:
    """A claim without a voucher of which so much was paid."""
    claim_id = ready.approved(fen)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    return claim_id


def sound(ready: Filed) -> bool:
    """The books and the log's word on every claim hold."""
    return not (*Ledger(ready.work, ready.clock).check(), *check_claim_books(ready.work))


@pytest.mark.parametrize("ending", [withdrawn, expired, suspended, clawed_back])
def test_a_void_invoice_is_told_where_the_claim_ended_or_is_suspended(
    claims_work: Work, ending: Callable[[Filed], str]
) -> None:
    """100 yuan are out on it: flagged, on the office's list, recovered from where it stands."""
    mode = "post_use" if ending is clawed_back else "claim_first"
    ready = filed(claims_work, rules(redemption_mode=f'"{mode}"'))
    claim_id = ending(ready)
    before = ready.claims.show(OFFICE, claim_id).stored.claim
    assert ready.claims.to_recover(OFFICE) == []
    void(ready)

    shown = ready.claims.show(OFFICE, claim_id)
    assert (shown.events[-1].step, shown.stored.claim.state) == ("flag", before.state)
    assert shown.stored.claim.amounts == before.amounts
    (found,) = ready.claims.to_recover(OFFICE)
    assert (found.paid_fen, found.comes_to_fen) == (100_00, None)
    ready.claims.claw_back(BOTH, claim_id, 100_00, WHY)
    assert ready.claims.to_recover(OFFICE) == []
    assert sound(ready)


@pytest.mark.parametrize("falls", [void, withdraw, payment_back])
@pytest.mark.parametrize("ending", [withdrawn, suspended])
def test_every_paper_that_falls_away_is_told_of_paid_money(
    sqlite_claims_work: Work, ending: Callable[[Filed], str], falls: Callable[[Filed], None]
) -> None:
    """An invoice, a certificate, a payment that went back."""
    ready = filed(sqlite_claims_work)
    claim_id = ending(ready)
    falls(ready)

    assert ready.claims.show(OFFICE, claim_id).events[-1].step == "flag"
    assert len(ready.claims.to_recover(OFFICE)) == 1
    assert sound(ready)


def test_a_corrected_statement_is_told_of_paid_money(sqlite_claims_work: Work) -> None:
    """The company gave the rest of its voucher back; then the month is corrected."""

    class Said:
        """A correction as the room of corrections tells it."""

        number, revision, reason = "KS-2026-09-HT-A", 2, "迟到的报告"

    ready = filed(sqlite_claims_work)
    claim_id = withdrawn(ready)
    with ready.work.begin() as unit:
        ready.claims.corrected(unit, Said(), Said())
        unit.commit()

    event = ready.claims.show(OFFICE, claim_id).events[-1]
    assert (event.step, event.terms["paid_yuan"]) == ("flag", "100.00")
    assert "revision 2" in event.reason


def test_what_fell_away_while_suspended_is_listed_until_two_officers_let_it_go_on(
    sqlite_claims_work: Work,
) -> None:
    """A proposal to resume from before it falls; they resume it with the flag before them."""
    ready = filed(sqlite_claims_work)
    claim_id = suspended(ready)
    assert ready.claims.resume(OFFICER, claim_id, WHY).awaits
    void(ready)

    shown = ready.claims.show(OFFICE, claim_id)
    assert (shown.proposals, len(shown.flags)) == ((), 1)
    ready.claims.resume(BOTH, claim_id, WHY)
    assert ready.claims.to_recover(OFFICE) == []


def test_an_ended_claim_that_was_paid_nothing_hears_nothing(sqlite_claims_work: Work) -> None:
    """Rejected, it holds no paper and no money is out."""
    ready = filed(sqlite_claims_work)
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.reject(OFFICER, claim_id, WHY)
    void(ready)

    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is S.REJECTED
    assert ready.claims.show(OFFICE, claim_id).events[-1].step == "reject"
