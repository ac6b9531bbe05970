"""The case of a claim: certified statements, papers, declarations and standings as one `Case`.

The same papers and standings make the same case; what nobody knows is left out, and the evaluation
tells what it misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction

from kashi_server.domain.claim_content import InvoicePart, StatementRevision
from kashi_server.domain.evaluation.case import (
    Award,
    Case,
    Claimant,
    Metered,
    Part,
    Service,
    Voucher,
)
from kashi_server.domain.interval import SHANGHAI, instant_of
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.taxed import Taxed, sum_taxed
from kashi_server.errors import NotFound
from kashi_server.services.claim_contract_left import (
    left_of_contract_fen,
    metered_up_to,
    payment_up_to,
    told_apart_by,
    up_to,
)
from kashi_server.services.claim_invoice_left import check_left
from kashi_server.services.claim_named import contracts_of, invoice_paper, metered_lines
from kashi_server.services.claim_standing import Before, counts
from kashi_server.services.claims_port import (
    ClaimsUnit,
    PartPaper,
    PaymentPaper,
    StoredClaim,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """The papers that an evaluation counts: all of an application, or those of one use."""

    statements: tuple[StatementRevision, ...] = ()
    invoices: tuple[InvoicePart, ...] = ()
    payments: tuple[str, ...] = ()


def case_of(
    unit: ClaimsUnit,
    stored: StoredClaim,
    papers: Papers,
    before: Before,
    *,
    applied_on: date,
    vouchers: tuple[Voucher, ...] | None = None,
    use_serial: int = 0,
) -> Case:
    """The case of a claim, or of a use of its voucher by that step's serial.

    Raises:
        NotFound: a contract, statement, invoice or payment is not there.
        Refused: a paper is not the claimant's, does not hold good, or is not certified.
    """
    found = _Found(unit, stored, papers, use_serial)
    officially = stored.officially
    return Case(
        case_id=stored.claim.claim_id,
        applied_on=applied_on,
        claimant=found.claimant(),
        service=found.service(),
        parts=found.parts(),
        payment_fen=found.payment_fen(),
        payment_ex_tax_fen=found.payment_ex_tax_fen(),
        metered=found.metered(),
        other_money=before.other_money,
        vouchers=vouchers,
        standing=before.standing,
        award=Award(
            tier=officially.tier,
            rank=officially.rank,
            matched_fen=officially.matched_fen,
            decided_fen=officially.decided_fen,
        ),
        measures=dict(officially.measures),
    )


class _Found:
    """One looking-up of everything that a claim names."""

    def __init__(
        self, unit: ClaimsUnit, stored: StoredClaim, papers: Papers, use_serial: int
    ) -> None:
        self._unit = unit
        self._use_serial = use_serial
        self._stored = stored
        self._papers = papers
        self._contracts = contracts_of(unit, stored.claim.company_id, stored.content.contract_ids)
        self._invoices = [invoice_paper(unit, one, stored) for one in papers.invoices]
        totals_fen = {one.number: one.total_fen for one in self._invoices}
        check_left(unit, stored, papers.invoices, totals_fen)
        self._payments = self._named_payments()

    # Who

    def claimant(self) -> Claimant:
        """Whose claim it is; the office's word goes before the company's."""
        stored = self._stored
        party = self._party(stored.claim.company_id)
        declared, officially = stored.content.declared, stored.officially
        return Claimant(
            kind=declared.kind,
            established_on=None if party is None else party.established_on,
            in_jurisdiction=_first(officially.in_jurisdiction, declared.in_jurisdiction),
            legal_person=declared.legal_person,
            credit_clean=_first(officially.credit_clean, declared.credit_clean),
            listed_provider=self._listed_provider(party),
            exception_approved=officially.exception_approved,
        )

    def _listed_provider(self, party: Party | None) -> bool | None:
        """Registered here as a provider, or listed as one; else what the company declares."""
        on = self._stored.claim.applied_on or self._stored.content.last
        listed = self._unit.claim_papers.listed_from(self._stored.claim.company_id, None, on)
        if listed is not None or (party is not None and party.kind is PartyKind.PROVIDER):
            return True
        return self._stored.content.declared.listed_provider

    def _party(self, party_id: str) -> Party | None:
        return next(iter(self._unit.expense.parties((party_id,))), None)

    # What

    def service(self) -> Service:
        """The service of the contracts: listed where every provider is, related where any is."""
        contracts, papers = self._contracts, self._unit.claim_papers
        declared = self._stored.content.declared
        starts = [_day(one.term.start) for one in contracts]
        ends = [None if one.term.end is None else _day(one.term.end - 1) for one in contracts]
        related = [papers.related(one.contract_id) for one in contracts]
        listed = [
            papers.listed_from(one.provider_id, declared.service_item, one.signed_on)
            for one in contracts
        ]
        known = [one for one in listed if one is not None]
        all_listed: bool | None = len(known) == len(contracts)
        if all_listed and declared.service_item is None:
            # Some service of the provider is listed; whether this one is, nobody said.
            all_listed = None
        return Service(
            contract_signed=min(one.signed_on for one in contracts),
            service_from=min(starts),
            service_until=None if None in ends else max(one for one in ends if one is not None),
            purpose=declared.purpose,
            provider_listed_from=max(known) if all_listed else None,
            provider_listed=all_listed,
            related=_any(related),
        )

    def parts(self) -> tuple[Part, ...]:
        """Parts of the contracts, each with what is claimed of its invoices."""
        return tuple(
            part for contract in self._contracts for part in self._parts_of(contract.contract_id)
        )

    def _parts_of(self, contract_id: str) -> list[Part]:
        """A contract's parts. Where the contract is a ceiling, invoices count up to what is left of
        it: what one contract leaves over lifts nothing of another."""
        papers = self._unit.claim_papers.parts(contract_id)
        parts = [self._part(paper) for paper in papers]
        rules = self._stored.rules
        if told_apart_by(rules) != "invoice":
            return parts
        left_fen = self._left_fen(contract_id)
        found = []
        for paper, part in zip(papers, parts, strict=True):
            if counts(rules, paper):
                part, left_fen = up_to(part, left_fen)
            found.append(part)
        return found

    def _named(self, contract_id: str) -> str | None:
        """The contract as parts and lines name it: where there are several."""
        return contract_id if len(self._contracts) > 1 else None

    def _left_fen(self, contract_id: str) -> int:
        papers = self._unit.claim_papers.parts(contract_id)
        unit, stored, use_serial = self._unit, self._stored, self._use_serial
        return left_of_contract_fen(unit, stored, contract_id, papers, use_serial)

    def _part(self, paper: PartPaper) -> Part:
        claimed = [
            (one, invoice)
            for one, invoice in zip(self._papers.invoices, self._invoices, strict=True)
            if (one.contract_id, one.part) == (paper.contract_id, paper.part)
        ]
        return Part(
            contract_id=self._named(paper.contract_id),
            item=paper.item,
            owned=paper.owned,
            domestic=paper.domestic,
            contract_fen=paper.amount.incl_fen,
            contract_ex_tax_fen=paper.amount.ex_tax_fen,
            invoice_fen=sum(one.amount_fen for one, _invoice in claimed),
            invoice_ex_tax_fen=sum(
                invoice.amount.ex_tax_of(one.amount_fen) for one, invoice in claimed
            ),
        )

    def metered(self) -> tuple[Metered, ...] | None:
        """Eligible lines of the statements, as these rated them; None where none is named.

        Where nothing that was invoiced or paid tells claims on a contract apart, up to what is left
        of it."""
        if not self._papers.statements:
            return None
        by_contract: dict[str, list[Metered]] = {}
        for one in self._papers.statements:
            contract_id, lines = metered_lines(self._unit, self._stored, one)
            named = [replace(line, contract_id=self._named(contract_id)) for line in lines]
            by_contract.setdefault(contract_id, []).extend(named)
        apart = told_apart_by(self._stored.rules)
        if apart == "metered" or (apart == "payment" and not self._papers.payments):
            return tuple(
                line
                for contract_id, lines in by_contract.items()
                for line in metered_up_to(self._stored.rules, lines, self._left_fen(contract_id))
            )
        return tuple(line for lines in by_contract.values() for line in lines)

    # Payments

    def payment_fen(self) -> int | None:
        """What payments cover of what is claimed of each invoice, cut to a fen each.

        Where they tell claims on a contract apart, up to what is left of it."""
        if not self._papers.payments:
            return None
        payment_fen = self._covered_fen()
        if told_apart_by(self._stored.rules) != "payment":
            return payment_fen
        paid_fen = self._paid_of_contracts()
        return payment_up_to(
            payment_fen,
            paid_fen,
            {contract_id: self._left_fen(contract_id) for contract_id in paid_fen},
            [(one.amount_fen, self._counts(one)) for one in self._papers.invoices],
        )

    def _covered_fen(self) -> int:
        return sum(self._paid_fen(number) for number in self._numbers())

    def _paid_of_contracts(self) -> dict[str, Fraction]:
        """By contract what payments cover of the parts that count."""
        found: dict[str, Fraction] = {}
        for one in self._papers.invoices:
            if self._counts(one):
                claimed_fen = self._claimed_fen(one.number)
                fen = Fraction(self._paid_fen(one.number) * one.amount_fen, claimed_fen)
                found[one.contract_id] = found.get(one.contract_id, Fraction(0)) + fen
        return found

    def _counts(self, claimed: InvoicePart) -> bool:
        papers = self._unit.claim_papers.parts(claimed.contract_id)
        return any(one.part == claimed.part and counts(self._stored.rules, one) for one in papers)

    def _claimed_fen(self, number: str) -> int:
        return sum(one.amount_fen for one in self._papers.invoices if one.number == number)

    def payment_ex_tax_fen(self) -> int | None:
        """The same without the tax of the invoices it covers."""
        if not self._papers.payments:
            return None
        covered_fen, counted_fen = self._covered_fen(), self.payment_fen() or 0
        ex_tax_fen = sum(
            self._share(number).ex_tax_of(self._paid_fen(number)) for number in self._numbers()
        )
        if counted_fen == covered_fen:
            return ex_tax_fen
        return ex_tax_fen * counted_fen // covered_fen

    def _numbers(self) -> list[str]:
        return sorted({one.number for one in self._papers.invoices})

    def _paid_fen(self, number: str) -> int:
        covered_fen = sum(one.covered_fen for one in self._payments if one.number == number)
        claimed_fen = self._claimed_fen(number)
        total_fen = next(one.total_fen for one in self._invoices if one.number == number)
        return min(covered_fen, total_fen) * claimed_fen // total_fen

    def _share(self, number: str) -> Taxed:
        return sum_taxed(one.amount for one in self._invoices if one.number == number)

    def _named_payments(self) -> Sequence[PaymentPaper]:
        company_id = self._stored.claim.company_id
        found = self._unit.claim_papers.payments(company_id)
        missing = set(self._papers.payments) - {one.reference for one in found}
        if missing:
            raise NotFound(
                f"没有 {company_id} 为任何发票支付的付款 {min(missing)}，请核对流水号或"
                "先导入付款。"
                f"there is no payment {min(missing)} of {company_id} for any invoice"
            )
        return [one for one in found if one.reference in self._papers.payments]


def with_requested(case: Case, requested_fen: int) -> Case:
    """The case with what the batch requests in all, this claim inside."""
    return replace(case, standing=replace(case.standing, pool_requested_fen=requested_fen))


def _day(minute: int) -> date:
    local: datetime = instant_of(minute).astimezone(SHANGHAI)
    return local.date()


def _first(*values: bool | None) -> bool | None:
    return next((one for one in values if one is not None), None)


def _any(values: Sequence[bool | None]) -> bool | None:
    """True where any is; False where all are known not to be."""
    if True in values:
        return True
    return None if None in values else False
