"""Interest on what is recovered, by the rules; where nobody knows the rate it stays open.

An unknown rate is not 0: the money is recovered, the interest is owed, and its amount waits for the
decision that gives the rate. Then it is charged as of the day of each recovery.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_recovery import PaidOn, interest_fen
from kashi_server.domain.claim_states import Step
from kashi_server.domain.money import parse_yuan
from kashi_server.domain.parameters import NONE
from kashi_server.domain.rules import ParameterState, RulesVersion
from kashi_server.services.claim_steps import day_of
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim

RATE: Final = "clawback.interest_year_ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestRate:
    """Of a year, and the rules version that says so."""

    ratio: Fraction
    rules: RulesVersion

    @property
    def told(self) -> dict[str, str]:
        """What a step's event says of it."""
        return {
            "rate": self.rules.parameter(RATE).value_text or NONE,
            "version": self.rules.version,
            "rules_sha256": self.rules.sha256,
        }


def rate_of(unit: ClaimsUnit, stored: StoredClaim) -> InterestRate | None:
    """The rate by the claim's rules, or by the first later version that knows it; None: none does.

    What is published stays in later versions; what was unknown is settled by a decision, and that
    makes the next version.
    """
    rules = stored.rules
    begun = rules.in_force.start
    later = [
        one
        for one in unit.expense.rules(rules.programme_id)
        if one.in_force.start >= begun and one.version != rules.version
    ]
    for one in (rules, *later):
        parameter = one.parameter(RATE)
        if parameter.state is not ParameterState.UNKNOWN:
            ratio = None if parameter.value == NONE else one.ratio(RATE)
            return InterestRate(ratio=ratio or Fraction(0), rules=one)
    return None


def interest_on(
    events: Sequence[ClaimEvent], recovered_fen: int, amount_fen: int, on: date, ratio: Fraction
) -> int:
    """Interest on an amount that is recovered on a day, after what was recovered before."""
    payments = [
        PaidOn(day=day_of(event.utc_ms), amount_fen=parse_yuan(event.terms["paid_yuan"]))
        for event in events
        if event.step == Step.PAY
    ]
    return interest_fen(payments, recovered_fen, amount_fen, on, ratio)


def open_interest_fen(events: Sequence[ClaimEvent], ratio: Fraction) -> int:
    """What is due on every recovery whose interest is open, each as of its own day."""
    recovered_fen, due_fen = 0, 0
    still_open = {event.serial for event in open_recoveries(events)}
    for event in events:
        if event.step != Step.CLAW_BACK:
            continue
        amount_fen = parse_yuan(event.terms["recovered_yuan"])
        if event.serial in still_open:
            day = day_of(event.utc_ms)
            due_fen += interest_on(events, recovered_fen, amount_fen, day, ratio)
        recovered_fen += amount_fen
    return due_fen


def open_recoveries(events: Sequence[ClaimEvent]) -> list[ClaimEvent]:
    """Recoveries of money whose interest nobody could work out yet."""
    found: list[ClaimEvent] = []
    for event in events:
        if event.step == Step.CHARGE_INTEREST:
            found.clear()
        elif event.step == Step.CLAW_BACK and event.terms["interest_yuan"] is None:
            found.append(event)
    return found
