"""Counted gap time reaches an evaluation, and counts there only where its rules say so."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from kashi_server.domain.evaluation.case import Metered
from kashi_server.domain.evaluation.case_writing import case_to_data
from kashi_server.domain.evaluation.counted_gaps import counted_gaps
from kashi_server.domain.evaluation.evaluate import evaluate
from kashi_server.domain.interval import HOUR_MS
from kashi_server.domain.parameters import check_value
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.services.rulebook import PROGRAMMES, read_rules
from plain_claims import plain_case

LINE: dict[str, Any] = {
    "basis": "leased_observed",
    "price_yuan_per_card_hour": "12.50",
    "share": "1",
    "evidence_level": "E2",
    "quantities": {"continuity_ms": 2 * HOUR_MS, "officer_ms": 4 * HOUR_MS},
}
OBSERVED = Metered(evidence_level="E2", domestic=True, amount_fen=10_000)
TEN_THOUSAND_FEN = 10_000_00
VOUCHER = read_rules(PROGRAMMES / "shenzhen-compute-voucher.toml")


def _with_policy(policy: str) -> RulesVersion:
    settled = {"gap_policy": policy, "base.metered": "ceiling", "min_evidence_level": "E1"}
    kept = tuple(one for one in VOUCHER.parameters if one.name not in settled)
    said = tuple(
        Parameter(
            name=name,
            state=ParameterState.PUBLISHED,
            value=check_value(name, value),
            source="settled for the example",
        )
        for name, value in settled.items()
    )
    return replace(VOUCHER, parameters=kept + said)


@pytest.mark.parametrize(
    ("policy", "fen"), [("none", 10_000), ("continuity", 12_500), ("officer", 17_500)]
)
def test_the_policy_of_the_claims_rules_decides_again(policy: str, fen: int) -> None:
    """100 yuan observed; two hours by continuity and four by officers' word at 12.50: the metered
    amount is 100, 125 or 175 yuan."""
    case = replace(
        plain_case(TEN_THOUSAND_FEN, 0), metered=(OBSERVED, *counted_gaps(LINE, domestic=True))
    )

    done = evaluate(_with_policy(policy), case)

    (price,) = [step for step in done.steps if step.name == "price"]
    assert dict(price.outcome.inputs)["metered"] == f"{fen // 100}.{fen % 100:02d}"


@pytest.mark.parametrize(
    "changed",
    [
        {"quantities": {}},
        {"basis": "held"},
        {"basis": "flat_rent"},
        {"price_yuan_per_card_hour": None},
        {"share": None},
        {"price": {"unit": "partition_hour"}},
    ],
)
def test_what_counts_no_gap_adds_no_line(changed: dict[str, object]) -> None:
    """No counted time, a quantity nobody knows in a gap, no price, or one of another unit."""
    assert counted_gaps({**LINE, **changed}, None) == ()


def test_the_hours_are_spelled_as_a_case_spells_them() -> None:
    """A millisecond of 3/7 of a card is cut to eight places, so that the case can be written."""
    line = {**LINE, "share": "3/7", "quantities": {"continuity_ms": 1}}

    (metered,) = counted_gaps(line, domestic=False)

    assert metered.continuity_card_hours == Fraction(11, 10**8)
    assert case_to_data(replace(plain_case(TEN_THOUSAND_FEN, 0), metered=(metered,)))
