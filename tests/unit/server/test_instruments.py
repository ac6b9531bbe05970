"""Every published instrument is a rules file that computes the figures its texts name."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from kashi_server.domain.evaluation.case import Award, Case, Part
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.domain.interval import minute_of_day
from kashi_server.domain.rules import RulesVersion, version_at
from kashi_server.services.rulebook import PROGRAMMES, shipped_rules
from plain_claims import SERVICE, company, same_tax, standing, yuan

DOCUMENT = Path(__file__).parents[3] / "docs" / "rules.md"
IN_WINDOW = date(2025, 9, 10)
"""Inside the corpus vouchers' window."""
BY_ID = {one.programme_id: one for one in shipped_rules()}


def claim(*parts: Part, paid: str | None = None, award: Award | None = None) -> Case:
    """An application of an established company that meets every condition, in June 2026."""
    return Case(
        case_id="instrument",
        applied_on=date(2026, 6, 1),
        claimant=company(),
        service=SERVICE,
        parts=parts,
        payment_fen=None if paid is None else yuan(paid),
        other_money=(),
        standing=standing(),
        award=award or Award(),
    )


def verified(item: str, amount: str) -> Part:
    """What an auditor found, without tax."""
    return Part(item=item, verified_fen=yuan(amount), verified_ex_tax_fen=yuan(amount))


def paid(programme_id: str, case: Case) -> int | None:
    """What a programme comes to."""
    return evaluate(BY_ID[programme_id], case).amount_fen


@pytest.mark.parametrize(("contract", "due"), [("1000000", "300000"), ("8000000", "2000000")])
def test_corpus_purchase_is_shared_at_30_percent(contract: str, due: str) -> None:
    """Up to 2 000 000 a company and year."""
    case = replace(
        claim(same_tax("corpus", contract, contract), paid=contract), applied_on=IN_WINDOW
    )

    assert paid("shenzhen-corpus-voucher-purchase", case) == yuan(due)


def test_corpus_opening_is_scored_up_to_a_million() -> None:
    """What the office decided, and no more than 1 000 000 a unit."""
    programme = "shenzhen-corpus-voucher-opening"

    assert paid(programme, claim(award=Award(decided_fen=yuan("600000")))) == yuan("600000")
    assert paid(programme, claim(award=Award(decided_fen=yuan("1200000")))) == yuan("1000000")
    assert paid(programme, claim()) is None


def test_the_corpus_vouchers_share_one_pool() -> None:
    """What either was granted is gone for both: 50 000 000 together."""
    pool = BY_ID["shenzhen-corpus-pool"]
    members = pool.parameter("envelope.members").value
    assert isinstance(members, tuple)
    case = claim(same_tax("corpus", "8000000", "8000000"), paid="8000000")
    taken = replace(
        case.standing,
        pool_granted_fen=0,
        pool_requested_fen=0,
        envelope_pool_fen=pool.fen("pool.year_yuan"),
        envelope_granted_fen=yuan("49000000"),
    )

    assert set(members) == {one for one in BY_ID if one.startswith("shenzhen-corpus-voucher")}
    for member in members:
        assert BY_ID[member].parameter("envelope").value == pool.programme_id
        assert BY_ID[member].fen("pool.year_yuan") == pool.fen("pool.year_yuan")
    late = replace(case, standing=taken, applied_on=IN_WINDOW)
    assert paid("shenzhen-corpus-voucher-purchase", late) == yuan("1000000")


@pytest.mark.parametrize(
    ("tier", "invested", "due"),
    [
        ("demonstration", "5000000", "1500000"),
        ("demonstration", "10000000", "2000000"),
        ("benchmark", "40000000", "10000000"),
    ],
)
def test_a_scene_of_an_industry_is_shared_up_to_its_tier(
    tier: str, invested: str, due: str
) -> None:
    """30 % of what was invested, at most 2 000 000 or 10 000 000."""
    case = claim(verified("investment", invested), award=Award(tier=tier))

    assert paid("shenzhen-scene-industry", case) == yuan(due)


@pytest.mark.parametrize(
    ("tier", "decided", "before", "due"),
    [
        ("tier1", None, "0", "5000000"),
        ("tier2", None, "0", "3000000"),
        ("tier3", "800000", "0", "800000"),
        ("tier1", None, "8000000", "2000000"),
    ],
)
def test_a_scene_of_government_is_awarded_by_tier(
    tier: str, decided: str | None, before: str, due: str
) -> None:
    """5, 3 and 1 million at most, and 10 million a company and year."""
    decided_fen = None if decided is None else yuan(decided)
    case = claim(award=Award(tier=tier, decided_fen=decided_fen))
    case = replace(case, standing=standing(year_awarded_fen=yuan(before)))

    assert paid("shenzhen-scene-government", case) == yuan(due)


@pytest.mark.parametrize(("sold", "due"), [("40000000", "2000000"), ("100000000", "3000000")])
def test_embodied_products_get_a_share_of_their_sales(sold: str, due: str) -> None:
    """5 % of a year's verified sales, up to 3 000 000."""
    assert paid("shenzhen-scene-product", claim(verified("sales", sold))) == yuan(due)


def test_the_national_voucher_has_no_amount_while_nobody_knows_its_ratio() -> None:
    """It runs beside the city's; nothing is invented for it."""
    case = claim(same_tax("accelerator", "1000000", "1000000"), paid="1000000")
    done = evaluate(BY_ID["national-ai-voucher"], case)

    assert (done.status, done.amount_fen) == (Status.NO_AMOUNT, None)
    assert "ratio.general" in done.unknown


def test_the_envelope_opens_in_march_and_bounds_what_lies_inside() -> None:
    """4.5 bn of 2025: it pays nothing itself; a member gets no more than it still holds."""
    envelope = BY_ID["shenzhen-ai-envelope"]
    members = envelope.parameter("envelope.members").value
    case = claim(same_tax("accelerator", "4000000", "4000000"), paid="4000000")
    left = replace(
        case.standing,
        envelope_pool_fen=envelope.fen("pool.year_yuan"),
        envelope_granted_fen=yuan("4499000000"),
    )
    done = evaluate(BY_ID["shenzhen-compute-voucher"], replace(case, standing=left))

    assert envelope.fen("pool.year_yuan") == yuan("4500000000")
    assert envelope.parameter("application_windows").value == ("2025-03-01/2025-03-31",)
    march = replace(
        case,
        applied_on=date(2025, 3, 10),
        service=replace(SERVICE, contract_signed=date(2025, 2, 1), service_from=date(2025, 2, 1)),
    )
    assert evaluate(envelope, march).status is Status.NO_AMOUNT
    april = evaluate(envelope, replace(march, applied_on=date(2025, 4, 1)))
    assert april.steps[0].outcome.bound == "application_windows"
    assert isinstance(members, tuple)
    assert set(members) <= BY_ID.keys()
    assert (done.amount_fen, done.steps[-1].outcome.bound) == (yuan("1000000"), "envelope")
    ranked = sorted(one for one in BY_ID if one.startswith("shenzhen-"))
    assert {*members, envelope.programme_id, "shenzhen-corpus-pool"} == set(ranked)


def test_ranked_projects_get_what_the_authority_decides() -> None:
    """揭榜挂帅: ranked, matched, case by case; no number without a decision."""
    decided = claim(award=Award(rank=1, decided_fen=yuan("12000000")))

    assert paid("shenzhen-ranked-projects", decided) == yuan("12000000")
    assert paid("shenzhen-ranked-projects", claim(award=Award(rank=1))) is None


@pytest.mark.parametrize(
    ("programme", "due"),
    [
        ("guangdong-innovation-hub-national", "12000000"),
        ("guangdong-innovation-hub-provincial", "10000000"),
    ],
)
def test_hubs_share_their_equipment_at_40_percent(programme: str, due: str) -> None:
    """30 000 000 without tax: 12 000 000, a provincial hub at most 10 000 000."""
    done = evaluate(BY_ID[programme], claim(verified("equipment", "30000000")))

    assert done.amount_fen == yuan(due)
    assert "cap.company_year_yuan" in done.unknown


@pytest.mark.parametrize(
    ("programme", "city", "province"),
    [
        ("guangdong-single-champion", "2000000", "1000000"),
        ("guangdong-little-giant", "1200000", "800000"),
        ("guangdong-little-giant", "500000", "500000"),
    ],
)
def test_matching_awards_stop_at_both_together(programme: str, city: str, province: str) -> None:
    """3 000 000 for a champion, 2 000 000 for a little giant, city and province together."""
    assert paid(programme, claim(award=Award(matched_fen=yuan(city)))) == yuan(province)


@pytest.mark.parametrize(("filed", "due"), [(1, "300000"), (0, "0")])
def test_a_model_voucher_is_for_filed_models(filed: int, due: str) -> None:
    """A model that is not on file earns nothing; where nobody said, the estimate names it."""
    case = claim(same_tax("model", "1000000", "1000000"), paid="1000000")
    open_done = evaluate(BY_ID["shenzhen-model-voucher"], case)

    assert paid("shenzhen-model-voucher", replace(case, measures={"model_filed": filed})) == yuan(
        due
    )
    assert open_done.status is Status.ESTIMATE
    assert "measures.model_filed" in open_done.missing


@pytest.mark.parametrize("programme", ["national", "provincial"])
@pytest.mark.parametrize(
    ("approved", "operating", "due"),
    [(2025, 1, "8000000"), (2027, 1, "8000000"), (2024, 1, "0"), (2028, 1, "0"), (2026, 0, "0")],
)
def test_hubs_are_those_approved_in_the_years_of_the_measures(
    programme: str, approved: int, operating: int, due: str
) -> None:
    """Approved 2025 to 2027, and operating."""
    case = claim(verified("equipment", "20000000"))
    measured = replace(case, measures={"approved_year": approved, "operating": operating})

    assert paid(f"guangdong-innovation-hub-{programme}", measured) == yuan(due)


@pytest.mark.parametrize("programme", ["guangdong-single-champion", "guangdong-little-giant"])
@pytest.mark.parametrize(
    ("year", "due"), [(2023, "0"), (2024, "500000"), (2026, "500000"), (2027, "0")]
)
def test_matching_awards_are_for_first_recognitions_of_three_years(
    programme: str, year: int, due: str
) -> None:
    """First recognised in 2024, 2025 or 2026."""
    case = claim(award=Award(matched_fen=yuan("500000")))

    assert paid(programme, replace(case, measures={"first_recognised_year": year})) == yuan(due)


@pytest.mark.parametrize(
    ("measures", "rank", "due"),
    [
        ({"active_users": 1_000_001}, 5, "8000000"),
        ({"enterprises_served": 201}, 1, "8000000"),
        ({"active_users": 1_000_001}, 6, "0"),
        ({"active_users": 1_000_000, "enterprises_served": 200}, 1, "0"),
    ],
)
def test_five_open_source_communities_a_year(measures: dict[str, int], rank: int, due: str) -> None:
    """More than a million users or 200 enterprises, the first five, at most 8 000 000 each."""
    case = claim(award=Award(rank=rank, decided_fen=yuan("9000000")))

    assert paid("guangdong-open-source", replace(case, measures=measures)) == yuan(due)


def test_after_17_december_2026_no_rules_of_the_measures_are_in_force() -> None:
    """A state of its own: at midnight nothing is eligible, and what succeeds them nobody knows."""
    last, after = minute_of_day(date(2026, 12, 18)) - 1, minute_of_day(date(2026, 12, 18))
    measures = [one for one in BY_ID.values() if "13号, 2024-12-18" in one.document]
    case = claim(same_tax("accelerator", "2000000", "2000000"), paid="2000000")

    assert len(measures) == 6
    for one in measures:
        assert (version_at([one], last), version_at([one], after)) == (one, None)
    late = replace(
        case,
        applied_on=date(2026, 12, 18),
        service=replace(
            SERVICE,
            contract_signed=date(2026, 12, 18),
            service_from=date(2026, 12, 18),
            service_until=date(2027, 6, 30),
        ),
    )
    done: Evaluation = evaluate(BY_ID["shenzhen-compute-voucher"], late)
    assert (done.status, done.amount_fen) == (Status.FINAL, 0)
    assert done.steps[0].outcome.bound == "in_force"


def test_every_file_stands_in_the_table_with_the_test_that_computes_it() -> None:
    """docs/rules.md: instrument, file, test; each test is there."""
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if ".toml` |" in line
    ]
    tests = "".join(
        (Path(__file__).parent / name).read_text(encoding="utf-8")
        for name in ("test_instruments.py", "test_evaluation_examples.py")
    )

    assert {row[1] for row in rows} == {file.name for file in PROGRAMMES.glob("*.toml")}
    for row in rows:
        for name in row[-1].split("`, `"):
            assert f"def {name}(" in tests, name
        version: RulesVersion = BY_ID[row[1].removesuffix(".toml")]
        assert row[0].startswith(version.name_zh), row
