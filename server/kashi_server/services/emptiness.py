"""A month without a statement: closed only where somebody said that it is empty.

A close cannot be undone. A month typed wrong, or closed before its reports came, must not pass in
silence; but months are closed in order, so a month in which truly nothing ran must be closable.
"""

from collections.abc import Sequence

from kashi_server.domain.interval import Month
from kashi_server.domain.statement import Statement
from kashi_server.errors import Refused
from kashi_server.services.expense_port import ExpenseUnit


def check_emptiness(
    unit: ExpenseUnit, month: Month, statements: Sequence[Statement], *, empty: bool
) -> None:
    """Make sure that a month is as empty as the caller said.

    Raises:
        Refused: no statement arises and `empty` was not said, or the other way round.
    """
    if statements and empty:
        raise Refused(
            f"{month} is not empty (statements: {len(statements)}): close it without --empty"
        )
    if not statements and not empty:
        raise Refused(_why_empty(unit, month))


def _why_empty(unit: ExpenseUnit, month: Month) -> str:
    """Why no statement arises, what to check, and how to close the month all the same."""
    start, end = month.interval().bounded()
    hosts = [host.host_id for host in unit.identity.hosts()]
    if unit.facts.report_references(hosts, start, end):
        why = "none of its reports counts"
        check = "the held hosts and quarantined reports (the portal's /holds)"
    else:
        why = "nobody reported in it"
        check = "the month, and whether the hosts have sent all they measured"
    return (
        f"no statement would arise for {month}, {why} and no contract runs in it: check {check}"
        " and the imported contracts; if it was an empty month indeed, close it with --empty"
    )
