"""Step 3, meter: card-hours that count. A gap is zero unless the rules say otherwise."""

from dataclasses import replace
from fractions import Fraction

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Metered
from kashi_server.domain.evaluation.step import Outcome, State

UTILISATION_FLAG = "utilisation_below_minimum"


def meter(state: State, asking: Asking) -> Outcome:
    """Refuse lines whose evidence is too weak, add the gaps that a policy counts."""
    lines = state.case.metered
    if lines is None:
        return Outcome(state=state, reason=("未提供计量数据", "no metered use was given"))
    refused = frozenset(
        place for place, line in enumerate(lines) if _too_weak(line.evidence_level, asking)
    )
    hours = tuple(
        None if place in refused else _card_hours(line, asking) for place, line in enumerate(lines)
    )
    if (
        asking.may_bound("metered")
        and state.by_origin
        and any(line.domestic is None for place, line in enumerate(lines) if place not in refused)
    ):
        asking.lacks("metered.domestic")
    for line in lines:
        _look_at_utilisation(line, asking)
    return Outcome(
        state=replace(state, card_hours=hours, refused=refused),
        reason=_counted(lines, hours, refused),
        bound="min_evidence_level" if refused else None,
        inputs=(("lines", str(len(lines))), ("refused", str(len(refused)))),
    )


def _counted(
    lines: tuple[Metered, ...], hours: tuple[Fraction | None, ...], refused: frozenset[int]
) -> tuple[str, str]:
    """Card-hours that count; and how many lines a statement has rated, whose hours stand there."""
    total = sum((one for one in hours if one is not None), Fraction(0))
    zh, en = f"计入 {decimal_text(total)} 卡时", f"{decimal_text(total)} card-hours count"
    rated = sum(
        line.amount_fen is not None for place, line in enumerate(lines) if place not in refused
    )
    if not rated:
        return zh, en
    zh_rated = f"计入结算单已计价的金额 {rated} 项"
    en_rated = f"{rated} amount{'s' if rated > 1 else ''} rated by statements count"
    return (f"{zh}；{zh_rated}", f"{en}; {en_rated}") if total else (zh_rated, en_rated)


def _too_weak(level: str, asking: Asking) -> bool:
    if level == "E3":
        return False
    least = _asked(asking, "min_evidence_level")
    return least is not None and level < least


def _asked(asking: Asking, name: str) -> str | None:
    """A parameter of metering: nobody misses it where metered use bounds nothing."""
    asked = asking.may_bound("metered") or asking.value(name) is not None
    return asking.text(name) if asked else None


def _card_hours(line: Metered, asking: Asking) -> Fraction | None:
    if line.card_hours is None:
        return None
    hours = line.card_hours
    if line.continuity_card_hours or line.officer_card_hours:
        policy = _asked(asking, "gap_policy")
        if policy in ("continuity", "officer"):
            hours += line.continuity_card_hours
        if policy == "officer":
            hours += line.officer_card_hours
    return hours


def _look_at_utilisation(line: Metered, asking: Asking) -> None:
    if line.utilisation_ratio is None:
        return
    least = asking.rules.ratio("min_utilisation_ratio")
    if least is not None and line.utilisation_ratio < least:
        asking.parameter("min_utilisation_ratio")
        asking.flag(UTILISATION_FLAG)
