"""Estimates of a corrected month: what the year comes to, less what its other statements stand at.

A close estimates on the year to date, because nothing of the year lies behind it. A correction
looks back: later months stand already, and so do the month's other statements, each with its
estimate. So a revision is estimated on the whole year as it stands, and takes what no other
statement has. Whatever is corrected in whatever order, the standing estimates of a company's year
never add up to more than the rules give for a year, and no statement is revised for its estimate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kashi_server.domain.evaluation.case_data import case_of_data
from kashi_server.domain.gap_worth import counted_gap_fen
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.statement import Statement
from kashi_server.domain.subsidy import subsidy_of, with_year
from kashi_server.domain.year_to_date import Sort, YearToDate


def estimated_again(
    statements: Mapping[str, Statement],
    rest: Mapping[str, YearToDate],
    rules: RulesVersion | None,
) -> dict[str, Statement]:
    """The revisions of a correction, each with its part of what its company's year comes to.

    Args:
        statements: what the correction makes, by number.
        rest: by user what the year's other statements come to, all but these.
        rules: the version in force over the month; None: none is.
    """
    years, found = dict(rest), {}
    for number in sorted(statements):
        statement = statements[number]
        user_id = statement.user.party_id
        others = years.get(user_id, YearToDate())
        year = others.plus(_eligible(statement))
        case = with_year(case_of_data(statement.subsidy.case, number), year)
        subsidy = subsidy_of(rules, case, others.estimate_fen)
        years[user_id] = year.estimated(subsidy.estimate_fen or 0)
        found[number] = replace(statement, subsidy=subsidy)
    return found


def _eligible(statement: Statement) -> Iterator[tuple[Sort, int]]:
    domestic = {device.hardware_id: device.domestic for device in statement.devices}
    for line in statement.lines:
        if line.eligible:
            sort = Sort(line.evidence_level, domestic[line.hardware_id])
            yield sort, line.amount_fen + counted_gap_fen(line)
