"""Claims in a simulation: every evaluation of a budget year's claims, again, under other rules.

What is read was kept with the steps: the case that an evaluation read, and how the claim stood
after it. Neither ever changes, so the steps are listed at once and the evaluations are read a few
at a time: no reader holds the database for long, nothing is written, and of each claim only figures
are kept.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from kashi_server.domain.claim_replay import ClaimReplay
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.interval import Month
from kashi_server.domain.replayed_budget import ClaimOutcome, ClaimSide
from kashi_server.domain.replayed_claim import (
    REQUESTS_NOTHING,
    ReplayedClaim,
    ReplayedStep,
    month_of_claim,
)
from kashi_server.domain.replayed_companies import ClaimSimulation, Told, simulation_of_claims
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.simulated_rules import Period
from kashi_server.services.claim_history import (
    ClaimHistoryWork,
    StoodStep,
    listed_steps,
    replayed_claim,
    replayed_step,
)
from kashi_server.services.claim_steps import CLAIM_ENTRY

_READ_AT_ONCE: Final = 100
_GATHERED_BY: Final = (
    "base.contract", "base.invoice", "base.payment", "envelope", "expense_scope.exclude",
    "expense_scope.include", "gap_policy", "min_evidence_level", "related_party_forbidden",
)  # fmt: skip
"""Parameters by which the papers of a claim become its case."""


class ClaimSimulator:
    """Replays claims under rules."""

    def __init__(self, work: ClaimHistoryWork) -> None:
        """Over a database."""
        self._work = work

    def simulate(
        self,
        new: RulesVersion,
        period: Period,
        *,
        against: RulesVersion | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ClaimSimulation:
        """Simulate the claims of a budget year that were handed in by the end of a period.

        Args:
            new: the rules to try on the claims of the period; all others stay under their own.
            period: months of one calendar year.
            against: rules to compare with; None: those of each claim's batch.
            progress: told as steps are followed: done, of how many.
        """
        year = period.first.year
        with self._work.begin(writes=False) as unit:
            versions = {one.version: one for one in unit.expense.rules(new.programme_id)}
            heads = {one.claim_id: one for one in unit.claims.heads(new.programme_id, year)}
            names_zh = {one.party_id: one.name_zh for one in unit.expense.parties()}
            steps = listed_steps(unit.log.logged(CLAIM_ENTRY), heads) if heads else []
        claims = {
            one.claim_id: replayed_claim(one, versions[one.version]) for one in heads.values()
        }
        last = {one.claim_id: one for one in steps}
        months = {
            one.claim_id: month_of_claim(date.fromisoformat(one.applied_on), year)
            for one in last.values()
            if one.applied_on is not None
        }
        sides = (ClaimReplay(tried=against), ClaimReplay(tried=new))
        for done, step in enumerate(self._replayed(steps, claims), 1):
            month = months.get(step.claim.claim_id)
            for side in sides:
                side.step(step, inside=month is not None and month in period)
            if progress is not None:
                progress(done, len(steps))
        told = [
            Told(claim=claims[one.claim_id], outcome=_outcome(one, claims, months, sides))
            for one in last.values()
            if _is_told(one, months, period)
        ]
        rules = [one.claim.rules for one in told if one.outcome.month in period]
        return simulation_of_claims(told, sides, period, names_zh, _kept(new, rules))

    def _replayed(
        self, steps: Sequence[StoodStep], claims: Mapping[str, ReplayedClaim]
    ) -> Iterator[ReplayedStep]:
        for start in range(0, len(steps), _READ_AT_ONCE):
            some = steps[start : start + _READ_AT_ONCE]
            with self._work.begin(writes=False) as unit:
                found = [
                    unit.claims.evaluation(one.claim_id, one.serial)
                    if one.evaluates or one.uses
                    else None
                    for one in some
                ]
            for one, stored in zip(some, found, strict=True):
                yield replayed_step(one, claims[one.claim_id], stored)


def _is_told(one: StoodStep, months: Mapping[str, Month], period: Period) -> bool:
    """Claims that were handed in by the period's end, and are not a draft again, rejected or
    withdrawn without any award."""
    if one.claim_id not in months or months[one.claim_id] > period.last:
        return False
    return one.state not in REQUESTS_NOTHING or one.approved_fen > one.released_fen


def _outcome(
    one: StoodStep,
    claims: Mapping[str, ReplayedClaim],
    months: Mapping[str, Month],
    sides: tuple[ClaimReplay, ClaimReplay],
) -> ClaimOutcome:
    assert one.applied_on is not None
    return ClaimOutcome(
        claim_id=one.claim_id,
        batch_id=claims[one.claim_id].batch_id,
        state=ClaimState(one.state),
        applied_on=date.fromisoformat(one.applied_on),
        month=months[one.claim_id],
        stands_fen=one.computed_fen,
        old=_side(sides[0], one.claim_id),
        new=_side(sides[1], one.claim_id),
    )


def _side(side: ClaimReplay, claim_id: str) -> ClaimSide:
    figures = side.figures(claim_id)
    assert figures is not None, f"claim {claim_id} was handed in, and so evaluated"
    return ClaimSide(figures=figures, awarded_fen=side.awarded_fen(claim_id))


def _kept(new: RulesVersion, gathered: Iterable[RulesVersion]) -> list[str]:
    """What would gather the papers otherwise than they were."""
    versions = {one.version: one for one in gathered}.values()
    return [
        name
        for name in _GATHERED_BY
        if any(one.parameter(name).value != new.parameter(name).value for one in versions)
    ]
