"""Step 11, voucher balance: a claim against vouchers pays no more than they still hold.

The voucher that ends first is used first. An application for a voucher names none: the step does
not apply.
"""

from dataclasses import replace

from kashi_server.domain.evaluation.amounts import ALL, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Voucher
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text


def voucher_balance(state: State, asking: Asking) -> Outcome:
    """Use valid vouchers, the oldest end first."""
    if state.case.vouchers is None:
        return Outcome(state=state, reason=("本次非用券兑付", "no voucher is redeemed"))
    valid = sorted(
        (one for one in state.case.vouchers if _valid(one, state, asking)),
        key=lambda one: (one.valid_until is None, one.valid_until, one.number),
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


def _valid(voucher: Voucher, state: State, asking: Asking) -> bool:
    at = state.case.applied_on
    if at is None:
        asking.lacks("applied_on")
        return True
    if voucher.valid_from is not None and at < voucher.valid_from:
        return False
    if voucher.valid_until is None:
        # Without an end of its own it ends by the rules, if they say.
        asking.count("voucher.validity_months")
        return True
    return at <= voucher.valid_until
