"""Edges of an evaluation: what two implementations, written apart, did not agree on at first."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from kashi_server.domain.evaluation.case import (
    Award,
    Case,
    Metered,
    OtherMoney,
    Part,
    Voucher,
)
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.domain.parameters import Value
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import InvalidValue
from longhua_rules import LONGHUA, ruled
from plain_claims import plain_case, standing

TEN_THOUSAND_FEN = 10_000_00


CASE = plain_case(TEN_THOUSAND_FEN, 0)
"""10 000 yuan of accelerators that meet every condition: 3 000 yuan are due, and that is final."""


def came_to(rules: RulesVersion, case: Case) -> tuple[Status, int | None]:
    """Status and amount."""
    done = evaluate(rules, case)
    return done.status, done.amount_fen


def open_names(done: Evaluation) -> set[str]:
    """What was not known."""
    return {*done.unknown, *done.missing}


def test_the_plain_case_is_final() -> None:
    """Every test below changes one thing of it."""
    assert came_to(LONGHUA, CASE) == (Status.FINAL, 3_000_00)


@pytest.mark.parametrize(
    "name",
    ["purposes", "conditions.all", "quota_per_year", "envelope", "rounding.steps", "prorate",
     "base_period", "cap.award_yuan", "stacking.ratio", "stacking.levels", "ratio_by"],
)  # fmt: skip
def test_a_parameter_listed_as_unknown_keeps_an_amount_an_estimate(name: str) -> None:
    """Rules that list it speak of it: nobody may call the amount final before it is settled."""
    money = OtherMoney(programme_id="district", amount_fen=100, level="city")
    line = {"stacking.ratio": "1"} if name == "stacking.levels" else {}
    rules = ruled(**{**line, name: None})
    done = evaluate(rules, replace(CASE, other_money=(money,)))

    assert done.status is Status.ESTIMATE
    assert name in done.unknown


def test_one_date_outside_is_no_certain_failure_while_others_are_missing() -> None:
    """With no date basis, a version is out of force only where all three dates say so."""
    service = replace(CASE.service, contract_signed=date(2020, 1, 1), service_from=None)
    out = replace(CASE.service, contract_signed=date(2020, 1, 1), service_from=date(2020, 2, 1))
    rules = ruled(date_basis=None, application_windows=("2019-01-01/2026-12-31",))

    partly = replace(CASE, service=replace(service, service_until=None), applied_on=None)
    wholly = replace(CASE, service=out, applied_on=date(2020, 3, 1))

    assert came_to(rules, partly)[0] is Status.ESTIMATE
    assert came_to(rules, wholly) == (Status.FINAL, 0)


def test_a_condition_of_all_fails_by_one_that_is_known() -> None:
    """Whatever the other measure is: the claim is refused for certain."""
    rules = ruled(conditions__all=("active_users > 10", "enterprises_served > 10"))

    assert came_to(rules, replace(CASE, measures={"active_users": 1})) == (Status.FINAL, 0)


def test_a_condition_of_any_that_holds_asks_for_no_other_measure() -> None:
    """One of them is enough."""
    rules = ruled(conditions__any=("active_users > 10", "enterprises_served > 10"))
    done = evaluate(rules, replace(CASE, measures={"active_users": 11}))

    assert (done.status, done.amount_fen) == (Status.FINAL, 3_000_00)


def test_parts_of_which_none_counts_come_to_nothing() -> None:
    """Expense is known and none of it counts: 0, not unknown. Without parts nobody knows."""
    storage = replace(CASE, parts=tuple(replace(one, item="storage") for one in CASE.parts))

    assert came_to(LONGHUA, storage) == (Status.FINAL, 0)
    assert came_to(LONGHUA, replace(CASE, parts=())) == (Status.NO_AMOUNT, None)


def test_a_payment_without_tax_counts_where_the_parts_bear_none() -> None:
    """The basis is asked of the payment as well as of the parts."""
    case = replace(CASE, payment_fen=9_000_00, payment_ex_tax_fen=8_000_00)

    assert came_to(ruled(tax_basis="excl"), case) == (Status.FINAL, 2_400_00)
    assert "tax_basis" in evaluate(ruled(tax_basis=None), case).unknown


def test_a_factor_nobody_knows_the_part_of_is_told_where_its_amount_is_missing() -> None:
    """An invoice that may be a ceiling and was not given can lower the base."""
    rules = ruled(base__invoice=None)
    part = replace(CASE.parts[0], invoice_fen=None, invoice_ex_tax_fen=None)
    done = evaluate(rules, replace(CASE, parts=(part,)))

    assert done.status is Status.ESTIMATE
    assert {"base.invoice", "invoice"} <= open_names(done)


def test_a_factor_nobody_knows_the_part_of_is_not_asked_where_it_lowers_nothing() -> None:
    """An invoice as high as the base changes nothing, ceiling or not."""
    assert came_to(ruled(base__invoice=None), CASE) == (Status.FINAL, 3_000_00)


@pytest.mark.parametrize(("at", "due"), [(date(2026, 6, 30), 3_000_00), (date(2026, 7, 1), 0)])
def test_a_term_of_one_day_lies_inside_the_period_or_outside(at: date, due: int) -> None:
    """End minus start is no day: nothing is divided by it, and a day outside earns nothing."""
    rules = ruled(
        prorate="by_days", day_count="end_minus_start", base_period=("2026-01-01/2026-06-30",)
    )
    service = replace(CASE.service, service_from=at, service_until=at)

    assert came_to(rules, replace(CASE, service=service)) == (Status.FINAL, due)


def test_periods_that_overlap_count_a_term_once() -> None:
    """No more of a fee counts than the fee."""
    rules = ruled(
        prorate="by_days",
        day_count="inclusive",
        base_period=("2026-01-01/2026-09-30", "2026-02-01/2026-12-30"),
    )

    assert came_to(rules, CASE) == (Status.FINAL, 3_000_00)


def test_a_missing_contract_is_not_held_to_stay_below_the_threshold() -> None:
    """Unknown is not zero: the claim is not refused for a contract that nobody gave."""
    rules = ruled(threshold__year_yuan="5000.00", threshold__basis="contract", base__contract="off")
    part = replace(CASE.parts[0], contract_fen=None, contract_ex_tax_fen=None)
    done = evaluate(rules, replace(CASE, parts=(part,)))

    assert (done.status, done.amount_fen) == (Status.ESTIMATE, 3_000_00)
    assert "part.contract_yuan" in done.missing


def test_a_company_founded_on_a_leap_day_is_a_year_old_on_the_last_of_february() -> None:
    """A month that has no such day is full on its last."""
    rules = ruled(
        ratio_by="startup",
        ratio__startup="0.60",
        startup__max_age_months=12,
        startup__age_basis="contract_signed",
    )
    claimant = replace(CASE.claimant, established_on=date(2024, 2, 29))

    def at(signed: date) -> tuple[Status, int | None]:
        service = replace(CASE.service, contract_signed=signed)
        return came_to(rules, replace(CASE, claimant=claimant, service=service))

    assert at(date(2025, 2, 27)) == (Status.FINAL, 6_000_00)
    assert at(date(2025, 2, 28)) == (Status.FINAL, 3_000_00)


def test_an_award_whose_ratio_is_listed_as_unknown_has_no_amount() -> None:
    """It is paid whole only where its rules speak of no ratio."""
    case = replace(CASE, award=Award(decided_fen=1_000_00))

    assert came_to(ruled(kind="discretionary", ratio__general=None), case)[0] is Status.NO_AMOUNT
    assert came_to(ruled(kind="discretionary", ratio__general="none"), case) == (
        Status.FINAL,
        1_000_00,
    )


def test_an_award_under_rules_by_chip_origin_takes_the_general_ratio() -> None:
    """An award has no chips."""
    rules = ruled(kind="discretionary", ratio_by="chip_origin", ratio__domestic="0.45")

    assert came_to(rules, replace(CASE, award=Award(decided_fen=1_000_00))) == (
        Status.FINAL,
        300_00,
    )


def test_a_programme_whose_kind_nobody_knows_has_no_amount() -> None:
    """It is not taken for one that shares cost; nor does an envelope pay anybody."""
    assert came_to(ruled(kind=None), CASE) == (Status.NO_AMOUNT, None)
    assert came_to(ruled(kind="envelope"), CASE) == (Status.NO_AMOUNT, None)


def test_an_exception_nobody_spoke_of_is_missing_where_the_principle_binds() -> None:
    """Whether more was approved decides the amount."""
    rules = ruled(cap__company_year_principle_yuan="1000.00")
    done = evaluate(rules, CASE)

    assert (done.status, done.amount_fen) == (Status.ESTIMATE, 1_000_00)
    assert done.missing == ("claimant.exception_approved",)
    refused = replace(CASE, claimant=replace(CASE.claimant, exception_approved=False))
    assert came_to(rules, refused) == (Status.FINAL, 1_000_00)


def test_the_line_of_a_start_up_is_not_drawn_where_age_chooses_no_ratio() -> None:
    """A ratio for start-ups that nothing chooses lifts no line."""
    rules = ruled(
        ratio__startup="0.60",
        stacking__ratio="0.20",
        stacking__startup_line="startup_ratio",
        startup__max_age_months="none",
    )
    done = evaluate(replace(rules), CASE)

    assert done.amount_fen == 2_000_00


def test_money_whose_level_nobody_stated_is_missing() -> None:
    """Whether it counts is not known."""
    rules = ruled(stacking__ratio="0.50", stacking__levels=("city",))
    money = OtherMoney(programme_id="somebody", amount_fen=4_000_00)
    done = evaluate(rules, replace(CASE, other_money=(money,)))

    assert (done.status, done.missing) == (Status.ESTIMATE, ("other_money.level",))


def voucher(first: date | None, last: date | None) -> Voucher:
    """A voucher over 1 000 yuan."""
    return Voucher(number="V", face_fen=1_000_00, valid_from=first, valid_until=last)


@pytest.mark.parametrize(
    ("first", "last", "due"),
    [
        (date(2025, 5, 20), None, 1_000_00),
        (date(2025, 5, 19), None, 0),
        (None, date(2026, 5, 20), 1_000_00),
        (None, date(2026, 5, 19), 0),
        (date(2026, 5, 20), date(2026, 12, 31), 1_000_00),
        (date(2026, 5, 21), date(2026, 12, 31), 0),
    ],
)
def test_a_voucher_ends_by_its_own_day_or_by_the_months_of_the_rules(
    first: date | None, last: date | None, due: int
) -> None:
    """On 2026-05-20, with twelve months of validity: both days inside."""
    case = replace(CASE, vouchers=(voucher(first, last),))

    assert came_to(ruled(voucher__validity_months=12), case) == (Status.FINAL, due)


@pytest.mark.parametrize(
    ("partial", "faces", "due", "told"),
    [
        (True, (1_000_00, 9_000_00), 3_000_00, ()),
        (False, (1_000_00, 9_000_00), 1_000_00, ()),
        (False, (9_000_00, 1_000_00), 1_000_00, ()),
        (False, (1_000_00, 2_000_00), 3_000_00, ()),
        (False, (9_000_00, 4_000_00), 0, ()),
        (None, (1_000_00, 9_000_00), 3_000_00, ("voucher.partial_use",)),
        (None, (1_000_00, 2_000_00), 3_000_00, ()),
    ],
)
def test_a_voucher_that_may_not_be_used_in_parts_is_used_whole_or_not_at_all(
    partial: bool | None, faces: tuple[int, ...], due: int, told: tuple[str, ...]
) -> None:
    """3 000 yuan are due: one that holds more than what is still due is left. Nobody asks whether
    vouchers may be used in parts where none would be."""
    vouchers = tuple(
        Voucher(number=f"V-{place}", face_fen=fen, valid_until=date(2026, 6, 1 + place))
        for place, fen in enumerate(faces)
    )
    done = evaluate(ruled(voucher__partial_use=partial), replace(CASE, vouchers=vouchers))

    assert (done.amount_fen, done.unknown, done.missing) == (due, told, ())
    assert done.status is (Status.ESTIMATE if told else Status.FINAL)


UNKNOWN_BEFORE = [
    (
        {"threshold__year_yuan": "20000.00"},
        "year_eligible_fen",
        "standing.year_eligible_yuan",
        3_000_00,
    ),
    (
        {"threshold__year_yuan": "20000.00", "threshold__basis": "contract"},
        "year_contract_fen",
        "standing.year_contract_yuan",
        3_000_00,
    ),
    (
        {"cap__company_year_yuan": "2000.00"},
        "year_awarded_fen",
        "standing.year_awarded_yuan",
        2_000_00,
    ),
    ({"years_max": 3}, "years_awarded", "standing.years_awarded", 3_000_00),
    (
        {"stacking__ratio": "0.25"},
        "paid_on_contract_fen",
        "standing.paid_on_contract_yuan",
        2_500_00,
    ),
]


@pytest.mark.parametrize(("values", "field", "told", "due"), UNKNOWN_BEFORE)
def test_what_nobody_looked_up_is_not_nothing(
    values: dict[str, Value], field: str, told: str, due: int
) -> None:
    """The step goes on without it and names it: an estimate. Said to be nothing, it is final."""
    rules = ruled(**values)
    unknown = replace(CASE, standing=replace(CASE.standing, **{field: None}))
    done = evaluate(rules, unknown)

    assert (done.status, done.amount_fen, done.missing) == (Status.ESTIMATE, due, (told,))
    below = field in ("year_eligible_fen", "year_contract_fen")
    assert came_to(rules, CASE) == (Status.FINAL, 0 if below else due)


@pytest.mark.parametrize("field", [field for _values, field, _told, _due in UNKNOWN_BEFORE])
def test_what_no_rule_asks_for_may_stay_unknown(field: str) -> None:
    """An unknown blocks only the step that needs it."""
    rules = ruled(
        threshold__year_yuan="none",
        cap__company_year_yuan="none",
        years_max="none",
        stacking__ratio="none",
    )
    unknown = replace(CASE, standing=replace(CASE.standing, **{field: None}))

    assert came_to(rules, unknown) == (Status.FINAL, 3_000_00)


def test_other_public_money_that_nobody_looked_up_is_not_nothing() -> None:
    """A line on all public money and a programme that excludes others ask for it."""
    unknown = replace(CASE, other_money=None)
    line = ruled(stacking__ratio="0.25", mutual_exclusions=("none such",))
    nothing = ruled(stacking__ratio="none", mutual_exclusions=())

    assert evaluate(line, unknown).missing == ("other_money",)
    assert came_to(line, unknown) == (Status.ESTIMATE, 2_500_00)
    assert came_to(line, CASE) == (Status.FINAL, 2_500_00)
    assert came_to(nothing, unknown) == (Status.FINAL, 3_000_00)


def test_what_is_unknown_does_not_matter_where_nothing_is_left() -> None:
    """A line that earlier payments have used up leaves nothing, whatever others paid."""
    rules = ruled(stacking__ratio="0.25", mutual_exclusions=())
    paid = replace(CASE.standing, paid_on_contract_fen=2_500_00)

    assert came_to(rules, replace(CASE, standing=paid, other_money=None)) == (Status.FINAL, 0)


def test_a_pool_of_which_nobody_said_what_is_granted_is_missing() -> None:
    """Nothing granted is not the same as nobody knows."""
    before = standing(pool_requested_fen=3_000_00)

    assert came_to(LONGHUA, replace(CASE, standing=before)) == (Status.ESTIMATE, 3_000_00)


@pytest.mark.parametrize("overflow", ["first_come", "prorata", "discretion", None])
def test_a_pool_is_never_overspent_whatever_its_rule(overflow: str | None) -> None:
    """At most what is left, be it an estimate; half-up does not round a share over the pool."""
    rules = ruled(
        pool__overflow=overflow,
        pool__year_yuan="1000.00",
        rounding__steps=("pool",),
        rounding__mode="half_up",
        rounding__unit_yuan="600.00",
    )
    before = standing(pool_granted_fen=0, pool_requested_fen=3_000_00)
    amount = evaluate(rules, replace(CASE, standing=before)).amount_fen

    assert amount == (600_00 if overflow == "prorata" else 1_000_00)


def test_discretion_over_a_pool_is_what_was_decided() -> None:
    """A person decides; until then nobody calls the amount final."""
    rules = ruled(pool__overflow="discretion", pool__year_yuan="1000.00")
    case = replace(CASE, standing=standing(pool_granted_fen=0, pool_requested_fen=3_000_00))

    assert came_to(rules, case) == (Status.ESTIMATE, 1_000_00)
    assert came_to(rules, replace(case, award=Award(decided_fen=700_00))) == (
        Status.FINAL,
        700_00,
    )


def test_an_envelope_that_the_rules_name_is_asked_for() -> None:
    """What is left of it bounds the amount; what was granted of it is not taken for nothing."""
    rules = ruled(envelope="shenzhen-ai-envelope")
    before = replace(CASE.standing, envelope_pool_fen=2_000_00)

    assert came_to(rules, CASE)[0] is Status.ESTIMATE
    assert came_to(LONGHUA, replace(CASE, standing=before)) == (Status.ESTIMATE, 2_000_00)
    known = replace(before, envelope_granted_fen=500_00)
    assert came_to(rules, replace(CASE, standing=known)) == (Status.FINAL, 1_500_00)


def test_the_base_is_rounded_where_the_rules_name_it() -> None:
    """A unit above a fen changes an amount that has no parts of a fen."""
    rules = ruled(
        rounding__steps=("base",), rounding__mode="truncate", rounding__unit_yuan="3000.00"
    )

    assert came_to(rules, CASE) == (Status.FINAL, 2_700_00)


def test_origin_of_what_was_metered_is_missing_where_it_chooses_the_ratio() -> None:
    """Card-hours on nobody knows which chips bound nobody knows which amount."""
    rules = ruled(ratio_by="chip_origin", ratio__domestic="0.45", base__metered="ceiling")
    part = replace(CASE.parts[0], domestic=True)
    line = Metered(card_hours=Fraction(100), price_yuan=Fraction(50))
    done = evaluate(rules, replace(CASE, parts=(part,), metered=(line,)))

    assert done.missing == ("metered.domestic",)


def test_nothing_due_asks_for_nothing_more() -> None:
    """After nothing is due no cap, line or pool can change it: 0 is final."""
    rules = ruled(cap__company_year_yuan=None, stacking__ratio=None, pool__year_yuan=None)
    nothing = replace(CASE, parts=(Part(item="storage"),))
    done = evaluate(rules, nothing)

    assert (done.status, done.amount_fen) == (Status.FINAL, 0)
    assert done.steps[-1].name == "base"


def test_records_that_cannot_be_are_refused_at_birth() -> None:
    """No level beside the four, which text would rank by its letters; no voucher used too far."""
    with pytest.raises(InvalidValue, match="evidence level"):
        Metered(evidence_level="strong", card_hours=Fraction(1), price_yuan=Fraction(1))
    with pytest.raises(InvalidValue, match="more than"):
        Voucher(number="V", face_fen=1, used_fen=2)


def test_nothing_stands_in_where_a_known_ceiling_leaves_nothing() -> None:
    """No invoice, and payments that nobody gave: 0 for certain, and no word of a stand-in, which
    would make it an estimate."""
    rules = ruled(base__metered="flag")
    lines = (Metered(evidence_level="E1", card_hours=Fraction(2), price_yuan=Fraction(10)),)
    part = replace(CASE.parts[0], invoice_fen=0, invoice_ex_tax_fen=0)
    done = evaluate(rules, replace(CASE, parts=(part,), payment_fen=None, metered=lines))

    base = next(one for one in done.steps if one.name == "base").outcome
    assert (done.status, done.amount_fen, base.bound) == (Status.FINAL, 0, "invoice")
    assert "stands in" not in base.reason[1]
