"""What opens a gate or makes an amount is stated by the office on paper, not by who gains by it."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, rules
from fixtures_certificates import PROVIDER
from kashi_server.domain.claim_content import Declared, Officially, measures_of
from kashi_server.domain.listing import ProviderListing
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claims import Why
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def checked(ready: Filed, **declared: Any) -> str:
    """A claim that declares this beside the rest, taken up by an officer."""
    claim_id = ready.draft()
    content = ready.claims.content(CLERK, claim_id)
    said = replace(content.declared, **declared)
    ready.claims.change(CLERK, claim_id, replace(content, declared=said))
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    return claim_id


def found(ready: Filed, claim_id: str) -> tuple[str, str | None, list[str]]:
    """Status, amount and missing facts of the latest evaluation."""
    trace = json.loads(ready.claims.show(OFFICE, claim_id).evaluations[-1].trace)
    return trace["status"], trace["amount_yuan"], trace["missing"]


def test_other_money_that_nobody_spoke_of_makes_an_estimate(claims_work: Work) -> None:
    """It is asked for by name, and the claim is not approved as if it were final."""
    ready = filed(claims_work, rules())
    claim_id = ready.draft()
    content = ready.claims.content(CLERK, claim_id)
    ready.claims.change(CLERK, claim_id, replace(content, other_money=None))
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    status, _amount, missing = found(ready, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)

    assert (status, missing) == ("estimate", ["other_money"])
    with pytest.raises(Refused, match="other_money could change it"):
        ready.claims.approve(BOTH, claim_id, 1_00, WHY)


def test_a_tier_is_the_offices_to_state(claims_work: Work) -> None:
    """The company names the best tier: there is no amount until an officer states one on paper."""
    tiers = '["benchmark=1000.00", "demonstration=200.00"]'
    version = rules(kind='"tiered"', award__tiers_yuan=tiers, ratio__general='"none"')
    ready = filed(claims_work, version)
    claim_id = checked(ready, tier="benchmark")
    declared = found(ready, claim_id)

    with pytest.raises(InvalidValue, match="stated on a document"):
        ready.claims.assess(OFFICER, claim_id, Officially(tier="demonstration"), Why(reason="评审"))
    ready.claims.assess(OFFICER, claim_id, Officially(tier="demonstration"), WHY)

    assert declared == ("no_amount", None, ["award.tier"])
    assert found(ready, claim_id) == ("final", "200.00", [])


def test_the_award_that_is_matched_is_the_offices_to_state(claims_work: Work) -> None:
    """What the national award came to is on its notice, not in the form."""
    ready = filed(claims_work, rules(kind='"matching"', ratio__general='"none"'))
    claim_id = checked(ready, matched_fen=9_999_00)
    declared = found(ready, claim_id)

    ready.claims.assess(OFFICER, claim_id, Officially(matched_fen=300_00), WHY)

    assert declared == ("no_amount", None, ["award.matched_yuan"])
    assert found(ready, claim_id) == ("final", "300.00", [])


def test_measures_open_no_gate_by_the_companys_word(claims_work: Work) -> None:
    """A million users, it says: an estimate that names what is missing, until the office agrees."""
    ready = filed(claims_work, rules(conditions__all='["active_users > 1000000"]'))
    claim_id = checked(ready, measures={"active_users": 2_000_000})
    declared = found(ready, claim_id)

    ready.claims.assess(OFFICER, claim_id, Officially(measures={"active_users": 5}), WHY)
    below = found(ready, claim_id)
    ready.claims.assess(OFFICER, claim_id, Officially(measures={"active_users": 1_000_001}), WHY)

    assert declared[::2] == ("estimate", ["measures.active_users"])
    assert below[1] == "0.00"
    assert found(ready, claim_id)[::2] == ("final", [])


@pytest.mark.parametrize(
    ("service_item", "status", "lacks"),
    [
        (None, "estimate", ["service.provider_listed"]),
        ("智算训练服务", "final", []),
        ("智算推理服务", "final", []),
    ],
)
def test_a_listing_counts_for_the_service_item_that_is_named(
    claims_work: Work, service_item: str | None, status: str, lacks: list[str]
) -> None:
    """Listed for training: unnamed, nobody knows; named, it is listed, or it is not and earns 0."""
    ready = filed(claims_work, rules(provider_list_required="true"))
    with claims_work.begin() as unit:
        unit.papers.put_listing(
            ProviderListing(
                listing_id="L-1",
                provider_id=PROVIDER,
                batch="第一批",
                service_item="智算训练服务",
                listed_from=date(2024, 1, 1),
                document="入库通知",
            )
        )
        unit.commit()
    claim_id = checked(ready, service_item=service_item)
    said, amount, missing = found(ready, claim_id)

    assert (said, missing) == (status, lacks)
    assert (amount == "0.00") is (service_item == "智算推理服务")


def test_what_the_office_states_later_stands_beside_what_it_stated() -> None:
    """One measure more, another tier; the rest stays."""
    first = Officially(rank=2, tier="a", measures={"users": 1, "downloads": 2})
    later = Officially(tier="b", measures={"users": 3})

    assert first.updated(later) == Officially(
        rank=2, tier="b", measures={"users": 3, "downloads": 2}
    )


@pytest.mark.parametrize("said", ["users", "users=", "=3", "users=-1", "users=１"])
def test_a_measure_is_a_name_and_a_whole_number(said: str) -> None:
    """Anything else is refused, and so is a measure twice."""
    with pytest.raises(InvalidValue, match="no measure like"):
        measures_of([said])
    with pytest.raises(InvalidValue, match="no measure like"):
        measures_of(["users=1", "users=2"])
    assert Declared(measures=measures_of(["users=1"])).measures == {"users": 1}
