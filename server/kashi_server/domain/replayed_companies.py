"""Replayed claims by company and for the budget, on both sides of a simulation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kashi_server.domain.claim_replay import ClaimReplay
from kashi_server.domain.replayed_budget import (
    ClaimOutcome,
    ClaimsBudget,
    ClaimsSum,
    sum_of_all,
    sum_of_company,
)
from kashi_server.domain.replayed_claim import ReplayedClaim
from kashi_server.domain.simulated_rules import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyClaims:
    """A company's claims of the period, and what both sides come to."""

    company_id: str
    name_zh: str
    claims: tuple[ClaimOutcome, ...]
    old: ClaimsSum
    new: ClaimsSum

    @property
    def difference_fen(self) -> int:
        """New less old."""
        return self.new.computed_fen - self.old.computed_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSimulation:
    """Every company with claims in the period, by id.

    `kept`: parameters other than those by which the cases were gathered; what they made of the
    papers stays as it was.
    """

    companies: tuple[CompanyClaims, ...]
    old: ClaimsBudget
    new: ClaimsBudget
    kept: tuple[str, ...]

    @property
    def claims(self) -> tuple[ClaimOutcome, ...]:
        """All claims of the period."""
        return tuple(claim for company in self.companies for claim in company.claims)

    @property
    def stands_fen(self) -> int:
        """What the claims of the period are computed at, as far as there are amounts."""
        return sum(one.stands_fen or 0 for one in self.claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A claim that is told of, and whose it is."""

    claim: ReplayedClaim
    outcome: ClaimOutcome


def simulation_of_claims(
    found: Sequence[Told],
    sides: tuple[ClaimReplay, ClaimReplay],
    period: Period,
    names_zh: Mapping[str, str],
    kept: Sequence[str],
) -> ClaimSimulation:
    """Add claims up.

    Args:
        found: claims of the year up to the period's end.
        sides: the replays they come from, old and new.
        period: the months that are told of; those before it count for the year.
        names_zh: of companies.
        kept: as of `ClaimSimulation`.
    """
    by_company: dict[str, list[Told]] = {}
    for one in found:
        by_company.setdefault(one.claim.company_id, []).append(one)
    ordered = sorted(by_company.items())
    summed = [
        CompanyClaims(
            company_id=company_id,
            name_zh=names_zh[company_id],
            claims=tuple(one.outcome for one in told if one.outcome.month in period),
            old=_sum(told, sides[0], period, new=False),
            new=_sum(told, sides[1], period, new=True),
        )
        for company_id, told in ordered
    ]
    last = max(found, key=lambda one: one.outcome.applied_on, default=None)
    return ClaimSimulation(
        companies=tuple(one for one in summed if one.claims),
        old=_budget([one.old for one in summed], sides[0], last),
        new=_budget([one.new for one in summed], sides[1], last),
        kept=tuple(kept),
    )


def _sum(told: Sequence[Told], side: ClaimReplay, period: Period, *, new: bool) -> ClaimsSum:
    last = max(told, key=lambda one: one.outcome.applied_on)
    outcomes = [one.outcome for one in told]
    return sum_of_company(
        [(one.month, one.new if new else one.old) for one in outcomes],
        period,
        side.rules_of(last.claim, inside=True),
    )


def _budget(sums: Iterable[ClaimsSum], side: ClaimReplay, last: Told | None) -> ClaimsBudget:
    found = list(sums)
    rules = None if last is None else side.rules_of(last.claim, inside=True)
    return ClaimsBudget(
        sums=sum_of_all(found),
        at_cap=sum(one.cap_hit is not None for one in found),
        pool_fen=None if rules is None else rules.fen("pool.year_yuan"),
    )
