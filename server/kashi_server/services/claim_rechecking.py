"""Before money moves a claim's papers are looked at again: invoices, statements, certificates.

What carries unpaid money must hold good on the day it moves, whoever told of a change or did not:
an invoice may have become void while the claim was suspended, a certificate may be withdrawn.
"""

from kashi_server.domain.claim_content import InvoicePart, StatementRevision
from kashi_server.errors import NotFound, Refused
from kashi_server.services.claim_invoice_left import check_left
from kashi_server.services.claim_named import invoice_paper, metered_lines
from kashi_server.services.claim_uses import open_uses
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim


def check_stands(unit: ClaimsUnit, stored: StoredClaim) -> None:
    """Refuse to go on with a claim of which a paper that carries unpaid money fell away.

    Raises:
        Refused: an invoice is red-flushed or void, a statement was corrected, or its certificate
            is withdrawn.
    """
    if problem := fell_away(unit, stored):
        raise Refused(
            f"申报 {stored.claim.claim_id} 所依据的材料已失效，请以 claim reopen 重"
            "新审查。"
            f"claim {stored.claim.claim_id} rests on what fell away: {problem}. Reopen it with:"
            " claim reopen"
        )


def fell_away(unit: ClaimsUnit, stored: StoredClaim) -> str:
    """Why what carries the claim's unpaid money does not hold good; "" where it does."""
    claim_id, wanted = stored.claim.claim_id, _unpaid_serials(unit, stored)
    statements = {
        StatementRevision(one.number, one.revision)
        for one in unit.claims.held_lines(claim_id)
        if one.use_serial in wanted
    }
    parts = [
        InvoicePart(one.number, one.contract_id, one.part, one.amount_fen)
        for one in unit.claims.held_parts(claim_id)
        if one.use_serial in wanted
    ]
    try:
        for statement in sorted(statements):
            metered_lines(unit, stored, statement)
        papers = [invoice_paper(unit, one, stored) for one in parts]
        check_left(unit, stored, parts, {one.number: one.total_fen for one in papers})
    except (Refused, NotFound) as problem:
        return str(problem)
    return ""


def _unpaid_serials(unit: ClaimsUnit, stored: StoredClaim) -> set[int]:
    """Uses whose papers carry unpaid money; 0: those of the application itself."""
    claim = stored.claim
    if claim.voucher is not None:
        return set(open_uses(unit, claim.claim_id))
    return set() if claim.amounts.disbursed_fen else {0}
