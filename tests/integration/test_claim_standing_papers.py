"""Before money moves the papers are looked at again: what fell away meanwhile is not paid."""

import re

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, rules
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claim_uses import open_uses
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from papers_falling import void, withdraw

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def verified(ready: Filed, mode: str) -> str:
    """A claim of which money is certified and not paid."""
    claims = ready.claims
    if mode == "post_use":
        claim_id = ready.approved(200_00)
        claims.publicise(OFFICER, claim_id)
        ready.days_later(7)
    else:
        claim_id = ready.issued(200_00)
        claims.use(CLERK, claim_id)
        claims.redeem(CLERK, claim_id)
    claims.verify(OFFICER, claim_id, WHY)
    return claim_id


def paid_fen(ready: Filed) -> int:
    """Money out."""
    return sum(ready.balances("disbursed:").values())


@pytest.mark.parametrize(
    ("mode", "goes_on"),
    [("claim_first", ClaimState.ISSUED), ("post_use", ClaimState.FORM_CHECK)],
)
def test_what_became_void_while_suspended_is_not_paid(
    claims_work: Work, mode: str, goes_on: ClaimState
) -> None:
    """Resumed, the claim goes on as if the invoice had become void then: nothing is certified."""
    ready = filed(claims_work, rules(redemption_mode=f'"{mode}"'))
    claim_id = verified(ready, mode)
    ready.claims.suspend(OFFICER, claim_id, WHY)
    void(ready)
    resumed = ready.claims.resume(BOTH, claim_id, WHY).stored.claim

    assert (resumed.state, resumed.amounts.certified_fen) == (goes_on, 0)
    assert "does not hold good" in ready.claims.show(OFFICE, claim_id).events[-1].terms["fell_away"]
    with ready.work.begin(writes=False) as unit:
        assert open_uses(unit, claim_id) == []
    with pytest.raises(Refused):
        ready.claims.pay(BOTH, claim_id, WHY)
    assert paid_fen(ready) == 0


@pytest.mark.parametrize("mode", ["claim_first", "post_use"])
def test_a_withdrawn_certificate_pays_nothing(claims_work: Work, mode: str) -> None:
    """Certified when it was verified, withdrawn before the payment: the payment is refused."""
    ready = filed(claims_work, rules(redemption_mode=f'"{mode}"'))
    claim_id = verified(ready, mode)
    withdraw(ready, telling=False)

    with pytest.raises(Refused, match="no usage certificate in force"):
        ready.claims.pay(BOTH, claim_id, WHY)
    assert paid_fen(ready) == 0
    reopened = ready.claims.reopen(OFFICER, claim_id, WHY).stored.claim
    assert reopened.amounts.certified_fen == 0


def test_a_withdrawn_certificate_is_not_verified(claims_work: Work) -> None:
    """Used while it was in force, withdrawn before the officer looks: refused there already."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    withdraw(ready, telling=False)

    with pytest.raises(Refused, match="no usage certificate in force"):
        ready.claims.verify(OFFICER, claim_id, WHY)


@pytest.mark.parametrize(
    ("mode", "after"),
    [("claim_first", ClaimState.ISSUED), ("post_use", ClaimState.FORM_CHECK)],
)
def test_a_withdrawn_certificate_tells_its_claims_that_day(
    claims_work: Work, mode: str, after: ClaimState
) -> None:
    """What was certified for payment is taken back at once, and the claim's way says why."""
    ready = filed(claims_work, rules(redemption_mode=f'"{mode}"'))
    claim_id = verified(ready, mode)
    withdraw(ready)
    shown = ready.claims.show(OFFICE, claim_id)

    assert (shown.stored.claim.state, shown.stored.claim.amounts.certified_fen) == (after, 0)
    assert re.search(r"certificate .* was withdrawn: measured wrongly", shown.events[-1].reason)


def test_a_withdrawn_certificate_stops_what_was_paid_on_it(claims_work: Work) -> None:
    """Paid on it: suspended until two officers recover it or let it go on."""
    ready = filed(claims_work)
    claim_id = verified(ready, "claim_first")
    ready.claims.pay(BOTH, claim_id, WHY)
    withdraw(ready)

    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.SUSPENDED
