"""Two evaluations, written apart, come to the same on every claim; and final means final.

`KASHI_CLAIMS` asks for more claims than the usual ten thousand.
"""

import os
from collections import Counter
from dataclasses import replace

import pytest
from completed_claims import completed_case, completed_rules
from evaluation_cases import PROGRAMMES, cases
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.domain.parameters import PARAMETERS
from kashi_server.domain.rules import RulesVersion
from naive_evaluation import evaluate_naively
from random_claims import Dice, random_case
from random_rules import random_rules, settled, sound_value, wild

CLAIMS = int(os.environ.get("KASHI_CLAIMS", "10000"))
BATCH = 500
COMPARED = ("base", "threshold", "ratio", "company_cap", "stacking", "voucher_balance", "pool")


def claim(number: int) -> tuple[Dice, RulesVersion, Case]:
    """The claim of a number, the same in every run."""
    dice = Dice(f"claim {number}")
    rules = random_rules(dice, PROGRAMMES)
    return dice, rules, random_case(dice, rules)


def agree(rules: RulesVersion, case: Case) -> Evaluation:
    """Both come to the same status, amount and amounts after each step."""
    done, naive = evaluate(rules, case), evaluate_naively(rules, case)

    assert (str(done.status), done.amount_fen) == (naive.status, naive.amount_fen)
    shown = {step.name: step.after_fen for step in done.steps}
    for name in COMPARED if naive.amount_fen is not None else ():
        assert shown.get(name, 0) == naive.steps.get(name, 0), name
    return done


@pytest.mark.parametrize("first", range(0, CLAIMS, BATCH))
def test_two_evaluations_agree_on_every_claim(first: int) -> None:
    """Claims of every programme, as it stands, settled and wild; the number names the claim."""
    for number in range(first, min(first + BATCH, CLAIMS)):
        _dice, rules, case = claim(number)
        try:
            agree(rules, case)
        except AssertionError as error:
            error.add_note(f"claim {number}: {rules.programme_id}")
            raise


def test_the_claims_are_of_every_sort() -> None:
    """Enough of them are paid, estimated, refused and without an amount, and every step binds."""
    sorts: Counter[tuple[str, bool]] = Counter()
    bounds: set[str | None] = set()
    for number in range(2000):
        _dice, rules, case = claim(number)
        done = evaluate(rules, case)
        sorts[str(done.status), bool(done.amount_fen)] += 1
        bounds |= {step.name for step in done.steps if step.outcome.bound}

    assert sorts["final", True] > 80
    assert sorts["estimate", True] > 200
    assert sorts["no_amount", False] > 100
    assert sorts["final", False] > 200
    assert bounds >= {"gate", "scope", "meter", "prorate", "base", "threshold", "company_cap"}
    assert bounds >= {"stacking", "voucher_balance", "pool"}


@pytest.mark.parametrize("first", range(0, CLAIMS // 2, BATCH))
def test_a_final_amount_stays_whatever_is_learned(first: int) -> None:
    """Unknown parameters settled, facts nobody gave filled in: what was final comes out the same.

    So no amount is ever final although something that matters was not known. (What is learned may
    raise a question of its own, like tax on an amount that bounds nothing: the amount stays.)
    """
    for number in range(first, first + BATCH):
        dice, rules, case = claim(number)
        done = evaluate(rules, case)
        if done.status is not Status.FINAL:
            continue
        dice.odd = 0.2
        for _ in range(3):
            more_rules = completed_rules(dice, rules)
            more = evaluate(more_rules, completed_case(dice, more_rules, case))
            assert more.amount_fen == done.amount_fen, number


@given(rules=st.sampled_from(PROGRAMMES), case=cases(), seed=st.integers(0, 2**32))
def test_two_evaluations_agree_on_claims_that_can_be_shrunk(
    rules: RulesVersion, case: Case, seed: int
) -> None:
    """The programme as it stands, and with its unknown parameters settled."""
    dice = Dice(str(seed))

    agree(rules, case)
    agree(settled(dice, rules, 1.0), case)
    agree(wild(dice, rules), case)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_can_be_settled(name: str) -> None:
    """A sound value of each is one that rules accept: a parameter is born with it."""
    dice = Dice(name)
    (rules,) = (one for one in PROGRAMMES if one.programme_id == "shenzhen-compute-voucher")
    bare = replace(rules, parameters=())

    found = {sound_value(dice, name) for _ in range(20)}
    filled = wild(dice, bare)

    assert found
    assert all(one.value is not None for one in filled.parameters)
