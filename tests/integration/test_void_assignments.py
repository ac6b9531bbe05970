"""Assignments that two officers declare void, and what is kept of answered proposals."""

import json

import pytest
from corrected_months import DECISION, Books
from expense_cases import (
    END,
    OCTOBER,
    PARTIES,
    PROVIDER,
    START,
    TENANT,
    assignment,
    contract,
    observe,
    price,
    tenure,
)
from expense_facts import store
from kashi_server.domain.assignment_act import Answer, Standing
from kashi_server.domain.assignment_draft import AssignmentDraft
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.assignment import Actor, Assigning
from kashi_server.services.assignment_views import AssignmentViews
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

RENTED, UNLEASED = "KS-2026-10-HT-1", f"KS-2026-10-{PROVIDER}"
PROVIDING = Actor(login="provider-1", party_id=PROVIDER)
RENTING = Actor(login="tenant-1", party_id=TENANT)
OFFICE = Reader(account_id=1, role=Role.OFFICER, party_id=None)
LEASE = f"""
[[assignment]]
assignment_id = "A-9"
contract = "HT-1"
hardware_id = "GPU-1"
from = 2026-10-01T00:00:00+08:00
proposed_by = "{PROVIDER}"
confirmed_by = "{TENANT}"
"""


def _file(text: str) -> list[ImportFile]:
    return [ImportFile("terms.toml", text)]


def _void(assignment_id: str = "A-1") -> str:
    return f'[[void]]\nassignment = "{assignment_id}"\n'


def _books(work: Work) -> Books:
    """A card that reports through October, under agreements that the log knows."""
    store(work, observe(START, END))
    books = Books(work)
    books.agree(*PARTIES, contract(), tenure(), price())
    return books


def _stored(work: Work) -> set[str]:
    with work.begin(writes=False) as unit:
        return {one.assignment_id for one in unit.expense.assignments()}


def _amounts(books: Books, revision: int) -> dict[str, int]:
    return {n: one.amount_fen for (n, r), one in books.statements().items() if r == revision}


def test_two_officers_void_an_assignment_of_a_closed_month(work: Work) -> None:
    """Its lines are taken back and the time goes to the host's owner; the log keeps that it stood,
    both officers and the reason; doing so again changes nothing."""
    books = _books(work)
    books.agree(assignment())
    books.close()
    assert _amounts(books, 1)[RENTED] == 744 * 1250

    made = books.correcting().make(OCTOBER, DECISION, _file(_void()))

    assert made is not None
    assert made.difference.amount_fen == -744 * 1250
    assert _amounts(books, 2)[RENTED] == 0
    said = json.loads(books.statements()[UNLEASED, 1].content)
    assert {reason for line in said["lines"] for reason in line["reasons"]} == {"unleased"}
    assert books.correcting().make(OCTOBER, DECISION, _file(_void())) is None
    assert _stored(work) == set()


def test_an_assignment_takes_a_void_ones_place_in_one_file(work: Work) -> None:
    """It named the wrong contract; void and anew, in one correction, there is no gap between."""
    books = _books(work)
    books.agree(contract("HT-2"), price("12.50", contract_id="HT-2", price_id="P-2"))
    books.agree(assignment(contract_id="HT-2"))
    books.close()

    made = books.correcting().make(OCTOBER, DECISION, _file(LEASE + _void()))

    assert made is not None
    assert made.difference.amount_fen == 0
    assert _amounts(books, 2) == {RENTED: 744 * 1250, "KS-2026-10-HT-2": 0}


def test_only_a_correction_voids_and_only_what_there_is(work: Work) -> None:
    """An import refuses and names the command; a number that nobody gave is a mistake."""
    books = _books(work)
    books.agree(assignment())
    books.close()

    with pytest.raises(MistakesFound, match=r"two officers declare.*correct --month"):
        Importing(work, lambda: books.now_ms).take(_file(_void()), "officer")
    with pytest.raises(MistakesFound, match="there is no assignment A-7"):
        books.correcting().make(OCTOBER, DECISION, _file(_void("A-7")))
    assert set(books.statements()) == {(RENTED, 1)}


@pytest.mark.parametrize("answer", [Answer.DECLINE, Answer.WITHDRAW])
def test_what_is_kept_of_an_answered_proposal_is_in_nobodys_way(work: Work, answer: Answer) -> None:
    """A proposal waited through October's close and was answered then: its closed part stays as it
    was rated, and two officers may yet lease the card in that time; another end of that lease is
    proposed and confirmed as of any other."""
    books = _books(work)
    draft = AssignmentDraft(
        row=2, contract_id="HT-1", hardware_id="GPU-1", interval=Interval(START, None)
    )
    (waiting,) = Assigning(work, lambda: START * MINUTE_MS).propose(PROVIDING, [draft])
    books.close()
    assigning = Assigning(work, lambda: books.now_ms)
    actor = PROVIDING if answer is Answer.WITHDRAW else RENTING
    assigning.answer(actor, [waiting.assignment_id], answer, "not this one")

    made = books.correcting().make(OCTOBER, DECISION, _file(LEASE))

    assert made is not None
    assert _amounts(books, 1 if (RENTED, 2) not in books.statements() else 2)[RENTED] == 744 * 1250
    assert waiting.assignment_id not in _stored(work)
    assigning.propose_end(PROVIDING, "A-9", END + 1440)
    assigning.answer(RENTING, ["A-9"], Answer.CONFIRM)


def test_what_was_void_is_shown_so_and_answered_no_more(work: Work) -> None:
    """The portal and the list tell that it is void; nobody confirms it back into the book."""
    books = _books(work)
    draft = AssignmentDraft(
        row=2, contract_id="HT-1", hardware_id="GPU-1", interval=Interval(START, None)
    )
    (made,) = Assigning(work, lambda: START * MINUTE_MS).propose(PROVIDING, [draft])
    assigning = Assigning(work, lambda: books.now_ms)
    assigning.answer(RENTING, [made.assignment_id], Answer.CONFIRM)
    books.close()
    books.correcting().make(OCTOBER, DECISION, _file(_void(made.assignment_id)))

    row = AssignmentViews(work).row(OFFICE, made.assignment_id)
    assert row.history.standing is Standing.VOID
    with pytest.raises(Refused, match="is void already"):
        assigning.answer(RENTING, [made.assignment_id], Answer.CONFIRM)
    assert not [one for one in check_logged(work) if "assignment" in one]
