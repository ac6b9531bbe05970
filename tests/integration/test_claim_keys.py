"""Keys of steps and officers' proposals: nobody takes another's, and none decides unseen."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, OTHER, RIVAL, WHY, Filed, filed
from kashi_server.domain.claim_content import Officially
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claims import Acting, Taken, Why
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


@pytest.fixture
def ready(claims_work: Work) -> Filed:
    """A certified month with papers and an open batch."""
    return filed(claims_work)


def reviewed(ready: Filed) -> str:
    """A claim before its approval."""
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    return claim_id


def test_a_company_cannot_take_the_keys_of_later_steps(ready: Filed) -> None:
    """Whatever key it gives, the house's own stay free: suspending and clawing back still work."""
    claims, claim_id = ready.claims, ready.issued(200_00)
    claims.use(CLERK, claim_id)
    serial = claims.show(OFFICE, claim_id).stored.claim.serial
    claims.redeem(CLERK, claim_id, Why(key=f"{claim_id}/{serial + 4}"))
    claims.verify(OFFICER, claim_id, WHY)
    claims.pay(BOTH, claim_id, WHY)

    claims.suspend(OFFICER, claim_id, WHY)
    taken = claims.claw_back(BOTH, claim_id, 200_00, replace(WHY, key=f"{claim_id}/{serial + 4}"))
    assert taken.stored.claim.state is ClaimState.CLAWED_BACK


def test_a_page_that_is_older_than_the_claim_takes_no_step(ready: Filed) -> None:
    """Two officers saw the same page: the second is told, and its contrary finding is not lost."""
    claims, claim_id = ready.claims, reviewed(ready)
    seen = claims.show(OFFICE, claim_id).stored.claim.serial + 1
    why = Why(reason="credit", key=f"page/{claim_id}/{seen}", serial=seen)
    claims.assess(OFFICER, claim_id, Officially(credit_clean=True), why)

    with pytest.raises(Refused, match="moved on since you saw it"):
        claims.assess(OTHER, claim_id, Officially(credit_clean=False), why)
    again = claims.assess(OFFICER, claim_id, Officially(credit_clean=True), why)
    assert again.stored.officially.credit_clean is True
    with pytest.raises(Refused, match="moved on since you saw it"):
        claims.assess(OFFICER, claim_id, Officially(rank=1), Why(reason="x", serial=seen + 7))


def test_a_key_stands_for_what_was_asked(ready: Filed) -> None:
    """The same key with another amount or reason is refused, not answered with yes."""
    claims, claim_id = ready.claims, reviewed(ready)
    keyed = replace(WHY, key="k1")
    claims.approve(BOTH, claim_id, 100_00, keyed)
    attempts: tuple[Callable[[], Taken], ...] = (
        lambda: claims.approve(BOTH, claim_id, 200_00, keyed),
        lambda: claims.approve(BOTH, claim_id, 100_00, replace(keyed, reason="another")),
    )

    for attempt in attempts:
        with pytest.raises(Refused, match="on other terms"):
            attempt()
    assert claims.approve(BOTH, claim_id, 100_00, keyed).stored.claim.amounts.approved_fen == 100_00


def test_a_key_shows_nothing_to_strangers(ready: Filed) -> None:
    """Who knows a key of others gets neither the claim nor a yes."""
    claim_id = reviewed(ready)
    ready.claims.approve(BOTH, claim_id, 100_00, replace(WHY, key="k1"))
    with pytest.raises(NotFound):
        ready.claims.approve(Acting(login="nobody"), claim_id, 100_00, replace(WHY, key="k1"))
    with pytest.raises(Refused, match="no officer"):
        ready.claims.approve(RIVAL, claim_id, 100_00, replace(WHY, key="k1"))


def test_a_closed_account_decides_nothing_any_more(ready: Filed) -> None:
    """What an officer proposed before the account was closed is no first voice."""
    claim_id = reviewed(ready)
    assert ready.claims.approve(OFFICER, claim_id, 100_00, WHY).awaits
    with ready.work.begin() as unit:
        account = unit.accounts.by_login("officer")
        assert account is not None
        unit.accounts.disable(account.account_id, 1)
        unit.commit()

    assert ready.claims.approve(OTHER, claim_id, 100_00, WHY).awaits
    assert ready.claims.show(OFFICE, claim_id).stored.claim.amounts.approved_fen == 0


def test_the_first_officers_reason_is_kept(ready: Filed) -> None:
    """Two officers may have two reasons; the step keeps both."""
    claim_id = reviewed(ready)
    ready.claims.approve(OFFICER, claim_id, 100_00, replace(WHY, reason="only if audited"))
    (proposal,) = ready.claims.show(OFFICE, claim_id).proposals
    ready.claims.approve(OTHER, claim_id, 100_00, WHY)
    event = ready.claims.show(OFFICE, claim_id).events[-1]

    assert proposal.reason == "only if audited"
    assert (event.reason, event.terms["first_reason"]) == (WHY.reason, "only if audited")


def test_only_an_officer_reopens_a_claim_and_says_why(ready: Filed) -> None:
    """A rival or nobody undoes no approval, and an officer gives a reason."""
    claim_id = ready.approved(100_00)
    for by in (RIVAL, CLERK, Acting(login="nobody")):
        with pytest.raises((Refused, NotFound)):
            ready.claims.reopen(by, claim_id, WHY)
    with pytest.raises(InvalidValue, match="reopen needs a reason"):
        ready.claims.reopen(OFFICER, claim_id, Why())
    assert ready.claims.show(OFFICE, claim_id).stored.claim.amounts.approved_fen == 100_00

    reopened = ready.claims.reopen(OFFICER, claim_id, WHY).stored.claim
    assert (reopened.state, reopened.amounts.approved_fen) == (ClaimState.FORM_CHECK, 0)
