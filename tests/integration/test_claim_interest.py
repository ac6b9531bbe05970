"""Interest on what is recovered: an unknown rate leaves it open, a decision closes it."""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, rules
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.contract import Contract
from kashi_server.domain.interval import Interval
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claim_named import check_together
from kashi_server.services.rulebook import Rulebook
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
RATE = "clawback.interest_year_ratio"


def recovered(ready: Filed) -> str:
    """A claim of which 200 yuan were paid and are recovered ten days later."""
    claims, claim_id = ready.claims, ready.issued(200_00)
    claims.use(CLERK, claim_id)
    claims.redeem(CLERK, claim_id)
    claims.verify(OFFICER, claim_id, WHY)
    claims.pay(BOTH, claim_id, WHY)
    claims.suspend(OFFICER, claim_id, WHY)
    ready.days_later(10)
    claims.claw_back(BOTH, claim_id, 150_00, WHY)
    ready.days_later(5)
    claims.claw_back(BOTH, claim_id, 50_00, WHY)
    return claim_id


def decided(ready: Filed, ratio: str) -> RulesVersion:
    """The next version of the programme, which knows the rate."""
    known = rules(clawback__interest_year_ratio=ratio)
    start = known.in_force.start + 400 * 1440
    later = replace(known, version="1+1", in_force=Interval(start, None))
    Rulebook(ready.work, ready.clock).register([later])
    return later


def next_steps(ready: Filed, claim_id: str) -> set[str]:
    """What can follow."""
    return {one.step for one in ready.claims.show(OFFICE, claim_id).possible}


def test_interest_of_an_unknown_rate_stays_open_until_a_decision(claims_work: Work) -> None:
    """Named as a step, refused while nobody knows, charged as of the days of both recoveries."""
    ready = filed(claims_work, rules(clawback__interest_year_ratio="unknown"))
    claim_id = recovered(ready)
    claims = ready.claims
    told = claims.show(OFFICE, claim_id).events[-1].terms

    assert (told["interest_yuan"], told["open"]) == (None, [RATE])
    assert ready.balances("interest:").get("interest:test-voucher/2026", 0) == 0
    assert Step.CHARGE_INTEREST in next_steps(ready, claim_id)
    with pytest.raises(Refused, match=f"{RATE} is unknown.*rules decide"):
        claims.charge_interest(BOTH, claim_id, WHY)

    version = decided(ready, '"0.0365"')
    ready.days_later(100)
    stored = claims.charge_interest(BOTH, claim_id, WHY).stored
    told = claims.show(OFFICE, claim_id).events[-1].terms

    # 150 yuan for 10 days and 50 yuan for 15, at 0.01 % a day.
    assert ready.balances("interest:") == {"interest:test-voucher/2026": 15 + 7}
    assert stored.claim.state is ClaimState.CLAWED_BACK
    assert (told["interest_yuan"], told["interest_by"]["version"]) == ("0.22", "1+1")
    assert told["interest_by"]["rules_sha256"] == version.sha256
    assert Step.CHARGE_INTEREST not in next_steps(ready, claim_id)
    with pytest.raises(Refused, match=r"no interest of claim .* is open"):
        claims.charge_interest(BOTH, claim_id, WHY)


def test_a_decision_that_there_is_none_closes_it_with_nothing(claims_work: Work) -> None:
    """Decided as none: nothing is booked, and nothing is open any more."""
    ready = filed(claims_work, rules(clawback__interest_year_ratio="unknown"))
    claim_id = recovered(ready)
    decided(ready, '"none"')

    ready.claims.charge_interest(BOTH, claim_id, WHY)

    assert ready.balances("interest:").get("interest:test-voucher/2026", 0) == 0
    assert Step.CHARGE_INTEREST not in next_steps(ready, claim_id)


def test_a_known_rate_leaves_nothing_open(claims_work: Work) -> None:
    """Charged with the recovery, so the step is not named."""
    ready = filed(claims_work)
    claim_id = recovered(ready)

    assert ready.balances("interest:") == {"interest:test-voucher/2026": 15 + 7}
    assert Step.CHARGE_INTEREST not in next_steps(ready, claim_id)


@pytest.mark.parametrize("basis", ["date_basis", "startup__age_basis"])
def test_services_that_began_on_two_days_are_two_claims(claims_work: Work, basis: str) -> None:
    """Where a start-up's age, or the version, goes by the day of service, one day must be it."""
    with claims_work.begin(writes=False) as unit:
        (contract,) = [one for one in unit.expense.contracts() if one.contract_id == "HT-A"]
    later: Contract = replace(
        contract, term=Interval(contract.term.start + 1440, contract.term.end)
    )

    with pytest.raises(Refused, match="day service began: file one claim a contract"):
        check_together(rules(**{basis: '"service_date"'}), [contract, later])
    check_together(rules(**{basis: '"service_date"'}), [contract, contract])
    check_together(rules(), [contract, later])
