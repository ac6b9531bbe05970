"""What explaining a minute reads: the statements that bill it, not its month's."""

from typing import Any

import pytest
from fixtures_certificates import CARDS, SPLIT_MINUTE, make_month
from kashi_server.domain.trail import Trail
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.trails import Explaining
from kashi_server.storage import expense, expense_rows, statement_reading
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import Row


def _statements(trail: Trail) -> list[object]:
    return [step.facts["number"] for step in trail.of("statement")]


def test_a_minute_is_explained_by_the_statements_that_bill_it(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that changes hands: before the minute of the change one company's statement is read,
    from it on the other's; the month has three."""
    month = make_month(work)
    read: list[str] = []

    def noted(row: Row[Any]) -> StoredStatement:
        found = expense_rows.stored_statement(row)
        read.append(found.number)
        return found

    for module in (expense, statement_reading):
        monkeypatch.setattr(module, "stored_statement", noted)
    explaining = Explaining(month.work)

    before = explaining.minute(CARDS[1], SPLIT_MINUTE - 1)
    assert _statements(before) == read == ["KS-2026-09-HT-A"]
    read.clear()
    after = explaining.minute(CARDS[1], SPLIT_MINUTE)
    assert _statements(after) == read == ["KS-2026-09-HT-B"]
