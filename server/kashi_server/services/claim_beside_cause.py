"""Why a claim comes to otherwise than was told: named where it is known, else said not to be.

A look at a company's year asks every paid claim of it anew. Mostly another claim brought less, or
more, towards the threshold; but what the look finds may be the claim's own: a paper that fell away,
less expense than before, or something that neither shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from kashi_server.domain.both_languages import because
from kashi_server.domain.money import parse_yuan, yuan_text
from kashi_server.domain.parameters import NONE
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claim_flags import COMES_TO, TellsDue
from kashi_server.services.claim_remembering import remembering
from kashi_server.services.claim_standing import STILL_ELIGIBLE, ended_paid
from kashi_server.services.claim_steps import Taking
from kashi_server.services.claim_uses import PAID_ELIGIBLE
from kashi_server.services.claim_worth import PROBLEM, tell_worth

NAMED_MAX: Final = 5
"""So many claims are named in words; of the others it is said how many they are."""
_THRESHOLD: Final = "threshold.year_yuan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a claim's steps told of it until now: expense that is eligible (once its voucher ended,
    that of its paid uses), money that is due."""

    eligible_fen: int
    due: TellsDue


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why, in words; `beside`: the claims that it lies with, as far as known."""

    reason: str
    beside: tuple[str, ...] = ()


def cause_of(taking: Taking, before: Before, changed: Sequence[str]) -> Cause:
    """Why a claim that was just asked comes to otherwise.

    Args:
        taking: the look at it, with what it comes to.
        before: what was told before.
        changed: other claims of its company and year that just changed.
    """
    problem, ended = taking.terms.get(PROBLEM), ended_paid(taking.stored.claim)
    still = taking.terms[PAID_ELIGIBLE if ended else STILL_ELIGIBLE]
    if problem is not None:
        return Cause(
            reason=because(
                "申报所依据的材料或合同有变，现无法确定金额",
                "What it rests on changed, and nobody knows what it comes to",
                problem,
            )
        )
    eligible_fen = None if still is None else parse_yuan(still)
    if eligible_fen != before.eligible_fen:
        return _of_its_own(before.eligible_fen, eligible_fen)
    if _lies_with_the_year(taking, before):
        return Cause(reason=_words(taking.stored.batch.year, changed), beside=tuple(changed))
    return Cause(
        reason="金额与此前不同，原因未能查明（合格费用未变，年度门槛亦不影响），须重新核实。"
        "Worth is to be asked again: it comes to otherwise, and the cause is not known; neither its"
        " eligible expense changed nor does the year's threshold hold it."
    )


def _of_its_own(before_fen: int, now_fen: int | None) -> Cause:
    was = yuan_text(before_fen)
    now_zh, now = "不可知", "nobody knows what"
    if now_fen is not None:
        now = yuan_text(now_fen)
        now_zh = f" {now} 元"
    return Cause(
        reason=f"本申报的合格费用有变（原为 {was} 元，现为{now_zh}），金额须重新核实。"
        f"Worth is to be asked again: of this claim's own expense {was} yuan were eligible, now"
        f" {now}."
    )


def _lies_with_the_year(taking: Taking, before: Before) -> bool:
    """Whether the threshold holds it down now, or let it go: its own expense being what it was,
    that is by what others bring."""
    out_fen, comes_to = taking.stored.claim.amounts.out_fen, taking.terms[COMES_TO]
    now = TellsDue.of(None if comes_to is None else parse_yuan(comes_to), out_fen)
    if now.due_fen < before.due.due_fen:
        return True
    stored = replace(taking.stored, rules=_without_threshold(taking.stored.rules))
    alone = replace(taking, unit=remembering(taking.unit), stored=stored, terms={})
    tell_worth(alone)
    return bool(alone.terms[COMES_TO] != comes_to)


def _without_threshold(rules: RulesVersion) -> RulesVersion:
    parameters = tuple(
        replace(one, value=NONE) if one.name == _THRESHOLD else one for one in rules.parameters
    )
    return replace(rules, parameters=parameters)


def _words(year: int, others: Sequence[str]) -> str:
    if not others:
        return (
            f"该企业 {year} 年度的申报合计有变，金额须重新核实。Worth is to be asked again:"
            f" the company's claims of {year} come to otherwise together."
        )
    named = ", ".join(others[:NAMED_MAX])
    left = len(others) - NAMED_MAX
    zh, en = (f"{named} 等 {len(others)} 项", f"{named} and {left} more")
    if left <= 0:
        zh, en = named.replace(", ", "、"), named
    return (
        f"该企业 {year} 年度的其他申报有变（{zh}），金额须重新核实。Worth is to be asked"
        f" again: other claims of the company of {year} changed ({en})."
    )
