"""When something is wrong: suspending, resuming, clawing back with interest."""

from dataclasses import replace
from typing import Any

from kashi_server.domain.both_languages import halves
from kashi_server.domain.claim import Changed
from kashi_server.domain.claim_recovery import (
    charge_interest,
    claw_back,
    reopen,
    resume,
    suspend,
)
from kashi_server.domain.claim_states import Step
from kashi_server.domain.money import yuan_text
from kashi_server.errors import InvalidValue, Refused
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
from kashi_server.services.claim_steps import Acting, ClaimSteps, Taken, Taking, Why
from kashi_server.services.claim_uses import FELL_AWAY, open_uses
from kashi_server.services.claim_worth import tell_eligible


class ClaimRecovering(ClaimSteps):
    """Suspending, resuming, clawing back."""

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
