"""Looking invoices up costs what is looked up, not what all invoices there are."""

import sqlite3

import pytest
from claim_cases import APPLIED_MS, add_invoice, invoice_number
from fixtures_certificates import COMPANY_A, COMPANY_B
from kashi_server.domain.invoice import LinePart
from kashi_server.services.papers_port import LineMapping
from kashi_server.storage import invoices
from kashi_server.storage.unit_of_work import UnitOfWork, Work

FIRST = 100


def filled(
    work: Work, count: int, first: int = FIRST, of: tuple[str, str] = ("HT-A", COMPANY_A)
) -> list[str]:
    """So many invoices of a contract and its company more, by number."""
    numbers = [invoice_number(first + place) for place in range(count)]
    with work.begin() as unit:
        for number in numbers:
            add_invoice(unit, number, *of, (10_00, 1_00))
        unit.commit()
    return numbers


def test_many_invoices_are_read_a_few_at_a_time(
    claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database takes so many parameters a statement: five invoices read two at a time are those
    that are read at once, in the same order, each line with the part that was mapped last."""
    numbers = filled(claims_work, 5)
    with claims_work.begin() as unit:
        unit.invoices.map_line(
            LineMapping(
                number=numbers[3],
                part=LinePart(line=2, contract_id="HT-A", part="accelerator"),
                mapped_by="clerk",
                mapped_utc_ms=APPLIED_MS + 1,
            )
        )
        whole = [unit.invoices.invoices(), unit.invoices.invoices(numbers=numbers)]
        monkeypatch.setattr(invoices, "_NUMBERS_AT_ONCE", 2)
        few = [unit.invoices.invoices(), unit.invoices.invoices(numbers=numbers)]

        assert few == whole
        assert [one.invoice.number for one in few[1]] == numbers
        assert [part.part for part in few[1][3].parts] == ["accelerator", "accelerator"]
        papers = unit.claim_papers.invoice_parts("HT-A", numbers[3])
        assert [(one.part, one.amount.incl_fen) for one in papers] == [("accelerator", 11_00)]


def steps(unit: UnitOfWork, number: str) -> int:
    """How many of the database's own steps, in hundreds, it takes to look one invoice up."""
    driver = unit.connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    taken = [0]

    def count() -> int:
        taken[0] += 1
        return 0

    driver.set_progress_handler(count, 100)
    assert unit.invoices.invoice(number) is not None
    driver.set_progress_handler(None, 0)
    return taken[0]


def test_one_invoice_is_looked_up_without_reading_all_mappings(sqlite_claims_work: Work) -> None:
    """With ten times as many invoices of others the database takes no more steps for one, counted
    in its own steps and not in time."""
    (number, *_others) = filled(sqlite_claims_work, 20)
    with sqlite_claims_work.begin(writes=False) as unit:
        before = steps(unit, number)
    filled(sqlite_claims_work, 200, FIRST + 20, ("HT-B", COMPANY_B))
    with sqlite_claims_work.begin(writes=False) as unit:
        after = steps(unit, number)

    assert after <= before + 2
