"""Step 4, price: metered use in money: card-hours at their price, or the rented days of a rent."""

from dataclasses import replace
from fractions import Fraction

from kashi_server.domain.evaluation.amounts import Amounts
from kashi_server.domain.evaluation.asking import FEN_PER_YUAN, Asking
from kashi_server.domain.evaluation.case import Metered
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text


def price(state: State, asking: Asking) -> Outcome:
    """Each line on its own, cut once, then added up."""
    if state.case.metered is None:
        return Outcome(state=state, reason=("无计量金额", "no metered amount"))
    told = asking if asking.may_bound("metered") else Asking(asking.rules)
    priced = Amounts.sum_of(
        (state.class_of(line.domestic), line_fen(line, hours, told))
        for place, (line, hours) in enumerate(
            zip(state.case.metered, state.card_hours, strict=True)
        )
        if place not in state.refused
    )
    factors = {**state.factors, "metered": priced}
    yuan = yuan_text(priced.total_fen)
    return Outcome(
        state=replace(state, factors=factors),
        reason=(f"计量金额 {yuan} 元", f"metered use comes to {yuan} yuan"),
        inputs=(("metered", yuan),),
    )


def line_fen(line: Metered, hours: Fraction | None, asking: Asking) -> int:
    """Fen of a line; what a statement has rated was cut there, once."""
    if line.amount_fen is not None:
        return line.amount_fen
    if hours is not None and line.price_yuan is not None:
        return asking.round_fen(hours * line.price_yuan * FEN_PER_YUAN, "price")
    rent_fen, days, of_days = line.rent_fen or 0, line.rented_days or 0, line.month_days or 1
    return asking.round_fen(Fraction(rent_fen * days, of_days), "price")
