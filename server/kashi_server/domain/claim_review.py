"""From a draft to what is granted: submitting, checking, approving, public notice, issuing."""

from dataclasses import replace
from datetime import date, timedelta

from kashi_server.domain.claim import (
    Amounts,
    Booking,
    BookingKind,
    Changed,
    Claim,
    check_amount,
    released,
    taken_back,
)
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.evaluation.case import Voucher
from kashi_server.errors import InvalidValue, Refused


def submit(claim: Claim, on: date, computed_fen: int | None) -> Changed:
    """Hand a draft in; the first day of handing in stays through corrections."""
    claim.transition(Step.SUBMIT)
    handed_in = replace(claim, applied_on=claim.applied_on or on, computed_fen=computed_fen)
    return Changed(handed_in.moved(ClaimState.SUBMITTED))


def check(claim: Claim, computed_fen: int | None) -> Changed:
    """An officer takes it up for the check of form, evaluated anew."""
    claim.transition(Step.CHECK)
    return Changed(replace(claim, computed_fen=computed_fen).moved(ClaimState.FORM_CHECK))


def assess(claim: Claim, computed_fen: int | None) -> Changed:
    """The office says what only it knows (rank, credit, what it decided); evaluated anew.

    An amount that was approved before is approved no more.
    """
    claim.transition(Step.ASSESS)
    gone = unapproved(claim)
    assessed = replace(gone.claim, computed_fen=computed_fen)
    return Changed(assessed.moved(claim.state), gone.bookings)


def send_back(claim: Claim) -> Changed:
    """Return it: an application for correction 补正, a redemption to what was used before.

    Raises:
        Refused: it was returned as often as the rules allow.
    """
    claim.transition(Step.RETURN)
    if claim.state is ClaimState.CLAIM_SUBMITTED:
        back = taken_back(claim)
        return Changed(back.claim.moved(back.claim.spent_state()), back.bookings)
    limit = claim.review.corrections_max
    if limit is not None and claim.corrections >= limit:
        raise Refused(
            f"申报 {claim.claim_id} 已退回补正 {claim.corrections} 次，"
            "达到规则上限（review.corrections_max）；请继续办理或不予通过。"
            f"claim {claim.claim_id} was returned {claim.corrections} times, as often as the rules"
            " allow (review.corrections_max); go on with it or reject it"
        )
    gone = unapproved(claim)
    again = replace(gone.claim, corrections=claim.corrections + 1)
    return Changed(again.moved(ClaimState.DRAFT), gone.bookings)


def review(claim: Claim) -> Changed:
    """The form is right: on to the experts."""
    claim.transition(Step.REVIEW)
    return Changed(claim.moved(ClaimState.EXPERT_REVIEW))


def approve(claim: Claim, amount_fen: int, computed_fen: int | None) -> Changed:
    """Approve an amount 核定; it is reserved at once. Another amount replaces the one before.

    Raises:
        Refused: there is no computed amount, or it is above it.
    """
    claim.transition(Step.APPROVE)
    if computed_fen is None:
        raise Refused(
            f"申报 {claim.claim_id} 没有计算金额；缺少的事项见：claim show {claim.claim_id}。"
            f"claim {claim.claim_id} has no computed amount; what it lacks is told by:"
            f" claim show {claim.claim_id}"
        )
    check_amount(
        amount_fen,
        computed_fen,
        ("核定金额", "the approved amount"),
        ("计算金额", "the computed one"),
    )
    before = unapproved(claim)
    approved = replace(
        before.claim,
        computed_fen=computed_fen,
        amounts=replace(before.claim.amounts, approved_fen=amount_fen),
    )
    reserve = Booking(BookingKind.RESERVE, amount_fen)
    return Changed(approved.moved(claim.state), (*before.bookings, reserve))


def publicise(claim: Claim, on: date) -> Changed:
    """Make it public 公示 from a day on.

    Raises:
        Refused: no amount is approved, or the rules do not say for how many days.
    """
    claim.transition(Step.PUBLICISE)
    _need_approval(claim)
    if claim.review.publicity_days is None:
        raise Refused(
            "该批次的规则未规定公示天数 publicity_days；"
            "请用 rules decide 作出决定，再以新版本开设批次。"
            "publicity_days is unknown in the batch's rules: settle it with rules decide, and open"
            " the batch under that version"
        )
    return Changed(replace(claim, publicised_on=on).moved(ClaimState.PUBLICISED))


def publicity_last(claim: Claim) -> date | None:
    """The last day of public notice; None where there is none, or nobody knows how long it is."""
    if claim.publicised_on is None or not claim.review.publicity_days:
        return None
    return claim.publicised_on + timedelta(days=claim.review.publicity_days - 1)


def publicity_over(claim: Claim, on: date) -> None:
    """Refuse to go on before the days of public notice have passed.

    The first day counts: seven days from June 4 are June 4 to 10, and the 11th is free.

    Raises:
        Refused: they have not.
    """
    if not claim.review.publicity:
        return
    if claim.publicised_on is None or claim.review.publicity_days is None:
        raise Refused(f"申报 {claim.claim_id} 尚未公示。claim {claim.claim_id} was not made public")
    free = claim.publicised_on + timedelta(days=claim.review.publicity_days)
    if on < free:
        raise Refused(
            f"申报 {claim.claim_id} 自 {claim.publicised_on} 起公示 "
            f"{claim.review.publicity_days} 天，{free} 起方可继续。"
            f"claim {claim.claim_id} is public from {claim.publicised_on} for"
            f" {claim.review.publicity_days} days: it can go on from {free}"
        )


def issue(claim: Claim, on: date, number: str, valid_until: date | None) -> Changed:
    """Issue the voucher: its face is what was approved.

    Raises:
        Refused: no amount is approved, or the public notice still runs.
        InvalidValue: it would end before it begins.
    """
    claim.transition(Step.ISSUE)
    _need_approval(claim)
    publicity_over(claim, on)
    if valid_until is not None and valid_until < on:
        raise InvalidValue(
            f"{on} 发的券不能在 {valid_until} 到期。a voucher of {on} cannot end on {valid_until}"
        )
    voucher = Voucher(
        number=number,
        face_fen=claim.amounts.approved_fen,
        valid_from=on,
        valid_until=valid_until,
    )
    return Changed(replace(claim, voucher=voucher).moved(ClaimState.ISSUED))


def reject(claim: Claim) -> Changed:
    """Refuse it for good; what was reserved is given back.

    Raises:
        Refused: something of it was paid: that is clawed back, not rejected.
    """
    claim.transition(Step.REJECT)
    if claim.amounts.disbursed_fen:
        raise Refused(
            f"申报 {claim.claim_id} 已拨付一部分；请改为追回。"
            f"claim {claim.claim_id} was paid in part: claw that back instead"
        )
    return _ended(claim, ClaimState.REJECTED)


def withdraw(claim: Claim) -> Changed:
    """The company gives it up; what was reserved is given back, what was paid stays paid.

    Raises:
        Refused: something used waits to be redeemed or paid.
    """
    claim.transition(Step.WITHDRAW)
    _nothing_open(claim)
    return _ended(claim, ClaimState.WITHDRAWN)


def _ended(claim: Claim, state: ClaimState) -> Changed:
    back = taken_back(claim)
    gone = released(back.claim)
    return Changed(gone.claim.moved(state), (*back.bookings, *gone.bookings))


def unapproved(claim: Claim) -> Changed:
    """Without an approved amount, whatever was approved before."""
    gone = released(claim)
    return Changed(replace(gone.claim, amounts=Amounts()), gone.bookings)


def _need_approval(claim: Claim) -> None:
    if claim.amounts.approved_fen == 0:
        raise Refused(
            f"申报 {claim.claim_id} 尚无核定金额；请先由两名经办人核定。"
            f"no amount of claim {claim.claim_id} is approved; approve it first, by two officers"
        )


def _nothing_open(claim: Claim) -> None:
    if claim.open_fen:
        raise Refused(
            f"申报 {claim.claim_id}：有 {claim.open_fen} 分已使用、尚待拨付；请先拨付或退回。"
            f"claim {claim.claim_id}: {claim.open_fen} fen were used and wait to be paid; pay or"
            " return them first"
        )
