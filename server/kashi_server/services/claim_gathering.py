"""Gathering: the papers that are there for a claim's contracts and period, and those left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from kashi_server.domain.claim_content import ClaimContent, InvoicePart, StatementRevision
from kashi_server.services.claim_steps import day_of
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A part of an invoice that was issued outside a claim's period, and what is left of it."""

    issued_on: date
    part: InvoicePart


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPapers:
    """Papers of a claim's contracts and period that another claim of its company holds."""

    claim_id: str
    statements: tuple[str, ...]
    invoices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What gathering left out, and why; `uncertified`: statements without a certificate."""

    outside: tuple[Outside, ...] = ()
    held: tuple[HeldPapers, ...] = ()
    uncertified: tuple[str, ...] = ()


def left_out(unit: ClaimsUnit, stored: StoredClaim) -> LeftOut:
    """The papers that are there for a claim's contracts and that gathering does not take."""
    named = {one.number for one in stored.content.statements}
    return LeftOut(
        outside=outside_period(unit, stored),
        held=tuple(_held_elsewhere(unit, stored)),
        uncertified=tuple(
            one.number
            for one in _of_period(unit, stored)
            if one.number not in named and unit.claims.certified(one) is None
        ),
    )


def _held_elsewhere(unit: ClaimsUnit, stored: StoredClaim) -> Iterator[HeldPapers]:
    """By claim: of the same company and programme alone, nobody learns of another's."""
    statements, invoices = _numbers_of_period(unit, stored)
    own = stored.claim
    holders = {
        *(one for number in statements for one in unit.claims.holding_statement(number)),
        *(one for number in invoices for one in unit.claims.holding_invoice(number)),
    } - {own.claim_id}
    for claim_id in sorted(holders):
        other = unit.claims.claim(claim_id)
        if other is None or other.claim.company_id != own.company_id:
            continue
        if other.batch.programme_id == stored.batch.programme_id:
            lines = {one.number for one in unit.claims.held_lines(claim_id)}
            parts = {one.number for one in unit.claims.held_parts(claim_id)}
            yield HeldPapers(
                claim_id=claim_id,
                statements=tuple(sorted(statements & lines)),
                invoices=tuple(sorted(invoices & parts)),
            )


def _numbers_of_period(unit: ClaimsUnit, stored: StoredClaim) -> tuple[set[str], set[str]]:
    content = stored.content
    invoices = {
        paper.number
        for contract_id in content.contract_ids
        for paper in unit.claim_papers.invoice_parts(contract_id)
        if paper.claimable and content.first <= paper.issued_on <= content.last
    }
    return {one.number for one in _of_period(unit, stored)}, invoices


def gathered(unit: ClaimsUnit, stored: StoredClaim) -> ClaimContent:
    """What a claim says, and every paper that is there for its contracts and period.

    Statements: certified, of months inside the period. Invoices: issued inside it, holding good,
    what no claim of the programme holds of them. Payments: those that cover such an invoice.
    """
    content = stored.content
    statements = [StatementRevision(one.number, one.revision) for one in _statements(unit, stored)]
    invoices = list(_invoices(unit, stored))
    numbers = {one.number for one in (*invoices, *content.invoices)}
    payments = {
        one.reference
        for one in unit.claim_papers.payments(stored.claim.company_id)
        if one.number in numbers
    }
    return content.with_papers(statements, invoices, sorted(payments))


def _of_period(unit: ClaimsUnit, stored: StoredClaim) -> list[StatementRevision]:
    """The latest revisions of the company's statements of its contracts and months inside."""
    latest: dict[str, StatementRevision] = {}
    content = stored.content
    for one in unit.expense.statements(party_id=stored.claim.company_id):
        start, end = one.month.interval().bounded()
        first, last = day_of(start * 60_000), day_of((end - 1) * 60_000)
        inside = content.first <= first and last <= content.last
        if inside and one.contract_id in content.contract_ids:
            latest[one.number] = StatementRevision(one.number, one.revision)
    return list(latest.values())


def _statements(unit: ClaimsUnit, stored: StoredClaim) -> list[StatementRevision]:
    return [
        one
        for one in _of_period(unit, stored)
        if unit.claims.certified(one) is not None and _free(unit, stored, one)
    ]


def _free(unit: ClaimsUnit, stored: StoredClaim, statement: StatementRevision) -> bool:
    """No claim of the programme holds any of it."""
    holders = set(unit.claims.holding_statement(statement.number)) - {stored.claim.claim_id}
    found = (unit.claims.claim(claim_id) for claim_id in holders)
    programmes = {one.batch.programme_id for one in found if one is not None}
    return stored.batch.programme_id not in programmes


def _invoices(unit: ClaimsUnit, stored: StoredClaim) -> list[InvoicePart]:
    content = stored.content
    return [
        part
        for issued_on, part in _claimable(unit, stored)
        if content.first <= issued_on <= content.last
    ]


def outside_period(unit: ClaimsUnit, stored: StoredClaim) -> tuple[Outside, ...]:
    """What gathering leaves out: claimable, issued outside the period, not named by the claim."""
    content = stored.content
    named = {(one.number, one.contract_id, one.part) for one in content.invoices}
    return tuple(
        Outside(issued_on=issued_on, part=part)
        for issued_on, part in _claimable(unit, stored)
        if not content.first <= issued_on <= content.last
        and (part.number, part.contract_id, part.part) not in named
    )


def _claimable(unit: ClaimsUnit, stored: StoredClaim) -> Iterator[tuple[date, InvoicePart]]:
    """Invoices of the contracts that hold good: what no claim of the programme holds of them."""
    for contract_id in stored.content.contract_ids:
        for paper in unit.claim_papers.invoice_parts(contract_id):
            if not paper.claimable:
                continue
            left_fen = min(paper.amount.incl_fen, paper.total_fen) - _taken_fen(
                unit, stored, paper.number, contract_id, paper.part
            )
            if left_fen > 0:
                part = InvoicePart(paper.number, contract_id, paper.part, left_fen)
                yield paper.issued_on, part


def _taken_fen(
    unit: ClaimsUnit, stored: StoredClaim, number: str, contract_id: str, part: str
) -> int:
    return sum(
        held.amount_fen
        for claim_id in unit.claims.holding_invoice(number)
        if claim_id != stored.claim.claim_id
        for held in unit.claims.held_parts(claim_id)
        if (held.number, held.contract_id, held.part) == (number, contract_id, part)
        and held.programme_id == stored.batch.programme_id
    )
