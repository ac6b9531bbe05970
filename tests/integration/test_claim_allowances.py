"""Caps, quotas and envelopes are what rules and claims say, and two officers moved the money."""

import re
from collections.abc import Callable

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, rules
from fixtures_certificates import COMPANY_A
from kashi_server.domain.budget import Act, Budget, ClaimMoney
from kashi_server.domain.claim_content import Officially
from kashi_server.domain.ledger import Movement
from kashi_server.services.accounts import Role
from kashi_server.services.appropriating import Appropriating
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.ledger import Ledger
from kashi_server.services.rulebook import Rulebook
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
COUNTED = {"quota_per_year": "2", "cap__company_year_yuan": '"1000.00"'}
TWO = Act(key="by-hand", officer="officer, second", reason="by hand")
ONE = Act(key="by-hand", officer="officer", reason="by hand")
BUDGET = Budget(programme_id="test-voucher", year=2026, envelopes=("big",), counted=True)


def claimed(claims_work: Work) -> Filed:
    """A claim of 200 yuan under a cap, a quota and an envelope, issued and paid in part."""
    ready = filed(claims_work, rules(**COUNTED))
    big = rules("big", kind='"envelope"', envelope__members='["test-voucher"]')
    Rulebook(claims_work, ready.clock).register([big])
    Appropriating(claims_work, ready.clock).appropriate(BOTH, big, 2026, 5_000_00, WHY)
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.assess(OFFICER, claim_id, Officially(rank=1), WHY)
    ready.claims.review(OFFICER, claim_id, WHY)
    ready.claims.approve(BOTH, claim_id, 200_00, WHY)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    ready.claims.issue(OFFICER, claim_id)
    ready.claims.use(CLERK, claim_id, amount_fen=120_00)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY, amount_fen=100_00)
    ready.claims.pay(BOTH, claim_id, WHY)
    return ready


def test_what_claims_took_is_what_stands_there(claims_work: Work) -> None:
    """A sound house has nothing to tell, also after money went back in part and whole."""
    ready = claimed(claims_work)

    assert check_claim_books(claims_work) == []
    (claim_id,) = [one.claim.claim_id for one in ready.claims.all(OFFICE)]
    ready.claims.withdraw(CLERK, claim_id, WHY)
    assert check_claim_books(claims_work) == []


def larger_cap() -> Movement:
    """Five yuan more than the rules allow the company."""
    return BUDGET.allow_company(TWO, COMPANY_A, 5_00)


def larger_quota() -> Movement:
    """One award more than the rules allow the year."""
    return BUDGET.allow_awards(TWO, 1)


def nobodys_award() -> Movement:
    """Money reserved for a claim that is not there."""
    return BUDGET.reserve(TWO, ClaimMoney(claim_id="SQ-9", company_id=COMPANY_A), 1_00)


def of_one_officer() -> Movement:
    """Money that one officer puts into the pool."""
    return BUDGET.appropriate(ONE, 1_00)


@pytest.mark.parametrize(
    ("by_hand", "told"),
    [
        (larger_cap, "cap:test-voucher/2026/.* was opened with 100500; the rules say 100000"),
        (larger_quota, "quota:test-voucher/2026 was opened with 3; the rules say 2"),
        (nobodys_award, "envelope_used:big/2026 holds 20100; awards of claims come to 20000"),
        (nobodys_award, "quota_used:test-voucher/2026 holds 2; awards of claims come to 1"),
        (of_one_officer, r"\(by-hand\) of 1\.00 yuan was decided by officer; two officers decide"),
    ],
)
def test_what_somebody_posts_beside_the_claims_is_named(
    claims_work: Work, by_hand: Callable[[], Movement], told: str
) -> None:
    """A movement that balances and passes no floor, and that no claim and no rule knows."""
    ready = claimed(claims_work)
    Ledger(claims_work, ready.clock).post(by_hand())

    assert any(re.search(told, one) for one in check_claim_books(claims_work))
