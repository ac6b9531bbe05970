"""Step 11, voucher balance: a claim against vouchers pays no more than they still hold.

The voucher that ends first is used first. An application for a voucher names none: the step does
not apply.
"""

from dataclasses import replace
from datetime import date

from kashi_server.domain.evaluation.amounts import ALL, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Voucher
from kashi_server.domain.evaluation.ratio import months_after
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text


def voucher_balance(state: State, asking: Asking) -> Outcome:
    """Use valid vouchers, the oldest end first."""
    if state.case.vouchers is None:
        return Outcome(state=state, reason=("本次非用券兑付", "no voucher is redeemed"))
    valid = sorted(
        (one for one in state.case.vouchers if _holds(one) and _valid(one, state, asking)),
        key=lambda one: (_end(one, asking) or date.max, one.number),
    )
    due_fen, uses = state.amounts.total_fen, []
    left_fen = due_fen
    for voucher in valid:
        use_fen = min(left_fen, voucher.face_fen - voucher.used_fen)
        if use_fen > 0:
            uses.append((f"voucher {voucher.number}", yuan_text(use_fen)))
            left_fen -= use_fen
    fen = due_fen - left_fen
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(f"用券 {yuan_text(fen)} 元", f"vouchers pay {yuan_text(fen)} yuan"),
        bound="voucher_balance" if left_fen else None,
        inputs=tuple(uses),
    )


def _holds(voucher: Voucher) -> bool:
    return voucher.used_fen < voucher.face_fen


def _valid(voucher: Voucher, state: State, asking: Asking) -> bool:
    """On the day of the application, both days inside; without a first day it has begun."""
    at, end = state.case.applied_on, _end(voucher, asking)
    if at is None:
        if voucher.valid_from is not None or end is not None:
            asking.lacks("applied_on")
        return True
    if voucher.valid_from is not None and at < voucher.valid_from:
        return False
    return end is None or at <= end


def _end(voucher: Voucher, asking: Asking) -> date | None:
    """Its last day: its own, or by the months that the rules give it; None where it has none."""
    if voucher.valid_until is not None:
        return voucher.valid_until
    months = asking.count("voucher.validity_months")
    if months is None:
        return None
    if voucher.valid_from is None:
        asking.lacks("voucher.valid_from")
        return None
    return months_after(voucher.valid_from, months)
