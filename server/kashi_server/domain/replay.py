"""A stored statement as a replay reads it: its amounts, why a line earned nothing, and its case.

What rules decide (whether a line is eligible, what is paid) is worked out anew; what they do not
decide (what was measured, leased and priced, what is disputed) stays as the statement has it. Gap
time stays as it was counted when the statement was made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from kashi_server.domain.contract import Contract
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.case_data import case_of_data
from kashi_server.domain.gap_worth import gap_worth_fen
from kashi_server.domain.interval import Interval, Month, minute_of
from kashi_server.domain.reason import Reason
from kashi_server.domain.rules import RulesVersion, version_at
from kashi_server.domain.subsidy import year_case
from kashi_server.domain.year_to_date import Sort, YearToDate

Data = Mapping[str, Any]

_BY_RULES: Final = frozenset({Reason.RELATED_PARTIES, Reason.NO_ACTIVE_RULES})
_TOLD_ONLY: Final = frozenset({Reason.HELD_PARTLY_UNKNOWN, Reason.UTILISATION_PARTLY_UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedLine:
    """A rated line: its UTC minutes, of what sort it is, what it came to.

    `leased`: it would be eligible but for what rules forbid. `gap_fen`: what its counted gaps are
    worth beside it.
    """

    start: int
    end: int
    sort: Sort
    amount_fen: int
    leased: bool
    gap_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedStatement:
    """A statement; `days` hold what its lines came to on each day, in order."""

    number: str
    month: Month
    user_id: str
    contract_id: str | None
    related: bool
    lines: tuple[ReplayedLine, ...]
    days: tuple[tuple[date, int], ...]
    case: Case
    estimate_fen: int | None
    """What it was estimated at when it was made."""

    @property
    def order(self) -> tuple[Month, bool, str]:
        """As a close works: by month; contracts by number, then what no contract covers."""
        return self.month, self.contract_id is None, self.contract_id or ""

    def eligible(self, versions: Sequence[RulesVersion]) -> tuple[ReplayedLine, ...]:
        """The lines that are eligible under the versions in force where they begin: a close cuts
        lines where a version begins or ends."""
        return tuple(line for line in self.lines if self._is_eligible(line, versions))

    def _is_eligible(self, line: ReplayedLine, versions: Sequence[RulesVersion]) -> bool:
        rules = version_at(versions, line.start) if line.leased else None
        return rules is not None and not (self.related and rules.truth("related_party_forbidden"))


def replayed(statement: Data, established_on: date | None) -> ReplayedStatement:
    """Read a stored statement.

    Args:
        statement: its canonical data.
        established_on: when the company was founded; used where the statement has no case of its
            own, because it was made before statements had one.
    """
    head, contract = statement["statement"], statement["contract"]
    domestic = {one["hardware_id"]: one["domestic"] for one in statement["devices"]}
    return ReplayedStatement(
        number=head["number"],
        month=Month.parse(statement["period"]["month"]),
        user_id=statement["user"]["party_id"],
        contract_id=None if contract is None else contract["contract_id"],
        related=contract is not None and contract["unrelated_declared"] is False,
        lines=tuple(_line(line, domestic) for line in statement["lines"]),
        days=tuple(
            (date.fromisoformat(day["date"]), day["amount_fen"]) for day in statement["days"]
        ),
        case=_case(statement, established_on),
        estimate_fen=statement["subsidy"]["estimate_fen"],
    )


def eligible_lines(statement: Data) -> Iterable[tuple[Sort, int]]:
    """Sorts and fen of the lines that a stored statement found eligible, with what their counted
    gaps are worth."""
    domestic = {one["hardware_id"]: one["domestic"] for one in statement["devices"]}
    for line in statement["lines"]:
        if line["eligible"]:
            sort = Sort(line["evidence_level"], domestic.get(line["hardware_id"]))
            yield sort, line["amount_fen"] + gap_worth_fen(line)


def _line(line: Data, domestic: Mapping[str, bool | None]) -> ReplayedLine:
    blocked = {Reason(code) for code in line["reasons"]} - _BY_RULES - _TOLD_ONLY
    return ReplayedLine(
        start=_minute(line["start"]),
        end=_minute(line["end"]),
        sort=Sort(line["evidence_level"], domestic.get(line["hardware_id"])),
        amount_fen=line["amount_fen"],
        leased=bool(line["quantities"]["leased_ms"]) and not blocked,
        gap_fen=gap_worth_fen(line),
    )


def _case(statement: Data, established_on: date | None) -> Case:
    """The statement's case without its amounts; of an older statement what stands in it."""
    number, stored = statement["statement"]["number"], statement["subsidy"].get("case")
    if stored is None:
        case = year_case(number, established_on, _contract(statement), YearToDate())
    else:
        case = case_of_data(stored, number)
    return replace(case, metered=None)


def _contract(statement: Data) -> Contract | None:
    said = statement["contract"]
    if said is None:
        return None
    term = said["term"]
    return Contract(
        contract_id=said["contract_id"],
        provider_id=statement["provider"]["party_id"],
        user_id=statement["user"]["party_id"],
        signed_on=date.fromisoformat(said["signed_on"]),
        term=Interval(
            _minute(term["start"]), None if term["end"] is None else _minute(term["end"])
        ),
        unrelated_declared=said["unrelated_declared"],
    )


def _minute(instant: str) -> int:
    return minute_of(datetime.fromisoformat(instant))
