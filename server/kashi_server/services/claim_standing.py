"""Where company, programme and envelope stand before a claim: read from the ledger and the claims.

What is granted counts from the moment it is reserved: money that another claim may still draw
cannot be promised twice.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kashi_server.domain.claim import Claim
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_states import Step
from kashi_server.domain.evaluation.case import OtherMoney, Standing
from kashi_server.domain.money import parse_yuan
from kashi_server.domain.replayed_claim import STANDS_FOR_NOTHING
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claim_awards_before import PRINCIPLE, YEARS, AwardsBefore
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.claim_envelopes import envelopes_around, reserved_from
from kashi_server.services.claim_remembering import once
from kashi_server.services.claim_uses import ENDS_PAID, voucher_uses
from kashi_server.services.claims_port import (
    ClaimsUnit,
    PartPaper,
    StoredClaim,
    StoredEvaluation,
)

STILL_ELIGIBLE: Final = "still_eligible_yuan"
"""The term of a step by which what a claim rests on fell away or changed: how much expense of its
application is eligible without it; None: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What stands before a claim: its standing, and other programmes' money on its contracts.

    `other_money`: None where nobody declared any and this house granted none."""

    standing: Standing
    other_money: tuple[OtherMoney, ...] | None


def before(
    unit: ClaimsUnit, stored: StoredClaim, *, used_fen: int = 0, granted: bool = False
) -> Before:
    """What stands before a claim, or before its next use.

    Args:
        unit: the unit of work.
        stored: the claim; what it holds itself does not count against it.
        used_fen: of a use: what was used of the claim's voucher before.
        granted: money is about to move: of other claims only expense that was approved counts
            towards a year's threshold. Before that every claim that stands counts, so that two may
            reach it together. And of awards to the company only those count that were approved
            before its own: a later one was held to the limits itself, and takes nothing back.
    """
    claim, batch = stored.claim, stored.batch
    same = [
        one
        for one in unit.claims.claims(programme_id=batch.programme_id, company_id=claim.company_id)
        if one.claim.claim_id != claim.claim_id
    ]
    this_year = [one for one in same if one.batch.year == batch.year]
    counted = [one for one in this_year if _stands(one, granted=granted)]
    on_contract = [
        one
        for one in unit.claims.claims(contract_ids=stored.content.contract_ids)
        if one.claim.claim_id != claim.claim_id
    ]
    paid = (one for one in on_contract if one.batch.programme_id == batch.programme_id)
    funds = _Funds(unit, stored)
    limiting = AwardsBefore(unit, stored) if granted else None
    return Before(
        standing=Standing(
            year_eligible_fen=sum(beside_fen(unit, one) for one in counted),
            year_contract_fen=_contracted_fen(unit, stored, counted),
            year_awarded_fen=_awarded_fen(_held(limiting, this_year, PRINCIPLE)),
            years_awarded=len(_years(_held(limiting, same, YEARS)) - {batch.year}),
            paid_on_contract_fen=_awarded_fen(paid) + used_fen,
            pool_granted_fen=funds.granted_fen(),
            envelope_pool_fen=funds.envelope()[0],
            envelope_granted_fen=funds.envelope()[1],
        ),
        other_money=_other_money(stored, on_contract),
    )


def _awarded_fen(found: Iterable[StoredClaim]) -> int:
    return sum(one.claim.amounts.awarded_fen for one in found)


def _held(
    before_own: AwardsBefore | None, found: Sequence[StoredClaim], limit: str
) -> Sequence[StoredClaim]:
    """Claims whose awards are held against a limit; before money moves, all."""
    return found if before_own is None else before_own.held_against(limit, found)


def _contracted_fen(unit: ClaimsUnit, stored: StoredClaim, this_year: Iterable[StoredClaim]) -> int:
    """What contracts of the year's other claims are for, besides those of this claim."""
    named = {contract_id for one in this_year for contract_id in one.content.contract_ids}
    return sum(
        part.amount.incl_fen
        for contract_id in sorted(named - set(stored.content.contract_ids))
        for part in unit.claim_papers.parts(contract_id)
        if counts(stored.rules, part)
    )


def counts(rules: RulesVersion, part: PartPaper) -> bool:
    """Whether a part is for expense that the rules speak of."""
    include = rules.parameter("expense_scope.include").value
    exclude = rules.parameter("expense_scope.exclude").value
    if isinstance(include, tuple):
        return part.item in include
    return not isinstance(exclude, tuple) or part.item not in exclude


def _years(found: Iterable[StoredClaim]) -> set[int]:
    return {one.batch.year for one in found if one.claim.amounts.awarded_fen}


def _stands(stored: StoredClaim, *, granted: bool) -> bool:
    """Whether another claim's expense counts towards a threshold; `granted`: once approved."""
    if ended_paid(stored.claim):
        return True
    if stored.claim.state in STANDS_FOR_NOTHING:
        return False
    return not granted or stored.claim.amounts.awarded_fen > 0


def ended_paid(claim: Claim) -> bool:
    """Whether it ended with money out that was well paid: not clawed back."""
    return claim.state in ENDS_PAID and claim.amounts.out_fen > 0


def beside_fen(unit: ClaimsUnit, stored: StoredClaim) -> int:
    """What a claim counts beside others: its application, or once it ended its paid uses alone."""
    claim_id = stored.claim.claim_id
    return once(unit, ("beside", claim_id), lambda: _counted_beside_fen(unit, stored))


def _counted_beside_fen(unit: ClaimsUnit, stored: StoredClaim) -> int:
    if not ended_paid(stored.claim):
        return own_eligible_fen(unit, stored)
    claim_id = stored.claim.claim_id
    uses = voucher_uses(unit.claims.events(claim_id))
    if uses.told_fen is not None:
        return uses.told_fen
    found = unit.claims.evaluations(claim_id)
    return sum(_said_eligible_fen(one) for one in found if one.serial in uses.paid_serials)


def own_eligible_fen(unit: ClaimsUnit, stored: StoredClaim) -> int:
    """What the latest evaluation of the application found eligible: earlier ones were of papers
    that it names no more, and those of uses are of parts of the same expense. Less where a step
    since then told that less is, or that nobody knows: a paper fell away."""
    events = unit.claims.events(stored.claim.claim_id)
    found = _of_application(unit, stored, events)
    if not found:
        return 0
    eligible_fen = _said_eligible_fen(found[-1])
    told = [
        one.terms[STILL_ELIGIBLE]
        for one in events
        if one.serial > found[-1].serial and STILL_ELIGIBLE in one.terms
    ]
    if not told:
        return eligible_fen
    return min(eligible_fen, parse_yuan(told[-1] or "0.00"))


def applied_eligible_fen(unit: ClaimsUnit, stored: StoredClaim) -> int:
    """What the latest evaluation of the application found eligible, whatever was told since."""
    found = _of_application(unit, stored, unit.claims.events(stored.claim.claim_id))
    return _said_eligible_fen(found[-1]) if found else 0


def _of_application(
    unit: ClaimsUnit, stored: StoredClaim, events: Iterable[ClaimEvent]
) -> list[StoredEvaluation]:
    uses = {one.serial for one in events if one.step == Step.USE}
    found = unit.claims.evaluations(stored.claim.claim_id)
    return [one for one in found if one.serial not in uses]


def _said_eligible_fen(evaluation: StoredEvaluation) -> int:
    said = json.loads(evaluation.trace)["eligible_yuan"]
    return 0 if said is None else parse_yuan(said)


def _other_money(
    stored: StoredClaim, on_contract: Iterable[StoredClaim]
) -> tuple[OtherMoney, ...] | None:
    """Declared, and what this house granted by other programmes; of one programme the larger."""
    declared = {one.programme_id: one for one in stored.content.other_money or ()}
    granted: dict[str, int] = {}
    for one in on_contract:
        if one.batch.programme_id != stored.batch.programme_id:
            programme_id = one.batch.programme_id
            granted[programme_id] = granted.get(programme_id, 0) + one.claim.amounts.awarded_fen
    money = dict(declared)
    for programme_id, amount_fen in granted.items():
        said = declared.get(programme_id)
        if amount_fen and (said is None or said.amount_fen < amount_fen):
            known = {} if said is None else {"level": said.level}
            money[programme_id] = OtherMoney(
                programme_id=programme_id, amount_fen=amount_fen, **known
            )
    if not money and stored.content.other_money is None:
        return None
    return tuple(money[programme_id] for programme_id in sorted(money))


class _Funds:
    """Pool and envelope as the ledger has them."""

    def __init__(self, unit: ClaimsUnit, stored: StoredClaim) -> None:
        self._unit = unit
        self._own_fen = stored.claim.amounts.awarded_fen
        self._stored = stored
        self._budget = budget_of(stored.rules, stored.batch.year)

    def granted_fen(self) -> int:
        """What was taken out of the pool by others: appropriated less what is left."""
        key = str(self._budget)
        stands = self._unit.ledger.amounts((f"authority:{key}", f"pool:{key}"))
        appropriated_fen = -stands.get(f"authority:{key}", 0)
        return appropriated_fen - stands.get(f"pool:{key}", 0) - self._own_fen

    def envelope(self) -> tuple[int | None, int | None]:
        """Size of the envelope around the programme, and what others took; None: there is none, or
        none that was opened. Of several the one that holds least."""
        around = envelopes_around(self._unit, self._stored.rules, self._budget.year)
        stand = [one for one in map(self._envelope, around) if one is not None]
        return min(stand, key=lambda one: one[0] - one[1]) if stand else (None, None)

    def _envelope(self, name: str) -> tuple[int, int] | None:
        key = f"{name}/{self._budget.year}"
        stands = self._unit.ledger.amounts((f"envelope:{key}", f"envelope_used:{key}"))
        if f"envelope:{key}" not in stands:
            return None
        own = name in reserved_from(self._unit, self._stored)
        used_fen = stands.get(f"envelope_used:{key}", 0) - (self._own_fen if own else 0)
        return -stands[f"envelope:{key}"], used_fen
