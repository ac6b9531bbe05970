"""Claims under other rules: what each evaluation came to, evaluated again in the real order.

The case of an evaluation is the one that is kept with it. Of it only that is carried on which other
claims of the budget year make: what they were awarded, what of their expense is eligible, what they
request of the pool. There the case is moved by exactly what the replay comes to more or less for
these claims than was kept; under the rules that stand nothing is moved, and every amount comes out
as it stands.

What officers approved is kept as the share of the computed amount that it was, cut to a fen. Of a
voucher that ended the uses that were paid stay expense of the year, each evaluated again; what fell
away of them since stays the share that it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.evaluation.case import Case, Standing
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.domain.interval import Interval
from kashi_server.domain.replayed_claim import (
    REQUESTS_NOTHING,
    STANDS_FOR_NOTHING,
    EvaluatedThen,
    ReplayedClaim,
    ReplayedStep,
)
from kashi_server.domain.replayed_uses import ReplayedUses
from kashi_server.domain.rules import RulesVersion

CAP: Final = "cap.company_year_yuan"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFigures:
    """What the evaluation of a claim that stands came to.

    Attributes:
        on: the day of the step that evaluated it.
        amount_fen: what it came to; None: there is no amount.
        requested_fen: the same before the pool.
        at_cap: with what the company was awarded before, it reaches the cap of the year.
        bound: what bound it, step by step.
    """

    on: date
    status: Status
    amount_fen: int | None
    requested_fen: int | None
    eligible_fen: int
    at_cap: bool
    bound: tuple[str, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Standing:
    """A claim as the replay has it, and what it makes of the sums that others read."""

    claim: ReplayedClaim
    state: ClaimState
    approved_fen: int
    awarded_then_fen: int
    then: EvaluatedThen | None = None
    figures: ClaimFigures | None = None
    uses: ReplayedUses = field(default_factory=ReplayedUses)
    more: "_More"


@dataclass(frozen=True, slots=True, kw_only=True)
class _More:
    """By how much the replay of one claim parts from what was kept of it."""

    awarded_fen: int = 0
    eligible_fen: int = 0
    requested_fen: int = 0


_NOTHING: Final = _More()


@dataclass(slots=True, kw_only=True)
class ClaimReplay:
    """One side of a simulation: steps go in as they were taken.

    `tried`: rules for the claims that are told to be inside; None: those of their batches.
    """

    tried: RulesVersion | None = None
    _claims: dict[str, _Standing] = field(default_factory=dict)
    _on_contract: dict[str, set[str]] = field(default_factory=dict)
    _sums: dict[tuple[str, str], int] = field(default_factory=dict)
    _versions: dict[str, RulesVersion] = field(default_factory=dict)

    def step(self, step: ReplayedStep, *, inside: bool) -> None:
        """Follow a step; `inside`: its claim is one to which the tried rules apply."""
        claim = step.claim
        stands = self._claims.get(claim.claim_id)
        if stands is None:
            stands = _Standing(
                claim=claim, state=step.state, approved_fen=0, awarded_then_fen=0, more=_NOTHING
            )
            self._claims[claim.claim_id] = stands
            for contract_id in claim.contract_ids:
                self._on_contract.setdefault(contract_id, set()).add(claim.claim_id)
        if step.evaluated is not None:
            rules = self.rules_of(claim, inside=inside)
            stands.figures = self._evaluated(stands, step.evaluated, rules, step.on)
            stands.then = replace(step.evaluated, case=_NO_CASE)
        if step.use is not None:
            stands.uses.evaluated(step.use, self.rules_of(claim, inside=inside))
        stands.uses.ended = step.ended
        stands.state, stands.approved_fen = step.state, step.approved_fen
        stands.awarded_then_fen = step.awarded_fen
        self._sum_up(stands)

    def rules_of(self, claim: ReplayedClaim, *, inside: bool) -> RulesVersion:
        """The rules that a claim is replayed under."""
        if self.tried is None or not inside:
            return claim.rules
        version = claim.rules.version
        if version not in self._versions:
            self._versions[version] = as_if_since(self.tried, claim.rules)
        return self._versions[version]

    def figures(self, claim_id: str) -> ClaimFigures | None:
        """What a claim's standing evaluation comes to; None: it was never evaluated."""
        return self._claims[claim_id].figures

    def awarded_fen(self, claim_id: str) -> int:
        """What is awarded of it: the share of the computed amount that officers approved."""
        stands = self._claims[claim_id]
        return stands.awarded_then_fen + stands.more.awarded_fen

    # What others make of a case

    def _evaluated(
        self, stands: _Standing, then: EvaluatedThen, rules: RulesVersion, on: date
    ) -> ClaimFigures:
        case = self._moved(stands, then.case)
        others_fen = self._others_requested_fen(stands, then)
        own_fen = evaluate(rules, _requesting(case, 0)).before_pool_fen
        if others_fen is not None:
            case = _requesting(case, max(0, others_fen) + own_fen)
        done = evaluate(rules, case)
        return ClaimFigures(
            on=on,
            status=done.status,
            amount_fen=done.amount_fen,
            requested_fen=None if done.status is Status.NO_AMOUNT else own_fen,
            eligible_fen=done.eligible_fen or 0,
            at_cap=_at_cap(done),
            bound=tuple(
                f"{one.name}: {one.outcome.bound}" for one in done.steps if one.outcome.bound
            ),
            unknown=done.unknown,
            missing=done.missing,
        )

    def _moved(self, stands: _Standing, case: Case) -> Case:
        """The case with what the replay makes of others' awards and expense."""
        claim, own, standing = stands.claim, stands.more, case.standing
        company_fen = self._sum("awarded", claim.company_id) - own.awarded_fen
        eligible_fen = self._sum("eligible", claim.company_id) - own.eligible_fen
        all_fen = self._sum("awarded", "") - own.awarded_fen
        others = set().union(*(self._on_contract[one] for one in claim.contract_ids))
        paid_fen = sum(
            self._claims[one].more.awarded_fen for one in sorted(others - {claim.claim_id})
        )
        moved = Standing(
            year_eligible_fen=_plus(standing.year_eligible_fen, eligible_fen),
            year_contract_fen=standing.year_contract_fen,
            year_awarded_fen=_plus(standing.year_awarded_fen, company_fen),
            years_awarded=standing.years_awarded,
            paid_on_contract_fen=_plus(standing.paid_on_contract_fen, paid_fen),
            pool_granted_fen=_plus(standing.pool_granted_fen, all_fen),
            pool_requested_fen=standing.pool_requested_fen,
            envelope_pool_fen=standing.envelope_pool_fen,
            envelope_granted_fen=_plus(standing.envelope_granted_fen, all_fen),
        )
        return replace(case, standing=moved)

    def _others_requested_fen(self, stands: _Standing, then: EvaluatedThen) -> int | None:
        """What the batch's other claims request; None: nobody knew it then."""
        claim, all_fen = stands.claim, then.case.standing.pool_requested_fen
        if all_fen is None:
            return None
        own_fen = then.requested_fen
        if own_fen is None:
            own_fen = evaluate(claim.rules, _requesting(then.case, 0)).before_pool_fen
        more_fen = self._sum("requested", claim.batch_id) - stands.more.requested_fen
        return all_fen - own_fen + more_fen

    # Sums

    def _sum(self, what: str, of: str) -> int:
        return self._sums.get((what, of), 0)

    def _sum_up(self, stands: _Standing) -> None:
        """Put what a claim comes to more in the sums, in the place of what it came to before."""
        claim, before, now = stands.claim, stands.more, _more(stands)
        stands.more = now
        for what, of, fen in (
            ("awarded", claim.company_id, now.awarded_fen - before.awarded_fen),
            ("awarded", "", now.awarded_fen - before.awarded_fen),
            ("eligible", claim.company_id, now.eligible_fen - before.eligible_fen),
            ("requested", claim.batch_id, now.requested_fen - before.requested_fen),
        ):
            self._sums[what, of] = self._sum(what, of) + fen

    def claim_ids(self) -> Iterator[str]:
        """Every claim a step was followed of, the first one first."""
        yield from self._claims


_NO_CASE: Final = Case(case_id="replayed")
"""What is kept of a case once it was evaluated: nothing."""


def as_if_since(rules: RulesVersion, standing: RulesVersion) -> RulesVersion:
    """Rules as if they had been in force since those that stand; their end stays."""
    begins = min(rules.in_force.start, standing.in_force.start)
    if begins == rules.in_force.start:
        return rules
    return replace(rules, in_force=Interval(begins, rules.in_force.end))


def _more(stands: _Standing) -> _More:
    then, figures = stands.then, stands.figures
    if then is None or figures is None:
        return _NOTHING
    requests = stands.approved_fen == 0 and stands.state not in REQUESTS_NOTHING
    requested_fen = (figures.requested_fen or 0) - (then.requested_fen or 0)
    return _More(
        awarded_fen=_share_fen(stands, figures) - stands.awarded_then_fen,
        eligible_fen=_eligible_more_fen(stands, figures.eligible_fen - then.eligible_fen),
        requested_fen=requested_fen if requests else 0,
    )


def _eligible_more_fen(stands: _Standing, applied_fen: int) -> int:
    """By how much it counts more towards a year's threshold: by `applied_fen` of its application,
    or once it ended by what its paid uses come to more."""
    if stands.uses.ended is not None:
        return stands.uses.more_fen()
    return 0 if stands.state in STANDS_FOR_NOTHING else applied_fen


def _share_fen(stands: _Standing, figures: ClaimFigures) -> int:
    """Of the computed amount the share that was awarded of the one that is kept."""
    assert stands.then is not None
    then_fen, now_fen = stands.then.amount_fen, figures.amount_fen
    if not then_fen:
        return stands.awarded_then_fen
    return (now_fen or 0) * stands.awarded_then_fen // then_fen


def _plus(known_fen: int | None, more_fen: int) -> int | None:
    return None if known_fen is None else max(0, known_fen + more_fen)


def _requesting(case: Case, fen: int) -> Case:
    return replace(case, standing=replace(case.standing, pool_requested_fen=fen))


def _at_cap(done: Evaluation) -> bool:
    """The cap of a company and year is reached by this claim and what was awarded before."""
    cap_fen = done.rules.fen(CAP)
    before_fen = done.case.standing.year_awarded_fen or 0
    due = (one.before_fen for one in done.steps if one.name == "company_cap")
    return cap_fen is not None and any(fen + before_fen >= cap_fen for fen in due)
