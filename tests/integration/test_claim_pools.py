"""A pool that is shared out pro rata: each claim gets its share, whoever is approved first."""

from itertools import permutations

import pytest
from changed_agreements import amendment
from claim_cases import BOTH, CLERK, OFFICER, RIVAL, WHY, filed, rules
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claim_steps import Acting
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
APPLICANTS = ((CLERK, "HT-A"), (RIVAL, "HT-B"))


@pytest.mark.parametrize("order", list(permutations(APPLICANTS)), ids=["a-first", "b-first"])
def test_two_claims_share_a_pool_pro_rata_and_are_paid(
    claims_work: Work, order: tuple[tuple[Acting, str], ...]
) -> None:
    """225 yuan are due to each of two and 300 are there: 150 each, to the last fen of the pool,
    also when the other claims of the batch took theirs before the money moves."""
    version = rules(
        redemption_mode='"post_use"', pool__year_yuan='"300.00"', pool__overflow='"prorata"'
    )
    ready = filed(claims_work, version, fen=300_00)
    claims = ready.claims
    found = [ready.draft(by, contract_id) for by, contract_id in order]
    for claim_id, (by, _contract_id) in zip(found, order, strict=True):
        claims.submit(by, claim_id)
    for claim_id in found:
        claims.check(OFFICER, claim_id)
        claims.review(OFFICER, claim_id, WHY)
    computed = [claims.show(OFFICE, one).stored.claim.computed_fen for one in found]
    for claim_id in found:
        with pytest.raises(Refused):
            claims.approve(BOTH, claim_id, 150_01, WHY)
        claims.approve(BOTH, claim_id, 150_00, WHY)
        claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    for claim_id in found:
        claims.verify(OFFICER, claim_id, WHY)
        claims.pay(BOTH, claim_id, WHY)

    assert computed == [150_00, 150_00]
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 0}
    assert sum(ready.balances("disbursed:").values()) == 300_00


def test_a_share_of_a_pool_is_a_share_of_what_the_claim_comes_to_on_the_day(
    claims_work: Work,
) -> None:
    """150 of 225 yuan were approved; the contract is cut to 310, half of which is 155: two thirds
    of that are paid, and not 150."""
    version = rules(
        redemption_mode='"post_use"',
        stacking__ratio='"none"',
        pool__year_yuan='"300.00"',
        pool__overflow='"prorata"',
    )
    ready = filed(claims_work, version, fen=300_00)
    claims = ready.claims
    claim_id, other = [ready.draft(by, contract_id) for by, contract_id in APPLICANTS]
    claims.submit(CLERK, claim_id)
    claims.submit(RIVAL, other)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)
    claims.approve(BOTH, claim_id, 150_00, WHY)
    claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    importing = Importing(ready.work, ready.clock, claims)
    cut = amendment(accelerator_yuan="310.00")
    importing.take([ImportFile("agreed.toml", cut)], "officer", "")

    flag = claims.show(OFFICE, claim_id).events[-1]
    assert (flag.step, flag.terms["comes_to_yuan"]) == ("flag", "103.33")
    with pytest.raises(Refused, match=r"comes to 103\.33 yuan"):
        claims.verify(OFFICER, claim_id, WHY)
    claims.verify(OFFICER, claim_id, WHY, amount_fen=103_33)
    claims.pay(BOTH, claim_id, WHY)
    assert sum(ready.balances("disbursed:").values()) == 103_33
