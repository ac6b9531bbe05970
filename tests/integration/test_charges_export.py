"""Charges as finance tools read them: whatever was booked is there once, where it was billed."""

import csv
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

from corrected_months import NOVEMBER, Books
from expense_cases import (
    END,
    OCTOBER,
    OWNER,
    START,
    assignment,
    at,
    hours_of,
    observe,
    price,
    tenure,
)
from expense_facts import store
from kashi_server.documents.table_files import write_table
from kashi_server.domain.interval import Month
from kashi_server.services.charge_rows import Sides, charges_export
from kashi_server.services.export_rows import COLUMNS
from kashi_server.storage.unit_of_work import Work

LATE = (at("10-20 00:00"), at("10-20 10:00"))
RENTED = "KS-2026-10-HT-1"
Charge = dict[str, str]


def corrected(work: Work) -> Books:
    """October closed without ten hours that come late and are billed in November; November with
    an hour of its own."""
    minutes = observe(START, LATE[0]) | observe(LATE[1], END)
    minutes |= observe(END, END + 60)
    store(work, minutes, assignments=[assignment()], tenures=[tenure()], prices=[price("12.50")])
    books = Books(work)
    books.close(OCTOBER)
    books.arrive(hours_of(observe(*LATE)))
    assert books.correct(OCTOBER) is not None
    books.close(NOVEMBER)
    return books


def charges(work: Work, path: Path, month: Month | None = None) -> list[Charge]:
    """The table as it is written."""
    with work.begin(writes=False) as unit:
        sides = Sides(
            names_zh={one.party_id: one.name_zh for one in unit.expense.parties()},
            providers={one.contract_id: one.provider_id for one in unit.expense.contracts()},
        )
        found = unit.expense.statements(month=month)
        write_table(charges_export(found, unit.corrections, sides, month), path, {})
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fen(found: list[Charge]) -> int:
    """What charges come to."""
    return int(sum(Fraction(one["BilledCost"]) for one in found) * 100)


def test_charges_of_a_billing_month_are_what_it_came_to(work: Work, tmp_path: Path) -> None:
    """October as it was closed; November with its own hour and October's correction; together what
    stands. A month's own export is the same rows."""
    books = corrected(work)
    found = charges(work, tmp_path / "charges.csv")
    by_month: dict[str, list[Charge]] = defaultdict(list)
    for one in found:
        by_month[one["BillingPeriodStart"][:7]].append(one)
    october, november = books.statements(OCTOBER), books.statements(NOVEMBER)

    assert tuple(found[0]) == COLUMNS["charges"]
    assert fen(by_month["2026-10"]) == sum(s.amount_fen for (_n, r), s in october.items() if r == 1)
    assert fen(by_month["2026-11"]) == sum(s.amount_fen for s in november.values()) + 10 * 1250
    last = {number: stored for (number, _revision), stored in sorted(october.items())}
    assert fen(found) == sum(s.amount_fen for s in (*last.values(), *november.values()))
    assert fen(found) == 744 * 1250 + 1250
    assert charges(work, tmp_path / "11.csv", NOVEMBER) == by_month["2026-11"]


def test_a_correction_keeps_the_time_it_charges_for(work: Work, tmp_path: Path) -> None:
    """The reversal takes back what was billed and the new lines name it: charged for October,
    billed in November, and told apart from what November itself charged."""
    corrected(work)
    found = charges(work, tmp_path / "charges.csv")
    made = [one for one in found if one["ChargeClass"] == "Correction"]
    taken = [one for one in made if Fraction(one["BilledCost"]) < 0]
    billed = {one["x_LineId"]: one for one in found if not one["ChargeClass"]}

    assert taken
    assert {one["ChargePeriodStart"][:7] for one in made} == {"2026-10"}
    assert {one["BillingPeriodStart"][:7] for one in made} == {"2026-11"}
    assert {(one["x_Statement"], one["x_ChargeMonth"]) for one in made} == {(RENTED, "2026-10")}
    for one in taken:
        original = billed[one["x_Corrects"]]
        assert Fraction(original["BilledCost"]) + Fraction(one["BilledCost"]) == 0
        assert int(original["ConsumedQuantity"]) + int(one["ConsumedQuantity"]) == 0
        assert one["ChargePeriodEnd"] == original["ChargePeriodEnd"]
    assert {one["BillingCurrency"] for one in found} == {"CNY"}
    assert OWNER not in {one["BillingAccountId"] for one in found}
