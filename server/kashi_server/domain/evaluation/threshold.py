"""Step 7, threshold: less than that in a year earns nothing. A cliff, not a ramp."""

from dataclasses import replace

from kashi_server.domain.evaluation.amounts import Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text

_NAME = "threshold.year_yuan"


def threshold(state: State, asking: Asking) -> Outcome:
    """Hold the year's expense against the threshold."""
    least_fen = asking.fen(_NAME)
    if least_fen is None:
        return Outcome(state=state, reason=("无适用门槛", "no threshold applies"))
    standing = state.case.standing
    eligible_fen = standing.year_eligible_fen + state.amounts.total_fen
    contract_fen = standing.year_contract_fen + (state.contract_fen or 0)
    unsure = state.contract_fen is None and contract_fen < least_fen
    year_fen = eligible_fen
    part = unsure or (eligible_fen < least_fen) != (contract_fen < least_fen)
    # Where nobody knows which of the two it is, it is the eligible expense, and told.
    if part and asking.text("threshold.basis") == "contract":
        year_fen = least_fen if unsure else contract_fen
        if unsure:
            asking.lacks("part.contract_yuan")
    inputs = (("year", yuan_text(year_fen)), ("threshold", yuan_text(least_fen)))
    if year_fen < least_fen:
        return Outcome(
            state=replace(state, amounts=Amounts(), ended=True),
            reason=(
                f"全年 {yuan_text(year_fen)} 元，未达 {yuan_text(least_fen)} 元",
                f"{yuan_text(year_fen)} yuan in the year do not reach {yuan_text(least_fen)}",
            ),
            bound=_NAME,
            inputs=inputs,
        )
    return Outcome(
        state=state,
        reason=(f"已达 {yuan_text(least_fen)} 元", f"reaches {yuan_text(least_fen)} yuan"),
        inputs=inputs,
    )
