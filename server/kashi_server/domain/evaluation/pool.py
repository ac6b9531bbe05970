"""Step 12, pool: what the year's money, the quota and the envelope leave.

First come: what is left. Pro rata: pool over all requests, cut; the residue of fen stays in the
pool, so it is never overspent. Discretion: a person decides, and nobody guesses it.
"""

from dataclasses import replace
from fractions import Fraction

from kashi_server.domain.evaluation.amounts import ALL, Amounts
from kashi_server.domain.evaluation.asking import Asking, round_fen
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text


def pool(state: State, asking: Asking) -> Outcome:
    """Quota first, then the pool, then the envelope around it."""
    if _outside_quota(state, asking):
        rank = state.case.award.rank
        return Outcome(
            state=replace(state, amounts=Amounts(), ended=True),
            reason=(f"排名第 {rank}，超出名额", f"place {rank} lies outside the quota"),
            bound="quota_per_year",
        )
    due_fen = state.amounts.total_fen
    fen, bound, inputs = _of_pool(state, asking, due_fen)
    standing = state.case.standing
    if standing.envelope_pool_fen is not None:
        left_fen = max(0, standing.envelope_pool_fen - (standing.envelope_granted_fen or 0))
        inputs += (("envelope_left", yuan_text(left_fen)),)
        if left_fen < fen:
            fen, bound = left_fen, "envelope"
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=(
            f"资金池允许 {yuan_text(fen)} 元" if bound else "资金池未受限",
            f"the pool allows {yuan_text(fen)} yuan" if bound else "the pool does not bind",
        ),
        bound=bound,
        inputs=inputs,
    )


def _outside_quota(state: State, asking: Asking) -> bool:
    quota = asking.rules.parameter("quota_per_year").value
    if not isinstance(quota, int):
        return False
    asking.parameter("quota_per_year")
    if state.case.award.rank is None:
        asking.lacks("award.rank")
        return False
    return state.case.award.rank > quota


def _of_pool(
    state: State, asking: Asking, due_fen: int
) -> tuple[int, str | None, tuple[tuple[str, str], ...]]:
    standing = state.case.standing
    size_fen = asking.fen("pool.year_yuan")
    if size_fen is None or standing.pool_requested_fen is None:
        if size_fen is not None:
            asking.lacks("standing.pool_requested_yuan")
        return due_fen, None, ()
    granted_fen = standing.pool_granted_fen or 0
    left_fen = max(0, size_fen - granted_fen)
    inputs = (
        ("left", yuan_text(left_fen)),
        ("requested", yuan_text(standing.pool_requested_fen)),
    )
    if standing.pool_requested_fen <= left_fen:
        return due_fen, None, inputs
    match asking.text("pool.overflow"):
        case "prorata":
            share = Fraction(left_fen, standing.pool_requested_fen)
            cut_fen = round_fen(due_fen * share, asking.rules, "pool")
            return min(due_fen, cut_fen), "pool.year_yuan", inputs
        case "first_come":
            bound = "pool.year_yuan" if left_fen < due_fen else None
            return min(due_fen, left_fen), bound, inputs
        case "discretion":
            asking.lacks("award.decided_yuan")
    return due_fen, None, inputs
