"""The worked examples of the published rules, to the fen, step by step."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from kashi_server.domain.evaluation.case import (
    Award,
    Case,
    Metered,
    OtherMoney,
    Part,
    Service,
    Standing,
    Voucher,
)
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.domain.parameters import Value, check_value
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.services.rulebook import read_rules, shipped_rules
from plain_claims import APPLIED, SERVICE, company, same_tax, standing, yuan

PROGRAMMES = Path(__file__).parents[2] / "programmes"


def shipped(programme_id: str, **settled: Value) -> RulesVersion:
    """A shipped programme, some parameters settled; `__` stands for the dot of a name."""
    (rules,) = [one for one in shipped_rules() if one.programme_id == programme_id]
    return settle(rules, {name.replace("__", "."): value for name, value in settled.items()})


def settle(rules: RulesVersion, values: dict[str, Value]) -> RulesVersion:
    """The rules with other values."""
    kept = tuple(one for one in rules.parameters if one.name not in values)
    said = tuple(
        Parameter(
            name=name,
            state=ParameterState.PUBLISHED,
            value=check_value(name, value),
            source="settled for the example",
        )
        for name, value in values.items()
    )
    return replace(rules, parameters=kept + said)


def steps(evaluation: Evaluation) -> dict[str, int]:
    """What stood after each step."""
    return {step.name: step.after_fen for step in evaluation.steps}


def test_a_caps_apply_in_the_order_of_the_rules() -> None:
    """Example A: ratio, company cap, stacking, pool: 7 644 230.76."""
    rules = shipped("shenzhen-compute-voucher", pool__overflow="prorata")
    case = Case(
        case_id="A",
        applied_on=APPLIED,
        claimant=company(),
        service=SERVICE,
        parts=(same_tax("accelerator", "21400000.00", "21400000.00"),),
        payment_fen=yuan("21400000"),
        other_money=(OtherMoney(programme_id="district", amount_fen=yuan("1500000")),),
        standing=standing(
            year_awarded_fen=yuan("1250000"),
            paid_on_contract_fen=yuan("1250000"),
            pool_requested_fen=yuan("520000000"),
        ),
    )

    done = evaluate(rules, case)

    assert steps(done) == {
        **dict.fromkeys(("gate", "scope", "meter", "price", "prorate"), 0),
        **dict.fromkeys(("base", "threshold"), yuan("21400000")),
        "ratio": yuan("10700000"),
        "company_cap": yuan("8750000"),
        "stacking": yuan("7950000"),
        "voucher_balance": yuan("7950000"),
        "pool": yuan("7644230.76"),
    }
    assert {step.name: step.outcome.bound for step in done.steps if step.outcome.bound} == {
        "base": "contract",
        "company_cap": "cap.company_year_yuan",
        "stacking": "stacking.ratio",
        "pool": "pool.year_yuan",
    }


def bundled(before: Standing) -> Case:
    """Example B's contract, invoice and payment."""
    return Case(
        case_id="B",
        applied_on=APPLIED,
        other_money=(),
        claimant=company(),
        service=SERVICE,
        parts=(
            same_tax("accelerator", "780000", "560000"),
            same_tax("storage", "120000", "80000"),
        ),
        payment_fen=yuan("500000"),
        metered=(
            Metered(
                evidence_level="E2",
                card_hours=Fraction("41250.5"),
                price_yuan=Fraction("12.50"),
            ),
        ),
        standing=before,
    )


def test_b_a_payment_is_split_as_its_invoice_is() -> None:
    """Example B: paid compute 437 500.00; metered 515 631.25; half of it where the year's
    threshold is met by other claims."""
    rules = shipped("shenzhen-compute-voucher")

    done = evaluate(rules, bundled(standing(year_eligible_fen=yuan("62500"))))

    (base,) = [step for step in done.steps if step.name == "base"]
    assert dict(base.outcome.inputs) == {
        "contract": "780000.00",
        "invoice": "560000.00",
        "payment": "437500.00",
        "metered": "515631.25",
    }
    assert base.outcome.bound == "payment"
    assert done.amount_fen == yuan("218750.00")


def test_b_below_the_years_threshold_nothing_is_due() -> None:
    """437 500 alone is below 500 000."""
    done = evaluate(shipped("shenzhen-compute-voucher"), bundled(standing()))

    assert done.amount_fen == 0
    assert done.steps[-1].outcome.bound == "threshold.year_yuan"


@pytest.mark.parametrize(("spent", "due"), [("499999.99", "0"), ("500000.00", "250000.00")])
def test_the_threshold_is_a_cliff(spent: str, due: str) -> None:
    """One fen decides."""
    case = replace(
        bundled(standing()),
        parts=(same_tax("accelerator", spent, spent),),
        payment_fen=yuan(spent),
    )

    assert evaluate(shipped("shenzhen-compute-voucher"), case).amount_fen == yuan(due)


def test_c_the_published_figure_of_nanning() -> None:
    """200 000 yuan over 729 days, 305 of them in the period: 8.3676 and 2.5102 ten thousand."""
    case = Case(
        case_id="C",
        applied_on=date(2026, 1, 10),
        other_money=(),
        claimant=company(),
        service=Service(
            service_from=date(2025, 3, 1), service_until=date(2027, 2, 28), provider_listed=True
        ),
        parts=(same_tax("accelerator", "200000", "200000"),),
        payment_fen=yuan("200000"),
        standing=standing(pool_granted_fen=0, pool_requested_fen=yuan("25102")),
    )

    done = evaluate(read_rules(PROGRAMMES / "nanning-2025.toml"), case)

    assert done.eligible_fen == yuan("83676")
    assert (done.status, done.amount_fen) == (Status.FINAL, yuan("25102"))


def test_c_inclusive_days_would_give_another_figure() -> None:
    """306 of 730 days: 8.3835 and 2.5150, which was not published."""
    rules = settle(read_rules(PROGRAMMES / "nanning-2025.toml"), {"day_count": "inclusive"})
    case = Case(
        case_id="C",
        applied_on=date(2026, 1, 10),
        other_money=(),
        claimant=company(),
        service=Service(
            service_from=date(2025, 3, 1), service_until=date(2027, 2, 28), provider_listed=True
        ),
        parts=(same_tax("accelerator", "200000", "200000"),),
        payment_fen=yuan("200000"),
        standing=standing(pool_granted_fen=0, pool_requested_fen=yuan("25150")),
    )

    done = evaluate(rules, case)

    assert (done.eligible_fen, done.amount_fen) == (yuan("83835"), yuan("25150"))


@pytest.mark.parametrize(("approved", "due"), [(False, "1000000"), (True, "1050000")])
def test_d_a_principle_holds_unless_more_is_approved(approved: bool, due: str) -> None:
    """Example D: 3 500 000 at 30 %: 1 000 000 in principle, 2 000 000 at the very most."""
    case = Case(
        case_id="D",
        applied_on=date(2026, 6, 1),
        other_money=(),
        standing=standing(),
        claimant=company(exception_approved=approved),
        service=SERVICE,
        parts=(same_tax("model", "3500000", "3500000"),),
        payment_fen=yuan("3500000"),
    )

    assert evaluate(shipped("shenzhen-model-voucher"), case).amount_fen == yuan(due)


@pytest.mark.parametrize(("city", "province"), [("1200000", "1200000"), ("2000000", "1000000")])
def test_e_a_matching_award_stops_at_the_sum_of_both(city: str, province: str) -> None:
    """Example E: the province matches the city one to one, 3 000 000 together."""
    case = Case(
        case_id="E",
        applied_on=date(2026, 6, 1),
        other_money=(),
        standing=standing(),
        claimant=company(),
        award=Award(matched_fen=yuan(city)),
    )

    done = evaluate(shipped("guangdong-single-champion"), case)

    assert done.amount_fen == yuan(province)


def test_f_a_hub_gets_a_share_of_its_equipment() -> None:
    """Example F: 130 000 000 without tax at 40 %: 52 000 000, held at 50 000 000."""
    part = Part(
        item="equipment",
        verified_fen=yuan("146900000"),
        verified_ex_tax_fen=yuan("130000000"),
    )
    case = Case(case_id="F", applied_on=date(2026, 6, 1), claimant=company(), parts=(part,))

    done = evaluate(shipped("guangdong-innovation-hub-national"), case)

    assert steps(done)["ratio"] == yuan("52000000")
    assert done.amount_fen == yuan("50000000")


@pytest.mark.parametrize(
    ("rank", "spent", "due"),
    [(10, "20000000", "6000000"), (1, "30000000", "8000000"), (11, "30000000", "0")],
)
def test_g_a_quota_ends_the_ranking(rank: int, spent: str, due: str) -> None:
    """Example G: the first ten, each the lesser of 30 % of the expense and 8 000 000."""
    part = Part(item="investment", verified_fen=yuan(spent), verified_ex_tax_fen=yuan(spent))
    case = Case(
        case_id="G",
        applied_on=date(2026, 6, 1),
        other_money=(),
        standing=standing(),
        claimant=company(),
        parts=(part,),
        award=Award(rank=rank),
    )

    assert evaluate(shipped("guangdong-llm-use-case"), case).amount_fen == yuan(due)


def test_longhua_shares_its_pool_out_and_keeps_the_residue() -> None:
    """Requests of 13 million on a pool of 10: each is cut, and together they stay below it."""
    rules = read_rules(PROGRAMMES / "longhua-2024.toml")
    spent = ["10000000.00"] * 4 + ["3333333.33"]
    cases = [
        Case(
            case_id=str(number),
            applied_on=APPLIED,
            claimant=company(),
            service=SERVICE,
            other_money=(),
            parts=(same_tax("accelerator", amount, amount),),
            payment_fen=yuan(amount),
            standing=standing(pool_requested_fen=yuan("13000000") - 1),
        )
        for number, amount in enumerate(spent)
    ]

    paid = [evaluate(rules, case).amount_fen or 0 for case in cases]

    assert paid[0] == yuan("3000000") * yuan("10000000") // (yuan("13000000") - 1)
    assert sum(paid) <= yuan("10000000")


def test_hangzhou_pays_more_for_domestic_chips() -> None:
    """45 % on domestic chips, 25 % on others, one cut for the claim."""
    case = Case(
        case_id="hz",
        applied_on=APPLIED,
        other_money=(),
        claimant=company(),
        service=SERVICE,
        parts=(
            same_tax("accelerator", "100000.01", "100000.01", domestic=True),
            same_tax("accelerator", "200000.01", "200000.01", domestic=False),
        ),
        payment_fen=yuan("300000.02"),
        standing=standing(pool_granted_fen=0, pool_requested_fen=yuan("1000000")),
    )

    done = evaluate(read_rules(PROGRAMMES / "hangzhou-2025.toml"), case)

    assert done.amount_fen == int(Fraction("100000.01") * 45 + Fraction("200000.01") * 25)
    assert done.status is Status.FINAL


def test_vouchers_that_end_first_are_used_first() -> None:
    """A claim uses the older voucher up and takes the rest from the younger one."""
    case = replace(
        bundled(standing(year_eligible_fen=yuan("62500"))),
        vouchers=(
            Voucher(number="late", face_fen=yuan("200000"), valid_until=date(2027, 3, 1)),
            Voucher(
                number="soon",
                face_fen=yuan("100000"),
                used_fen=yuan("20000"),
                valid_until=date(2026, 6, 1),
            ),
            Voucher(number="over", face_fen=yuan("900000"), valid_until=date(2026, 5, 19)),
        ),
    )

    done = evaluate(shipped("shenzhen-compute-voucher"), case)

    (balance,) = [step for step in done.steps if step.name == "voucher_balance"]
    assert balance.outcome.inputs == (("voucher soon", "80000.00"), ("voucher late", "138750.00"))
