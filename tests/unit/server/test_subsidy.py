"""What a statement estimates: the rules evaluated on the year to date, and no number invented."""

from dataclasses import replace
from datetime import date

import pytest
from expense_cases import RULES
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.contract import Contract
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.case_data import load_case
from kashi_server.domain.evaluation.case_writing import case_to_data
from kashi_server.domain.evaluation.evaluate import STEPS, evaluate
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.domain.subsidy import RULES_IN_FORCE, Subsidy, subsidy_of, year_case
from kashi_server.domain.told_subsidy import told_subsidy
from kashi_server.domain.year_to_date import Sort, YearToDate
from statement_samples import credit_code

AGENT = Sort("E2", domestic=False)
USER = Party(party_id=credit_code(11), kind=PartyKind.COMPANY, name_zh="示例智能科技")
START, END = Month(2026, 10).interval().bounded()
CONTRACT = Contract(
    contract_id="HT-1",
    provider_id=credit_code(22),
    user_id=USER.party_id,
    signed_on=date(2026, 9, 20),
    term=Interval(START, None),
    unrelated_declared=True,
)


def _with(name: str, value: str | None) -> RulesVersion:
    others = [one for one in RULES[0].parameters if one.name != name]
    state = ParameterState.UNKNOWN if value is None else ParameterState.PUBLISHED
    source = None if value is None else "a text"
    return replace(
        RULES[0],
        parameters=(*others, Parameter(name=name, state=state, value=value, source=source)),
    )


def _case(eligible_fen: int, user: Party = USER) -> Case:
    return year_case(
        "KS-1", user.established_on, CONTRACT, YearToDate(eligible=((AGENT, eligible_fen),))
    )


def _of(
    eligible_fen: int,
    *,
    earlier_fen: int = 0,
    rules: RulesVersion = RULES[0],
    user: Party = USER,
) -> Subsidy:
    return subsidy_of(rules, _case(eligible_fen, user), earlier_fen)


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


def test_the_trace_is_the_evaluation() -> None:
    """A reader sees the twelve steps of the rules, what bound, by which text; and can run them."""
    found = _of(2_140_000_000)

    assert [step["step"] for step in found.steps] == [name for name, _step in STEPS]
    bound = {step["step"]: step["bound"] for step in found.steps if step["bound"]}
    assert bound == {"base": "metered", "company_cap": "cap.company_year_yuan"}
    assert found.steps == [
        step.to_data() for step in evaluate(RULES[0], _case(2_140_000_000)).steps
    ]
    (ratio,) = (step for step in told_subsidy(found.to_data()).steps if step.name == "ratio")
    assert "13号" in ratio.sources[0]
    assert (ratio.before_fen, ratio.after_fen) == (2_140_000_000, 1_070_000_000)


def test_what_a_statement_cannot_know_is_missing() -> None:
    """Contract, invoice and payment are not known: metered use stands in, and it is said."""
    found = _of(60_000_000)

    assert found.status == "estimate"
    assert {"contract", "invoice", "payment", "claimant.kind", "applied_on"} <= set(found.missing)
    assert {"date_basis", "prorate"} <= set(found.unknown)
    (base,) = (step for step in found.steps if step["step"] == "base")
    assert "metered use stands in" in str(base["reason_en"])


def test_the_case_of_a_statement_can_be_evaluated_again() -> None:
    """It stands in the statement as a case file says it, and gives the same steps."""
    user = replace(USER, established_on=date(2026, 6, 2))
    found = _of(60_000_000, user=user)
    text = canonical_bytes(found.to_data()["case"]).decode()

    read = load_case(text, "case.json")

    assert read == _case(60_000_000, user)
    assert case_to_data(read) == found.case
    assert [step.to_data() for step in evaluate(RULES[0], read).steps] == found.steps


def test_months_of_a_year_add_up_to_the_years_estimate() -> None:
    """Whatever the months, together they estimate what the year whole would."""
    year = YearToDate()
    for month_fen in (20_000_000, 35_000_000, 1, 900_000_000, 1_100_000_000, 7):
        year = year.plus([(AGENT, month_fen)])
        found = subsidy_of(
            RULES[0], year_case("KS-1", USER.established_on, CONTRACT, year), year.estimate_fen
        )
        assert found.estimate_fen is not None
        year = year.estimated(found.estimate_fen)

    assert year.estimate_fen == _of(year.eligible_fen).estimate_fen == 1_000_000_000


def test_without_rules_there_is_no_estimate() -> None:
    """No version in force: nothing is estimated, it says what is missing, and the case stands."""
    found = subsidy_of(None, _case(100), 0)

    assert (found.status, found.estimate_fen, found.year_fen) == ("no_rules", None, None)
    assert found.unknown == (RULES_IN_FORCE,)
    assert found.case == case_to_data(_case(100))


def test_an_unknown_ratio_blocks_the_estimate() -> None:
    """Nothing is invented for it."""
    found = _of(60_000_000, rules=_with("ratio.general", None))

    assert (found.status, found.estimate_fen) == ("no_amount", None)
    assert "ratio.general" in found.unknown


@pytest.mark.parametrize("name", ["threshold.year_yuan", "cap.company_year_yuan"])
def test_an_unknown_bound_is_not_applied_and_is_told(name: str) -> None:
    """The step passes its input on and names the parameter."""
    found = _of(60_000_000, rules=_with(name, None))

    assert found.estimate_fen == 30_000_000
    assert name in found.unknown


def test_a_startup_gets_its_ratio_only_where_the_age_basis_is_known() -> None:
    """Founded four months before: 50 % while no text says at which date, 60 % once one does."""
    young = replace(USER, established_on=date(2026, 6, 2))
    old = replace(USER, established_on=date(2025, 10, 1))
    told = _with("startup.age_basis", "service_date")

    assert _of(60_000_000, user=young).estimate_fen == 30_000_000
    assert "startup.age_basis" in _of(60_000_000, user=young).unknown
    assert _of(60_000_000, user=young, rules=told).estimate_fen == 36_000_000
    assert _of(60_000_000, user=old, rules=told).estimate_fen == 30_000_000
    nearly = replace(USER, established_on=date(2025, 10, 2))
    assert _of(60_000_000, user=nearly, rules=told).estimate_fen == 36_000_000


def test_related_parties_get_nothing_for_certain() -> None:
    """A declaration that they are related fails the gate; what else is unknown does not matter."""
    related = replace(CONTRACT, unrelated_declared=False)
    case = year_case(
        "KS-1", USER.established_on, related, YearToDate(eligible=((AGENT, 60_000_000),))
    )

    found = subsidy_of(RULES[0], case, 0)

    assert (found.status, found.estimate_fen, len(found.steps)) == ("final", 0, 1)


def test_a_year_keeps_sorts_apart_and_in_order() -> None:
    """The same amounts in any order are the same year; a sort of nothing is none."""
    domestic, provider = Sort("E2", domestic=True), Sort("E1", domestic=None)
    one = YearToDate(eligible=((AGENT, 5), (provider, 7), (AGENT, 1), (domestic, 0)))
    other = YearToDate().plus([(provider, 3), (AGENT, 6)]).plus([(provider, 4)])

    assert one == other
    assert one.eligible == ((provider, 7), (AGENT, 6))
    assert one.eligible_fen == 13


def test_an_older_statement_is_told_as_well() -> None:
    """Statements of before have `trace`: the same fields come out."""
    step = {
        "step": "ratio",
        "input": 200,
        "output": 100,
        "bound": None,
        "reason": "按一半计 at one half",
        "source": "a text",
    }
    told = told_subsidy({"estimate_fen": 100, "trace": [step], "unknown": ["date_basis"]})

    assert (told.estimate_fen, told.year_fen, told.missing) == (100, None, ())
    (one,) = told.steps
    assert (one.name, one.before_fen, one.after_fen, one.sources) == (
        "ratio",
        200,
        100,
        ("a text",),
    )
