"""When something is wrong: suspending, resuming, reopening by what fell away, clawing back."""

from dataclasses import replace
from typing import Any, Protocol, cast

from kashi_server.domain.both_languages import halves
from kashi_server.domain.claim import Changed
from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.claim_recovery import (
    charge_interest,
    claw_back,
    flagged,
    reopen,
    resume,
    suspend,
)
from kashi_server.domain.claim_states import ENDED, ClaimState, Step
from kashi_server.domain.money import yuan_text
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.claim_fallen import (
    certificate_withdrawn,
    invoice_fell,
    statement_corrected,
)
from kashi_server.services.claim_flags import SETTLES
from kashi_server.services.claim_holding import free_uses
from kashi_server.services.claim_interest import (
    RATE,
    interest_on,
    open_interest_fen,
    open_recoveries,
    rate_of,
)
from kashi_server.services.claim_rechecking import fell_away
from kashi_server.services.claim_spending import FELL_AWAY, open_uses
from kashi_server.services.claim_steps import (
    CLOCK,
    Acting,
    ClaimSteps,
    Taken,
    Taking,
    Why,
    check_why,
    existing,
    locked,
    officer_of,
)
from kashi_server.services.claim_worth import tell_eligible, tell_worth
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim
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


class ClaimRecovering(ClaimSteps):
    """Suspending, resuming, reopening, clawing back."""

    def suspend(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Stop a claim where it stands."""
        return self._take(
            by, claim_id, Step.SUSPEND, why, lambda taking: suspend(taking.stored.claim)
        )

    def resume(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Let it go on where it stood, by two officers.

        Where a paper of its unpaid money fell away meanwhile it goes on as if it did now: what was
        used on it is the voucher's again, what was approved on it is checked anew. Towards a
        year's threshold its application counts as it is now.
        """
        return self._take(by, claim_id, Step.RESUME, why, _resumed)

    def claw_back(
        self, by: Acting, claim_id: str, amount_fen: int, why: Why, *, settles: bool = False
    ) -> Taken:
        """Recover what was paid, with interest by the rules, by two officers.

        Where nobody knows the rate the interest stays open, see `charge_interest`. `settles`: no
        more of it is to be recovered, whatever the claim came to.

        Raises:
            Refused: it is more than was paid. InvalidValue: the rules list reasons, and this is
                none of them.
        """

        def do(taking: Taking) -> Changed:
            stored = taking.stored
            reasons = stored.rules.parameter("clawback.reasons").value
            if isinstance(reasons, tuple) and why.reason not in reasons:
                raise InvalidValue(
                    f"规则规定的追回事由为：{'、'.join(reasons)}。"
                    f"the rules recover money for: {'; '.join(reasons)}"
                )
            events = taking.unit.claims.events(claim_id)
            recovered_fen, rate = stored.claim.amounts.recovered_fen, rate_of(taking.unit, stored)
            due_fen = 0
            if rate is None:
                taking.terms |= {"interest_yuan": None, "open": [RATE]}
            else:
                due_fen = interest_on(events, recovered_fen, amount_fen, taking.today, rate.ratio)
                taking.terms |= {"interest_yuan": yuan_text(due_fen), "interest_by": rate.told}
            changed = claw_back(stored.claim, amount_fen, due_fen)
            free_uses(taking.unit, stored, open_uses(taking.unit, claim_id), taking.utc_ms)
            return changed

        terms: dict[str, Any] = {"recovered_yuan": yuan_text(amount_fen)}
        if settles:
            terms[SETTLES] = True
        return self._take(by, claim_id, Step.CLAW_BACK, why, do, terms)

    def charge_interest(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Charge the interest that stayed open when money was recovered, by two officers.

        As of the days of the recoveries, by the decision that gives the rate now.

        Raises:
            Refused: none is open, or still nobody knows the rate.
        """

        def do(taking: Taking) -> Changed:
            events = taking.unit.claims.events(claim_id)
            if not open_recoveries(events):
                raise Refused(
                    f"申报 {claim_id} 没有尚未计收的利息。no interest of claim {claim_id} is open"
                )
            rate = rate_of(taking.unit, taking.stored)
            if rate is None:
                raise Refused(
                    f"{taking.stored.rules.programme_id} 规则 {taking.stored.rules.version} "
                    f"及以后版本的 {RATE} 未知，请由两名经办人以 rules decide 确定。"
                    f"{RATE} is unknown in {taking.stored.rules.programme_id}"
                    f" {taking.stored.rules.version} and later; settle it with: rules decide"
                )
            due_fen = open_interest_fen(events, rate.ratio)
            taking.terms |= {"interest_yuan": yuan_text(due_fen), "interest_by": rate.told}
            return charge_interest(taking.stored.claim, due_fen)

        return self._take(by, claim_id, Step.CHARGE_INTEREST, why, do)

    def reopen(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Reopen a claim by an officer's word: what it rests on fell away.

        Raises:
            Refused: no officer asks. InvalidValue: no reason is given.
        """
        with self._work.begin() as unit:
            officer = officer_of(unit, by.login)
            stored = locked(unit, claim_id)
            check_why(stored.claim.transition(Step.REOPEN), why)
            by = Acting(login=officer.login)
            taken = self._reopened(unit, claim_id, by, why, touches_open=True)
            unit.commit()
        return taken

    # What other rooms tell, in their own unit of work.

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

    def _flagged(
        self, unit: ClaimsUnit, stored: StoredClaim, why: Why, terms: dict[str, Any]
    ) -> None:
        """Flag a claim with what it comes to now, within a unit of work that does more."""
        taking = self._taking(unit, stored, terms)
        tell_worth(taking)
        self._carry_out(taking, (CLOCK, ""), Step.FLAG, why, lambda one: flagged(one.stored.claim))

    def _reopened(
        self, unit: ClaimsUnit, claim_id: str, by: Acting, why: Why, *, touches_open: bool
    ) -> Taken:
        """Reopen within a unit of work that does more; it is not committed here."""
        stored = existing(unit, claim_id, lock=True)
        uses = open_uses(unit, claim_id)

        def do(taking: Taking) -> Changed:
            changed = reopen(taking.stored.claim, touches_open=touches_open)
            if changed.claim.state is ClaimState.SUSPENDED:
                tell_worth(taking)
            else:
                free_uses(unit, stored, uses, taking.utc_ms)
                tell_eligible(taking)
            return changed

        taking = self._taking(unit, stored, {})
        self._carry_out(taking, (by.login, ""), Step.REOPEN, why, do)
        return Taken(stored=taking.stored)


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


def _resumed(taking: Taking) -> Changed:
    unit, stored = taking.unit, taking.stored
    resumed = resume(stored.claim)
    # What an earlier fall told of the application may have been put right since.
    tell_eligible(taking)
    problem = fell_away(unit, stored)
    if not problem:
        return resumed
    # What is written down for good stays as short as it was: the English half.
    taking.terms[FELL_AWAY] = halves(problem)[1]
    # The same step: it is counted once.
    where_it_stood = replace(resumed.claim, serial=stored.claim.serial)
    uses = open_uses(unit, stored.claim.claim_id)
    changed = reopen(where_it_stood, touches_open=True)
    free_uses(unit, stored, uses, taking.utc_ms)
    return changed
