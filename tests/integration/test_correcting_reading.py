"""What looking through a closed month holds: one statement at a time, and the lines that differ."""

import gc
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from corrected_months import Books
from expense_cases import END, HOST_B, OWNER, START, assignment, at, hours_of, observe, tenure
from expense_facts import store
from kashi_server.domain.booked_line import LineData
from kashi_server.domain.correction import Difference, StandingRevision, difference
from kashi_server.domain.interval import Month
from kashi_server.domain.tenure import TenureKind
from kashi_server.services import correcting
from kashi_server.services.expense_port import StoredStatement
from kashi_server.storage import expense, expense_rows
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import Row

LATE = (at("10-20 00:00"), at("10-20 10:00"))
RENTED, OWNED = "KS-2026-10-HT-1", f"KS-2026-10-{OWNER}"


@pytest.fixture
def books(work: Work) -> Books:
    """October, closed, with a rented card, of which ten hours come late, and an owned one."""
    minutes = observe(START, LATE[0]) | observe(LATE[1], END)
    minutes |= observe(START, END, hardware_id="GPU-2", host_id=HOST_B)
    owned = tenure(HOST_B, OWNER, TenureKind.SELF_OWNED)
    store(work, minutes, assignments=[assignment()], tenures=[tenure(), owned])
    books = Books(work)
    books.close()
    books.arrive(hours_of(observe(*LATE)))
    return books


def _held() -> int:
    """Statements with their contents that are in memory, garbage left out."""
    gc.collect()
    return sum(isinstance(one, StoredStatement) for one in gc.get_objects())


def test_statements_are_compared_one_at_a_time(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is read once the one before it is gone; a city's month is never in memory as bytes."""
    before, read, held = _held(), list[str](), list[int]()

    def noted(row: Row[Any]) -> StoredStatement:
        held.append(_held() - before)
        found = expense_rows.stored_statement(row)
        read.append(found.number)
        return found

    monkeypatch.setattr(expense, "stored_statement", noted)
    found = books.correcting().preview(Month(2026, 10))

    assert found is not None
    assert found.difference.numbers == (RENTED,)
    assert sorted(read) == sorted((RENTED, OWNED))
    assert held == [0, 0]


def test_lines_are_kept_of_the_statements_that_differ(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is as it was is left behind at once, and the next revision is made of the rest."""
    compared: list[set[str]] = []

    def noted(
        month: Month,
        standing: Mapping[str, StandingRevision],
        fresh: Mapping[str, Sequence[LineData]],
    ) -> Difference | None:
        compared.append({*standing, *fresh})
        return difference(month, standing, fresh)

    monkeypatch.setattr(correcting, "difference", noted)
    made = books.correct()
    again = books.correct()

    assert made is not None
    assert set(made.statements) == set(made.before) == {RENTED}
    assert again is None
    assert compared == [{RENTED}, set()]
