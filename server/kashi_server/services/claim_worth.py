"""What a claim is worth on the day its money moves: evaluated anew, and never paid above that.

Between the approval and the payment an amendment may cut the contract, a declaration may say that
the parties are related, a claim that helped to reach a threshold may be withdrawn. Pool, quota and
envelope are not asked again: what they hold was reserved at the approval.
"""

from typing import Any

from kashi_server.domain.claim_content import InvoicePart, StatementRevision
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.money import parse_yuan, yuan_text
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_evaluation import Evaluated, evaluate_claim, evaluate_use
from kashi_server.services.claim_flags import COMES_TO, PAID
from kashi_server.services.claim_spending import check_known, open_uses
from kashi_server.services.claim_steps import Taking


def check_grant(taking: Taking) -> None:
    """Refuse a voucher of more than the application comes to now.

    Raises:
        Refused: it comes to less than was approved.
    """
    done = _application(taking)
    _check(taking, done.stored.requested_fen, taking.stored.claim.amounts.awarded_fen)


def check_worth(taking: Taking, amount_fen: int) -> None:
    """Refuse money above what the papers that carry it come to now.

    Args:
        taking: the step that moves it.
        amount_fen: how much.

    Raises:
        Refused: they come to less, or to an amount that is not known for sure.
    """
    if not taking.stored.claim.mode.has_voucher:
        done = _application(taking)
        check_known(taking.unit, taking.stored.claim.claim_id, done)
        _check(taking, done.stored.requested_fen, amount_fen)
        return
    _check(taking, _uses_fen(taking), amount_fen)


def tell_worth(taking: Taking) -> None:
    """Write beside a step what the claim comes to now and what of public money is out.

    Where nobody knows what it comes to, `problem` says why. Nothing is refused.
    """
    amounts = taking.stored.claim.amounts
    taking.terms |= {
        COMES_TO: None,
        PAID: yuan_text(amounts.disbursed_fen - amounts.recovered_fen),
    }
    try:
        comes_to_fen = _application(taking).stored.requested_fen
    except (Refused, InvalidValue, NotFound) as problem:
        taking.terms["problem"] = str(problem)
    else:
        taking.terms[COMES_TO] = None if comes_to_fen is None else yuan_text(comes_to_fen)


def _application(taking: Taking) -> Evaluated:
    return evaluate_claim(
        taking.unit,
        taking.stored,
        serial=taking.serial,
        utc_ms=taking.utc_ms,
        today=taking.today,
        granted=True,
    )


def _uses_fen(taking: Taking) -> int:
    """What the unpaid uses come to, each no more than was used."""
    unit, stored = taking.unit, taking.stored
    serials = set(open_uses(unit, stored.claim.claim_id))
    uses = [one for one in unit.claims.events(stored.claim.claim_id) if one.serial in serials]
    before_fen, sum_fen = stored.claim.amounts.disbursed_fen, 0
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
