"""An invoice's own account of what claims take of it, whatever their programme.

Never more than it is for: where programmes share a part by their rules, who was handed in first is
written down there in full, and who came later with what is left. What is given back of an invoice
that does not hold good any more goes to nobody.
"""

from collections.abc import Iterable, Iterator, Mapping

from kashi_server.services.claim_invoice_left import place_in_line
from kashi_server.services.claim_named import paper_of
from kashi_server.services.claims_port import ClaimsUnit, HeldPart
from kashi_server.services.paper_entries import allocation_entry
from kashi_server.services.papers_port import Allocation

PartKey = tuple[str, str, str]
"""Number, contract and part."""
_Holding = tuple[str, str, str]
"""Contract, part and claim."""


def write_down(unit: ClaimsUnit, parts: Iterable[PartKey], claim_id: str, utc_ms: int) -> None:
    """Make the invoices' own account what claims hold: what is given back first."""
    for number in sorted({number for number, _contract, _part in parts}):
        _settle(unit, number, claim_id, utc_ms)


def _settle(unit: ClaimsUnit, number: str, claim_id: str, utc_ms: int) -> None:
    stood: dict[_Holding, int] = {}
    for one in unit.invoices.allocations(number=number):
        key = (one.contract_id, one.part, one.claim_id)
        stood[key] = stood.get(key, 0) + one.amount_fen
    wanted = _wanted(unit, number, stood)
    changes = {
        key: wanted.get(key, 0) - stood.get(key, 0) for key in sorted(stood.keys() | wanted.keys())
    }
    for (contract_id, part, holder), fen in sorted(changes.items(), key=lambda one: one[1]):
        if fen == 0:
            continue
        allocation = Allocation(
            number=number,
            contract_id=contract_id,
            part=part,
            claim_id=holder,
            amount_fen=fen,
            allocated_by=claim_id,
            reason="claimed" if fen > 0 else "given back",
            allocated_utc_ms=utc_ms,
        )
        unit.log.append_pending(*allocation_entry(allocation, unit.invoices.allocate(allocation)))


def _wanted(unit: ClaimsUnit, number: str, stood: Mapping[_Holding, int]) -> dict[_Holding, int]:
    """Who holds how much of an invoice: who was handed in first in full; together never above a
    part, nor above what red invoices left. Of one that does not hold good nobody gets more."""
    found: dict[_Holding, int] = {}
    left: dict[tuple[str, str], int] = {}
    all_left_fen: int | None = None
    for one in _in_line(unit, number):
        of = (one.contract_id, one.part)
        key = (*of, one.claim_id)
        paper = paper_of(unit, one)
        if paper is None or not paper.claimable:
            most_fen = stood.get(key, 0) - found.get(key, 0)
        else:
            if all_left_fen is None:
                all_left_fen = paper.total_fen
            # By the lines as they stand: what was held may be of another content.
            most_fen = min(left.setdefault(of, paper.amount.incl_fen), all_left_fen)
        taken_fen = max(0, min(one.amount_fen, most_fen))
        left[of] = left.get(of, 0) - taken_fen
        if all_left_fen is not None:
            all_left_fen -= taken_fen
        if taken_fen:
            found[key] = found.get(key, 0) + taken_fen
    return found


def _in_line(unit: ClaimsUnit, number: str) -> Iterator[HeldPart]:
    """What claims hold of an invoice, in the order in which they were handed in."""
    holders = [unit.claims.claim(claim_id) for claim_id in unit.claims.holding_invoice(number)]
    known = [one for one in holders if one is not None]
    for stored in sorted(known, key=lambda one: place_in_line(unit, one)):
        for one in unit.claims.held_parts(stored.claim.claim_id):
            if one.number == number:
                yield one
