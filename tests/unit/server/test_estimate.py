"""The estimate: published steps in order, what bound, and no number invented."""

import re
from dataclasses import replace
from datetime import date

import pytest
from expense_cases import RULES
from kashi_server.domain.estimate import Claimant, EarlierInYear, estimate
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.domain.statement import Subsidy

NOBODY = Claimant(established_on=None, signed_on=None, service_from=date(2026, 10, 1))


def _with(name: str, value: str | None) -> RulesVersion:
    others = [one for one in RULES[0].parameters if one.name != name]
    state = ParameterState.UNKNOWN if value is None else ParameterState.PUBLISHED
    source = None if value is None else "a text"
    return replace(
        RULES[0],
        parameters=(*others, Parameter(name=name, state=state, value=value, source=source)),
    )


def _of(
    eligible_fen: int,
    earlier: EarlierInYear | None = None,
    rules: RulesVersion = RULES[0],
    claimant: Claimant = NOBODY,
) -> Subsidy:
    return estimate(rules, eligible_fen, eligible_fen, earlier or EarlierInYear(), claimant)


@pytest.mark.parametrize(
    ("eligible_fen", "estimate_fen"),
    [
        (49_999_999, 0),
        (50_000_000, 25_000_000),
        (50_000_001, 25_000_000),
        (1_999_999_999, 999_999_999),
        (2_000_000_002, 1_000_000_000),
        (2_140_000_000, 1_000_000_000),
        (0, 0),
    ],
)
def test_threshold_ratio_and_cap(eligible_fen: int, estimate_fen: int) -> None:
    """499 999.99 yuan earn nothing, 500 000.00 earn 250 000.00, and 10 000 000.00 is the cap."""
    assert _of(eligible_fen).estimate_fen == estimate_fen


def test_the_trace_names_each_step_and_what_bound() -> None:
    """A reader sees every min() with its input, output, source and reason."""
    found = _of(2_140_000_000)

    assert [step.step for step in found.trace] == [
        "scope",
        "year_to_date",
        "threshold",
        "ratio",
        "company_year_cap",
        "less_earlier",
    ]
    assert [step.bound for step in found.trace] == [
        None,
        None,
        None,
        None,
        "cap.company_year_yuan",
        None,
    ]
    for before, after in zip(found.trace, found.trace[1:], strict=False):
        assert before.output == after.input
    assert "13号" in (found.trace[3].source or "")


@pytest.mark.parametrize("name", [None, "threshold.year_yuan", "cap.company_year_yuan"])
def test_every_reason_is_said_in_chinese_first_then_in_english(name: str | None) -> None:
    """One Chinese part, one space, one English part: no reader of either has to search."""
    form = re.compile(
        r"[\u4e00-\u9fff][^\n]*[\u4e00-\u9fff][^A-Za-z\u4e00-\u9fff]* [a-z][\x20-\x7e]+"
    )
    rules = RULES[0] if name is None else _with(name, None)

    for step in _of(2_140_000_000, rules=rules).trace:
        assert form.fullmatch(step.reason), step.reason


def test_months_of_a_year_add_up_to_the_years_estimate() -> None:
    """Whatever the months, together they estimate what the year whole would."""
    earlier = EarlierInYear()
    for month_fen in (20_000_000, 35_000_000, 1, 900_000_000, 1_100_000_000, 7):
        due_fen = _of(month_fen, earlier).estimate_fen
        assert due_fen is not None
        earlier = EarlierInYear(
            eligible_fen=earlier.eligible_fen + month_fen,
            estimate_fen=earlier.estimate_fen + due_fen,
        )

    assert earlier.estimate_fen == _of(earlier.eligible_fen).estimate_fen == 1_000_000_000


def test_without_rules_there_is_no_estimate() -> None:
    """No version in force: nothing is estimated, and it says what is missing."""
    found = estimate(None, 100, 100, EarlierInYear(), NOBODY)

    assert (found.estimate_fen, found.unknown) == (None, ("rules_in_force",))


def test_an_unknown_ratio_blocks_the_estimate() -> None:
    """Nothing is invented for it."""
    found = _of(60_000_000, rules=_with("ratio.general", None))

    assert found.estimate_fen is None
    assert "ratio.general" in found.unknown


@pytest.mark.parametrize("name", ["threshold.year_yuan", "cap.company_year_yuan"])
def test_an_unknown_bound_is_not_applied_and_is_told(name: str) -> None:
    """The step passes its input on and names the parameter."""
    found = _of(60_000_000, rules=_with(name, None))

    assert found.estimate_fen == 30_000_000
    assert name in found.unknown
    assert any(name in step.reason for step in found.trace)


def test_a_startup_gets_its_ratio_only_where_the_age_basis_is_known() -> None:
    """Founded four months before: 50 % while no text says at which date, 60 % once one does."""
    young = replace(NOBODY, established_on=date(2026, 6, 2))
    old = replace(NOBODY, established_on=date(2025, 10, 1))
    told = _with("startup.age_basis", "service_date")

    assert _of(60_000_000, claimant=young).estimate_fen == 30_000_000
    assert _of(60_000_000, claimant=young, rules=told).estimate_fen == 36_000_000
    assert _of(60_000_000, claimant=old, rules=told).estimate_fen == 30_000_000
    nearly = replace(NOBODY, established_on=date(2025, 10, 2))
    assert _of(60_000_000, claimant=nearly, rules=told).estimate_fen == 36_000_000
