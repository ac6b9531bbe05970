"""What must hold of every claim under every programme, whatever the facts."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from evaluation_cases import PROGRAMMES, cases
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.evaluate import Status, evaluate
from kashi_server.domain.rules import RulesVersion
from plain_claims import plain_case

RULES = st.sampled_from(PROGRAMMES)


def paid(rules: RulesVersion, case: Case) -> int:
    """What is paid, 0 where there is no amount."""
    return evaluate(rules, case).amount_fen or 0


@given(rules=RULES, case=cases())
def test_no_bound_is_ever_passed(rules: RulesVersion, case: Case) -> None:
    """Never negative, never above the company's cap, the award's cap, the pool, the vouchers."""
    fen = paid(rules, case)

    assert fen >= 0
    cap_fen = rules.fen("cap.company_year_yuan")
    if cap_fen is not None:
        assert fen <= max(0, cap_fen - (case.standing.year_awarded_fen or 0))
    award_fen = rules.fen("cap.award_yuan")
    assert award_fen is None or fen <= award_fen
    if case.vouchers is not None:
        assert fen <= sum(one.face_fen - one.used_fen for one in case.vouchers)
    pool_fen = rules.fen("pool.year_yuan")
    overflow = rules.parameter("pool.overflow").value
    requested = case.standing.pool_requested_fen
    if pool_fen is not None and requested is not None and overflow in ("prorata", "first_come"):
        left_fen = max(0, pool_fen - (case.standing.pool_granted_fen or 0))
        assert fen <= max(left_fen, 0) or requested <= left_fen


@given(rules=RULES, case=cases())
def test_the_same_facts_give_the_same_bytes_in_any_order(rules: RulesVersion, case: Case) -> None:
    """The order in which parts, metered lines, other money and vouchers stand changes nothing."""
    turned = replace(
        case,
        parts=case.parts[::-1],
        metered=None if case.metered is None else case.metered[::-1],
        other_money=None if case.other_money is None else case.other_money[::-1],
        vouchers=None if case.vouchers is None else case.vouchers[::-1],
    )
    one, other = evaluate(rules, case), evaluate(rules, turned)

    assert evaluate(rules, case).to_bytes() == one.to_bytes()
    assert (one.amount_fen, one.status) == (other.amount_fen, other.status)


@given(rules=RULES, case=cases())
def test_each_step_takes_what_the_one_before_gave(rules: RulesVersion, case: Case) -> None:
    """The trace is a chain, and after the base no step adds anything."""
    steps = evaluate(rules, case).steps

    for before, after in pairwise(steps):
        assert after.before_fen == before.after_fen
    names = [step.name for step in steps]
    for step in steps[names.index("base") + 1 :] if "base" in names else ():
        assert 0 <= step.after_fen <= step.before_fen


@given(rules=RULES, case=cases(), more=st.integers(0, 10**9))
def test_more_public_money_elsewhere_never_raises_what_is_paid(
    rules: RulesVersion, case: Case, more: int
) -> None:
    """Stacking goes one way."""
    paid_fen = case.standing.paid_on_contract_fen or 0
    richer = replace(case, standing=replace(case.standing, paid_on_contract_fen=paid_fen + more))

    assert paid(rules, richer) <= paid(rules, case)


@given(rules=RULES, case=cases())
def test_an_estimate_names_what_is_open_and_a_final_amount_leaves_nothing(
    rules: RulesVersion, case: Case
) -> None:
    """Every unknown is a parameter the rules do not know; a final result has none."""
    done = evaluate(rules, case)

    assert set(done.unknown) <= {one for one in done.unknown if rules.parameter(one).value is None}
    failed = done.steps[-1].name == "gate" and done.steps[-1].outcome.state.ended
    if done.status is Status.FINAL and not failed:
        assert not done.unknown
        assert not done.missing
    assert (done.amount_fen is None) == (done.status is Status.NO_AMOUNT)


@pytest.mark.parametrize("count", [3, 7])
def test_a_pool_shared_out_is_never_overspent(count: int) -> None:
    """The residue of fen stays in the pool, and it is smaller than one fen a claim."""
    (rules,) = [one for one in PROGRAMMES if one.programme_id == "longhua-compute-support"]
    requests = [Fraction(3_000_000) * 100] * count
    total = int(sum(requests))
    amounts = [paid(rules, plain_case(10_000_000 * 100, total)) for _ in range(count)]
    pool_fen = rules.fen("pool.year_yuan") or 0

    assert sum(amounts) <= pool_fen or total <= pool_fen
    if total > pool_fen:
        assert pool_fen - sum(amounts) < count
