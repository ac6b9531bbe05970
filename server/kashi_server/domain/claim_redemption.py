"""From what is granted to money out: using a voucher, redeeming, verifying, paying, expiry."""

from dataclasses import replace
from datetime import date
from typing import Final

from kashi_server.domain.claim import (
    Booking,
    BookingKind,
    Changed,
    Claim,
    check_amount,
    released,
)
from kashi_server.domain.claim_review import publicity_over
from kashi_server.domain.claim_states import ClaimState, Mode, Step
from kashi_server.domain.evaluation.case import Voucher
from kashi_server.errors import Refused

_VERIFIED: Final = ("核验金额", "the verified amount")


def use(claim: Claim, amount_fen: int, on: date, *, partial: bool) -> Changed:
    """Use the voucher for an amount; nothing is booked yet.

    Args:
        claim: of which the voucher is.
        amount_fen: how much.
        on: the day; both first and last day of the voucher are inside.
        partial: whether the rules let a voucher be used in parts.

    Raises:
        Refused: it is above the balance, not valid that day, or a part where only all may be used.
    """
    claim.transition(Step.USE)
    voucher = voucher_of(claim)
    if voucher.valid_from is not None and on < voucher.valid_from:
        raise Refused(
            f"券 {voucher.number} 自 {voucher.valid_from} 起有效。"
            f"voucher {voucher.number} begins on {voucher.valid_from}"
        )
    if voucher.valid_until is not None and on > voucher.valid_until:
        raise Refused(
            f"券 {voucher.number} 已于 {voucher.valid_until} 到期。"
            f"voucher {voucher.number} ended on {voucher.valid_until}"
        )
    check_amount(
        amount_fen,
        claim.balance_fen,
        ("使用金额", "what is used"),
        (f"券 {voucher.number} 的余额", f"voucher {voucher.number} holds"),
    )
    if not partial and amount_fen != claim.balance_fen:
        raise Refused(
            f"券 {voucher.number} 余额 {claim.balance_fen} 分，"
            "须一次用完，不得分次使用（voucher.partial_use）。"
            f"voucher {voucher.number} holds {claim.balance_fen} fen and is used whole or not at"
            " all (voucher.partial_use)"
        )
    used = replace(claim, voucher=replace(voucher, used_fen=voucher.used_fen + amount_fen))
    return Changed(used.moved(used.spent_state()))


def redeem(claim: Claim) -> Changed:
    """Ask for what was used: it is accrued.

    Raises:
        Refused: nothing is used that was not redeemed before.
    """
    claim.transition(Step.REDEEM)
    amount_fen = _outstanding_fen(claim)
    accrued = _accrued(claim, amount_fen)
    booking = Booking(BookingKind.ACCRUE, amount_fen)
    return Changed(accrued.moved(ClaimState.CLAIM_SUBMITTED), (booking,))


def verify(claim: Claim, amount_fen: int, on: date) -> Changed:
    """Verify an amount: it is certified; what is cut goes back to the voucher, or is released.

    Raises:
        Refused: it is above what was asked for, or the public notice still runs.
    """
    claim.transition(Step.VERIFY)
    if not claim.mode.has_voucher:
        return _verify_directly(claim, amount_fen, on)
    bookings: list[Booking] = []
    if claim.mode is Mode.INSTANT_DEDUCTION:
        asked_fen = _outstanding_fen(claim)
        check_amount(amount_fen, asked_fen, _VERIFIED, ("已抵扣金额", "what was deducted"))
        claim = _accrued(_cut(claim, asked_fen - amount_fen), amount_fen)
        bookings.append(Booking(BookingKind.ACCRUE, amount_fen))
    else:
        asked_fen = claim.amounts.accrued_fen
        check_amount(amount_fen, asked_fen, _VERIFIED, ("申请兑现金额", "what is asked for"))
        if amount_fen < asked_fen:
            kept = replace(claim.amounts, accrued_fen=amount_fen)
            claim = _cut(replace(claim, amounts=kept), asked_fen - amount_fen)
            bookings.append(Booking(BookingKind.RETREAT, asked_fen - amount_fen))
    bookings.append(Booking(BookingKind.CERTIFY, amount_fen))
    return Changed(_certified(claim, amount_fen).moved(ClaimState.CLAIM_VERIFIED), tuple(bookings))


def _verify_directly(claim: Claim, amount_fen: int, on: date) -> Changed:
    """Without a voucher what was approved is certified, and the rest of it given back."""
    publicity_over(claim, on)
    approved_fen = claim.amounts.reserved_fen
    check_amount(amount_fen, approved_fen, _VERIFIED, ("核定金额", "the approved one"))
    bookings: list[Booking] = []
    amounts = claim.amounts
    if amount_fen < approved_fen:
        rest_fen = approved_fen - amount_fen
        amounts = replace(amounts, released_fen=amounts.released_fen + rest_fen)
        bookings.append(Booking(BookingKind.RELEASE, rest_fen))
    certified = _certified(
        replace(claim, amounts=replace(amounts, accrued_fen=amount_fen)), amount_fen
    )
    bookings += [Booking(BookingKind.ACCRUE, amount_fen), Booking(BookingKind.CERTIFY, amount_fen)]
    return Changed(certified.moved(ClaimState.CLAIM_VERIFIED), tuple(bookings))


def pay(claim: Claim) -> Changed:
    """Pay what is certified; a voucher that still holds something can be used on."""
    claim.transition(Step.PAY)
    amounts = claim.amounts
    amount_fen = amounts.certified_fen
    paid = replace(
        claim,
        amounts=replace(amounts, certified_fen=0, disbursed_fen=amounts.disbursed_fen + amount_fen),
    )
    state = ClaimState.PARTIALLY_USED if paid.balance_fen else ClaimState.PAID
    return Changed(paid.moved(state), (Booking(BookingKind.DISBURSE, amount_fen),))


def expire(claim: Claim, on: date) -> Changed:
    """Void what a voucher still holds once its last day has passed: it is given back.

    Raises:
        Refused: it still holds good, or something used waits to be paid.
    """
    claim.transition(Step.EXPIRE)
    voucher = voucher_of(claim)
    if voucher.valid_until is None or on <= voucher.valid_until:
        zh = f"有效至 {voucher.valid_until}" if voucher.valid_until else "没有到期日"
        until = voucher.valid_until or "no end"
        raise Refused(
            f"券 {voucher.number} {zh}，尚未过期。voucher {voucher.number} holds good until {until}"
        )
    if claim.open_fen:
        raise Refused(
            f"申报 {claim.claim_id}：有 {claim.open_fen} 分已使用、尚待拨付。"
            f"claim {claim.claim_id}: {claim.open_fen} fen were used and wait to be paid"
        )
    gone = released(claim)
    return Changed(gone.claim.moved(ClaimState.EXPIRED), gone.bookings)


def voucher_of(claim: Claim) -> Voucher:
    """Its voucher.

    Raises:
        Refused: none was issued.
    """
    if claim.voucher is None:
        raise Refused(f"申报 {claim.claim_id} 没有券。claim {claim.claim_id} has no voucher")
    return claim.voucher


def _outstanding_fen(claim: Claim) -> int:
    if claim.outstanding_fen == 0:
        raise Refused(
            f"申报 {claim.claim_id} 没有已使用而未兑现的金额。"
            f"nothing of claim {claim.claim_id} is used that was not redeemed before"
        )
    return claim.outstanding_fen


def _accrued(claim: Claim, amount_fen: int) -> Claim:
    amounts = replace(claim.amounts, accrued_fen=claim.amounts.accrued_fen + amount_fen)
    return replace(claim, amounts=amounts)


def _certified(claim: Claim, amount_fen: int) -> Claim:
    amounts = replace(
        claim.amounts,
        accrued_fen=claim.amounts.accrued_fen - amount_fen,
        certified_fen=claim.amounts.certified_fen + amount_fen,
    )
    return replace(claim, amounts=amounts)


def _cut(claim: Claim, amount_fen: int) -> Claim:
    """What an officer does not grant of a use is the voucher's again."""
    voucher = voucher_of(claim)
    return replace(claim, voucher=replace(voucher, used_fen=voucher.used_fen - amount_fen))
