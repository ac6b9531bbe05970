"""Step 8, ratio: the share that is paid, by category."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Final

from kashi_server.domain.evaluation.amounts import ALL, DOMESTIC, OTHER, Amounts
from kashi_server.domain.evaluation.asking import Asking, round_fen
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.gate import date_of
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text

_BASES: Final = ("application_date", "contract_signed", "service_date")


def ratio(state: State, asking: Asking) -> Outcome:
    """Take the ratio of each class and cut it once a claim."""
    if _whole(state):
        return Outcome(state=state, reason=("不按比例", "no ratio applies"))
    names = _names(state, asking)
    ratios = {name: asking.ratio(parameter) for name, parameter in names.items()}
    if any(one is None for one in ratios.values()):
        unknown = ", ".join(names[name] for name, one in ratios.items() if one is None)
        return Outcome(
            state=replace(state, amounts=Amounts(), blocked=True),
            reason=(f"{unknown} 未知，无法计算", f"{unknown} is not known: there is no amount"),
            bound=unknown,
        )
    exact = sum(
        (Fraction(state.amounts.get(name)) * (one or 0) for name, one in ratios.items()),
        Fraction(0),
    )
    fen = round_fen(exact, asking.rules, "ratio")
    said = ", ".join(
        f"{names[name]} {asking.rules.parameter(names[name]).value_text}" for name in ratios
    )
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(f"按 {said} 计 {yuan_text(fen)} 元", f"{said}: {yuan_text(fen)} yuan"),
        inputs=tuple((name, yuan_text(amount)) for name, amount in state.amounts.by_class),
    )


def _whole(state: State) -> bool:
    """An award is paid whole unless its rules speak of a ratio."""
    rules = state.rules
    awarded = rules.parameter("kind").value in ("matching", "tiered", "fixed", "discretionary")
    return awarded and rules.parameter("ratio.general").value is None


def _names(state: State, asking: Asking) -> dict[str, str]:
    """The parameter of each class's ratio."""
    if state.by_origin:
        asking.parameter("ratio_by")
        named = {DOMESTIC: "ratio.domestic", OTHER: "ratio.general"}
        return {name: named[name] for name, _fen in state.amounts.by_class} or {
            OTHER: "ratio.general"
        }
    by = asking.rules.parameter("ratio_by").value
    if by == "startup" and is_startup(state.case, asking):
        return {ALL: "ratio.startup"}
    if by is None and asking.rules.ratio("ratio.startup") is not None:
        asking.parameter("ratio_by")
    return {ALL: "ratio.general"}


def is_startup(case: Case, asking: Asking) -> bool | None:
    """Younger than the rules' age; None where that depends on what nobody knows."""
    months = asking.count("startup.max_age_months")
    founded = case.claimant.established_on
    if months is None:
        return None
    if founded is None:
        asking.lacks("claimant.established_on")
        return None
    known = asking.rules.parameter("startup.age_basis").value
    bases = (str(known),) if known else _BASES
    dates = [date_of(case, basis) for basis in bases]
    young = {age_months(founded, at) < months for at in dates if at is not None}
    if known:
        asking.parameter("startup.age_basis")
        if not young:
            asking.lacks(f"the date of {known}")
    elif len(young) != 1 or None in dates:
        asking.parameter("startup.age_basis")
        return None
    return young == {True}


def age_months(founded: date, at: date) -> int:
    """Whole months from one date to another."""
    months = (at.year - founded.year) * 12 + at.month - founded.month
    return months - (at.day < founded.day)
