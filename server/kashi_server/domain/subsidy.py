"""What a programme might pay on a statement: its rules, evaluated on the year to date.

The case is a claim for the whole year so far: what the statements rated, the contract, what is
known of the company. Facts that a statement cannot know (invoices, payments, other public money,
the pool) stay unknown, and the result says which are missing; it is an estimate. A statement's own
part is what the year to date comes to, less what the year's earlier statements were estimated at;
so the months add up to the year. A correction's part is worked out on the whole year as it stands
then, less what all others stand at (`domain.year_estimate`). The case stands in the statement:
whoever holds the rules can evaluate it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from kashi_server.domain.contract import Contract
from kashi_server.domain.evaluation.case import Case, Claimant, Metered, Service, Standing
from kashi_server.domain.evaluation.case_writing import case_to_data
from kashi_server.domain.evaluation.evaluate import evaluate
from kashi_server.domain.interval import SHANGHAI, instant_of
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.year_to_date import YearToDate

NO_RULES: Final = "no_rules"
"""The status where no version of the rules is in force."""

RULES_IN_FORCE: Final = "rules_in_force"
"""Named as unknown there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsidy:
    """What a programme might come to on a statement.

    Attributes:
        status: of the evaluation: final, estimate or no_amount; or no_rules.
        estimate_fen: the statement's own part; None where there is no amount.
        year_fen: the year to date, this statement inside; None where there is no amount.
        earlier_fen: what the year's statements before it were estimated at; of a correction, all
            others.
        case: what was evaluated, as `kashi/v1/case`.
        steps: each step as an evaluation tells it.
        unknown: parameters that could change the amount and that nobody knows.
        missing: facts that could change it and that a statement does not have.
        flags: what a person should see; nothing was lowered for it.
    """

    status: str
    estimate_fen: int | None
    year_fen: int | None
    earlier_fen: int
    case: Mapping[str, object]
    steps: Sequence[Mapping[str, object]] = ()
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "status": self.status,
            "estimate_fen": self.estimate_fen,
            "year_fen": self.year_fen,
            "earlier_fen": self.earlier_fen,
            "case": dict(self.case),
            "steps": [dict(step) for step in self.steps],
            "unknown": list(self.unknown),
            "missing": list(self.missing),
            "flags": list(self.flags),
        }


def subsidy_of(rules: RulesVersion | None, case: Case, earlier_fen: int) -> Subsidy:
    """Evaluate a case of the year to date.

    Args:
        rules: the version in force; None: none is.
        case: from `year_case`.
        earlier_fen: what the year's earlier statements were estimated at.
    """
    data = case_to_data(case)
    if rules is None:
        return Subsidy(
            status=NO_RULES,
            estimate_fen=None,
            year_fen=None,
            earlier_fen=earlier_fen,
            case=data,
            unknown=(RULES_IN_FORCE,),
        )
    done = evaluate(rules, case)
    year_fen = done.amount_fen
    return Subsidy(
        status=str(done.status),
        # What was estimated is not taken back: a later revision or claim settles it.
        estimate_fen=None if year_fen is None else max(0, year_fen - earlier_fen),
        year_fen=year_fen,
        earlier_fen=earlier_fen,
        case=data,
        steps=[step.to_data() for step in done.steps],
        unknown=done.unknown,
        missing=done.missing,
        flags=done.flags,
    )


def year_case(
    case_id: str, established_on: date | None, contract: Contract | None, year: YearToDate
) -> Case:
    """The claim of a company for its year to date, as far as a statement knows it.

    Args:
        case_id: the statement's number.
        established_on: when the company was founded; None: not known.
        contract: the statement's; None: it has none.
        year: all eligible amounts of the year, this statement's inside.
    """
    return with_year(
        Case(
            case_id=case_id,
            claimant=Claimant(established_on=established_on),
            service=Service() if contract is None else _service(contract),
            # The case is the whole year: no other claim of the programme lies beside it.
            standing=Standing(year_eligible_fen=0, year_awarded_fen=0),
        ),
        year,
    )


def with_year(case: Case, year: YearToDate) -> Case:
    """The same case with the amounts of a year."""
    return replace(
        case,
        metered=tuple(
            Metered(evidence_level=sort.evidence_level, domestic=sort.domestic, amount_fen=fen)
            for sort, fen in year.eligible
        ),
    )


def _service(contract: Contract) -> Service:
    """A term that is open has no last day; the last day of another is the one before its end."""
    end = contract.term.end
    declared = contract.unrelated_declared
    return Service(
        contract_signed=contract.signed_on,
        service_from=_day(contract.term.start),
        service_until=None if end is None else _day(end - 1),
        related=None if declared is None else not declared,
    )


def _day(minute: int) -> date:
    return instant_of(minute).astimezone(SHANGHAI).date()
