"""Claims under other rules: the replay is what would have been worked out from the beginning."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from claim_cases import rules
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_server.domain.claim_replay import ClaimReplay, as_if_since
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.evaluation.case import Case, Claimant, OtherMoney, Part, Service, Standing
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.domain.replayed_claim import (
    REQUESTS_NOTHING,
    STANDS_FOR_NOTHING,
    EndedPaid,
    EvaluatedThen,
    ReplayedClaim,
    ReplayedStep,
    UseThen,
)
from kashi_server.domain.rules import RulesVersion
from statement_samples import credit_code

COMPANIES = (credit_code(11), credit_code(12))
CONTRACTS = ("HT-1", "HT-2", "HT-3")
FIRST = date(2026, 11, 3)
FEN = st.one_of(st.sampled_from((1_000_000, 5_000_001, 9_999_999)), st.integers(0, 10**7))
STEPS = (
    *("check", "check", "approve", "approve", "approve", "submit", "assess", "reject", "suspend"),
    *("use", "use", "expire", "expire"),
)
EVALUATES = ("submit", "check", "assess", "approve")
KNOWN = st.sampled_from((True, True, True, False))
RATIOS = ('"0.50"', '"0.33"', '"0.90"', '"0.50"', '"0.33"', '"0.90"', "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A step that somebody takes: of which claim, and what share of the computed is approved."""

    place: int
    step: str
    share: tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Naive:
    """A claim worked out from the beginning."""

    claim: ReplayedClaim
    case: Case
    state: ClaimState = ClaimState.DRAFT
    done: Evaluation | None = None
    own_fen: int = 0
    awarded_fen: int = 0
    uses: tuple[Case, ...] = ()
    """Papers of its voucher's uses, all of them paid."""
    used: tuple[Evaluation, ...] = ()

    @property
    def year_fen(self) -> int:
        """What it brings towards the company's threshold: its application while it stands, once its
        voucher expired what was paid on."""
        if self.state is ClaimState.EXPIRED:
            return sum(one.eligible_fen or 0 for one in self.used)
        stands = self.done is not None and self.state not in STANDS_FOR_NOTHING
        return (self.done.eligible_fen or 0) if self.done is not None and stands else 0

    @property
    def requested_fen(self) -> int | None:
        """Before the pool; None: no amount."""
        known = self.done is not None and self.done.status is not Status.NO_AMOUNT
        return self.own_fen if known else None


@dataclass(slots=True)
class House:
    """All claims, each evaluation with the sums of all others as they stand then."""

    claims: list[Naive]
    tried: RulesVersion | None
    awards: list[tuple[int, int]] = field(default_factory=list)
    """Of each approval what was approved, of how much."""

    def take(self, act: Act, approved: tuple[int, int] | None) -> None:
        """Take a step; `approved`: the part of the computed amount, where it is known already."""
        one = self.claims[act.place]
        if act.step in EVALUATES:
            one.awarded_fen, one.uses, one.used = 0, (), ()
            self._evaluate(one)
        match act.step:
            case "submit":
                one.state = ClaimState.SUBMITTED
            case "check" | "assess":
                one.state = ClaimState.FORM_CHECK
            case "approve":
                assert one.done is not None
                amount_fen = one.done.amount_fen or 0
                part = approved or (amount_fen * act.share[0] // act.share[1], amount_fen)
                self.awards.append(part)
                one.awarded_fen = amount_fen * part[0] // part[1] if part[1] else 0
                one.state = ClaimState.EXPERT_REVIEW
            case "reject":
                one.awarded_fen, one.state = 0, ClaimState.REJECTED
            case "suspend":
                one.state = ClaimState.SUSPENDED
            case "use":
                version = self.tried or one.claim.rules
                papers = _part_of(one.case, act.share)
                one.uses, one.used = (*one.uses, papers), (*one.used, evaluate(version, papers))
            case "expire":
                one.state = ClaimState.EXPIRED

    def _evaluate(self, one: Naive) -> None:
        version = self.tried or one.claim.rules
        others = [other for other in self.claims if other is not one]
        same = [other for other in others if other.claim.company_id == one.claim.company_id]
        mine = set(one.claim.contract_ids)
        standing = Standing(
            year_eligible_fen=sum(other.year_fen for other in same),
            year_contract_fen=0,
            year_awarded_fen=sum(other.awarded_fen for other in same),
            years_awarded=0,
            paid_on_contract_fen=sum(
                other.awarded_fen for other in others if mine & set(other.claim.contract_ids)
            ),
            pool_granted_fen=sum(other.awarded_fen for other in others),
            pool_requested_fen=0,
        )
        one.case = replace(one.case, standing=standing)
        one.own_fen = evaluate(version, one.case).before_pool_fen
        all_fen = one.own_fen + sum(
            other.requested_fen or 0
            for other in others
            if other.claim.batch_id == one.claim.batch_id
            and other.awarded_fen == 0
            and other.state not in REQUESTS_NOTHING
        )
        one.case = replace(one.case, standing=replace(standing, pool_requested_fen=all_fen))
        one.done = evaluate(version, one.case)

    def step(self, act: Act, on: date) -> ReplayedStep:
        """What is kept of the step that was just taken."""
        one = self.claims[act.place]
        evaluated, use, ended = None, None, None
        if act.step in EVALUATES:
            assert one.done is not None
            evaluated = EvaluatedThen(
                case=one.case,
                requested_fen=one.requested_fen,
                eligible_fen=one.done.eligible_fen or 0,
                amount_fen=one.done.amount_fen,
            )
        elif act.step == "use":
            use = UseThen(
                serial=len(one.uses),
                case=one.uses[-1],
                eligible_fen=one.used[-1].eligible_fen or 0,
            )
        if one.state is ClaimState.EXPIRED and one.uses:
            serials = tuple(range(1, len(one.uses) + 1))
            # Every other voucher ended before anybody told what its paid uses come to.
            told_fen = one.year_fen if act.place % 2 else None
            ended = EndedPaid(serials=serials, told_fen=told_fen)
        return ReplayedStep(
            claim=one.claim,
            on=on,
            state=one.state,
            applied_on=FIRST,
            approved_fen=one.awarded_fen,
            released_fen=0,
            evaluated=evaluated,
            use=use,
            ended=ended,
        )


def _part_of(case: Case, share: tuple[int, int]) -> Case:
    """Papers of a use: a share of those of the application."""
    parts = tuple(
        replace(one, invoice_fen=(one.invoice_fen or 0) * share[0] // share[1])
        for one in case.parts
    )
    return replace(case, parts=parts)


def _case(name: str, fen: int, *, known: bool) -> Case:
    return Case(
        case_id=name,
        applied_on=FIRST,
        claimant=Claimant(kind="企业", legal_person=True, listed_provider=False, credit_clean=True),
        service=Service(
            contract_signed=date(2026, 8, 20),
            service_from=date(2026, 9, 1),
            purpose="training",
            related=False,
            provider_listed=True,
        ),
        parts=(Part(item="accelerator", contract_fen=fen, invoice_fen=fen),),
        payment_fen=fen if known else None,
        metered=(),
        other_money=(OtherMoney(programme_id="other", amount_fen=0, level="city"),),
    )


@st.composite
def houses(draw: st.DrawFn) -> tuple[list[Naive], list[Act]]:
    """Claims of two companies on three contracts, and what happens to them."""
    base = draw(versions())
    claims = [
        Naive(
            claim=ReplayedClaim(
                claim_id=f"C-{place}",
                company_id=draw(st.sampled_from(COMPANIES)),
                batch_id=draw(st.sampled_from(("B-1", "B-2"))),
                contract_ids=tuple(
                    sorted(draw(st.sets(st.sampled_from(CONTRACTS), min_size=1, max_size=2)))
                ),
                rules=base,
            ),
            case=_case(f"C-{place}", draw(FEN), known=draw(KNOWN)),
        )
        for place in range(draw(st.integers(2, 5)))
    ]
    acts = [Act(place=place, step="submit", share=(1, 1)) for place in range(len(claims))]
    shares = st.sampled_from(((1, 1), (1, 1), (2, 3), (0, 1)))
    more = draw(
        st.lists(
            st.builds(
                Act,
                place=st.integers(0, len(claims) - 1),
                step=st.sampled_from(STEPS),
                share=shares,
            ),
            min_size=4,
            max_size=12,
        )
    )
    return claims, [*acts, *more]


@st.composite
def versions(draw: st.DrawFn) -> RulesVersion:
    """Rules that part in ratio, cap, threshold, stacking line and pool; a ratio may be unknown."""
    return rules(
        ratio__general=draw(st.sampled_from(RATIOS)),
        cap__company_year_yuan=draw(st.sampled_from(('"60000.01"', '"30000.00"', '"none"'))),
        threshold__year_yuan=draw(st.sampled_from(('"0"', '"0"', '"60000.00"'))),
        stacking__ratio=draw(st.sampled_from(('"0.60"', '"0.90"', "unknown"))),
        pool__year_yuan=draw(st.sampled_from(('"1000000.00"', '"70000.00"'))),
        pool__overflow=draw(st.sampled_from(('"first_come"', '"prorata"'))),
    )


def _fresh(claims: Sequence[Naive], tried: RulesVersion | None) -> House:
    return House([replace(one) for one in claims], tried)


def _replayed(
    claims: Sequence[Naive], acts: Sequence[Act], tried: RulesVersion
) -> tuple[House, ClaimReplay]:
    """Follow claims on both sides; each step must come to what working all of it out comes to."""
    stood, would, approvals = _fresh(claims, None), _fresh(claims, tried), 0
    now, new = ClaimReplay(), ClaimReplay(tried=tried)
    for days, act in enumerate(acts):
        stood.take(act, None)
        approved = None
        if act.step == "approve":
            approved, approvals = stood.awards[approvals], approvals + 1
        would.take(act, approved)
        step = stood.step(act, FIRST + timedelta(days=days))
        for side, house in ((now, stood), (new, would)):
            side.step(step, inside=True)
            one = house.claims[act.place]
            figures = side.figures(one.claim.claim_id)
            assert figures is not None
            assert one.done is not None
            assert figures.amount_fen == one.done.amount_fen
            assert figures.status is one.done.status
            assert (figures.unknown, figures.missing) == (one.done.unknown, one.done.missing)
            assert side.awarded_fen(one.claim.claim_id) == one.awarded_fen
    return would, new


@settings(max_examples=30, deadline=None)
@given(found=houses(), tried=versions())
def test_replayed_claims_are_what_they_would_have_been(
    found: tuple[list[Naive], list[Act]], tried: RulesVersion
) -> None:
    """Under the rules that stand, every step's amount as it was: simulate(now) = now. Under others,
    what comes out when all claims are worked out from the first on, with the officers' shares."""
    _replayed(*found, tried)


BASE = {"ratio__general": '"0.50"', "cap__company_year_yuan": '"none"', "stacking__ratio": '"1"'}
APPROVED_FIRST = ("submit 0", "approve 0", "submit 1")


@pytest.mark.parametrize(
    ("old", "changed", "acts", "amounts_fen"),
    [
        pytest.param(
            {"cap__company_year_yuan": '"80000.00"'},
            {"ratio__general": '"0.70"'},
            APPROVED_FIRST,
            (7_000_000, 1_000_000),
            id="the-first-award-takes-more-of-the-cap",
        ),
        pytest.param(
            {"stacking__ratio": '"0.80"'},
            {"ratio__general": '"0.60"'},
            APPROVED_FIRST,
            (6_000_000, 2_000_000),
            id="the-first-award-takes-more-of-the-contract",
        ),
        pytest.param(
            {"pool__year_yuan": '"60000.00"'},
            {"ratio__general": '"0.40"'},
            APPROVED_FIRST,
            (4_000_000, 2_000_000),
            id="the-first-award-leaves-more-of-the-pool",
        ),
        pytest.param(
            {"pool__year_yuan": '"80000.00"', "pool__overflow": '"prorata"'},
            {"ratio__general": '"0.80"'},
            ("submit 0", "submit 1", "check 0"),
            (4_000_000, 4_000_000),
            id="both-request-more-of-the-pool",
        ),
        pytest.param(
            {"threshold__year_yuan": '"150000.00"', "expense_scope__include": '["storage"]'},
            {"expense_scope__include": '["accelerator"]'},
            ("submit 0", "submit 1", "check 0"),
            (5_000_000, 5_000_000),
            id="both-expenses-count-and-reach-the-threshold",
        ),
        pytest.param(
            {"threshold__year_yuan": '"150000.00"', "expense_scope__include": '["storage"]'},
            {"expense_scope__include": '["accelerator"]'},
            ("submit 0", "approve 0", "use 0", "expire 0", "submit 1"),
            (0, 5_000_000),
            id="what-was-paid-of-an-expired-voucher-reaches-it-with-the-other",
        ),
        pytest.param(
            {"threshold__year_yuan": '"150000.00"', "expense_scope__include": '["storage"]'},
            {"expense_scope__include": '["accelerator"]'},
            ("submit 0", "approve 0", "expire 0", "submit 1"),
            (0, 0),
            id="what-nobody-was-paid-of-an-expired-voucher-brings-nothing",
        ),
    ],
)
def test_what_the_claims_before_come_to_moves_those_after(
    old: dict[str, str],
    changed: dict[str, str],
    acts: tuple[str, ...],
    amounts_fen: tuple[int, ...],
) -> None:
    """Two claims of 100 000 yuan of one company on one contract: awards, requests and eligible
    expense of the first are those of the tried rules where the second reads them."""
    claims = [
        Naive(
            claim=ReplayedClaim(
                claim_id=f"C-{place}",
                company_id=COMPANIES[0],
                batch_id="B-1",
                contract_ids=("HT-1",),
                rules=rules(**{**BASE, **old}),
            ),
            case=_case(f"C-{place}", 10_000_000, known=True),
        )
        for place in range(2)
    ]
    taken = [
        Act(place=int(place), step=step, share=(1, 1))
        for step, place in (one.split() for one in acts)
    ]

    _house, side = _replayed(claims, taken, rules(**{**BASE, **old, **changed}))

    found = [side.figures(f"C-{place}") for place in range(2)]
    assert [one and one.amount_fen for one in found] == list(amounts_fen)


def test_tried_rules_that_begin_later_are_tried_as_if_they_stood() -> None:
    """A version of next year, tried on a claim of this one: it counts as if in force since the
    claim's own; its end stays."""
    later = rules()
    ended = replace(later, in_force=replace(later.in_force, end=later.in_force.start + 60))
    later = replace(later, in_force=replace(later.in_force, start=2**25))
    for tried, amount_fen in ((later, 5_000_000), (ended, 0)):
        _house, side = _replayed(
            [
                Naive(
                    claim=ReplayedClaim(
                        claim_id="C-0",
                        company_id=COMPANIES[0],
                        batch_id="B-1",
                        contract_ids=("HT-1",),
                        rules=rules(),
                    ),
                    case=_case("C-0", 10_000_000, known=True),
                )
            ],
            [Act(place=0, step="submit", share=(1, 1))],
            as_if_since(tried, rules()),
        )
        figures = side.figures("C-0")
        assert figures is not None
        assert figures.amount_fen == amount_fen


@settings(max_examples=15, deadline=None)
@given(found=houses(), tried=versions())
def test_claims_outside_the_period_stay_under_their_own_rules(
    found: tuple[list[Naive], list[Act]], tried: RulesVersion
) -> None:
    """Whatever is tried on others: where all lie outside, nothing changes."""
    claims, acts = found
    stood, new = _fresh(claims, None), ClaimReplay(tried=tried)
    for act in acts:
        stood.take(act, None)
        new.step(stood.step(act, FIRST), inside=False)

    for one in stood.claims:
        figures = new.figures(one.claim.claim_id)
        assert figures is not None
        assert one.done is not None
        assert figures.amount_fen == one.done.amount_fen
