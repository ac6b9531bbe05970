"""Step 10, stacking: all public money on one contract stays below a line drawn on its amount."""

from dataclasses import replace
from fractions import Fraction

from kashi_server.domain.evaluation.amounts import ALL, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import UNSTATED
from kashi_server.domain.evaluation.ratio import is_startup, paid_whole
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text

_LEVELS = "stacking.levels"


def stacking(state: State, asking: Asking) -> Outcome:
    """Leave what the line leaves after other money and earlier payments."""
    line = asking.ratio("stacking.ratio")
    if line is None:
        return Outcome(state=state, reason=("无适用叠加上限", "no stacking line applies"))
    if state.contract_fen is None:
        asking.lacks("part.contract_yuan, on which the stacking line is drawn")
        return Outcome(state=state, reason=("缺少合同金额", "the contract's amount is missing"))
    taken_fen = _other_fen(state, asking) + (state.case.standing.paid_on_contract_fen or 0)
    line = _startup_line(state, asking) or line
    limit_fen = line.numerator * state.contract_fen // line.denominator
    left_fen = max(0, limit_fen - taken_fen)
    if left_fen:
        _tell_unknown(state, asking)
    due_fen = state.amounts.total_fen
    fen = min(due_fen, left_fen)
    inputs = tuple(
        (name, yuan_text(value))
        for name, value in (("line", limit_fen), ("taken", taken_fen), ("left", left_fen))
    )
    bound = "stacking.ratio" if left_fen < due_fen else None
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(
            f"叠加上限余额 {yuan_text(left_fen)} 元",
            f"the stacking line leaves {yuan_text(left_fen)} yuan",
        ),
        bound=bound,
        inputs=inputs,
    )


def _other_fen(state: State, asking: Asking) -> int:
    """Money of the levels that count; all of it where no text says which."""
    money = tuple(one for one in state.case.other_money or () if one.amount_fen)
    levels = asking.texts("stacking.levels") if money and asking.speaks_of(_LEVELS) else None
    if levels is not None:
        if any(one.level == UNSTATED and UNSTATED not in levels for one in money):
            asking.lacks("other_money.level")
        money = tuple(one for one in money if one.level in levels)
    return sum(one.amount_fen for one in money)


def _tell_unknown(state: State, asking: Asking) -> None:
    """Tell what nobody looked up and might take of what is left."""
    if state.case.other_money is None and asking.value(_LEVELS) != ():
        asking.lacks("other_money")
    if state.case.standing.paid_on_contract_fen is None:
        asking.lacks("standing.paid_on_contract_yuan")


def _startup_line(state: State, asking: Asking) -> Fraction | None:
    """A start-up's ratio may stand above the line; which of the two holds is for a text to say."""
    if asking.value("ratio_by") != "startup" or paid_whole(state, asking):
        return None
    higher = asking.rules.ratio("ratio.startup")
    line = asking.rules.ratio("stacking.ratio")
    if higher is None or line is None or higher <= line or not is_startup(state.case, asking):
        return None
    return higher if asking.text("stacking.startup_line") == "startup_ratio" else None
