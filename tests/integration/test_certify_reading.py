"""What certifying reads: one statement at a time, and none that it does not certify."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from database_effort import effort
from fixtures_certificates import MONTH, CertifiedMonth, make_month
from fixtures_database import Database
from kashi_server.errors import Refused
from kashi_server.services.certificate_preparing import Prepared, Preparing
from kashi_server.services.certificates_port import CertificatesUnit
from kashi_server.services.expense_port import StoredStatement
from kashi_server.storage import expense, expense_rows, statement_reading
from kashi_server.storage.tables.expense import statements
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import Row, insert, select


@pytest.fixture
def month(work: Work) -> CertifiedMonth:
    """A closed month of three statements on a fresh database, nothing issued yet."""
    return make_month(work)


def _held() -> int:
    """Statements with their contents that are in memory, garbage left out."""
    gc.collect()
    return sum(isinstance(one, StoredStatement) for one in gc.get_objects())


def _watched(held: list[int]) -> Callable[[Preparing, CertificatesUnit, StoredStatement], Prepared]:
    whole = Preparing.month

    def month(self: Preparing, unit: CertificatesUnit, statement: StoredStatement) -> Prepared:
        held.append(_held())
        return whole(self, unit, statement)

    return month


def test_a_month_is_certified_with_one_statement_in_memory(
    month: CertifiedMonth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many a city's month has: what is due is named, and each is read for itself."""
    before, held = _held(), list[int]()
    monkeypatch.setattr(Preparing, "month", _watched(held))

    due = month.keeping.due(MONTH)
    named = _held()
    issued = month.keeping.issue_month(MONTH, "officer")

    assert named == before
    assert held == [before + 1] * 3
    assert [one.number for one in due] == sorted(one.number for one in due)
    assert [(one.number, one.revision) for one in due] == [
        (one.statement_number, one.statement_revision) for one in issued
    ]


def _more(month: CertifiedMonth, first: int, after: int) -> None:
    """So many statements of the month more, of other contracts."""
    with month.work.begin() as unit:
        (row, *_rest) = unit.connection.execute(
            select(statements).where(statements.c.contract_id == "HT-A")
        )
        (contract,) = unit.expense.contracts(("HT-B",))
        for place in range(first, after):
            contract_id = f"HT-OF-{place}"
            unit.expense.put_contract(replace(contract, contract_id=contract_id))
            other = {"contract_id": contract_id, "number": f"KS-{MONTH}-{contract_id}"}
            unit.connection.execute(insert(statements).values({**row._asdict(), **other}))
        unit.commit()


def test_several_months_of_a_contract_read_no_other_statement(
    month: CertifiedMonth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each month's is found by its contract; those of a city's other contracts are not read."""
    read: list[str | None] = []

    def noted(row: Row[Any]) -> StoredStatement:
        found = expense_rows.stored_statement(row)
        read.append(found.contract_id)
        return found

    for module in (expense, statement_reading):
        monkeypatch.setattr(module, "stored_statement", noted)
    with pytest.raises(Refused, match="2026-10 is not closed"):
        month.keeping.issue_period("HT-A", MONTH, MONTH.next(), "officer")

    assert read == ["HT-A"]


def test_finding_a_contracts_statement_costs_the_same_in_a_larger_month(
    sqlite_database: Database,
) -> None:
    """An index leads to it, not the month's other statements."""
    month = make_month(sqlite_database.work)

    def asked() -> int:
        with month.work.begin(writes=False) as unit:
            return effort(unit, lambda: unit.expense.statement_of("HT-A", MONTH))

    _more(month, 0, 5)
    few = asked()
    _more(month, 5, 60)

    assert asked() <= few * 11 // 10 + 2
