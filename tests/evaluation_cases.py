"""Programmes and generated cases for evaluation, with plenty of facts nobody gave."""

from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from hypothesis import strategies as st
from kashi_server.domain.evaluation.case import (
    Award,
    Case,
    Claimant,
    Metered,
    OtherMoney,
    Part,
    Service,
    Standing,
    Voucher,
)
from kashi_server.domain.parameters import ITEMS
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.rulebook import read_rules, shipped_rules

_FOREIGN = Path(__file__).parent / "programmes"
PROGRAMMES: tuple[RulesVersion, ...] = (
    *shipped_rules(),
    *(read_rules(file) for file in sorted(_FOREIGN.glob("*.toml"))),
)
"""Every shipped programme, and those of other places."""

FEN = st.one_of(
    st.integers(0, 10**6),
    st.integers(0, 10**10),
    st.sampled_from([0, 1, 49_999_999, 50_000_000, 100_000_000, 1_000_000_000, 10**11]),
)
DAYS = st.dates(date(2024, 12, 1), date(2027, 12, 31))
MAYBE = st.one_of(st.none(), st.booleans())
MOSTLY = st.sampled_from([True, True, True, True, False, None])
MOSTLY_NOT = st.sampled_from([False, False, False, False, True, None])
DECIMALS = st.fractions(0, 100_000, max_denominator=10_000)


def _maybe(values: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.one_of(values, values, values, st.none())


CLAIMANTS = st.builds(
    Claimant,
    kind=st.sampled_from(["企业", "企业", "企业", "个人", None]),
    established_on=st.one_of(DAYS, st.just(date(2015, 1, 1)), st.none()),
    in_jurisdiction=MOSTLY,
    legal_person=MOSTLY,
    credit_clean=MOSTLY,
    listed_provider=MOSTLY_NOT,
    exception_approved=MAYBE,
)


@st.composite
def services(draw: st.DrawFn) -> Service:
    """A service that ends after it begins."""
    begins = draw(st.one_of(DAYS, st.none()))
    days = draw(st.integers(0, 900))
    return Service(
        contract_signed=draw(st.one_of(DAYS, st.none())),
        service_from=begins,
        service_until=None if begins is None else begins + timedelta(days=days),
        purpose=draw(st.sampled_from(["training", "training", "inference", "mining", None])),
        provider_listed=draw(MOSTLY),
        provider_listed_from=draw(st.one_of(DAYS, st.none())),
        related=draw(MOSTLY_NOT),
    )


@st.composite
def parts(draw: st.DrawFn) -> Part:
    """A part; often without tax, sometimes with amounts nobody gave."""
    amounts = {name: draw(_maybe(FEN)) for name in ("contract_fen", "invoice_fen", "verified_fen")}
    same = draw(st.booleans())
    without = {
        name.replace("_fen", "_ex_tax_fen"): fen if same or fen is None else fen * 100 // 106
        for name, fen in amounts.items()
    }
    return Part(
        item=draw(st.sampled_from(["accelerator", "accelerator", *ITEMS])),
        owned=draw(st.sampled_from([False, False, False, True])),
        domestic=draw(MAYBE),
        contract_fen=amounts["contract_fen"],
        invoice_fen=amounts["invoice_fen"],
        verified_fen=amounts["verified_fen"],
        contract_ex_tax_fen=without["contract_ex_tax_fen"],
        invoice_ex_tax_fen=without["invoice_ex_tax_fen"],
        verified_ex_tax_fen=without["verified_ex_tax_fen"],
    )


@st.composite
def metered_lines(draw: st.DrawFn) -> Metered:
    """Card-hours at a price, a rent, or what a statement rated."""
    level = draw(st.sampled_from(["E0", "E1", "E2", "E3"]))
    if draw(st.booleans()):
        return Metered(evidence_level=level, domestic=draw(MAYBE), amount_fen=draw(FEN))
    if draw(st.booleans()):
        return Metered(
            evidence_level=level,
            domestic=draw(MAYBE),
            rent_fen=draw(FEN),
            rented_days=draw(st.integers(0, 28)),
            month_days=draw(st.integers(28, 31)),
        )
    return Metered(
        evidence_level=level,
        domestic=draw(MAYBE),
        card_hours=draw(DECIMALS),
        continuity_card_hours=draw(st.one_of(st.just(Fraction(0)), DECIMALS)),
        officer_card_hours=draw(st.one_of(st.just(Fraction(0)), DECIMALS)),
        price_yuan=draw(DECIMALS),
    )


@st.composite
def vouchers(draw: st.DrawFn) -> Voucher:
    """A voucher that is used no further than its face."""
    face_fen = draw(FEN)
    return Voucher(
        number=f"V-{draw(st.integers(0, 10**9))}",
        face_fen=face_fen,
        used_fen=draw(st.integers(0, face_fen)),
        valid_from=draw(st.one_of(DAYS, st.none())),
        valid_until=draw(st.one_of(DAYS, st.none())),
    )


OTHER_MONEY = st.builds(
    OtherMoney,
    programme_id=st.sampled_from(["district", "national-ai-voucher", "shenzhen-scene-industry"]),
    amount_fen=FEN,
    level=st.sampled_from(["city", "district", "unstated"]),
)
STANDINGS = st.builds(
    Standing,
    year_eligible_fen=_maybe(FEN),
    year_contract_fen=_maybe(FEN),
    year_awarded_fen=_maybe(FEN),
    years_awarded=_maybe(st.integers(0, 4)),
    paid_on_contract_fen=_maybe(st.one_of(st.just(0), FEN)),
    pool_granted_fen=_maybe(FEN),
    pool_requested_fen=_maybe(FEN),
    envelope_pool_fen=st.one_of(st.none(), FEN),
    envelope_granted_fen=_maybe(FEN),
)
AWARDS = st.builds(
    Award,
    tier=st.sampled_from(["tier1", "tier2", "demonstration", "benchmark", "none such", None]),
    rank=_maybe(st.integers(1, 12)),
    matched_fen=_maybe(FEN),
    decided_fen=_maybe(FEN),
)
MEASURES = st.dictionaries(
    st.sampled_from(
        [
            *("active_users", "enterprises_served"),
            *("first_recognised_year", "approved_year", "operating", "model_filed"),
        ]
    ),
    st.one_of(st.integers(0, 2_000_000), st.sampled_from([0, 1, 1, 2024, 2025, 2026])),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One claim, of any kind."""
    held = draw(st.one_of(st.none(), st.none(), st.lists(vouchers(), max_size=3)))
    lines = draw(st.one_of(st.none(), st.lists(metered_lines(), max_size=3)))
    money = draw(st.one_of(st.none(), st.lists(OTHER_MONEY, max_size=2)))
    paid_fen = draw(_maybe(FEN))
    return Case(
        case_id="generated",
        applied_on=draw(st.one_of(st.just(date(2026, 5, 20)), DAYS, st.none())),
        claimant=draw(CLAIMANTS),
        service=draw(services()),
        parts=tuple(draw(st.lists(parts(), max_size=4))),
        payment_fen=paid_fen,
        payment_ex_tax_fen=None if paid_fen is None else paid_fen * 100 // 106,
        metered=None if lines is None else tuple(lines),
        other_money=None if money is None else tuple(money),
        vouchers=None if held is None else tuple(held),
        standing=draw(STANDINGS),
        award=draw(AWARDS),
        measures=draw(MEASURES),
    )
