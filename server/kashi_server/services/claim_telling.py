"""Telling claims on its day that an agreement they rest on changed.

Where the rules ask for what fell away (unrelated sides, a listed provider) a claim is reopened as a
void invoice reopens it. Everywhere else it is flagged: its worth is to be asked again, which every
step that moves money does; what it comes to on that day stands beside it. A flag moves no money.
"""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from kashi_server.services.agreement_watch import AgreementChange
from kashi_server.services.claim_reopening import REOPENABLE, ClaimReopening, concerned
from kashi_server.services.claim_steps import CLOCK, Acting, Why, existing
from kashi_server.services.claim_touching import Touch, touched
from kashi_server.services.claims_port import ClaimsUnit
from kashi_server.services.expense_port import ExpenseUnit

TOUCHES_TOLD_MAX: Final = 5
"""So many changes are named; of the others it is said how many they are."""


class ClaimTelling(ClaimReopening):
    """What other rooms tell of agreements, in their own unit of work."""

    def agreements_changed(
        self, unit: ExpenseUnit, changes: Sequence[AgreementChange], told_by: str
    ) -> None:
        """Agreements changed: claims that rest on them are reopened or flagged that day.

        See `services.agreement_watch.AgreementWatch`.
        """
        # One unit of work carries the repositories of every room.
        ours = cast("ClaimsUnit", unit)
        found = touched(ours, changes)
        _lock(ours, found)
        for claim_id, touches in sorted(found.items()):
            self._tell(ours, claim_id, touches, told_by)

    def _tell(
        self, unit: ClaimsUnit, claim_id: str, touches: Sequence[Touch], told_by: str
    ) -> None:
        stored = existing(unit, claim_id, lock=True)
        if not concerned(stored.claim):
            return
        lost = [one for one in touches if one.forbidden_by(stored.rules)]
        if lost and stored.claim.state in REOPENABLE:
            why = Why(reason=_words(lost, told_by))
            self._reopened(unit, claim_id, Acting(login=CLOCK), why, touches_open=False)
            return
        why = Why(reason=_words(touches, told_by))
        self._flagged(unit, stored, why, {"told_by": told_by})


def _lock(unit: ClaimsUnit, found: Mapping[str, Sequence[Touch]]) -> None:
    """In the order of the claims' own steps: contracts, invoices, and the claims then."""
    contracts: set[str] = set()
    numbers: set[str] = set()
    for claim_id in found:
        content = existing(unit, claim_id).content
        contracts |= set(content.contract_ids)
        numbers |= {one.number for one in content.invoices}
        numbers |= {one.number for one in unit.claims.held_parts(claim_id)}
    unit.claims.lock_contracts(sorted(contracts))
    for number in sorted(numbers):
        unit.invoices.lock(number)


def _words(touches: Sequence[Touch], told_by: str) -> str:
    named = touches[:TOUCHES_TOLD_MAX]
    left = len(touches) - len(named)
    zh, en = "；".join(one.zh for one in named), "; ".join(one.en for one in named)
    if left:
        zh, en = f"{zh}等，另有 {left} 项", f"{en}; and {left} more"
    return f"{zh}（{told_by} 录入），金额须重新核实。Worth is to be asked again: {en} ({told_by})."
