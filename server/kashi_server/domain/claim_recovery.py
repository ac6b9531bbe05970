"""When something is wrong with a claim: suspended, resumed, reopened, flagged, clawed back with
interest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Final

from kashi_server.domain.claim import (
    Booking,
    BookingKind,
    Changed,
    Claim,
    check_amount,
    released,
    taken_back,
)
from kashi_server.domain.claim_review import unapproved
from kashi_server.domain.claim_states import REVIEWED, ClaimState, Step
from kashi_server.errors import InvalidValue

INTEREST_YEAR_DAYS: Final = 365
"""Days of a year of interest."""


def suspend(claim: Claim) -> Changed:
    """Stop it where it stands."""
    claim.transition(Step.SUSPEND)
    return Changed(claim.moved(ClaimState.SUSPENDED, resumes=claim.state))


def resume(claim: Claim) -> Changed:
    """Let it go on where it stood."""
    claim.transition(Step.RESUME)
    if claim.resumes is None:
        raise InvalidValue(
            f"申报 {claim.claim_id} 未记录恢复后的状态。"
            f"claim {claim.claim_id} does not know where it goes on"
        )
    return Changed(claim.moved(claim.resumes))


def reopen(claim: Claim, *, touches_open: bool) -> Changed:
    """A paper or a figure that it rests on fell away.

    Under review, or approved without a voucher and unpaid: back to the check of form, and nothing
    is approved any more. What was used on that paper and is not paid: the voucher's again. Where
    that is paid, or the voucher itself was granted on it: suspended, until officers decide.

    Args:
        claim: the claim.
        touches_open: the paper carries a use that is not paid yet.
    """
    claim.transition(Step.REOPEN)
    back = taken_back(claim)
    if claim.state in REVIEWED or (claim.voucher is None and claim.amounts.disbursed_fen == 0):
        gone = unapproved(back.claim)
        again = replace(gone.claim, computed_fen=None, publicised_on=None)
        submitted = claim.state is ClaimState.SUBMITTED
        state = ClaimState.SUBMITTED if submitted else ClaimState.FORM_CHECK
        return Changed(again.moved(state), (*back.bookings, *gone.bookings))
    if touches_open and claim.voucher is not None and claim.open_fen:
        return Changed(back.claim.moved(back.claim.spent_state()), back.bookings)
    return Changed(claim.moved(ClaimState.SUSPENDED, resumes=claim.state))


def flagged(claim: Claim) -> Changed:
    """What it rests on changed: it stays where it stands, and no money moves."""
    claim.transition(Step.FLAG)
    return Changed(claim.moved(claim.state, resumes=claim.resumes))


def claw_back(claim: Claim, amount_fen: int, interest_fen: int) -> Changed:
    """Recover what was paid, with interest; what is not paid yet is given back as well.

    Raises:
        Refused: it is more than was paid and not recovered before.
    """
    claim.transition(Step.CLAW_BACK)
    left_fen = claim.amounts.disbursed_fen - claim.amounts.recovered_fen
    check_amount(
        amount_fen, left_fen, ("追回金额", "what is recovered"), ("已拨付金额", "what was paid")
    )
    back = taken_back(claim)
    gone = released(back.claim)
    amounts = replace(
        gone.claim.amounts, recovered_fen=gone.claim.amounts.recovered_fen + amount_fen
    )
    bookings = [*back.bookings, *gone.bookings, Booking(BookingKind.CLAW_BACK, amount_fen)]
    if interest_fen:
        bookings.append(Booking(BookingKind.INTEREST, interest_fen))
    recovered = replace(gone.claim, amounts=amounts)
    return Changed(recovered.moved(ClaimState.CLAWED_BACK), tuple(bookings))


def charge_interest(claim: Claim, interest_fen: int) -> Changed:
    """Charge what was left open when money was recovered while nobody knew the rate."""
    claim.transition(Step.CHARGE_INTEREST)
    bookings = (Booking(BookingKind.INTEREST, interest_fen),) if interest_fen else ()
    return Changed(claim.moved(ClaimState.CLAWED_BACK), bookings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidOn:
    """An amount that was paid, and the day."""

    day: date
    amount_fen: int


def interest_fen(
    payments: Sequence[PaidOn], recovered_fen: int, amount_fen: int, on: date, ratio: Fraction
) -> int:
    """Interest on what is recovered, cut to one fen once a payment.

    What was paid first is recovered first. Days run from the payment to the recovery, the first of
    them not counted, over a year of 365.

    Args:
        payments: what was paid, oldest first.
        recovered_fen: what was recovered before.
        amount_fen: what is recovered now.
        on: the day of it.
        ratio: of a year.
    """
    total_fen, skip_fen, left_fen = 0, recovered_fen, amount_fen
    for one in payments:
        passed_fen = min(skip_fen, one.amount_fen)
        skip_fen -= passed_fen
        taken_fen = min(left_fen, one.amount_fen - passed_fen)
        left_fen -= taken_fen
        days = (on - one.day).days
        if taken_fen and days < 0:
            raise InvalidValue(
                f"{one.day} 拨付的款项不能在 {on} 追回，追回日不得早于拨付日。"
                f"what was paid on {one.day} cannot be recovered on {on}"
            )
        due = ratio * taken_fen * days / INTEREST_YEAR_DAYS if taken_fen else Fraction(0)
        total_fen += due.numerator // due.denominator
    return total_fen
