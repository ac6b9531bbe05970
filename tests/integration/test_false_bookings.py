"""What corrections book into a statement is held: no fen lost or made, no line named that is not
there, and everything a statement repeats of its lines is what they say."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from corrected_months import NOVEMBER, Books, repriced
from expense_cases import END, START, assignment, observe, price
from expense_facts import store
from fixtures_database import Database
from kashi_server.domain.booked_line import line_id
from kashi_verify.findings import CheckFailed
from kashi_verify.repeated import check_repeated
from kashi_verify.standing import check_standing

Statement = dict[str, Any]
Change = Callable[[Statement], None]


@pytest.fixture
def months(sqlite_database: Database) -> tuple[Statement, Statement]:
    """October as it was corrected to half its price, and November, in which that is booked."""
    work = sqlite_database.work
    store(work, observe(START, START + 120), assignments=[assignment()])
    books = Books(work)
    books.close()
    books.agree(repriced(price(end=END), "6.25"), price("12.50", END, price_id="P-2"))
    assert books.correct() is not None
    books.close(NOVEMBER)
    october = books.statements()["KS-2026-10-HT-1", 2]
    november = books.statements(NOVEMBER)["KS-2026-11-HT-1", 1]
    return json.loads(october.content), json.loads(november.content)


def put(*place: str | int, value: object) -> Change:
    """Set one value."""

    def change(statement: Statement) -> None:
        inner: Any = statement
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value

    return change


def test_true_bookings_hold(months: tuple[Statement, Statement]) -> None:
    """A corrected month and the one it is booked in hold as they were made."""
    for statement in months:
        check_standing(statement)
        check_repeated(statement)

    assert months[1]["settlement"]["carried_out_fen"] < 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("settlement", "payable_fen", value=100), "payable_fen"),
        (put("settlement", "carried_out_fen", value=0), "carried_out_fen"),
        (put("settlement", "charges_fen", value=10**6), "charges_fen"),
        (put("settlement", "corrections_fen", value=0), "corrections_fen"),
        (put("settlement", "corrections", 0, "amount_fen", value=0), "corrections_fen"),
        (put("settlement", "corrections", 0, "charge_month", value="2026-11"), "no earlier month"),
        (put("statement", "revision", value=2), "revision"),
    ],
)
def test_a_false_settlement_is_found(
    months: tuple[Statement, Statement], change: Change, words: str
) -> None:
    """What is payable and what is carried follow from charges, corrections and what came in."""
    _, november = months
    change(november)

    with pytest.raises(CheckFailed, match=words):
        check_repeated(november)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("correction", "added_lines", 0, value="0" * 32), "lines the correction names"),
        (put("correction", "booked_in", value="2026-10"), "no later month"),
        (put("correction", "corrects_revision", value=2), "corrects_revision"),
    ],
)
def test_a_false_correction_is_found(
    months: tuple[Statement, Statement], change: Change, words: str
) -> None:
    """A revision names its own lines, the revision before it, and a later month."""
    october, _ = months
    change(october)

    with pytest.raises(CheckFailed, match=words):
        check_repeated(october)


def test_a_line_taken_back_that_still_stands_is_found(
    months: tuple[Statement, Statement],
) -> None:
    """No line is reversed and kept."""
    october, _ = months
    october["correction"]["reversed_lines"].append(october["lines"][0]["line_id"])

    with pytest.raises(CheckFailed, match="lines the correction names"):
        check_repeated(october)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("statement", "number", value="KS-2026-10-HT-2"), "number"),
        (put("lines", 0, "price_id", value="P-3"), "line_id of line 1"),
        (put("devices", 0, "host_ids", value=["h"]), "host_ids"),
        (put("devices", 0, "share", value="1/7"), "share"),
        (put("devices", value=[]), "devices"),
        (put("contract", "basis", value=["held"]), "basis"),
        (put("provider", value=None), "provider"),
        (put("days", 30, "date", value="2026-10-31x"), "days"),
        (put("cut_off", "event_end", value="2026-11-02T00:00:00+08:00"), "event_end"),
    ],
)
def test_what_a_statement_repeats_is_what_it_says(
    months: tuple[Statement, Statement], change: Change, words: str
) -> None:
    """Number, ids of lines, devices, bases, days and cut-off follow from the rest."""
    october, _ = months
    change(october)

    with pytest.raises(CheckFailed, match=words):
        check_repeated(october)


@pytest.mark.parametrize(
    "reasons", [["held_partly_unknown"], ["for_no_reason"], ["no_price", "no_price"]]
)
def test_a_reason_that_is_none_is_found(
    months: tuple[Statement, Statement], reasons: list[str]
) -> None:
    """A reason nobody knows, one twice, one that the line's figures contradict."""
    october, _ = months
    line = october["lines"][0]
    line["reasons"] = reasons
    line["line_id"] = line_id(october["statement"]["number"], line)

    with pytest.raises(CheckFailed, match="reason"):
        check_standing(october)
