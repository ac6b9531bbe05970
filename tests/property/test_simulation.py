"""What must hold of every simulation, whatever was closed and whatever is tried."""

import json
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from expense_cases import RULES
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.contract import Contract
from kashi_server.domain.interval import Interval, Month, minute_of_day
from kashi_server.domain.replay import ReplayedLine, ReplayedStatement, replayed
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion, version_over
from kashi_server.domain.simulated_budget import BudgetSum
from kashi_server.domain.simulated_outcome import Outcome
from kashi_server.domain.simulated_rules import Period, RulesSide, as_if
from kashi_server.domain.simulation import simulate_company
from kashi_server.domain.subsidy import subsidy_of, year_case
from kashi_server.domain.year_to_date import Sort, YearToDate
from statement_samples import credit_code, rented_statement, self_owned_statement

USER = credit_code(11)
SORTS = (Sort("E2", domestic=False), Sort("E2", domestic=True), Sort("E1", domestic=None))
FEN = st.one_of(st.integers(0, 10**6), st.integers(0, 10**10), st.just(49_999_999))
EARLY = replace(RULES[0], in_force=Interval(minute_of_day(date(2024, 12, 18)), None))
"""The compute voucher, without an end: the generated year lies inside it."""


def tried(**values: str) -> RulesVersion:
    """The compute voucher with other values."""
    named = {name.replace("__", "."): value for name, value in values.items()}
    kept = tuple(one for one in EARLY.parameters if one.name not in named)
    said = tuple(
        Parameter(name=name, state=ParameterState.PUBLISHED, value=value, source="to be tried")
        for name, value in named.items()
    )
    return replace(EARLY, version="tried", parameters=kept + said)


@st.composite
def lines(draw: st.DrawFn, month: Month) -> ReplayedLine:
    """A line inside a month."""
    begins, ends = month.interval().bounded()
    start = draw(st.integers(begins, ends - 1))
    return ReplayedLine(
        start=start,
        end=draw(st.integers(start + 1, ends)),
        sort=draw(st.sampled_from(SORTS)),
        amount_fen=draw(FEN),
        leased=draw(st.sampled_from([True, True, True, False])),
        gap_fen=draw(st.one_of(st.just(0), st.integers(0, 10**6))),
    )


def _contract(contract_id: str, declared: bool | None) -> Contract:
    return Contract(
        contract_id=contract_id,
        provider_id=credit_code(22),
        user_id=USER,
        signed_on=date(2026, 1, 2),
        term=Interval(minute_of_day(date(2026, 1, 1)), None),
        unrelated_declared=declared,
    )


@st.composite
def statements(draw: st.DrawFn, month: Month, contract_id: str | None) -> ReplayedStatement:
    """A statement of a month; its days hold what its lines came to, one after the other."""
    found = tuple(draw(st.lists(lines(month), max_size=3)))
    first = date(month.year, month.month, 1)
    places = [draw(st.integers(0, 27)) for _line in found]
    declared = draw(st.sampled_from([True, True, None, False]))
    contract = None if contract_id is None else _contract(contract_id, declared)
    number = f"KS-{month}-{contract_id or USER}"
    return ReplayedStatement(
        number=number,
        month=month,
        user_id=USER,
        contract_id=contract_id,
        related=contract is not None and declared is False,
        lines=found,
        days=tuple(
            sorted(
                (first + timedelta(days=place), line.amount_fen)
                for place, line in zip(places, found, strict=True)
            )
        ),
        case=replace(year_case(number, None, contract, YearToDate()), metered=None),
        estimate_fen=None,
    )


@st.composite
def years(draw: st.DrawFn) -> list[ReplayedStatement]:
    """A company's statements of a year, some months without any, up to two contracts."""
    numbers = sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=4)))
    return [
        draw(statements(Month(2026, number), contract_id))
        for number in numbers
        for contract_id in draw(st.sampled_from([(), ("HT-1",), ("HT-1", "HT-2"), ("HT-1", None)]))
    ]


def whole_year() -> Period:
    """The year."""
    return Period(first=Month(2026, 1), last=Month(2026, 12))


def outcome(year: list[ReplayedStatement], rules: RulesVersion, period: Period) -> Outcome:
    """A company's year under rules that are tried."""
    side = RulesSide(before=(EARLY,), during=(as_if(rules, (EARLY,), period),))
    return simulate_company(year, side, period)


@given(year=years())
def test_simulating_the_rules_that_stand_is_what_a_close_comes_to(
    year: list[ReplayedStatement],
) -> None:
    """Statement by statement what `subsidy_of` makes of them one after the other, as closes do."""
    found = outcome(year[::-1], EARLY, whole_year())
    so_far, closed = YearToDate(), {}
    for one in sorted(year, key=lambda one: one.order):
        so_far = so_far.plus(
            (line.sort, line.amount_fen + line.gap_fen) for line in one.eligible((EARLY,))
        )
        contract = None if one.contract_id is None else one.case.service
        case = replace(one.case, metered=year_case("x", None, None, so_far).metered)
        assert contract is None or case.service == contract
        made = subsidy_of(version_over((EARLY,), one.month.interval()), case, so_far.estimate_fen)
        closed[one.number] = made.estimate_fen
        so_far = so_far.estimated(made.estimate_fen or 0)

    assert found.estimates == closed
    assert found == simulate_company(
        year, RulesSide(before=(EARLY,), during=(EARLY,)), whole_year()
    )


@given(year=years(), month=st.integers(1, 12))
def test_months_before_the_period_are_what_they_were(
    year: list[ReplayedStatement], month: int
) -> None:
    """Whatever is tried from a month on, and told of it alone: what came before stays as it was."""
    period = Period(first=Month(2026, month), last=Month(2026, 12))
    stands, told = outcome(year, EARLY, whole_year()), outcome(year, EARLY, period)

    assert {**stands.estimates, **told.estimates} == stands.estimates
    assert told.by_day == stands.by_day
    assert told.cap_hit == stands.cap_hit


@given(year=years(), cap=st.integers(0, 10**7), ratio=st.integers(0, 100))
def test_caps_hold_ratios_go_one_way_and_days_add_up(
    year: list[ReplayedStatement], cap: int, ratio: int
) -> None:
    """The year never passes its cap, and reaches it on the day that is told; a lower ratio never
    pays more; the days sum to what is asked of the pool."""
    rules = tried(cap__company_year_yuan=f"{cap}.00", ratio__general=f"0.{ratio:02d}"[:4])
    found, more = outcome(year, rules, whole_year()), outcome(year, EARLY, whole_year())

    assert found.subsidy_fen <= cap * 100
    asked_fen = sum(fen for _day, fen in found.by_day)
    assert asked_fen >= found.subsidy_fen
    if cap and found.cap_hit is None:
        assert found.subsidy_fen < cap * 100
    if ratio <= 50 and cap <= 10**7:
        assert found.subsidy_fen <= more.subsidy_fen
    if found.forecast.by_days_fen is not None:
        assert found.subsidy_fen <= found.forecast.by_days_fen <= max(cap * 100, 0)


@given(found=st.lists(years(), max_size=4), pool=st.integers(0, 10**7))
def test_a_budget_is_the_sum_of_its_companies_in_any_order(
    found: list[list[ReplayedStatement]], pool: int
) -> None:
    """And its pool is used up on the first day on which all that was asked reaches it."""
    outcomes = [outcome(year, EARLY, whole_year()) for year in found]
    one, other = BudgetSum(pool_fen=pool * 100), BudgetSum(pool_fen=pool * 100)
    for each, back in zip(outcomes, outcomes[::-1], strict=True):
        one.add(each)
        other.add(back)
    budget = one.budget()

    assert budget == other.budget()
    assert budget.subsidy_fen == sum(each.subsidy_fen for each in outcomes)
    by_day = sorted(part for each in outcomes for part in each.by_day)
    until = sum(fen for day, fen in by_day if budget.exhausted_on and day < budget.exhausted_on)
    if budget.exhausted_on is None:
        assert not by_day or sum(fen for _day, fen in by_day) < max(pool * 100, 1)
    else:
        assert until < max(pool * 100, 1)


def test_a_stored_statement_is_read_as_it_is() -> None:
    """Lines, days, case and estimate of a rented and of a self-owned statement."""
    rented, owned = rented_statement(), self_owned_statement()
    read = replayed(json.loads(rented.to_bytes()), None)
    own = replayed(json.loads(owned.to_bytes()), None)

    assert sum(line.amount_fen for line in read.lines if line.leased) == rented.eligible_fen
    assert [fen for _day, fen in read.days] == [day.amount_fen for day in rented.days]
    assert read.estimate_fen == rented.subsidy.estimate_fen
    assert not any(line.leased for line in own.lines)
    assert (read.order < own.order, own.contract_id) == (True, None)


def test_an_older_statement_lends_its_contract_to_the_case() -> None:
    """Made before statements had a case: what stands in it, and the company's age, are the case."""
    said = json.loads(rented_statement().to_bytes())
    said["subsidy"] = {"estimate_fen": 7, "trace": [], "unknown": [], "status": "estimate"}

    read = replayed(json.loads(canonical_bytes(said)), date(2026, 1, 5))

    assert read.estimate_fen == 7
    assert read.case.claimant.established_on == date(2026, 1, 5)
    assert read.case.service.contract_signed == date(2026, 8, 20)
    assert read.case.service.related is False
    assert read.case.metered is None


def test_the_period_knows_its_part_of_the_year() -> None:
    """304 of 365 days by the end of October, and two months left."""
    period = Period(first=Month(2026, 1), last=Month(2026, 10))

    assert (period.passed, period.months_left) == (Fraction(304, 365), 2)
    months = [Month(2026, number) for number in range(1, 13)]
    assert [month in period for month in months] == [True] * 10 + [False] * 2
    assert all(one < other for one, other in pairwise(months))
