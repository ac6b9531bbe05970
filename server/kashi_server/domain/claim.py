"""A claim: what a company asks of a programme, what was computed, approved, used and paid.

Invariants, held at birth of every value:
- approved ≤ computed; face of the voucher = approved; used ≤ face;
- approved = reserved + accrued + certified + disbursed + released, each never negative;
- recovered ≤ disbursed; what was used ≥ accrued + certified + disbursed.

A step gives a new claim and the *bookings* that the ledger must make in the same unit of work.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from kashi_server.domain.claim_states import (
    ClaimState,
    Mode,
    Review,
    Step,
    Transition,
    transition,
)
from kashi_server.domain.contract import check_token
from kashi_server.domain.evaluation.case import Voucher
from kashi_server.domain.money import FEN_MAX
from kashi_server.domain.party import check_credit_code
from kashi_server.errors import InvalidValue, Refused

Named = tuple[str, str]
"""What an amount is called, in Chinese and in English."""


class BookingKind(StrEnum):
    """What the ledger is asked for."""

    RESERVE = "reserve"
    RELEASE = "release"
    ACCRUE = "accrued"
    CERTIFY = "certified"
    DISBURSE = "disbursed"
    RETREAT = "retreat"
    """Out of accrued, back to reserved."""
    UNCERTIFY = "uncertify"
    """Out of certified, back to accrued."""
    CLAW_BACK = "claw_back"
    INTEREST = "interest"


@dataclass(frozen=True, slots=True)
class Booking:
    """An amount that moves; `whole`: a release that gives the award itself back."""

    kind: BookingKind
    amount_fen: int
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Where a claim's approved money stands, in fen."""

    approved_fen: int = 0
    accrued_fen: int = 0
    certified_fen: int = 0
    disbursed_fen: int = 0
    released_fen: int = 0
    recovered_fen: int = 0

    def __post_init__(self) -> None:
        """Refuse amounts that do not add up."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= FEN_MAX:
                raise InvalidValue(
                    f"{name} = {value!r} 不是以分计的金额。{name} = {value!r} is no amount in fen"
                )
        if self.reserved_fen < 0:
            raise InvalidValue(
                "一项申报的支出超过了核定金额。more is spent of a claim than was approved"
            )
        if self.recovered_fen > self.disbursed_fen:
            raise InvalidValue(
                "一项申报的追回超过了已拨付金额。more is recovered of a claim than was paid"
            )

    @property
    def reserved_fen(self) -> int:
        """Approved and neither spent nor given back."""
        return (
            self.approved_fen
            - self.accrued_fen
            - self.certified_fen
            - self.disbursed_fen
            - self.released_fen
        )

    @property
    def awarded_fen(self) -> int:
        """What of the approved was not given back."""
        return self.approved_fen - self.released_fen

    @property
    def out_fen(self) -> int:
        """Paid and not recovered."""
        return self.disbursed_fen - self.recovered_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim as it stands.

    Attributes:
        payee_id: who is paid: the company, or the provider where it had deducted.
        applied_on: day of the first submission; it stays through corrections.
        resumes: where a suspended claim goes on.
        corrections: how often it was returned 补正.
        computed_fen: what the latest evaluation came to; None: none yet, or no amount.
        publicised_on: first day of public notice.
        serial: how many steps were taken.
    """

    claim_id: str
    batch_id: str
    company_id: str
    payee_id: str
    mode: Mode
    review: Review
    state: ClaimState = ClaimState.DRAFT
    applied_on: date | None = None
    resumes: ClaimState | None = None
    corrections: int = 0
    computed_fen: int | None = None
    publicised_on: date | None = None
    voucher: Voucher | None = None
    amounts: Amounts = Amounts()
    serial: int = 0

    def __post_init__(self) -> None:
        """Refuse a claim whose parts contradict each other."""
        check_token(self.claim_id, "claim_id")
        check_token(self.batch_id, "batch_id")
        check_credit_code(self.company_id)
        check_credit_code(self.payee_id)
        if (self.state is ClaimState.SUSPENDED) != (self.resumes is not None):
            raise InvalidValue(
                f"申报 {self.claim_id}：只有已中止的申报才有恢复后的状态。"
                f"claim {self.claim_id}: only a suspended claim resumes somewhere"
            )
        if self.voucher is not None:
            self._check_voucher(self.voucher)

    def _check_voucher(self, voucher: Voucher) -> None:
        amounts = self.amounts
        if voucher.face_fen != amounts.approved_fen:
            raise InvalidValue(
                f"券 {voucher.number} 的面额与核定金额不符。"
                f"voucher {voucher.number}: its face is not the approved amount"
            )
        settled = amounts.accrued_fen + amounts.certified_fen + amounts.disbursed_fen
        if voucher.used_fen < settled:
            raise InvalidValue(
                f"券 {voucher.number} 的兑现超过了已使用的金额。"
                f"voucher {voucher.number}: more is redeemed than was used"
            )

    @property
    def balance_fen(self) -> int:
        """What the voucher still holds: face − used, exactly."""
        return 0 if self.voucher is None else self.voucher.face_fen - self.voucher.used_fen

    @property
    def outstanding_fen(self) -> int:
        """Used and not yet redeemed."""
        if self.voucher is None:
            return 0
        settled = self.amounts.accrued_fen + self.amounts.certified_fen
        return self.voucher.used_fen - settled - self.amounts.disbursed_fen

    @property
    def open_fen(self) -> int:
        """Used or verified, and not yet paid."""
        return self.outstanding_fen + self.amounts.accrued_fen + self.amounts.certified_fen

    def transition(self, step: Step) -> Transition:
        """The transition of a step from here.

        Raises:
            Refused: it is not allowed here.
        """
        return transition(self.mode, self.review, self.state, step, self.claim_id)

    def spent_state(self) -> ClaimState:
        """Where a voucher stands by its balance."""
        if self.voucher is None or self.voucher.used_fen == 0:
            return ClaimState.ISSUED
        return ClaimState.USED if self.balance_fen == 0 else ClaimState.PARTIALLY_USED

    def moved(self, state: ClaimState, resumes: ClaimState | None = None) -> "Claim":
        """The claim one step on, in a state; `resumes` where it is suspended."""
        return replace(self, state=state, resumes=resumes, serial=self.serial + 1)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a step made of a claim, and what the ledger must book with it."""

    claim: Claim
    bookings: tuple[Booking, ...] = ()


def released(claim: Claim) -> Changed:
    """Everything reserved is given back; the claim's state is the caller's to set."""
    amount_fen = claim.amounts.reserved_fen
    if amount_fen == 0:
        return Changed(claim)
    amounts = replace(claim.amounts, released_fen=claim.amounts.released_fen + amount_fen)
    whole = amounts.awarded_fen == 0
    booking = Booking(BookingKind.RELEASE, amount_fen, whole)
    return Changed(replace(claim, amounts=amounts), (booking,))


def taken_back(claim: Claim) -> Changed:
    """What was used, accrued or certified and is not paid goes back to where it was reserved."""
    amounts, bookings = claim.amounts, []
    certified_fen = amounts.certified_fen
    accrued_fen = amounts.accrued_fen + certified_fen
    if certified_fen:
        bookings.append(Booking(BookingKind.UNCERTIFY, certified_fen))
    if accrued_fen:
        bookings.append(Booking(BookingKind.RETREAT, accrued_fen))
    voucher = claim.voucher
    if voucher is not None:
        voucher = replace(voucher, used_fen=amounts.disbursed_fen)
    amounts = replace(amounts, accrued_fen=0, certified_fen=0)
    return Changed(replace(claim, voucher=voucher, amounts=amounts), tuple(bookings))


def check_amount(amount_fen: int, limit_fen: int, what: Named, limit: Named) -> None:
    """Refuse an amount that is none, or above a limit; both are named in Chinese and English.

    Raises:
        InvalidValue: it is not above zero. Refused: it is above the limit.
    """
    if isinstance(amount_fen, bool) or amount_fen <= 0:
        raise InvalidValue(f"{what[0]}须大于 0。{what[1]} must be above 0")
    if amount_fen > limit_fen:
        over_fen = amount_fen - limit_fen
        raise Refused(
            f"{what[0]}超出{limit[0]} {over_fen} 分（{limit[0]}为 {limit_fen} 分）。"
            f"{what[1]} is {over_fen} fen above {limit[1]} ({limit_fen} fen)"
        )
