"""Step 12, pool: what the year's money, the quota and the envelope leave.

First come: what is left. Pro rata: pool over all requests, cut; the residue of fen stays in the
pool, so it is never overspent. Discretion: a person decides, and nobody guesses it.
"""

from dataclasses import replace
from fractions import Fraction

from kashi_server.domain.evaluation.amounts import ALL, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text
from kashi_server.domain.parameters import NONE

_SIZE = "pool.year_yuan"


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
    left_fen = _left_of_envelope(state, asking)
    if left_fen is not None:
        inputs += (("envelope_left", yuan_text(left_fen)),)
        if left_fen < fen:
            fen, bound = left_fen, "envelope"
    return Outcome(
        state=replace(state, amounts=Amounts.of({ALL: fen})),
        reason=_reason(dict(inputs), asking, bound, yuan_text(fen)),
        bound=bound,
        inputs=inputs,
    )


def _reason(told: dict[str, str], asking: Asking, bound: str | None, yuan: str) -> tuple[str, str]:
    """What the pool is, what is left of it, and what that does to the amount."""
    pool_zh, pool_en = _pool_words(told, asking)
    if bound is None:
        return f"{pool_zh}；未受限", f"{pool_en}; the amount is not bound"
    whose_zh, whose_en = (
        ("总盘子余额", "what the envelope leaves") if bound == "envelope" else ("按此", "this")
    )
    return f"{pool_zh}；{whose_zh}允许 {yuan} 元", f"{pool_en}; {whose_en} allows {yuan} yuan"


def _pool_words(told: dict[str, str], asking: Asking) -> tuple[str, str]:
    """The pool is the size that the rules name, whatever stands on the ledger: an approval looks
    at the ledger's own balance, and readers took one for the other."""
    if "left" not in told:
        if _SIZE in asking.unknown:
            return "规则的年度资金总额未知，未作限制", "nobody knows the rules' pool of the year"
        return "规则不设年度资金总额", "the rules have no pool of the year"
    zh, en = f"规则的年度资金总额 {told['pool']} 元", f"of the rules' pool, {told['pool']} yuan,"
    if "granted" in told:
        zh = f"{zh}，已核定 {told['granted']} 元，余 {told['left']} 元"
        en = f"{en} {told['granted']} are granted and {told['left']} left"
    else:
        zh = f"{zh}，已核定多少不可知，未扣减"
        en = f"{en} nobody knows how much is granted: nothing is taken off"
    return (
        f"{zh}（并非台账余额，核定时另查）",
        f"{en} (not the ledger's balance: approval looks there)",
    )


def _outside_quota(state: State, asking: Asking) -> bool:
    quota = asking.count("quota_per_year") if asking.speaks_of("quota_per_year") else None
    if quota is None:
        return False
    if state.case.award.rank is None:
        asking.lacks("award.rank")
        return False
    return state.case.award.rank > quota


def _left_of_envelope(state: State, asking: Asking) -> int | None:
    """What the envelope around the programme still holds; None where there is none, or who knows.

    Rules may name their envelope, and a case may tell of one that names the programme.
    """
    standing = state.case.standing
    named = asking.text("envelope") if asking.speaks_of("envelope") else None
    if named == NONE:
        return None
    if standing.envelope_pool_fen is None:
        if named is not None:
            asking.lacks("standing.envelope_pool_yuan")
        return None
    if standing.envelope_granted_fen is None:
        asking.lacks("standing.envelope_granted_yuan")
    return max(0, standing.envelope_pool_fen - (standing.envelope_granted_fen or 0))


def _of_pool(
    state: State, asking: Asking, due_fen: int
) -> tuple[int, str | None, tuple[tuple[str, str], ...]]:
    """Never more than what is left of the year's pool, whatever its rule for too many requests."""
    standing = state.case.standing
    size_fen = asking.fen(_SIZE)
    if size_fen is None:
        return due_fen, None, ()
    inputs: tuple[tuple[str, str], ...] = (("pool", yuan_text(size_fen)),)
    granted_fen = standing.pool_granted_fen
    if granted_fen is None:
        asking.lacks("standing.pool_granted_yuan")
    else:
        inputs += (("granted", yuan_text(granted_fen)),)
    left_fen = max(0, size_fen - (granted_fen or 0))
    inputs += (("left", yuan_text(left_fen)),)
    requested_fen = standing.pool_requested_fen
    fen = due_fen
    if requested_fen is None:
        asking.lacks("standing.pool_requested_yuan")
    else:
        inputs += (("requested", yuan_text(requested_fen)),)
        if requested_fen > left_fen:
            fen = _shared_fen(state, asking, due_fen, Fraction(left_fen, requested_fen))
    fen = min(fen, left_fen)
    return fen, _SIZE if fen < due_fen else None, inputs


def _shared_fen(state: State, asking: Asking, due_fen: int, share: Fraction) -> int:
    """What is due where more was requested than is left."""
    match asking.text("pool.overflow"):
        case "prorata":
            return asking.round_fen(due_fen * share, "pool", upward=False)
        case "discretion":
            decided_fen = state.case.award.decided_fen
            if decided_fen is not None:
                return min(due_fen, decided_fen)
            asking.lacks("award.decided_yuan")
    return due_fen
