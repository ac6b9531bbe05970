"""Claims taken any way at all: nothing is paid beyond what was approved, held, or there.

Every step that the tables allow is tried in any order, on claims of two companies in every mode,
against a pool and caps that are too small for all. Beside the machine stands a plain count of what
each booking means; after each step both must agree, and nothing may have passed a bound.
"""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from kashi_server.domain.claim import Booking, BookingKind, Changed, Claim
from kashi_server.domain.claim_recovery import (
    charge_interest,
    claw_back,
    flagged,
    reopen,
    resume,
    suspend,
)
from kashi_server.domain.claim_redemption import expire, pay, redeem, use, verify
from kashi_server.domain.claim_review import (
    approve,
    assess,
    check,
    issue,
    publicise,
    reject,
    review,
    send_back,
    submit,
    withdraw,
)
from kashi_server.domain.claim_states import (
    ENDED,
    ClaimState,
    Mode,
    Review,
    Step,
    transitions,
)
from kashi_server.errors import InvalidValue, Refused
from statement_samples import credit_code

POOL, CAP, PROVIDER = 1_000, 700, credit_code(9)
COMPANIES = (credit_code(1), credit_code(2))
K = BookingKind
_FORWARD = (
    Step.SUBMIT, Step.CHECK, Step.REVIEW, Step.APPROVE, Step.PUBLICISE, Step.ISSUE, Step.USE,
    Step.REDEEM, Step.VERIFY, Step.PAY, Step.RESUME,
)  # fmt: skip


class Books:
    """What bookings mean, counted plainly: who holds how much, with a floor under each."""

    def __init__(self) -> None:
        self.holds = Counter({"pool": POOL, **{f"cap {one}": CAP for one in COMPANIES}})

    def post(self, claim: Claim, bookings: tuple[Booking, ...]) -> bool:
        """Post all of it, or nothing where a floor would be passed."""
        after = Counter(self.holds)
        for one in bookings:
            self._move(after, claim, one)
            if min(after.values()) < 0:
                return False
        self.holds = after
        return True

    @staticmethod
    def _move(holds: Counter[str], claim: Claim, one: Booking) -> None:
        stages = {
            K.RESERVE: ("pool", "reserved"),
            K.RELEASE: ("reserved", "pool"),
            K.ACCRUE: ("reserved", "accrued"),
            K.CERTIFY: ("accrued", "certified"),
            K.DISBURSE: ("certified", "disbursed"),
            K.RETREAT: ("accrued", "reserved"),
            K.UNCERTIFY: ("certified", "accrued"),
            K.CLAW_BACK: ("disbursed", "recovered"),
        }
        if one.kind is K.INTEREST:
            return
        for name, sign in zip(stages[one.kind], (-1, 1), strict=True):
            own = name if name in ("pool", "recovered") else f"{name} {claim.claim_id}"
            holds[own] += sign * one.amount_fen
        sign = {K.RESERVE: -1, K.RELEASE: 1}.get(one.kind, 0)
        holds[f"cap {claim.company_id}"] += sign * one.amount_fen

    def of(self, claim: Claim, stage: str) -> int:
        """What stands for a claim."""
        return self.holds[f"{stage} {claim.claim_id}"]


class ClaimMachine(RuleBasedStateMachine):
    """Four claims and a calendar."""

    @initialize(
        modes=st.lists(st.sampled_from(list(Mode)), min_size=4, max_size=4),
        expert=st.booleans(),
        publicity=st.booleans(),
    )
    def begin(self, modes: list[Mode], expert: bool, publicity: bool) -> None:
        """Two claims of each company."""
        self.today = date(2026, 11, 1)
        self.books = Books()
        self.paid: Counter[str] = Counter()
        how = Review(expert_review=expert, publicity=publicity, publicity_days=2, corrections_max=2)
        self.claims = [
            Claim(
                claim_id=f"C-{place}",
                batch_id="B",
                company_id=COMPANIES[place % 2],
                payee_id=PROVIDER if mode.pays_provider else COMPANIES[place % 2],
                mode=mode,
                review=how,
            )
            for place, mode in enumerate(modes)
        ]

    @rule(days=st.integers(1, 3))
    def pass_days(self, days: int) -> None:
        """Time goes on."""
        self.today += timedelta(days=days)

    @rule(
        place=st.integers(0, 3),
        step=st.sampled_from(list(Step)),
        amount=st.integers(1, 600),
        flag=st.booleans(),
    )
    def stray(self, place: int, step: Step, amount: int, flag: bool) -> None:
        """Any step, allowed or not."""
        self.take(place, step, amount, flag=flag)

    def take(self, place: int, step: Step, amount: int, *, flag: bool) -> None:
        """Take a step and post what it books, or leave everything as it is."""
        claim = self.claims[place]
        allowed = {
            one.step for one in transitions(claim.mode, claim.review) if claim.state in one.sources
        }
        try:
            changed = self._done(claim, step, amount, flag=flag)
        except (Refused, InvalidValue):
            return
        assert step in allowed
        assert changed.claim.serial == claim.serial + 1
        if not self.books.post(claim, changed.bookings):
            return
        self.claims[place] = changed.claim
        self.paid[claim.claim_id] += sum(
            one.amount_fen for one in changed.bookings if one.kind is K.DISBURSE
        )

    @rule(
        place=st.integers(0, 3),
        picks=st.lists(st.integers(0, 99), min_size=4, max_size=16),
        amount=st.integers(1, 300),
        days=st.integers(0, 2),
    )
    def walk(self, place: int, picks: list[int], amount: int, days: int) -> None:
        """Steps that are allowed, mostly forward, so that the far states are reached as well."""
        for pick in picks:
            self.today += timedelta(days=days)
            self._step_on(place, pick, amount)
            self.books_and_claims_agree()
            self.nothing_is_paid_beyond_its_bounds()

    def _step_on(self, place: int, pick: int, amount: int) -> None:
        claim = self.claims[place]
        possible = [
            one.step for one in transitions(claim.mode, claim.review) if claim.state in one.sources
        ]
        forward = [one for one in possible if one in _FORWARD]
        if claim.amounts.approved_fen and len(forward) > 1:
            forward = [one for one in forward if one is not Step.APPROVE]
        chosen = forward if forward and pick < 93 else possible
        if chosen:
            self.take(place, chosen[pick % len(chosen)], amount, flag=pick % 3 > 0)

    def _done(self, claim: Claim, step: Step, amount: int, *, flag: bool) -> Changed:
        match step:
            case Step.SUBMIT:
                return submit(claim, self.today, 500)
            case Step.CHECK:
                return check(claim, 500 if flag else None)
            case Step.ASSESS:
                return assess(claim, 500)
            case Step.APPROVE:
                return approve(claim, amount, 500)
            case Step.PUBLICISE:
                return publicise(claim, self.today)
            case Step.ISSUE:
                last = self.today + timedelta(days=amount % 7) if flag else None
                return issue(claim, self.today, f"V-{claim.claim_id}", last)
            case Step.USE:
                return use(claim, amount, self.today, partial=flag)
            case Step.VERIFY:
                return verify(claim, amount, self.today)
            case Step.EXPIRE:
                return expire(claim, self.today)
            case Step.REOPEN:
                return reopen(claim, touches_open=flag)
            case Step.CLAW_BACK:
                return claw_back(claim, amount, amount // 10)
        return {
            Step.CHARGE_INTEREST: lambda one: charge_interest(one, amount // 10),
            Step.RETURN: send_back,
            Step.REVIEW: review,
            Step.REDEEM: redeem,
            Step.PAY: pay,
            Step.REJECT: reject,
            Step.WITHDRAW: withdraw,
            Step.SUSPEND: suspend,
            Step.FLAG: flagged,
            Step.RESUME: resume,
        }[step](claim)

    @invariant()
    def books_and_claims_agree(self) -> None:
        """Each stage of each claim is what its bookings came to."""
        for claim in getattr(self, "claims", []):
            amounts = claim.amounts
            assert amounts.reserved_fen == self.books.of(claim, "reserved")
            assert amounts.accrued_fen == self.books.of(claim, "accrued")
            assert amounts.certified_fen == self.books.of(claim, "certified")
            net_fen = amounts.disbursed_fen - amounts.recovered_fen
            assert net_fen == self.books.of(claim, "disbursed")

    @invariant()
    def nothing_is_paid_beyond_its_bounds(self) -> None:
        """Not beyond what was approved, the face, the company's cap or the pool; nothing twice."""
        claims = getattr(self, "claims", [])
        for claim in claims:
            paid_fen = self.paid[claim.claim_id]
            assert paid_fen == claim.amounts.disbursed_fen
            assert paid_fen <= claim.amounts.approved_fen <= (claim.computed_fen or 0)
            if claim.voucher is not None:
                assert paid_fen <= claim.voucher.used_fen <= claim.voucher.face_fen
                assert claim.balance_fen == claim.voucher.face_fen - claim.voucher.used_fen
            elif claim.mode.has_voucher:
                assert paid_fen == 0
        for company_id in COMPANIES:
            of_company = (one for one in claims if one.company_id == company_id)
            assert sum(self.paid[one.claim_id] for one in of_company) <= CAP
        assert sum(self.paid.values()) <= POOL if claims else True

    @invariant()
    def what_ended_holds_nothing(self) -> None:
        """Rejected, expired, withdrawn, clawed back: whatever was reserved is free again."""
        for claim in getattr(self, "claims", []):
            if claim.state in (*ENDED, ClaimState.PAID):
                assert claim.amounts.reserved_fen == 0
                assert claim.open_fen == 0
            if claim.state is ClaimState.DRAFT:
                assert claim.amounts.approved_fen == 0

    @invariant()
    def money_is_conserved(self) -> None:
        """Whatever happened, all of it stands somewhere."""
        if hasattr(self, "books"):
            kept = sum(fen for name, fen in self.books.holds.items() if not name.startswith("cap"))
            assert kept == POOL


TestClaimMachine = ClaimMachine.TestCase
TestClaimMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_a_suspended_claim_says_where_it_goes_on() -> None:
    """The value refuses to be suspended from nowhere, or to resume while it goes on."""
    claim = Claim(
        claim_id="C",
        batch_id="B",
        company_id=COMPANIES[0],
        payee_id=COMPANIES[0],
        mode=Mode.POST_USE,
        review=Review(),
    )
    with pytest.raises(InvalidValue, match="suspended"):
        replace(claim, state=ClaimState.SUSPENDED)
    with pytest.raises(InvalidValue, match="suspended"):
        replace(claim, resumes=ClaimState.DRAFT)
