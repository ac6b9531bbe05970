"""Reopening and flagging: what becomes of a claim when something under it fell away or changed."""

from typing import Any, Final

from kashi_server.domain.claim import Changed, Claim
from kashi_server.domain.claim_recovery import flagged, reopen
from kashi_server.domain.claim_states import REVIEWED, SPENDING, ClaimState, Step
from kashi_server.services.claim_holding import free_uses
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
from kashi_server.services.claim_uses import open_uses
from kashi_server.services.claim_worth import tell_eligible, tell_worth
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim

REOPENABLE: Final = (*REVIEWED, *SPENDING, ClaimState.PAID)
"""Claims that are reopened where what they rest on falls away."""


class ClaimReopening(ClaimSteps):
    """Reopening by an officer's word, and for other rooms within their own unit of work."""

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


def concerned(claim: Claim) -> bool:
    """Whether a change under a claim is told it: a draft is computed whenever it is looked at; of
    what ended only money that is out counts."""
    if claim.state in (*REOPENABLE, ClaimState.SUSPENDED):
        return True
    return claim.state is not ClaimState.DRAFT and claim.amounts.out_fen > 0
