"""What a claim is worth on the day its money moves: evaluated anew, and never paid above that.

Between the approval and the payment an amendment may cut the contract, a declaration may say that
the parties are related, a claim that helped to reach a threshold may be withdrawn. Pool, quota and
envelope are not asked again: what they hold was reserved at the approval. A pool that was shared
out pro rata then cuts what the application comes to now by the same share.
"""

from collections.abc import Sequence
from typing import Any, Final

from kashi_server.domain.claim_content import InvoicePart, StatementRevision
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.money import parse_yuan, yuan_text
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_evaluation import Evaluated, evaluate_claim, evaluate_use
from kashi_server.services.claim_flags import COMES_TO, PAID
from kashi_server.services.claim_pool_share import shared_fen
from kashi_server.services.claim_spending import check_known
from kashi_server.services.claim_standing import (
    STILL_ELIGIBLE,
    applied_eligible_fen,
    ended_paid,
)
from kashi_server.services.claim_steps import Taking
from kashi_server.services.claim_uses import PAID_ELIGIBLE, open_uses, paid_uses

PROBLEM: Final = "problem"
"""The term of a step that says why nobody knows what the claim comes to."""


def check_grant(taking: Taking) -> None:
    """Refuse a voucher of more than the application comes to now.

    Raises:
        Refused: it comes to less than was approved.
    """
    comes_to_fen = _granted_fen(taking, _application(taking))
    _check(taking, comes_to_fen, taking.stored.claim.amounts.awarded_fen)


def check_worth(taking: Taking, amount_fen: int) -> None:
    """Refuse money above what the papers that carry it come to now.

    Args:
        taking: the step that moves it.
        amount_fen: how much.

    Raises:
        Refused: they come to less, or to an amount that is not known for sure.
    """
    claim = taking.stored.claim
    if not claim.mode.has_voucher:
        done = _application(taking)
        check_known(taking.unit, claim.claim_id, done)
        _check(taking, _granted_fen(taking, done), amount_fen)
        return
    unpaid = open_uses(taking.unit, claim.claim_id)
    _check(taking, _uses_fen(taking, unpaid, claim.amounts.disbursed_fen), amount_fen)


def tell_worth(taking: Taking) -> None:
    """Write beside a step what the claim comes to now and what of public money is out.

    Of a voucher of which something was paid: what its paid uses come to on their own papers, which
    the application need not name; towards a year's threshold the application counts as it is now.
    Where nobody knows what it comes to, `problem` says why: a paper fell away, so none of it is
    known for sure. Nothing is refused.
    """
    claim = taking.stored.claim
    taking.terms |= {COMES_TO: None, PAID: yuan_text(claim.amounts.out_fen)}
    done = tell_eligible(taking)
    spent = claim.voucher is not None and claim.amounts.disbursed_fen > 0
    try:
        if spent:
            comes_to_fen: int | None = _spent_fen(taking, done)
        else:
            # Where it could not be evaluated it says here why.
            comes_to_fen = _granted_fen(taking, done or _application(taking))
    except (Refused, InvalidValue, NotFound) as problem:
        taking.terms[PROBLEM] = str(problem)
    else:
        taking.terms[COMES_TO] = None if comes_to_fen is None else yuan_text(comes_to_fen)
    if ended_paid(claim):
        tell_paid_eligible(taking)


def tell_paid_eligible(taking: Taking) -> None:
    """Write beside a step what expense of a voucher's paid uses is eligible now, where any is paid.

    Once the voucher ended that is what it counts towards a year's threshold.
    """
    claim = taking.stored.claim
    if claim.voucher is None or claim.amounts.out_fen <= 0:
        return
    paid = {one for uses in paid_uses(taking.unit, claim.claim_id) for one in uses.serials}
    events = taking.unit.claims.events(claim.claim_id)
    eligible_fen = sum(_eligible_fen(taking, one) for one in events if one.serial in paid)
    taking.terms[PAID_ELIGIBLE] = yuan_text(eligible_fen)


def _eligible_fen(taking: Taking, use: ClaimEvent) -> int:
    """What of a use's expense is eligible; nothing where a paper of its fell away."""
    try:
        done = evaluate_use(
            taking.unit,
            taking.stored,
            papers_of(use),
            serial=taking.serial,
            utc_ms=taking.utc_ms,
            today=taking.today,
            use_serial=use.serial,
        )
    except (Refused, InvalidValue, NotFound):
        return 0
    return done.evaluation.eligible_fen or 0


def tell_eligible(taking: Taking) -> Evaluated | None:
    """Write beside a step what of the application's expense is eligible now, if anybody knows.

    Towards a year's threshold no more of it counts from then on.
    """
    taking.terms[STILL_ELIGIBLE] = None
    try:
        done = _application(taking)
    except (Refused, InvalidValue, NotFound):
        return None
    taking.terms[STILL_ELIGIBLE] = yuan_text(done.evaluation.eligible_fen or 0)
    return done


def _application(taking: Taking) -> Evaluated:
    return evaluate_claim(
        taking.unit,
        taking.stored,
        serial=taking.serial,
        utc_ms=taking.utc_ms,
        today=taking.today,
        granted=True,
    )


def _granted_fen(taking: Taking, done: Evaluated) -> int | None:
    """What the application comes to, by the share of the pool that it was approved with."""
    return shared_fen(taking.unit, taking.stored, done.stored.requested_fen)


def _spent_fen(taking: Taking, done: Evaluated | None) -> int:
    """What the paid uses come to beside the application; `done`: as that is now, if known.

    Raises:
        Refused, InvalidValue, NotFound: nobody knows what of the application is eligible, and with
            none of it the uses come to less than with all of it.
    """
    all_fen = applied_eligible_fen(taking.unit, taking.stored)
    if done is not None:
        return _paid_fen(taking, min(all_fen, done.evaluation.eligible_fen or 0))
    known_fen = _paid_fen(taking, 0)
    if known_fen < _paid_fen(taking, all_fen):
        # It says why nobody knows.
        _application(taking)
    return known_fen


def _paid_fen(taking: Taking, eligible_fen: int) -> int:
    """What the paid uses come to, payment by payment, each no more than was paid."""
    before_fen, sum_fen = 0, 0
    for one in paid_uses(taking.unit, taking.stored.claim.claim_id):
        uses_fen = _uses_fen(taking, one.serials, before_fen, eligible_fen)
        sum_fen += min(one.paid_fen, uses_fen)
        before_fen += one.paid_fen
    return sum_fen


def _uses_fen(
    taking: Taking, serials: Sequence[int], before_fen: int, eligible_fen: int | None = None
) -> int:
    """What uses come to, each no more than was used.

    Args:
        taking: the step.
        serials: the uses.
        before_fen: what was used before the first of them.
        eligible_fen: what of the application is eligible; without it as the claim's steps tell.

    Raises:
        Refused: a paper of theirs fell away, or what they come to is not known for sure.
    """
    unit, stored, sum_fen = taking.unit, taking.stored, 0
    uses = [one for one in unit.claims.events(stored.claim.claim_id) if one.serial in serials]
    for use in uses:
        used_fen = parse_yuan(use.terms["used_yuan"])
        done = evaluate_use(
            unit,
            stored,
            papers_of(use),
            serial=taking.serial,
            utc_ms=taking.utc_ms,
            today=taking.today,
            used_fen=before_fen,
            use_serial=use.serial,
            eligible_fen=eligible_fen,
        )
        check_known(unit, stored.claim.claim_id, done)
        sum_fen += min(used_fen, done.amount_fen or 0)
        before_fen += used_fen
    return sum_fen


def papers_of(use: ClaimEvent) -> Papers:
    """The papers of a use, as its step says."""
    said: dict[str, Any] = use.terms["papers"]
    return Papers(
        statements=tuple(StatementRevision(*one) for one in said["statements"]),
        invoices=tuple(InvoicePart(*one) for one in said["invoices"]),
        payments=tuple(said["payments"]),
    )


def _check(taking: Taking, comes_to_fen: int | None, amount_fen: int) -> None:
    known = comes_to_fen or 0
    taking.terms[COMES_TO] = None if comes_to_fen is None else yuan_text(known)
    if known >= amount_fen:
        return
    claim_id = taking.stored.claim.claim_id
    raise Refused(
        f"按现有材料、合同及该企业的其他申报，申报 {claim_id} 的金额为 "
        f"{yuan_text(known)} 元，低于 {yuan_text(amount_fen)} 元；请减少核验金"
        "额，或以 claim reopen 重新审查。"
        f"claim {claim_id} comes to {yuan_text(known)} yuan as its papers, contracts and the"
        f" company's other claims are now; {yuan_text(amount_fen)} yuan are above that. Verify"
        " less, or check it anew with: claim reopen"
    )
