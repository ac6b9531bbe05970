"""Spending a voucher: using it on papers, and redeeming what was used."""

from typing import Final

from kashi_server.domain.claim import Changed
from kashi_server.domain.claim_redemption import redeem, use
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.evaluation.case import Voucher
from kashi_server.domain.money import yuan_text
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_evaluation import Evaluated, evaluate_use, told
from kashi_server.services.claim_holding import take_for_use, unused_papers
from kashi_server.services.claim_line import check_lines
from kashi_server.services.claim_sharing import check_sharing
from kashi_server.services.claim_steps import Acting, ClaimSteps, Taken, Taking, Why
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim

_SAID_BY_PAPERS: Final = ("invoice", "payment", "metered", "part.invoice")
"""Facts that the papers of a use say themselves."""


class ClaimSpending(ClaimSteps):
    """What is done with a voucher."""

    def use(
        self,
        by: Acting,
        claim_id: str,
        why: Why | None = None,
        *,
        amount_fen: int | None = None,
        papers: Papers | None = None,
    ) -> Taken:
        """Use the voucher on papers.

        Args:
            by: the company's account; the provider's where it deducts at payment.
            claim_id: whose voucher.
            why: reason and key.
            amount_fen: how much; without it all that the papers come to.
            papers: on what; without them everything the claim holds that no use rests on.

        Raises:
            Refused: it is above what the papers come to or the voucher holds, what they come to is
                not known for sure, the voucher does not hold good today, another one ends first,
                or a paper is taken.
        """

        def do(taking: Taking) -> Changed:
            unit, stored = taking.unit, taking.stored
            stored.claim.transition(Step.USE)
            _check_oldest_first(unit, stored, taking)
            chosen = papers or unused_papers(unit, stored)
            if not chosen.statements and not chosen.invoices:
                raise InvalidValue(
                    "用券须对应结算单或发票，请至少列出一项。"
                    "a voucher is used on statements or invoices; name some"
                )
            take_for_use(unit, stored, chosen, taking.utc_ms, taking.serial)
            others = check_sharing(unit, stored)
            done = evaluate_use(
                unit,
                stored,
                chosen,
                serial=taking.serial,
                utc_ms=taking.utc_ms,
                today=taking.today,
            )
            unit.claims.add_evaluation(done.stored)
            check_known(unit, claim_id, done)
            used_fen = _used_fen(done.amount_fen, amount_fen)
            before_fen = stored.claim.amounts.awarded_fen - stored.claim.balance_fen
            check_lines(unit, done, stored, others, before_fen + used_fen)
            taking.terms |= told(done) | {
                "used_yuan": yuan_text(used_fen),
                "papers": _said(chosen),
            }
            partial = stored.rules.truth("voucher.partial_use")
            return use(stored.claim, used_fen, taking.today, partial=partial is not False)

        asked = {
            "asked_yuan": None if amount_fen is None else yuan_text(amount_fen),
            "asked_papers": None if papers is None else _said(papers),
        }
        return self._take(by, claim_id, Step.USE, why or Why(), do, asked)

    def redeem(self, by: Acting, claim_id: str, why: Why | None = None) -> Taken:
        """Ask for what was used and not redeemed before; it is accrued."""
        return self._take(
            by, claim_id, Step.REDEEM, why or Why(), lambda taking: redeem(taking.stored.claim)
        )


def check_known(unit: ClaimsUnit, claim_id: str, done: Evaluated) -> None:
    """Money is not paid on a guess: what carries it is final but for what the approval left open.

    Two officers may grant on an estimate, and what they left open stays open. What papers of a use,
    or of a payment without a voucher, themselves say (paid, metered) is never among it: the grant
    was for them to come.

    Raises:
        Refused: something else is not known.
    """
    approvals = [one for one in unit.claims.events(claim_id) if one.step == Step.APPROVE]
    left_open = set(approvals[-1].terms.get("open", ())) if approvals else set()
    lacks = [
        *(one for one in done.evaluation.unknown if one not in left_open),
        *(
            one
            for one in done.evaluation.missing
            if one not in left_open or one.startswith(_SAID_BY_PAPERS)
        ),
    ]
    if lacks:
        raise Refused(
            f"申报 {claim_id}：{', '.join(lacks)} 可能改变金额，不得按估算用券或拨"
            "付；请列明相应票据，如这些发票的付款。"
            f"claim {claim_id}: no money is used or paid on an estimate: {', '.join(lacks)} could"
            " change it. Name the papers that say it, like the payments of these invoices"
        )


def _check_oldest_first(unit: ClaimsUnit, stored: StoredClaim, taking: Taking) -> None:
    """The voucher that ends first is used first, of all of a company's in a programme."""
    own = stored.claim.voucher
    if own is None:
        raise Refused(
            f"申报 {stored.claim.claim_id} 没有券。claim {stored.claim.claim_id} has no voucher"
        )
    for one in unit.claims.claims(
        programme_id=stored.batch.programme_id, company_id=stored.claim.company_id
    ):
        other = one.claim.voucher
        usable = one.claim.state in (ClaimState.ISSUED, ClaimState.PARTIALLY_USED)
        if other is None or not usable:
            continue
        expired = other.valid_until is not None and other.valid_until < taking.today
        if not expired and one.claim.balance_fen and _order(other) < _order(own):
            raise Refused(
                f"申报 {one.claim.claim_id} 的券 {other.number} 先到期，尚余 "
                f"{yuan_text(one.claim.balance_fen)} 元，请先使用该券。"
                f"voucher {other.number} of claim {one.claim.claim_id} ends first and still holds"
                f" {yuan_text(one.claim.balance_fen)} yuan: use it first"
            )


def _order(voucher: Voucher) -> tuple[str, str]:
    end = "9999-12-31" if voucher.valid_until is None else voucher.valid_until.isoformat()
    return end, "" if voucher.valid_from is None else voucher.valid_from.isoformat()


def _used_fen(computed_fen: int | None, wanted_fen: int | None) -> int:
    if computed_fen is None:
        raise Refused(
            "这些材料无法计算出金额，请查看测算所缺的事项。"
            "these papers come to no amount; see what the evaluation misses"
        )
    if computed_fen == 0:
        raise Refused("按规则，这些材料的金额为零。by the rules these papers come to nothing")
    if wanted_fen is not None and wanted_fen > computed_fen:
        raise Refused(
            f"这些材料可用 {yuan_text(computed_fen)} 元，所填为 "
            f"{yuan_text(wanted_fen)} 元。"
            f"these papers come to {yuan_text(computed_fen)} yuan; {yuan_text(wanted_fen)} are"
            " wanted"
        )
    return computed_fen if wanted_fen is None else wanted_fen


def _said(papers: Papers) -> dict[str, object]:
    return {
        "statements": [[one.number, one.revision] for one in papers.statements],
        "invoices": [
            [one.number, one.contract_id, one.part, one.amount_fen] for one in papers.invoices
        ],
        "payments": list(papers.payments),
    }
