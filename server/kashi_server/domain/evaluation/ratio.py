"""Step 8, ratio: the share that is paid, by category."""

from calendar import monthrange
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Final

from kashi_server.domain.evaluation.amounts import ALL, DOMESTIC, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.gate import date_of
from kashi_server.domain.evaluation.input_words import chinese
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text
from kashi_server.domain.parameters import NONE

_GENERAL: Final = "ratio.general"
_BASES: Final = ("application_date", "contract_signed", "service_date")


def ratio(state: State, asking: Asking) -> Outcome:
    """Take the ratio of each class and cut it once a claim."""
    if paid_whole(state, asking):
        return Outcome(state=state, reason=("不按比例", "no ratio applies"))
    names = _names(state, asking)
    ratios = {name: _ratio(asking, parameter) for name, parameter in names.items()}
    if any(one is None for one in ratios.values()):
        lacking = [names[name] for name, one in ratios.items() if one is None]
        unknown, unknown_zh = ", ".join(lacking), "、".join(map(chinese, lacking))
        return Outcome(
            state=replace(state, amounts=Amounts(), blocked=True),
            reason=(f"{unknown_zh}未知，无法计算", f"{unknown} is not known: there is no amount"),
            bound=unknown,
        )
    exact = sum(
        (Fraction(state.amounts.get(name)) * (one or 0) for name, one in ratios.items()),
        Fraction(0),
    )
    fen = asking.round_fen(exact, "ratio")
    taken = [(names[name], asking.rules.parameter(names[name]).value_text) for name in ratios]
    said_zh = "、".join(
        f"{chinese(name)} {'无' if value == NONE else value}" for name, value in taken
    )
    said = ", ".join(f"{name} {value}" for name, value in taken)
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(f"按{said_zh} 计 {yuan_text(fen)} 元", f"{said}: {yuan_text(fen)} yuan"),
        inputs=tuple((name, yuan_text(amount)) for name, amount in state.amounts.by_class),
    )


def paid_whole(state: State, asking: Asking) -> bool:
    """An award is paid whole unless its rules speak of a ratio."""
    return asking.value("kind") != "cost_share" and not asking.speaks_of(_GENERAL)


def _ratio(asking: Asking, name: str) -> Fraction | None:
    """A ratio; the whole where a text says that there is none."""
    return Fraction(1) if asking.text(name) == NONE else asking.ratio(name)


def _names(state: State, asking: Asking) -> dict[str, str]:
    """The parameter of each class's ratio."""
    classes = [name for name, fen in state.amounts.by_class if fen]
    if state.by_origin:
        asking.parameter("ratio_by")
        domestic = _unless_none(asking, "ratio.domestic")
        return {name: domestic if name == DOMESTIC else _GENERAL for name in classes}
    if asking.value("ratio_by") == "startup" and is_startup(state.case, asking):
        return dict.fromkeys(classes, _unless_none(asking, "ratio.startup"))
    if any(asking.speaks_of(name) for name in ("ratio_by", "ratio.startup", "ratio.domestic")):
        asking.parameter("ratio_by")
    return dict.fromkeys(classes, _GENERAL)


def _unless_none(asking: Asking, name: str) -> str:
    """A ratio of its own; where a text says there is none, the general one."""
    return _GENERAL if asking.value(name) == NONE else name


def is_startup(case: Case, asking: Asking) -> bool | None:
    """Younger than the rules' age; None where that depends on what nobody knows."""
    months = asking.count("startup.max_age_months")
    founded = case.claimant.established_on
    if months is None:
        return True if asking.value("startup.max_age_months") == NONE else None
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
    """Whole months from one date to another: full on the same day, or on the last of a month that
    has no such day."""
    months = (at.year - founded.year) * 12 + at.month - founded.month
    return months - (at.day < min(founded.day, monthrange(at.year, at.month)[1]))


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
