"""Bounds of papers, proven from the rows again: what the database's guards keep, fsck looks at."""

from collections.abc import Iterator

from kashi_server.domain.invoice import amounts_by_part
from kashi_server.domain.money import yuan_text
from kashi_server.services.paper_entries import PapersRows


def paper_faults(unit: PapersRows) -> Iterator[str]:
    """Every invoice or payment of which more is taken or covered than it is for, in words."""
    yield from _allocations(unit)
    yield from _covers(unit)


def _allocations(unit: PapersRows) -> Iterator[str]:
    taken: dict[str, dict[tuple[str, str, str], int]] = {}
    for one in unit.invoices.allocations():
        of_invoice = taken.setdefault(one.number, {})
        key = (one.contract_id, one.part, one.claim_id)
        of_invoice[key] = of_invoice.get(key, 0) + one.amount_fen
    for stored in unit.invoices.invoices(numbers=sorted(taken)):
        number = stored.invoice.number
        amounts = amounts_by_part(stored.invoice.lines, stored.parts)
        by_part: dict[tuple[str, str], int] = {}
        for (contract_id, part, claim_id), fen in taken[number].items():
            by_part[contract_id, part] = by_part.get((contract_id, part), 0) + fen
            if fen < 0:
                yield f"invoice {number}: claim {claim_id} gave back more than it took"
        for of_part, fen in by_part.items():
            whole = amounts[of_part].incl_fen if of_part in amounts else 0
            if fen > whole:
                yield (
                    f"invoice {number}: claims hold {yuan_text(fen)} of part {of_part[1]}, which is"
                    f" for {yuan_text(whole)}"
                )
        if sum(by_part.values()) > stored.invoice.amount.incl_fen:
            yield f"invoice {number}: claims hold more than it is for"


def _covers(unit: PapersRows) -> Iterator[str]:
    paid: dict[str, int] = {}
    for stored in unit.payments.payments():
        total = sum(one.amount_fen for one in stored.covers)
        if total > stored.payment.amount_fen:
            yield f"payment {stored.payment.reference} covers more than was paid"
        for number, counted_fen in stored.counted.items():
            paid[number] = paid.get(number, 0) + counted_fen
            if counted_fen < 0:
                yield (
                    f"payment {stored.payment.reference}: more went back of invoice {number} than"
                    " it covers"
                )
    for invoice in unit.invoices.invoices(numbers=sorted(paid)):
        number = invoice.invoice.number
        if paid[number] > invoice.invoice.amount.incl_fen:
            yield f"invoice {number}: payments cover more than it is for"
