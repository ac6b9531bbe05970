"""What a claim holds of metered minutes and invoices, and the invoices' own account of it.

Within a programme a minute and a part of an invoice are held once; the database sees to it. Beside
that every invoice keeps what claims take of it, whatever their programme, and never more than it is
for: where programmes share a part by their rules, who came first is written down there in full, and
who came later with what is left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kashi_server.domain.claim_content import InvoicePart, StatementRevision
from kashi_server.errors import Refused
from kashi_server.services.claim_allocating import PartKey, write_down
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_named import invoice_paper, paper_of
from kashi_server.services.claims_port import ClaimsUnit, HeldLine, HeldPart, StoredClaim


def hold(
    unit: ClaimsUnit, stored: StoredClaim, papers: Papers, utc_ms: int, *, use_serial: int = 0
) -> None:
    """Hold what papers say, for an application (0) or one use.

    Raises:
        Refused: another claim of the programme holds some of it; it is named.
        NotFound: a paper is not there.
    """
    _lock(unit, (one.number for one in papers.invoices))
    claim_id, programme_id = stored.claim.claim_id, stored.batch.programme_id
    lines = [
        replace(line, claim_id=claim_id, programme_id=programme_id, use_serial=use_serial)
        for statement in papers.statements
        for line in unit.claims.lines_of(statement)
    ]
    parts = [
        HeldPart(
            claim_id=claim_id,
            number=one.number,
            contract_id=one.contract_id,
            part=one.part,
            programme_id=programme_id,
            amount_fen=one.amount_fen,
            part_fen=invoice_paper(unit, one, stored).amount.incl_fen,
            use_serial=use_serial,
        )
        for one in papers.invoices
    ]
    unit.claims.hold_lines(lines)
    unit.claims.hold_parts(parts)
    write_down(unit, {(one.number, one.contract_id, one.part) for one in parts}, claim_id, utc_ms)


def let_go(unit: ClaimsUnit, claim_id: str, utc_ms: int, *, use_serial: int | None = None) -> None:
    """Hold nothing any more, or nothing of one use."""
    held = unit.claims.held_parts(claim_id)
    _lock(unit, (one.number for one in held))
    unit.claims.let_go(claim_id, use_serial)
    write_down(unit, {(one.number, one.contract_id, one.part) for one in held}, claim_id, utc_ms)


def take_for_use(
    unit: ClaimsUnit, stored: StoredClaim, papers: Papers, utc_ms: int, use_serial: int
) -> None:
    """Bind papers to a use: those the claim holds unused, and new ones. What of the unused ones
    does not hold good any more is held no longer: it carries nothing, and stops no other use.

    Raises:
        Refused: an earlier use rests on one of them, or another claim holds it.
    """
    claim_id = stored.claim.claim_id
    lines, parts = unit.claims.held_lines(claim_id), unit.claims.held_parts(claim_id)
    named = {(one.number, one.revision) for one in papers.statements}
    numbers = {one.number for one in papers.statements}
    for line in lines:
        if line.use_serial and (line.number, line.revision) in named:
            raise Refused(
                f"结算单 {line.number} 已用于申报 {claim_id} 此前的一次用券，请改用其他"
                "结算单。"
                f"statement {line.number} carries an earlier use of claim {claim_id}"
            )
    unused = {_revision(line) for line in lines if not line.use_serial}
    rest = Papers(
        statements=_good_statements(unit, (one for one in unused if one.number not in numbers)),
        invoices=_good_parts(unit, _left_over(parts, papers.invoices)),
    )
    let_go(unit, claim_id, utc_ms, use_serial=0)
    hold(unit, stored, papers, utc_ms, use_serial=use_serial)
    hold(unit, stored, rest, utc_ms)


def free_uses(
    unit: ClaimsUnit, stored: StoredClaim, use_serials: Iterable[int], utc_ms: int
) -> None:
    """Uses were taken back: their papers are the claim's, unused, again."""
    claim_id, wanted = stored.claim.claim_id, {0, *use_serials}
    lines = [one for one in unit.claims.held_lines(claim_id) if one.use_serial in wanted]
    parts = [one for one in unit.claims.held_parts(claim_id) if one.use_serial in wanted]
    sums: dict[PartKey, int] = {}
    for one in parts:
        key = (one.number, one.contract_id, one.part)
        sums[key] = sums.get(key, 0) + one.amount_fen
    for serial in wanted:
        unit.claims.let_go(claim_id, serial)
    unit.claims.hold_lines([replace(one, use_serial=0) for one in lines])
    whole = {(one.number, one.contract_id, one.part): one for one in parts}
    unit.claims.hold_parts(
        [replace(whole[key], amount_fen=fen, use_serial=0) for key, fen in sums.items()]
    )


def unused_papers(unit: ClaimsUnit, stored: StoredClaim) -> Papers:
    """What a claim holds and no use rests on; of invoices, what holds good.

    A statement that was corrected stays: its use is refused by name, and whoever means to leave the
    metered month out says so by naming papers.
    """
    claim_id = stored.claim.claim_id
    lines = unit.claims.held_lines(claim_id)
    unused = {_revision(one) for one in lines if not one.use_serial}
    return Papers(
        statements=tuple(sorted(unused)),
        invoices=_good_parts(unit, _left_over(unit.claims.held_parts(claim_id), ())),
        payments=stored.content.payments,
    )


def _good_statements(
    unit: ClaimsUnit, found: Iterable[StatementRevision]
) -> tuple[StatementRevision, ...]:
    """Those that were not corrected since and have a certificate in force."""
    good = []
    for one in sorted(found):
        latest = unit.expense.statement(one.number)
        if latest is not None and latest.revision == one.revision and unit.claims.certified(one):
            good.append(one)
    return tuple(good)


def _good_parts(unit: ClaimsUnit, found: Iterable[InvoicePart]) -> tuple[InvoicePart, ...]:
    """Those of invoices that are neither red-flushed nor void, as far as red ones left them."""
    good = []
    for one in found:
        paper = paper_of(unit, one)
        if paper is None or not paper.claimable:
            continue
        left_fen = min(one.amount_fen, paper.amount.incl_fen, paper.total_fen)
        if left_fen > 0:
            good.append(replace(one, amount_fen=left_fen))
    return tuple(good)


def _revision(line: HeldLine) -> StatementRevision:
    return StatementRevision(line.number, line.revision)


def _left_over(held: Sequence[HeldPart], taken: Sequence[InvoicePart]) -> tuple[InvoicePart, ...]:
    """What of the unused parts is left when a use takes its own of them."""
    wanted = {(one.number, one.contract_id, one.part): one.amount_fen for one in taken}
    left = []
    for one in held:
        if one.use_serial:
            continue
        rest_fen = one.amount_fen - wanted.get((one.number, one.contract_id, one.part), 0)
        if rest_fen > 0:
            left.append(InvoicePart(one.number, one.contract_id, one.part, rest_fen))
    return tuple(left)


def _lock(unit: ClaimsUnit, numbers: Iterable[str]) -> None:
    for number in sorted(set(numbers)):
        unit.invoices.lock(number)
