"""Step 11, voucher balance: a claim against vouchers pays no more than they still hold.

The voucher that ends first is used first; where rules let none be used in parts, each is used whole
or not at all. An application for a voucher names none: the step does
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

_PARTIAL = "voucher.partial_use"


def voucher_balance(state: State, asking: Asking) -> Outcome:
    """Use valid vouchers, the oldest end first."""
    if state.case.vouchers is None:
        return Outcome(state=state, reason=("本次非用券兑付", "no voucher is redeemed"))
    valid = sorted(
        (one for one in state.case.vouchers if _holds(one) and _valid(one, state, asking)),
        key=lambda one: (_end(one, asking) or date.max, one.number, _left_fen(one)),
    )
    due_fen = state.amounts.total_fen
    uses = _uses(valid, due_fen, whole=False)
    whole = _uses(valid, due_fen, whole=True)
    # Whether a voucher may be used in parts is asked only where one would be.
    parted = sum(whole.values()) != sum(uses.values())
    bound_by_whole = parted and asking.truth(_PARTIAL) is False
    if bound_by_whole:
        uses = whole
    fen = sum(uses.values())
    bound = "voucher_balance" if fen < due_fen else None
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(f"用券 {yuan_text(fen)} 元", f"vouchers pay {yuan_text(fen)} yuan"),
        bound=_PARTIAL if bound_by_whole else bound,
        inputs=tuple((f"voucher {number}", yuan_text(use_fen)) for number, use_fen in uses.items()),
    )


def _uses(valid: list[Voucher], due_fen: int, *, whole: bool) -> dict[str, int]:
    """Fen taken of each voucher, in order; `whole`: one that holds more than is due is left."""
    uses: dict[str, int] = {}
    for voucher in valid:
        use_fen = min(due_fen, _left_fen(voucher))
        if use_fen and not (whole and use_fen < _left_fen(voucher)):
            uses[voucher.number] = uses.get(voucher.number, 0) + use_fen
            due_fen -= use_fen
    return uses


def _left_fen(voucher: Voucher) -> int:
    return voucher.face_fen - voucher.used_fen


def _holds(voucher: Voucher) -> bool:
    return _left_fen(voucher) > 0


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
