"""Claims in a database: the whole way in every mode, and what the house refuses on it."""

import pytest
from claim_cases import (
    BOTH,
    CLERK,
    OFFICER,
    WHY,
    Filed,
    filed,
)
from kashi_server.domain.claim_states import ClaimState
from kashi_server.services.ledger import Ledger
from kashi_server.storage.unit_of_work import Work

S = ClaimState


@pytest.fixture
def ready(work: Work) -> Filed:
    """A certified month with papers and an open batch."""
    return filed(work)


def test_a_claim_goes_all_the_way(ready: Filed) -> None:
    """Draft to paid: half of the invoiced and paid compute, booked stage by stage."""
    claims = ready.claims
    claim_id = ready.issued(200_00)
    used = claims.use(CLERK, claim_id).stored.claim
    redeemed = claims.redeem(CLERK, claim_id).stored.claim
    verified = claims.verify(OFFICER, claim_id, WHY).stored.claim
    paid = claims.pay(BOTH, claim_id, WHY).stored.claim

    assert used.computed_fen == 225_00
    assert (used.state, redeemed.state, verified.state) == (
        S.USED,
        S.CLAIM_SUBMITTED,
        S.CLAIM_VERIFIED,
    )
    assert (paid.state, paid.amounts.disbursed_fen) == (S.PAID, 200_00)
    assert ready.balances("disbursed:") == {f"disbursed:test-voucher/2026/{claim_id}": 200_00}
    assert Ledger(ready.work, ready.clock).check() == []
