"""What is billed lies inside the contract's term, as the statement itself prints it."""

import json
import zipfile
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest
from corrected_months import Books
from expense_cases import assignment, at, contract, observe
from expense_facts import store
from fixtures_certificates import CertificateFiles
from fixtures_database import Database
from kashi_verify.findings import CheckFailed
from kashi_verify.standing import check_standing
from stated_cases import RENTED, countersigned, hour_row, taking
from usage_samples import BILL_HEAD

Statement = dict[str, Any]


@pytest.fixture
def statement(certificate_files: CertificateFiles) -> Statement:
    """The true statement of company A: billed lines under a contract without end."""
    with zipfile.ZipFile(certificate_files.bundle) as archive:
        found: Statement = json.loads(archive.read("statement.json"))
    return found


def _later(instant: str, minutes: int) -> str:
    return (datetime.fromisoformat(instant) + timedelta(minutes=minutes)).isoformat()


def _billed(statement: Statement) -> list[dict[str, Any]]:
    return [line for line in statement["lines"] if line["amount_fen"]]


@pytest.mark.parametrize("edge", ["start", "end"])
def test_a_billed_line_outside_the_printed_term_is_found(statement: Statement, edge: str) -> None:
    """A term that begins after what it bills, or ended before, fails by the line's number."""
    first, last = _billed(statement)[0], _billed(statement)[-1]
    term = statement["contract"]["term"]
    term[edge] = first["end"] if edge == "start" else last["start"]

    with pytest.raises(CheckFailed, match=r"Line \d+ .*term"):
        check_standing(statement)


def test_the_term_is_half_open(statement: Statement) -> None:
    """A line may begin with the term's first minute and end where it ends; a minute less fails."""
    ends = max(line["end"] for line in statement["lines"])
    begins = min(line["start"] for line in statement["lines"])
    term = statement["contract"]["term"]
    term |= {"start": begins, "end": ends}
    check_standing(statement)

    for edge, minutes in (("start", 1), ("end", -1)):
        narrower = deepcopy(statement)
        narrower["contract"]["term"][edge] = _later(term[edge], minutes)
        with pytest.raises(CheckFailed, match="term"):
            check_standing(narrower)


def test_an_eligible_line_without_an_amount_is_held_to_the_term(statement: Statement) -> None:
    """What is eligible at 0 fen, where nobody measured, claims the term as well."""
    for line in statement["lines"]:
        line["billed_ms"] = line["amount_fen"] = 0
    statement["totals"]["amount_fen"] = statement["totals"]["eligible_fen"] = 0
    statement["contract"]["term"]["end"] = statement["lines"][0]["start"]

    with pytest.raises(CheckFailed, match=r"Line 1 .*term"):
        check_standing(statement)


def test_stated_time_outside_the_term_stands_unbilled_and_says_so(
    sqlite_database: Database,
) -> None:
    """What a provider states beyond the term is told with outside_term and holds; without the
    word, or with it inside the term, it does not."""
    work, ends = sqlite_database.work, at("10-09 12:30")
    store(work, observe(at("10-01 08:00"), at("10-01 09:35")), assignments=[assignment(end=ends)])
    countersigned(work, taking(work, BILL_HEAD + hour_row(12, day=9)))
    books = Books(work)
    books.agree(contract(end=ends))
    books.close()
    statement = json.loads(books.statements()[RENTED, 1].content)
    check_standing(statement)
    (beyond,) = (line for line in statement["lines"] if "outside_term" in line["reasons"])
    assert (beyond["start"], beyond["billed_ms"], beyond["eligible"]) == (
        "2026-10-09T12:30:00+08:00",
        0,
        False,
    )
    place = beyond["line"] - 1

    silent = deepcopy(statement)
    silent["lines"][place]["reasons"] = ["no_price"]
    with pytest.raises(CheckFailed, match=f"Line {beyond['line']} .*term"):
        check_standing(silent)

    inside = deepcopy(statement)
    inside["contract"]["term"]["end"] = beyond["end"]
    with pytest.raises(CheckFailed, match=f"Line {beyond['line']} .*outside_term"):
        check_standing(inside)
