"""What is left of an invoice for a claim: after red invoices, and after who came before it.

A red invoice takes back some of an invoice that several claims may hold, part by part. What is left
then serves them in the order in which they were handed in, over all parts together; who finds
nothing left gets nothing. What is held of a content that stands no more is no part of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.errors import Refused
from kashi_server.services.claim_named import paper_of
from kashi_server.services.claim_remembering import once
from kashi_server.services.claims_port import ClaimsUnit, HeldPart, StoredClaim


def check_left(
    unit: ClaimsUnit,
    stored: StoredClaim,
    claimed: Sequence[InvoicePart],
    totals_fen: Mapping[str, int],
) -> None:
    """Refuse what claims of one programme take together beyond what is left of an invoice.

    Args:
        unit: the unit of work; it has locked the invoices.
        stored: the claim.
        claimed: what it claims now, of an application or of its uses.
        totals_fen: of each invoice what red ones left, including tax.

    Raises:
        Refused: less is left; the claims before it are named.
    """
    held = unit.claims.held_parts(stored.claim.claim_id)
    for number, total_fen in sorted(totals_fen.items()):
        now_fen = sum(one.amount_fen for one in claimed if one.number == number)
        used = [one for one in held if one.number == number and one.use_serial]
        holders = _ahead(unit, stored, number)
        everything_fen = sum(_fen(parts) for _other, parts in holders)
        if max(now_fen, _fen(used)) + everything_fen <= total_fen:
            continue
        # Too little, where all of that is held of the content that stands.
        used_fen = _fen(one for one in used if _counts(unit, stored, stored, one))
        ahead = {
            other.claim.claim_id: _fen(counted)
            for other, parts in holders
            if (counted := [one for one in parts if _counts(unit, stored, other, one)])
        }
        left_fen = total_fen - sum(ahead.values())
        if max(now_fen, used_fen) > left_fen:
            taken = f"，此前已由 {'、'.join(sorted(ahead))} 申报" if ahead else ""
            before = f"; claimed before by {', '.join(sorted(ahead))}" if ahead else ""
            raise Refused(
                f"发票 {number} 申报了 {max(now_fen, used_fen)} 分，{total_fen} 分中仅余"
                f" {max(0, left_fen)} 分{taken}。"
                f"invoice {number}: {max(now_fen, used_fen)} fen are claimed,"
                f" {max(0, left_fen)} fen of {total_fen} are left{before}"
            )


def _ahead(
    unit: ClaimsUnit, stored: StoredClaim, number: str
) -> list[tuple[StoredClaim, list[HeldPart]]]:
    """What claims of the programme that were handed in before hold of an invoice."""
    own = place_in_line(unit, stored)
    found = []
    for claim_id in unit.claims.holding_invoice(number):
        other = None if claim_id == stored.claim.claim_id else unit.claims.claim(claim_id)
        if other is None or other.batch.programme_id != stored.batch.programme_id:
            continue
        if own < place_in_line(unit, other):
            continue
        parts = [one for one in unit.claims.held_parts(claim_id) if one.number == number]
        found.append((other, parts))
    return found


def _counts(unit: ClaimsUnit, stored: StoredClaim, holder: StoredClaim, held: HeldPart) -> bool:
    """Whether what a claim holds of an invoice leaves less of it for `stored`.

    What no line is for was held of a content that two officers let stand no more. Of the true buyer
    it takes nothing; only who was paid on it and claims again has had that money of this invoice,
    until it is recovered.
    """
    if paper_of(unit, held) is not None:
        return True
    amounts = holder.claim.amounts
    same_company = holder.claim.company_id == stored.claim.company_id
    return same_company and amounts.disbursed_fen > amounts.recovered_fen


def _fen(parts: Iterable[HeldPart]) -> int:
    return sum(one.amount_fen for one in parts)


def taken_of_contract_fen(
    unit: ClaimsUnit, stored: StoredClaim, contract_id: str, parts: Collection[str]
) -> int:
    """What claims of the programme that were handed in before took of parts of a contract.

    A draft comes after all others. By the amounts of the invoices they hold, including tax.
    """
    own, programme_id = place_in_line(unit, stored), stored.batch.programme_id
    found = unit.claims.claims(programme_id=programme_id, contract_ids=[contract_id])
    ahead = [one for one in found if place_in_line(unit, one) < own]
    return sum(
        held.amount_fen
        for one in ahead
        for held in unit.claims.held_parts(one.claim.claim_id)
        if held.contract_id == contract_id and held.part in parts
    )


def place_in_line(unit: ClaimsUnit, stored: StoredClaim) -> tuple[bool, int, str]:
    """By when a claim was handed in the last time; a draft comes after all others."""
    claim = stored.claim
    handed_in_ms = once(unit, ("in line", claim.claim_id), lambda: _handed_in_ms(unit, stored))
    return claim.state is ClaimState.DRAFT, handed_in_ms, claim.claim_id


def _handed_in_ms(unit: ClaimsUnit, stored: StoredClaim) -> int:
    events = unit.claims.events(stored.claim.claim_id)
    return max((one.utc_ms for one in events if one.step == Step.SUBMIT), default=0)
