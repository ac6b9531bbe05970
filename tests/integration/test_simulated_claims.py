"""What if, on claims: each evaluated again under other rules, on the facts that it rested on."""

from dataclasses import replace
from datetime import date

import pytest
from claim_cases import BOTH, CLERK, OFFICER, RIVAL, WHY, Filed, filed, invoice_number, rules
from claim_contracts import second_contract
from claims_beside import approve, content, invoiced, submitted
from fixtures_certificates import COMPANY_A, COMPANY_B
from kashi_server.domain.claim_content import InvoicePart, Officially
from kashi_server.domain.evaluation.evaluate import Status
from kashi_server.domain.interval import Month
from kashi_server.domain.replayed_companies import ClaimSimulation, CompanyClaims
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.simulated_rules import Period
from kashi_server.errors import NotFound
from kashi_server.services.accounts import Role
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_simulation import ClaimSimulator
from kashi_server.services.claim_simulation_data import (
    COLUMNS,
    claim_simulation_data,
    claim_simulation_export,
)
from kashi_server.services.csv_text import csv_bytes
from kashi_server.services.sight import Reader
from kashi_server.services.simulation import Simulator
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
YEAR = Period(first=Month(2026, 1), last=Month(2026, 12))
NOVEMBER = Period(first=Month(2026, 11), last=Month(2026, 11))


def simulated(
    work: Work, new: RulesVersion, period: Period = YEAR, against: RulesVersion | None = None
) -> ClaimSimulation:
    """A simulation of claims."""
    return ClaimSimulator(work).simulate(new, period, against=against)


def company(found: ClaimSimulation, company_id: str) -> CompanyClaims:
    """One company of it."""
    return next(one for one in found.companies if one.company_id == company_id)


def both_filed(work: Work, version: RulesVersion | None = None) -> tuple[Filed, str, str]:
    """A's claim is approved with 200 of the 225 yuan that it comes to; a week later B hands in."""
    ready = filed(work, version)
    first = ready.approved(200_00)
    ready.days_later(7)
    second = ready.draft(RIVAL, "HT-B")
    ready.claims.submit(RIVAL, second)
    return ready, first, second


def test_under_the_rules_that_stand_every_claim_comes_to_what_it_is_computed_at(
    claims_work: Work,
) -> None:
    """simulate(now) = now, of a claim that was approved, used and paid and of one that was handed
    in; and nothing is written."""
    ready, first, second = both_filed(claims_work)
    claims = ready.claims
    claims.publicise(OFFICER, first)
    ready.days_later(7)
    claims.issue(OFFICER, first)
    claims.use(CLERK, first)
    claims.redeem(CLERK, first)
    claims.verify(OFFICER, first, WHY)
    claims.pay(BOTH, first, WHY)
    before = (ready.balances(""), [claims.show(OFFICE, one).events for one in (first, second)])

    found = simulated(claims_work, ready.rules)

    stands = {one.claim.claim_id: one.claim for one in claims.all(OFFICE)}
    assert {one.claim_id: one.new.figures.amount_fen for one in found.claims} == {
        claim_id: claim.computed_fen for claim_id, claim in stands.items()
    }
    assert {one.claim_id: one.new.awarded_fen for one in found.claims} == {
        claim_id: claim.amounts.awarded_fen for claim_id, claim in stands.items()
    }
    assert found.stands_fen == found.new.sums.computed_fen == 450_00
    assert [one.old == one.new for one in found.companies] == [True, True]
    assert (found.old, found.kept) == (found.new, ())
    assert before == (
        ready.balances(""),
        [claims.show(OFFICE, one).events for one in (first, second)],
    )


def test_what_was_paid_of_an_expired_voucher_counts_towards_the_threshold(
    claims_work: Work,
) -> None:
    """300 of 450 yuan were used and paid, then the voucher expired: with 200 of another claim they
    do not reach 540. simulate(now) = now, and where storage counts as well the use comes to 340,
    the two to 540: the other claim is due as if all had been so from the first on."""
    ready = filed(claims_work, rules(threshold__year_yuan='"540.00"'))
    second_contract(ready)
    invoiced(ready, 52, 200_00, "HT-C")
    other = submitted(ready, content(ready, 52, 200_00, "HT-C"))
    first = ready.draft()
    ready.claims.submit(CLERK, first)
    ready.claims.check(OFFICER, other)
    ready.claims.review(OFFICER, other, WHY)
    ready.claims.approve(BOTH, other, 75_00, WHY)
    approve(ready, first, 200_00)
    ready.days_later(7)
    ready.claims.issue(OFFICER, first)
    parts = (("accelerator", 300_00), ("storage", 40_00))
    used = tuple(InvoicePart(invoice_number(0), "HT-A", part, fen) for part, fen in parts)
    ready.claims.use(CLERK, first, papers=Papers(invoices=used, payments=("PAY-0",)))
    ready.claims.redeem(CLERK, first)
    ready.claims.verify(OFFICER, first, WHY)
    ready.claims.pay(BOTH, first, WHY)
    assert simulated(claims_work, ready.rules).new.sums.computed_fen == 325_00
    ready.days_later(400)
    ready.claims.expire()
    ready.claims.assess(OFFICER, other, Officially(rank=1), WHY)
    wider = rules(
        threshold__year_yuan='"540.00"', expense_scope__include='["accelerator", "storage"]'
    )

    now, tried = simulated(claims_work, ready.rules), simulated(claims_work, wider)

    assert {one.claim_id: one.new.figures.amount_fen for one in now.claims} == {
        one.claim.claim_id: one.claim.computed_fen for one in ready.claims.all(OFFICE)
    }
    assert now.old == now.new
    amounts = [
        {one.claim_id: one.new.figures.amount_fen for one in side.claims}[other]
        for side in (now, tried)
    ]
    assert amounts == [0, 100_00]


def test_another_ratio_and_cap_change_what_is_computed_awarded_and_forecast(
    claims_work: Work,
) -> None:
    """At 90 % 405 yuan would be due; a cap of 150 is hit on the day of each evaluation that stands,
    and what officers approved stays the share that it was: 200 of 225."""
    both_filed(claims_work)
    tried = rules(ratio__general='"0.90"', cap__company_year_yuan='"150.00"')

    found = simulated(claims_work, tried, NOVEMBER)

    one, other = company(found, COMPANY_A), company(found, COMPANY_B)
    assert [each.new.computed_fen for each in (one, other)] == [150_00, 150_00]
    assert [each.difference_fen for each in (one, other)] == [-75_00, -75_00]
    assert [each.new.awarded_fen for each in (one, other)] == [133_33, 0]
    assert [each.old.cap_hit for each in (one, other)] == [None, None]
    assert [each.new.cap_hit for each in (one, other)] == [date(2026, 11, 3), date(2026, 11, 10)]
    # 225 yuan in 334 of 365 days; what November came to once more in December.
    assert one.old.forecast.by_days_fen == 225_00 * 365 // 334
    assert one.old.forecast.by_last_month_fen == 450_00
    assert one.new.forecast.by_days_fen == 150_00
    assert found.new.at_cap == 2
    (claim,) = one.claims
    assert claim.new.figures.bound[-1] == "company_cap: cap.company_year_yuan"


def test_a_smaller_pool_is_used_up_in_the_order_of_the_claims(claims_work: Work) -> None:
    """300 yuan in the pool: the first claim's award leaves 100 to the second; 450 are asked for,
    and the pool is used up on the second one's day."""
    both_filed(claims_work)

    found = simulated(claims_work, rules(pool__year_yuan='"300.00"'))

    assert [one.new.figures.amount_fen for one in found.claims] == [225_00, 100_00]
    assert (found.new.sums.year_fen, found.new.left_fen) == (450_00, -150_00)
    assert (found.old.exhausted_on, found.new.exhausted_on) == (None, date(2026, 11, 10))
    assert found.new.sums.computed_fen - found.old.sums.computed_fen == -125_00


def test_unknown_stays_unknown_and_is_told(claims_work: Work) -> None:
    """Without a ratio there is no amount, and no 0; without a stacking line it is an estimate."""
    both_filed(claims_work)

    found = simulated(claims_work, rules(ratio__general="unknown"))
    guessed = simulated(claims_work, rules(stacking__ratio="unknown"))

    assert [one.new.figures.amount_fen for one in found.claims] == [None, None]
    assert [one.difference_fen for one in found.claims] == [None, None]
    assert found.new.sums.without_amount == 2
    assert found.new.sums.unknown == ("ratio.general",)
    assert found.new.sums.forecast.by_days_fen is None
    assert [one.new.figures.status for one in guessed.claims] == [Status.ESTIMATE] * 2
    assert (guessed.new.sums.estimates, guessed.new.sums.unknown) == (2, ("stacking.ratio",))
    assert guessed.new.sums.computed_fen == guessed.old.sums.computed_fen


def test_claims_of_a_rule_that_was_unknown_come_to_amounts_once_it_is_known(
    claims_work: Work,
) -> None:
    """What stands without an amount is counted apart and is none of the sums; a claim that was
    returned, rejected or never handed in is not told of."""
    ready = filed(claims_work, rules(ratio__general="unknown"))
    first = ready.draft()
    ready.claims.submit(CLERK, first)
    second = ready.draft(RIVAL, "HT-B")
    ready.claims.submit(RIVAL, second)
    ready.claims.reject(OFFICER, second, WHY)

    found = simulated(claims_work, rules())

    (claim,) = found.claims
    assert (claim.stands_fen, claim.old.figures.amount_fen) == (None, None)
    assert (claim.new.figures.amount_fen, claim.difference_fen) == (225_00, None)
    assert (found.old.sums.without_amount, found.new.sums.without_amount) == (1, 0)
    assert found.old.sums.unknown == ("ratio.general",)


def test_what_was_handed_in_before_the_period_stays_under_its_rules(claims_work: Work) -> None:
    """The period begins in December: November's claims are not told of, and count as they stand
    towards the year; before November there is nothing."""
    both_filed(claims_work)
    december = Period(first=Month(2026, 12), last=Month(2026, 12))
    october = Period(first=Month(2026, 1), last=Month(2026, 10))

    found = simulated(claims_work, rules(ratio__general='"0.10"'), december)

    assert (found.companies, found.new.sums.year_fen) == ((), 450_00)
    assert simulated(claims_work, rules(), october).new.sums.year_fen == 0


def test_two_files_are_compared_and_what_gathers_papers_otherwise_is_named(
    claims_work: Work,
) -> None:
    """With --against both sides are tried; rules of another expense scope keep the papers as they
    were gathered, and say so."""
    both_filed(claims_work)
    found = simulated(
        claims_work, rules(ratio__general='"0.20"'), YEAR, rules(ratio__general='"0.40"')
    )
    wider = simulated(
        claims_work,
        rules(expense_scope__include='["accelerator", "storage"]', base__contract='"flag"'),
    )

    assert (found.old.sums.computed_fen, found.new.sums.computed_fen) == (360_00, 180_00)
    assert found.stands_fen == 450_00
    assert (found.kept, wider.kept) == ((), ("base.contract", "expense_scope.include"))


def test_a_simulation_of_claims_is_data_and_a_table(claims_work: Work) -> None:
    """Each claim with both sides, canonical amounts in fen; one row a claim, one cell a column."""
    _ready, first, second = both_filed(claims_work)
    found = simulated(claims_work, rules(ratio__general='"0.40"'))

    data = claim_simulation_data(found)
    table = csv_bytes(claim_simulation_export(found)).decode("utf-8-sig").splitlines()

    assert (data["count"], data["stands_fen"]) == (2, 450_00)
    rows = [dict(zip(COLUMNS, one.split(","), strict=True)) for one in table[1:]]
    assert [one["claim"] for one in rows] == sorted((first, second))
    assert rows[0]["old_yuan"] == rows[0]["computed_yuan"] == "225.00"
    assert (rows[0]["new_yuan"], rows[0]["difference_yuan"]) == ("180.00", "-45.00")
    assert (rows[0]["new_awarded_yuan"], rows[0]["new_status"]) == ("160.00", "final")


def test_a_year_without_statements_may_still_have_claims(work: Work) -> None:
    """Statements are then told to be none; without leave a period without them is refused."""
    empty = replace(rules(), version="2")

    assert Simulator(work).simulate(empty, YEAR, may_be_empty=True).statements == 0
    assert simulated(work, empty).companies == ()
    with pytest.raises(NotFound, match="close a month first"):
        Simulator(work).simulate(empty, YEAR)
