"""An award is given once for a contract or a project, unless the rules know awards of years."""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, opened, rules
from claim_contracts import second_contract
from kashi_server.domain.claim_content import Officially
from kashi_server.errors import Refused
from kashi_server.services.batches import batch_under
from kashi_server.storage.unit_of_work import Work

AWARD = {
    "kind": '"tiered"',
    "ratio__general": '"1.00"',
    "award__tiers_yuan": '["tier1=100.00"]',
    "redemption_mode": '"post_use"',
    "stacking__ratio": '"none"',
}


def drafted(ready: Filed, contract_id: str = "HT-A", project: str | None = None) -> str:
    """A draft for an award."""
    said = ready.content(contract_id)
    said = replace(said, declared=replace(said.declared, project=project))
    return ready.claims.draft(CLERK, ready.batch.batch_id, said).claim.claim_id


def approved(ready: Filed, claim_id: str) -> None:
    """Handed in and approved at its tier."""
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.assess(OFFICER, claim_id, Officially(tier="tier1"), WHY)
    ready.claims.review(OFFICER, claim_id, WHY)
    ready.claims.approve(BOTH, claim_id, 100_00, WHY)


def test_an_award_is_given_once_for_a_contract(claims_work: Work) -> None:
    """The second claim is refused and names the first, until that is given up."""
    ready = filed(claims_work, rules(**AWARD))
    first, second = drafted(ready), drafted(ready)
    approved(ready, first)

    with pytest.raises(Refused, match=f"claim {first} stands for the same contract or project"):
        ready.claims.submit(CLERK, second)
    ready.claims.withdraw(CLERK, first, WHY)
    approved(ready, second)


def test_an_award_is_given_once_for_a_project_whatever_its_contracts(claims_work: Work) -> None:
    """Two contracts of one project are one award; of two projects two."""
    ready = filed(claims_work, rules(**AWARD))
    second_contract(ready)
    first = drafted(ready, project="大模型 Training")
    approved(ready, first)

    with pytest.raises(Refused, match=f"claim {first} stands"):
        ready.claims.submit(CLERK, drafted(ready, "HT-C", "大模型training"))
    approved(ready, drafted(ready, "HT-C", "机器人"))


@pytest.mark.parametrize(("years", "again"), [("3", True), ('"none"', True), ("1", False)])
def test_rules_of_several_years_give_an_award_in_each(
    claims_work: Work, years: str, *, again: bool
) -> None:
    """`years_max` of 3, or of no limit: another year's batch takes the contract again."""
    version = rules(**AWARD, years_max=years)
    ready = filed(claims_work, version)
    approved(ready, drafted(ready))
    batch = batch_under(
        version,
        batch_id="SQ-2027",
        year=2027,
        opens_on=ready.batch.opens_on,
        closes_on=ready.batch.closes_on,
        documents=("通知",),
    )
    ready.batches.open(OFFICER, batch, version, WHY)
    ready.batch = batch
    claim_id = drafted(ready)

    if again:
        assert ready.claims.submit(CLERK, claim_id).stored.claim.applied_on is not None
    else:
        with pytest.raises(Refused, match="gives an award for it once"):
            ready.claims.submit(CLERK, claim_id)


def test_an_award_of_another_programme_is_another(claims_work: Work) -> None:
    """Whether both may be had is for their exclusions and lines to say."""
    ready = filed(claims_work, rules(**AWARD))
    approved(ready, drafted(ready))
    other = opened(claims_work, ready.clock, rules("other-award", **AWARD), batch_id="SQ-2")

    approved(other, drafted(other))
