"""What if: closed months under other rules. With the rules that stand it is what was closed."""

from dataclasses import replace
from datetime import date

import pytest
from expense_cases import (
    HOST_B,
    OTHER_TENANT,
    RULES,
    TENANT,
    assignment,
    contract,
    observe,
    price,
)
from expense_facts import sequencer, store
from kashi_server.domain.interval import MINUTE_MS, Month
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.domain.simulated_rules import Period
from kashi_server.domain.statement import Statement
from kashi_server.domain.usage import Quantities
from kashi_server.errors import NotFound, Refused
from kashi_server.services.closing import MonthClosing
from kashi_server.services.simulation import Simulation, Simulator
from kashi_server.storage.unit_of_work import Work

MONTHS = tuple(Month(2026, number) for number in (10, 11, 12))
PERIOD = Period(first=MONTHS[0], last=MONTHS[-1])


def changed(**values: str) -> RulesVersion:
    """The shipped compute voucher with other values, under another name."""
    named = {name.replace("__", "."): value for name, value in values.items()}
    kept = tuple(one for one in RULES[0].parameters if one.name not in named)
    said = tuple(
        Parameter(name=name, state=ParameterState.PUBLISHED, value=value, source="to be tried")
        for name, value in named.items()
    )
    return replace(RULES[0], version="tried", parameters=kept + said)


@pytest.fixture
def closed(work: Work) -> dict[str, Statement]:
    """Three months of two tenants: one over the threshold, one whose provider is related to it.

    Eight hours a day for ten days of each month on two cards, at 3 000 yuan and 90 yuan; the rules
    lapse on 18 December, and the third month's use goes on beyond it.
    """
    minutes: dict[tuple[str, str, int], Quantities] = {}
    for month in MONTHS:
        begins = month.interval().start
        for day in range(10, 20):
            start = begins + day * 1440
            minutes |= observe(start, start + 480)
            minutes |= observe(start, start + 480, hardware_id="GPU-2", host_id=HOST_B)
    store(work, minutes, assignments=[assignment()], prices=[price("3000.00")])
    with work.begin() as unit:
        related = contract("HT-2", OTHER_TENANT, unrelated=False)
        unit.expense.put_contract(related)
        lease = assignment(assignment_id="A-2", contract_id="HT-2", hardware_id="GPU-2")
        unit.expense.put_assignment(
            replace(lease, confirmed_by=OTHER_TENANT), lease.interval.start * MINUTE_MS
        )
        unit.expense.put_price(price("90.00", contract_id="HT-2"))
        unit.commit()
    now_ms = MONTHS[-1].next().interval().start * MINUTE_MS
    closing = MonthClosing(work, sequencer(work, now_ms), lambda: now_ms, demo=False)
    made = [one for month in MONTHS for one in closing.close(month).statements]
    return {statement.number: statement for statement in made}


def simulated(work: Work, rules: RulesVersion, period: Period = PERIOD) -> Simulation:
    """Under rules."""
    return Simulator(work).simulate(rules, period)


def test_the_rules_that_stand_give_what_was_closed(
    work: Work, closed: dict[str, Statement]
) -> None:
    """Statement by statement, to the fen, on both sides; and nothing was written."""
    with work.begin(writes=False) as unit:
        before = [(one.number, one.sha256) for one in unit.expense.statements()]
    found = simulated(work, RULES[0])

    told = {number: fen for one in found.companies for number, fen in one.new.estimates.items()}
    assert told == {number: made.subsidy.estimate_fen for number, made in closed.items()}
    assert all(one.old == one.new for one in found.companies)
    assert found.old == found.new
    assert found.stored_fen == found.old.subsidy_fen > 0
    assert found.old.eligible_fen == sum(one.eligible_fen for one in closed.values())
    with work.begin(writes=False) as unit:
        assert before == [(one.number, one.sha256) for one in unit.expense.statements()]


def test_another_cap_another_ratio_and_the_day_the_cap_is_reached(
    work: Work, closed: dict[str, Statement]
) -> None:
    """240 000 yuan a month, the threshold passed in December, of which seven days count: at half, a
    cap of 300 000 is reached on the fifth of them; at 30 % it is not."""
    capped = simulated(work, changed(cap__company_year_yuan="300000.00"))
    lower = simulated(work, changed(cap__company_year_yuan="300000.00", ratio__general="0.30"))
    (tenant,) = (one for one in capped.companies if one.user_id == TENANT)
    (cheaper,) = (one for one in lower.companies if one.user_id == TENANT)

    assert [month.eligible_fen for month in tenant.old.months] == [24_000_000] * 2 + [16_800_000]
    assert [month.subsidy_fen for month in tenant.new.months] == [0, 0, 30_000_000]
    assert closed["KS-2026-12-HT-1"].subsidy.estimate_fen == 32_400_000
    assert (tenant.new.cap_hit, tenant.old.cap_hit) == (date(2026, 12, 15), None)
    assert tenant.difference_fen == -2_400_000
    assert (cheaper.new.subsidy_fen, cheaper.new.cap_hit) == (19_440_000, None)
    assert capped.new.at_cap == 1


def test_what_rules_forbid_is_decided_anew(work: Work, closed: dict[str, Statement]) -> None:
    """Where rules do not forbid related parties, the other tenant's lines are eligible; what no
    rules cover stays out, and a rule that goes on covers it."""
    allowed = replace(
        changed(threshold__year_yuan="0.00"),
        parameters=tuple(
            replace(one, value=False) if one.name == "related_party_forbidden" else one
            for one in changed(threshold__year_yuan="0.00").parameters
        ),
        in_force=replace(RULES[0].in_force, end=None),
    )
    found = simulated(work, allowed)
    (other,) = (one for one in found.companies if one.user_id == OTHER_TENANT)
    (tenant,) = (one for one in found.companies if one.user_id == TENANT)

    assert (other.old.eligible_fen, other.old.subsidy_fen) == (0, 0)
    assert (other.new.eligible_fen, other.new.subsidy_fen) == (3 * 720_000, 1_080_000)
    assert tenant.new.eligible_fen == 3 * 24_000_000
    assert closed["KS-2026-10-HT-2"].eligible_fen == 0


def test_the_pool_runs_out_on_a_day(work: Work, closed: dict[str, Statement]) -> None:
    """12 000 yuan a day: a pool of 100 000 is used up on the ninth day, and does not suffice."""
    found = simulated(work, changed(pool__year_yuan="100000.00", threshold__year_yuan="0.00"))

    assert found.new.exhausted_on == date(2026, 10, 19)
    assert found.new.left_fen == 10_000_000 - 32_400_000
    assert found.old.exhausted_on is None
    assert closed


def test_a_forecast_goes_on_as_days_or_as_the_last_month_did(
    work: Work, closed: dict[str, Statement]
) -> None:
    """After October and November: by 334 of 365 days, or with one more November."""
    found = simulated(work, RULES[0], Period(first=MONTHS[0], last=MONTHS[1]))
    (tenant,) = (one for one in found.companies if one.user_id == TENANT)

    by_days = 48_000_000 * 365 // 334
    assert tenant.old.forecast.by_days_fen == by_days // 2 if by_days >= 50_000_000 else 0
    assert tenant.old.forecast.by_last_month_fen == 36_000_000
    assert tenant.old.subsidy_fen == 0
    assert found.old.forecast_by_last_month_fen == 36_000_000
    assert closed


def test_months_that_are_not_closed_are_named_and_no_forecast_counts_them_as_nothing(
    work: Work,
) -> None:
    """October alone is closed: asked to December, the year is forecast as it is to October."""
    minutes = observe(*MONTHS[0].interval().bounded())
    store(work, minutes, assignments=[assignment()], prices=[price("1000.00")])
    now_ms = MONTHS[-1].next().interval().start * MINUTE_MS
    MonthClosing(work, sequencer(work, now_ms), lambda: now_ms, demo=False).close(MONTHS[0])
    closed, asked = (
        simulated(work, changed(ratio__general="0.30"), Period(first=MONTHS[0], last=last))
        for last in (MONTHS[0], MONTHS[2])
    )

    assert (closed.open_months, asked.open_months) == ((), MONTHS[1:])
    assert asked.old.forecast_by_last_month_fen == 3 * 37_200_000
    assert asked.old.forecast_by_days_fen == closed.old.forecast_by_days_fen
    assert asked.companies == closed.companies


def test_months_before_the_period_count_under_the_rules_that_stood(
    work: Work, closed: dict[str, Statement]
) -> None:
    """From December on the ratio is 30 %: the year is worked out at it, less what was estimated."""
    found = simulated(work, changed(ratio__general="0.60"), Period(first=MONTHS[2], last=MONTHS[2]))
    (tenant,) = (one for one in found.companies if one.user_id == TENANT)

    assert tenant.old.subsidy_fen == closed["KS-2026-12-HT-1"].subsidy.estimate_fen
    assert tenant.new.subsidy_fen == 64_800_000 * 60 // 100
    assert [month.month for month in tenant.new.months] == [MONTHS[2]]


def test_two_rules_files_are_compared(work: Work, closed: dict[str, Statement]) -> None:
    """Neither of them is the one that stands."""
    found = Simulator(work).simulate(
        changed(ratio__general="0.30"), PERIOD, against=changed(ratio__general="0.40")
    )

    assert (found.old.subsidy_fen, found.new.subsidy_fen) == (25_920_000, 19_440_000)
    assert found.stored_fen == 32_400_000
    assert closed


def test_rules_that_begin_later_are_tried_as_if_they_stood(
    work: Work, closed: dict[str, Statement]
) -> None:
    """A draft for next year, tried on this one; one that has ended has nothing to say."""
    later = replace(
        RULES[0], version="draft", in_force=replace(RULES[0].in_force, start=2**25, end=None)
    )
    found = simulated(work, later)
    gone = replace(RULES[0], in_force=replace(RULES[0].in_force, start=1, end=2))

    assert [one.new.subsidy_fen for one in found.companies if one.user_id == TENANT] == [36_000_000]
    with pytest.raises(Refused, match="end before 2026-10 begins"):
        simulated(work, gone)
    assert closed


def test_a_year_without_statements_is_told(work: Work) -> None:
    """There is nothing to replay."""
    with pytest.raises(NotFound, match="close a month first"):
        simulated(work, RULES[0])


def test_a_period_is_of_one_year_and_runs_forward() -> None:
    """Caps and pools are a calendar year's."""
    with pytest.raises(Refused, match="each year by itself"):
        Period(first=Month(2026, 12), last=Month(2027, 1))
    with pytest.raises(Refused, match="ends before it begins"):
        Period(first=Month(2026, 3), last=Month(2026, 2))
