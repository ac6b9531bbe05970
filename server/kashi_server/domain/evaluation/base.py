"""Step 6, base: what the ratio is taken of: the least of the factors that are ceilings, or what an
award starts from.

A factor is a *ceiling*, a *flag* (lower than the base: said, and nothing lowered) or *off*. While
the amount of a ceiling is not known, metered use that is a flag stands in for it: what was used is
the best guess of what will be invoiced and paid. Such a base is never final.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from fractions import Fraction

from kashi_server.domain.evaluation.amounts import ALL, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.by_contract import by_contract
from kashi_server.domain.evaluation.input_words import chinese
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text
from kashi_server.domain.parameters import FACTORS


def base(state: State, asking: Asking) -> Outcome:
    """The base of the programme's kind."""
    match asking.text("kind"):
        case "matching":
            return _single(state, asking, "award.matched_yuan", state.case.award.matched_fen)
        case "tiered":
            return _single(state, asking, "award.tier", _tier_fen(state, asking))
        case "fixed":
            return _single(state, asking, "award.fixed_yuan", asking.fen("award.fixed_yuan"))
        case "discretionary":
            return _single(state, asking, "award.decided_yuan", state.case.award.decided_fen)
        case "cost_share":
            return _least(state, asking)
        case _:
            return _single(state, asking, "kind", None)


def _single(state: State, asking: Asking, fact: str, fen: int | None) -> Outcome:
    if fen is None:
        asking.lacks(fact)
        return Outcome(
            state=replace(state, amounts=Amounts(), blocked=True),
            reason=(f"缺少{chinese(fact)}，无法计算", f"{fact} is not known: there is no amount"),
            bound=fact,
        )
    yuan = yuan_text(fen)
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(f"基数 {yuan} 元（{chinese(fact)}）", f"starts from {yuan} yuan ({fact})"),
        inputs=((fact, yuan),),
    )


def _tier_fen(state: State, asking: Asking) -> int | None:
    """The tier's amount, or less where the authority decided so."""
    tiers = asking.amounts("award.tiers_yuan")
    award = state.case.award
    tier_fen = None if tiers is None or award.tier is None else tiers.get(award.tier)
    if tier_fen is None or award.decided_fen is None:
        return tier_fen
    return min(tier_fen, award.decided_fen)


def _least(state: State, asking: Asking) -> Outcome:
    modes = {factor: asking.value(f"base.{factor}") for factor in FACTORS}
    ceilings = {
        name: state.factors[name]
        for name, mode in modes.items()
        if mode == "ceiling" and name in state.factors
    }
    known = _least_of(ceilings.values(), asking) if ceilings else None
    # Nothing stands in where the known ceilings leave nothing: no amount could lift that.
    settled = known is not None and known.total_fen == 0
    bounds = ceilings if settled else {**ceilings, **_stand_in(state, modes)}
    if not bounds:
        _tell_open(state, None, asking)
        return Outcome(
            state=replace(state, amounts=Amounts(), blocked=True),
            reason=("没有可作上限的金额", "no amount that is a ceiling is known"),
            bound="base",
        )
    least = _least_of(bounds.values(), asking)
    _tell_open(state, known, asking)
    for name, mode in modes.items():
        amounts = state.factors.get(name)
        if mode == "flag" and amounts and amounts.total_fen < least.total_fen:
            asking.flag(f"{name}_below_base")
    bound = min(bounds, key=lambda name: (bounds[name].total_fen, FACTORS.index(name)))
    shown = tuple((name, yuan_text(one.total_fen)) for name, one in state.factors.items())
    return Outcome(
        state=replace(state, amounts=least),
        reason=_reason(tuple(bounds), tuple(ceilings), yuan_text(least.total_fen)),
        bound=bound,
        inputs=shown + by_contract(state, bounds),
    )


def _stand_in(state: State, modes: Mapping[str, object]) -> dict[str, Amounts]:
    """Metered use, where it is a flag, is known, and the amount of a ceiling is not."""
    lacking = any(mode == "ceiling" and one not in state.factors for one, mode in modes.items())
    if lacking and modes["metered"] == "flag" and "metered" in state.factors:
        return {"metered": state.factors["metered"]}
    return {}


def _least_of(bounds: Collection[Amounts], asking: Asking) -> Amounts:
    classes = sorted({name for amounts in bounds for name, _fen in amounts.by_class})
    return Amounts.of(
        {
            name: asking.round_fen(Fraction(min(amounts.get(name) for amounts in bounds)), "base")
            for name in classes
        }
    )


def _reason(bounds: tuple[str, ...], ceilings: tuple[str, ...], yuan: str) -> tuple[str, str]:
    names_zh, names = "、".join(map(chinese, bounds)), ", ".join(bounds)
    zh, en = f"取{names_zh}金额的最小值 {yuan} 元", f"the least of {names}: {yuan} yuan"
    if bounds == ceilings:
        return zh, en
    return (
        f"{zh}（有上限金额未知，暂以计量金额代替）",
        f"{en} (an amount that is a ceiling is not known: metered use stands in for it)",
    )


def _tell_open(state: State, least: Amounts | None, asking: Asking) -> None:
    """Tell every factor that might still lower what the known ceilings leave; nothing left cannot
    be lowered."""
    settled = least is not None and least.total_fen == 0
    for name in FACTORS:
        mode, amounts = asking.value(f"base.{name}"), state.factors.get(name)
        lower = amounts is None or least is None or _lowers(amounts, least)
        if mode is not None or (lower and not settled):
            asking.parameter(f"base.{name}")
        if mode not in ("flag", "off") and amounts is None and not settled:
            split = name == "payment" and state.case.payment_fen is not None
            asking.lacks("part.invoice_yuan, by which payments are split" if split else name)


def _lowers(amounts: Amounts, least: Amounts) -> bool:
    return any(amounts.get(name) < fen for name, fen in least.by_class)
