"""A claim's history as a simulation reads it: how it stood after each step, on what it rested."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.interval import Month
from kashi_server.domain.rules import RulesVersion

STANDS_FOR_NOTHING: Final = (
    ClaimState.DRAFT,
    ClaimState.REJECTED,
    ClaimState.EXPIRED,
    ClaimState.WITHDRAWN,
    ClaimState.SUSPENDED,
    ClaimState.CLAWED_BACK,
)
"""Of these no expense counts towards a threshold: nobody knows that it is good, or it is not."""
REQUESTS_NOTHING: Final = (ClaimState.DRAFT, ClaimState.REJECTED, ClaimState.WITHDRAWN)
"""Claims that request nothing of a pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedClaim:
    """Whose claim it is, on which contracts; `rules` are its batch's."""

    claim_id: str
    company_id: str
    batch_id: str
    contract_ids: tuple[str, ...]
    rules: RulesVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedThen:
    """An evaluation of an application as it is kept: the case it read, and what that came to.

    `requested_fen` is before the pool; None, like the amount: there is no amount.
    """

    case: Case
    requested_fen: int | None
    eligible_fen: int
    amount_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseThen:
    """A use of a voucher as it is kept: the step's number, the case of its papers, and what of them
    was found eligible."""

    serial: int
    case: Case
    eligible_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedPaid:
    """A voucher that ended with money out: what was paid on stays expense of the year.

    `serials`: of the uses that were paid; `told_fen`: what the steps told of their expense last;
    None: nothing, and it is what was found when they were made.
    """

    serials: tuple[int, ...]
    told_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedStep:
    """How a claim stood after a step.

    Attributes:
        on: the day of the step.
        applied_on: the day on which the claim was first handed in; None: it was not yet.
        evaluated: what the step evaluated of the application; None: nothing.
        use: the use of the voucher that it is; None: it is another step.
        ended: how the voucher ended, where something of it was paid; None: it did not end so.
    """

    claim: ReplayedClaim
    on: date
    state: ClaimState
    applied_on: date | None
    approved_fen: int
    released_fen: int
    evaluated: EvaluatedThen | None
    use: UseThen | None = None
    ended: EndedPaid | None = None

    @property
    def awarded_fen(self) -> int:
        """What of the approved was not given back."""
        return self.approved_fen - self.released_fen


def month_of_claim(applied_on: date, year: int) -> Month:
    """The month of a budget year to which a claim belongs: that in which it was handed in; before
    the year it is its January, after it its December."""
    if applied_on.year != year:
        return Month(year, 1 if applied_on.year < year else 12)
    return Month(applied_on.year, applied_on.month)
