"""What is left of a contract for a claim, where the rules make the contract a ceiling.

A contract is a ceiling once, for all claims of a programme together, and contract by contract. What
claims that were handed in before took of it is theirs: the factor that tells claims apart (what was
invoiced; else what was paid; else what was metered) counts up to what is left.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.evaluation.case import Metered, Part
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claim_invoice_left import place_in_line, taken_of_contract_fen
from kashi_server.services.claim_remembering import once
from kashi_server.services.claim_standing import counts
from kashi_server.services.claims_port import ClaimsUnit, PartPaper, StoredClaim


def told_apart_by(rules: RulesVersion) -> str | None:
    """The factor that counts up to what is left of a contract; None: the contract is no ceiling."""
    ceilings = [
        name
        for name in ("contract", "invoice", "payment")
        if rules.parameter(f"base.{name}").value == "ceiling"
    ]
    if "contract" not in ceilings:
        return None
    return ceilings[1] if len(ceilings) > 1 else "metered"


def left_of_contract_fen(
    unit: ClaimsUnit,
    stored: StoredClaim,
    contract_id: str,
    papers: Sequence[PartPaper],
    before_use: int = 0,
) -> int:
    """What claims of the programme that were handed in before leave of a contract's counted parts,
    and what earlier uses of the claim's own voucher leave.

    Args:
        unit: the unit of work.
        stored: the claim.
        contract_id: which contract.
        papers: its parts.
        before_use: the serial of the use it is for; 0: it is for the application.
    """
    counted = {one.part: one.amount.incl_fen for one in papers if counts(stored.rules, one)}
    if told_apart_by(stored.rules) == "metered":
        taken_fen = _metered_before_fen(unit, stored, contract_id, before_use)
    else:
        taken_fen = taken_of_contract_fen(unit, stored, contract_id, counted)
        taken_fen += sum(
            held.amount_fen
            for held in unit.claims.held_parts(stored.claim.claim_id)
            if 0 < held.use_serial < before_use
            and held.contract_id == contract_id
            and held.part in counted
        )
    return max(0, sum(counted.values()) - taken_fen)


def _metered_before_fen(
    unit: ClaimsUnit, stored: StoredClaim, contract_id: str, before_use: int
) -> int:
    """What metered lines come to that claims handed in before, and earlier uses, hold of a
    contract."""
    own, programme_id = place_in_line(unit, stored), stored.batch.programme_id
    found = unit.claims.claims(programme_id=programme_id, contract_ids=[contract_id])
    held = {
        StatementRevision(line.number, line.revision)
        for one in found
        if place_in_line(unit, one) < own
        for line in unit.claims.held_lines(one.claim.claim_id)
    } | {
        StatementRevision(line.number, line.revision)
        for line in unit.claims.held_lines(stored.claim.claim_id)
        if 0 < line.use_serial < before_use
    }
    return sum(rated_fen(unit, stored.rules, contract_id, one) for one in held)


def rated_fen(
    unit: ClaimsUnit, rules: RulesVersion, contract_id: str, statement: StatementRevision
) -> int:
    """What the lines of a statement come to that count, if it is of that contract."""
    key = ("rated", rules.parameter("min_evidence_level").value, contract_id, statement)
    return once(unit, key, lambda: _rated_fen(unit, rules, contract_id, statement))


def _rated_fen(
    unit: ClaimsUnit, rules: RulesVersion, contract_id: str, statement: StatementRevision
) -> int:
    found = unit.expense.statement(statement.number, statement.revision)
    if found is None or found.contract_id != contract_id:
        return 0
    said: Mapping[str, Any] = json.loads(found.content)
    return sum(
        line["amount_fen"] or 0
        for line in said["lines"]
        if line["eligible"] and _strong(rules, line["evidence_level"])
    )


def up_to(part: Part, left_fen: int) -> tuple[Part, int]:
    """A part with no more invoiced than is left of its contract; what is left then.

    Without tax it is cut in proportion, to a fen.
    """
    invoice_fen = part.invoice_fen or 0
    if invoice_fen <= left_fen:
        return part, left_fen - invoice_fen
    ex_tax_fen = (part.invoice_ex_tax_fen or 0) * left_fen // invoice_fen
    return replace(part, invoice_fen=left_fen, invoice_ex_tax_fen=ex_tax_fen), 0


def metered_up_to(
    rules: RulesVersion, lines: Sequence[Metered], left_fen: int
) -> tuple[Metered, ...]:
    """Lines that come to no more than is left, in their order; those of which the evidence is too
    weak are refused later and take nothing of it."""
    found = []
    for line in lines:
        if line.amount_fen is not None and _strong(rules, line.evidence_level):
            line = replace(line, amount_fen=min(line.amount_fen, left_fen))
            left_fen -= line.amount_fen or 0
        found.append(line)
    return tuple(found)


def _strong(rules: RulesVersion, level: str) -> bool:
    least = rules.parameter("min_evidence_level").value
    return not isinstance(least, str) or level >= least


def payment_up_to(
    payment_fen: int,
    paid_fen: Mapping[str, Fraction],
    left_fen: Mapping[str, int],
    invoiced_fen: Collection[tuple[int, bool]],
) -> int:
    """A payment that comes to no more than is left of each contract for the parts that count.

    A payment is split by what was invoiced for the parts; the sum that is given back is the one of
    which the parts that count get what is left, cut to a fen.

    Args:
        payment_fen: all of it.
        paid_fen: by contract what of it is for parts that count.
        left_fen: by contract what is left of it.
        invoiced_fen: amounts of the invoices' parts, and whether each counts.
    """
    kept = sum(min(fen, Fraction(left_fen[one])) for one, fen in paid_fen.items())
    if kept == sum(paid_fen.values()):
        return payment_fen
    counted_fen = sum(fen for fen, counts_ in invoiced_fen if counts_)
    share = Fraction(sum(fen for fen, _counts in invoiced_fen), counted_fen)
    return min(payment_fen, -(-kept * share // 1))
