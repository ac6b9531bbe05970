"""The stacking line of a claim on several contracts: drawn contract by contract.

What one contract leaves below its line lifts nothing of another. A claim's money lies on its
contracts as the expense does that it stands on: what was invoiced for parts that count, as far as
it was paid where payments are a ceiling; else what was metered; else, since nobody can tell, on
each of them whole.
"""

from collections.abc import Sequence
from fractions import Fraction

from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.money import yuan_text
from kashi_server.errors import Refused
from kashi_server.services.claim_contract_left import rated_fen
from kashi_server.services.claim_evaluation import Evaluated
from kashi_server.services.claim_sharing import stacking_line
from kashi_server.services.claim_standing import counts
from kashi_server.services.claims_port import ClaimsUnit, HeldPart, StoredClaim


def check_lines(
    unit: ClaimsUnit,
    evaluated: Evaluated,
    stored: StoredClaim,
    others: Sequence[StoredClaim],
    amount_fen: int,
) -> None:
    """Refuse more than the line of any one of the claim's contracts.

    Args:
        unit: the unit of work.
        evaluated: the claim as it is now.
        stored: the claim.
        others: claims of other programmes for the same expense.
        amount_fen: what is granted, or used of what was granted, in all.

    Raises:
        Refused: public money on one of the contracts would pass its line.
    """
    contract_ids = stored.content.contract_ids
    lines = [one for one in map(_line, (stored, *others)) if one is not None]
    whole_fen = evaluated.evaluation.steps[-1].outcome.state.contract_fen
    if len(contract_ids) == 1 or not lines or whole_fen is None:
        return
    worth = {one: _worth_fen(unit, stored, one) for one in contract_ids}
    own = _shares(unit, stored)
    for contract_id in contract_ids:
        worth_fen = Fraction(whole_fen * worth[contract_id], sum(worth.values()) or 1)
        limit_fen = min(lines) * worth_fen // 1
        taken_fen = _taken_fen(unit, stored, evaluated, contract_id)
        together_fen = -(-(taken_fen + amount_fen * own.get(contract_id, Fraction(0))) // 1)
        if own.get(contract_id) and together_fen > limit_fen:
            raise Refused(
                f"合同 {contract_id} 的财政资金将达 {yuan_text(together_fen)} 元，其叠加"
                f"线为 {yuan_text(limit_fen)} 元；本申报其他合同的余额不能提高此线。"
                f"public money on contract {contract_id} would come to"
                f" {yuan_text(together_fen)} yuan; its stacking line is {yuan_text(limit_fen)}"
                " yuan, and what another contract of the claim leaves does not lift it"
            )


def _line(stored: StoredClaim) -> Fraction | None:
    return stacking_line(stored.rules)


def _worth_fen(unit: ClaimsUnit, stored: StoredClaim, contract_id: str) -> int:
    parts = unit.claim_papers.parts(contract_id)
    return sum(one.amount.incl_fen for one in parts if counts(stored.rules, one))


def _taken_fen(
    unit: ClaimsUnit, stored: StoredClaim, evaluated: Evaluated, contract_id: str
) -> Fraction:
    """Other claims' money on a contract; what is declared beyond what was granted here might be on
    any contract of the claim, and counts on each."""
    on_it = [
        one
        for one in unit.claims.claims(contract_ids=[contract_id])
        if one.claim.claim_id != stored.claim.claim_id and one.claim.amounts.awarded_fen
    ]
    granted = sum(
        (one.claim.amounts.awarded_fen * _shares(unit, one).get(contract_id, 0) for one in on_it),
        Fraction(0),
    )
    told_fen = sum(one.amount_fen for one in evaluated.before.other_money or ())
    here_fen = sum(
        one.claim.amounts.awarded_fen
        for one in unit.claims.claims(contract_ids=stored.content.contract_ids)
        if one.batch.programme_id != stored.batch.programme_id
    )
    return granted + Fraction(max(0, told_fen - here_fen))


def _shares(unit: ClaimsUnit, stored: StoredClaim) -> dict[str, Fraction]:
    """By contract what of a claim's money lies on it."""
    contract_ids = stored.content.contract_ids
    if len(contract_ids) == 1:
        return {contract_ids[0]: Fraction(1)}
    held = unit.claims.held_parts(stored.claim.claim_id)
    used = [one for one in held if one.use_serial] or held
    found = {one: _invoiced(unit, stored, one, used) for one in contract_ids}
    if not any(found.values()):
        found = {one: _metered(unit, stored, one) for one in contract_ids}
    whole = sum(found.values())
    if not whole:
        return dict.fromkeys(contract_ids, Fraction(1))
    return {one: fen / whole for one, fen in found.items()}


def _invoiced(
    unit: ClaimsUnit, stored: StoredClaim, contract_id: str, held: Sequence[HeldPart]
) -> Fraction:
    parts = unit.claim_papers.parts(contract_id)
    counted = {one.part for one in parts if counts(stored.rules, one)}
    return sum(
        (
            one.amount_fen * _paid_share(unit, stored, one)
            for one in held
            if one.contract_id == contract_id and one.part in counted
        ),
        Fraction(0),
    )


def _paid_share(unit: ClaimsUnit, stored: StoredClaim, held: HeldPart) -> Fraction:
    if stored.rules.parameter("base.payment").value != "ceiling":
        return Fraction(1)
    papers = unit.claim_papers.invoice_parts(held.contract_id, held.number)
    total_fen = max((one.total_fen for one in papers), default=0)
    covered_fen = sum(
        one.covered_fen
        for one in unit.claim_papers.payments(stored.claim.company_id)
        if one.number == held.number
    )
    return min(Fraction(1), Fraction(covered_fen, total_fen)) if total_fen else Fraction(0)


def _metered(unit: ClaimsUnit, stored: StoredClaim, contract_id: str) -> Fraction:
    held = {
        StatementRevision(one.number, one.revision)
        for one in unit.claims.held_lines(stored.claim.claim_id)
    }
    return Fraction(sum(rated_fen(unit, stored.rules, contract_id, one) for one in held))
