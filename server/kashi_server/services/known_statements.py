"""Statements as they were known at an instant: of each the latest revision that stood by then.

An audit asks what the office saw when it paid. Revisions never go away, and each says when it was
made: the first by the close of its month, a later one by its correction.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue
from kashi_server.services.corrections_port import CorrectionsPort
from kashi_server.services.expense_port import ExpensePort, StoredStatement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class KnownUnit(Protocol):
    """A unit of work as this question needs it."""

    @property
    def expense(self) -> ExpensePort:
        """Statements and closes."""

    @property
    def corrections(self) -> CorrectionsPort:
        """Runs."""


def instant_utc_ms(text: str) -> int:
    """An instant with its offset, in UTC milliseconds.

    Raises:
        InvalidValue: it is none, or names no offset.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue(
            f"“{text}”不是时刻，写法如 2026-11-20T09:00+08:00。"
            f"'{text}' is not an instant; write it as 2026-11-20T09:00+08:00"
        ) from error
    if instant.tzinfo is None:
        raise InvalidValue(
            f"“{text}”未注明时区，请写作 {text}+08:00。"
            f"'{text}' names no offset; write it as {text}+08:00"
        )
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def known_statements(unit: KnownUnit, month: Month | None, utc_ms: int) -> list[StoredStatement]:
    """Of each statement, by number, the latest revision that stood at an instant.

    Args:
        unit: the unit of work.
        month: only this month's; None: every month's.
        utc_ms: the instant.
    """
    made = {
        (one.number, one.revision): run.made_utc_ms
        for run in unit.corrections.runs(month)
        for one in run.statements
    }
    latest: dict[str, StoredStatement] = {}
    for statement in _by_revision(unit.expense.statements(month=month)):
        close = unit.expense.close_of(statement.month)
        assert close is not None, "a statement's month is closed"
        key = statement.number, statement.revision
        if made.get(key, close.closed_utc_ms) <= utc_ms:
            latest[statement.number] = statement
    return [latest[number] for number in sorted(latest)]


def _by_revision(statements: Iterable[StoredStatement]) -> list[StoredStatement]:
    return sorted(statements, key=lambda one: (one.number, one.revision))
