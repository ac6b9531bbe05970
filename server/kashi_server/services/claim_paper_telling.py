"""Telling claims on its day that a paper they rest on fell away, or stands again: an invoice, a
statement, a certificate."""

from collections.abc import Sequence
from typing import Protocol, cast

from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.claim_states import ENDED, ClaimState
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.claim_fallen import (
    certificate_withdrawn,
    invoice_fell,
    invoice_righted,
    statement_corrected,
)
from kashi_server.services.claim_reopening import ClaimReopening, concerned
from kashi_server.services.claim_steps import CLOCK, Acting, Why, existing, locked
from kashi_server.services.claim_uses import open_uses
from kashi_server.services.claims_port import ClaimsUnit
from kashi_server.services.invoice_watch import InvoiceChange
from kashi_server.services.papers_port import PapersUnit


class Reasoned(Protocol):
    """What was done for a reason."""

    @property
    def reason(self) -> str:
        """Why."""


class Revised(Protocol):
    """A statement that has a new revision."""

    @property
    def number(self) -> str:
        """Which statement."""

    @property
    def revision(self) -> int:
        """The revision that holds now."""


class ClaimPaperTelling(ClaimReopening):
    """What other rooms tell of papers, in their own unit of work."""

    def invoice_changed(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """An invoice was red-flushed or void: every claim that holds a part of it is reopened.

        See `services.invoice_watch.InvoiceWatch`.
        """
        # One unit of work carries the repositories of every room.
        ours = cast("ClaimsUnit", unit)
        for claim_id in ours.claims.holding_invoice(change.number):
            uses = {
                one.use_serial
                for one in ours.claims.held_parts(claim_id)
                if one.number == change.number
            }
            self._fell_away(ours, claim_id, uses, invoice_fell(change))

    def invoice_righted(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """Two officers let an invoice stand again: every claim of its buyer's that rests on it,
        all of which its fall was told, is flagged with what it comes to now. It counts for that
        from then on, though officers let it go on before.

        See `services.invoice_watch.InvoiceWatch`.
        """
        ours = cast("ClaimsUnit", unit)
        for claim_id in _resting_on(ours, unit, change.number):
            stored = existing(ours, claim_id, lock=True)
            if concerned(stored.claim):
                why = Why(reason=invoice_righted(change))
                self._flagged(ours, stored, why, {"told_by": change.told_by})

    def corrected(self, unit: object, run: Reasoned, statement: Revised) -> None:
        """A statement has a new revision: claims that rest on the one before are reopened.

        As `services.correction_watch.CorrectionWatch` wants it; `unit` is that of the correction.
        """
        ours = cast("ClaimsUnit", unit)
        for claim_id in ours.claims.holding_statement(statement.number):
            uses = {
                one.use_serial
                for one in ours.claims.held_lines(claim_id)
                if one.number == statement.number
            }
            why = statement_corrected(statement.number, statement.revision, run.reason)
            self._fell_away(ours, claim_id, uses, why)

    def hold_claims(self, unit: object, certificate: StoredCertificate) -> None:
        """Lock the claims that rest on a certificate, as their own steps would.

        See `services.certificate_watch.WithdrawalWatch`.
        """
        ours = cast("ClaimsUnit", unit)
        for claim_id in _certified_claims(ours, certificate):
            locked(ours, claim_id)

    def certificate_withdrawn(
        self, unit: object, certificate: StoredCertificate, reason: str
    ) -> None:
        """A certificate was withdrawn: claims that rest on it are reopened that day.

        A claim whose statement has another certificate in force stands on that.
        """
        ours = cast("ClaimsUnit", unit)
        for claim_id, numbers in sorted(_certified_claims(ours, certificate).items()):
            bare = [
                one
                for one in ours.claims.held_lines(claim_id)
                if one.number in numbers
                and ours.claims.certified(StatementRevision(one.number, one.revision)) is None
            ]
            if bare:
                why = certificate_withdrawn(certificate.number, reason)
                self._fell_away(ours, claim_id, {one.use_serial for one in bare}, why)

    def _fell_away(self, unit: ClaimsUnit, claim_id: str, uses: set[int], reason: str) -> None:
        stored = existing(unit, claim_id, lock=True)
        claim = stored.claim
        if claim.state in (*ENDED, ClaimState.SUSPENDED):
            # Nothing is taken back there without an officer: what is out of it, and what it comes
            # to without that paper, is told. Of what ended only money that is out counts.
            if claim.state is ClaimState.SUSPENDED or claim.amounts.out_fen > 0:
                self._flagged(unit, stored, Why(reason=reason), {})
            return
        if claim.state is ClaimState.DRAFT:
            return
        open_ones = set(open_uses(unit, claim_id))
        self._reopened(
            unit,
            claim_id,
            Acting(login=CLOCK),
            Why(reason=reason),
            touches_open=bool(uses) and uses <= open_ones,
        )


def _resting_on(ours: ClaimsUnit, unit: PapersUnit, number: str) -> Sequence[str]:
    """Claims that hold a part of an invoice, or whose application names it."""
    stored = unit.invoices.invoice(number)
    assert stored is not None, "it was put right"
    naming = {
        one.claim.claim_id
        for one in ours.claims.claims(company_id=stored.invoice.buyer_id)
        if any(part.number == number for part in one.content.invoices)
    }
    return sorted({*naming, *ours.claims.holding_invoice(number)})


def _certified_claims(unit: ClaimsUnit, certificate: StoredCertificate) -> dict[str, set[str]]:
    """Claims that hold lines of what a certificate certifies, each with the statements."""
    numbers = {certificate.statement_number}
    if certificate.first_month is not None:
        numbers |= {
            one.number
            for one in unit.expense.statements(party_id=certificate.user_id)
            if one.contract_id == certificate.contract_id
            and certificate.first_month <= one.month <= certificate.month
        }
    found: dict[str, set[str]] = {}
    for number in sorted(numbers):
        for claim_id in unit.claims.holding_statement(number):
            found.setdefault(claim_id, set()).add(number)
    return dict(sorted(found.items()))
