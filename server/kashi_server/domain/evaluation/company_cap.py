"""Step 9, caps: the most of one award, of a company and year, and together with what is matched."""

from dataclasses import replace

from kashi_server.domain.evaluation.amounts import ALL, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.input_words import chinese
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text


def company_cap(state: State, asking: Asking) -> Outcome:
    """The least of what is due and every cap."""
    due_fen = state.amounts.total_fen
    limits = {name: max(0, fen) for name, fen in _limits(state, asking).items() if fen is not None}
    fen, bound = due_fen, None
    for name, limit_fen in limits.items():
        if limit_fen < fen:
            fen, bound = limit_fen, name
    zh = f"受{chinese(bound)}限制，为 {yuan_text(fen)} 元" if bound else "未触及上限"
    en = f"{bound} holds it at {yuan_text(fen)} yuan" if bound else "no cap is reached"
    if fen and state.case.standing.year_awarded_fen is None and _OF_YEAR & limits.keys():
        asking.lacks("standing.year_awarded_yuan")
    if bound == _PRINCIPLE and state.case.claimant.exception_approved is None:
        asking.lacks("claimant.exception_approved")
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(zh, en),
        bound=bound,
        inputs=tuple((name, yuan_text(limit_fen)) for name, limit_fen in limits.items()),
    )


def _limits(state: State, asking: Asking) -> dict[str, int | None]:
    """What each cap leaves; awards of the year that nobody knows are not taken off."""
    awarded_fen = state.case.standing.year_awarded_fen or 0
    limits = {"cap.company_year_yuan": _less(asking.fen("cap.company_year_yuan"), awarded_fen)}
    if asking.speaks_of("cap.award_yuan"):
        limits["cap.award_yuan"] = asking.fen("cap.award_yuan")
    if asking.rules.parameter("kind").value == "cost_share" and asking.speaks_of(_TIERS):
        limits[_TIERS] = _tier_fen(state, asking)
    if asking.speaks_of("cap.combined_yuan"):
        limits["cap.combined_yuan"] = _combined_fen(state, asking)
    if not state.case.claimant.exception_approved and asking.speaks_of(_PRINCIPLE):
        limits[_PRINCIPLE] = _less(asking.fen(_PRINCIPLE), awarded_fen)  # last: others bind first
    return limits


def _combined_fen(state: State, asking: Asking) -> int | None:
    """What the award that is matched leaves of the two together."""
    matched_fen, limit_fen = state.case.award.matched_fen, asking.fen("cap.combined_yuan")
    if matched_fen is None:
        if limit_fen is not None:
            asking.lacks("award.matched_yuan")
        return None
    return _less(limit_fen, matched_fen)


def _tier_fen(state: State, asking: Asking) -> int | None:
    """Where expense is shared in tiers, a tier is the most that is paid."""
    tier, tiers = state.case.award.tier, asking.amounts(_TIERS)
    if tier is None or tiers is None or tier not in tiers:
        asking.lacks("award.tier")
        return None
    return tiers[tier]


_TIERS = "award.tiers_yuan"
_PRINCIPLE = "cap.company_year_principle_yuan"
_OF_YEAR = {"cap.company_year_yuan", _PRINCIPLE}


def _less(limit_fen: int | None, taken_fen: int) -> int | None:
    return None if limit_fen is None else limit_fen - taken_fen
