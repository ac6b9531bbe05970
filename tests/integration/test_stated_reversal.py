"""A countersigned attestation taken back, on both databases: by whom, from when on, with what."""

import pytest
from corrected_months import DECISION, OFFICERS, Books
from expense_cases import OCTOBER, PARTIES, contract, price, tenure
from expense_facts import store
from insider import alter
from kashi_server.domain.attestation import AttestationState
from kashi_server.domain.both_languages import halves
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.replaying import Replaying
from kashi_server.services.stated_reversal import REVERSAL_ACT, StatedReversal
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from stated_cases import (
    COMPANY,
    NOW_MS,
    OFFICE,
    RENTED,
    SELLER,
    STRANGER,
    countersigned,
    hour_row,
    stated_lines,
    stating,
    taking,
)
from usage_samples import BILL_HEAD


def _reversal(work: Work) -> StatedReversal:
    return StatedReversal(work, lambda: NOW_MS)


def _taken(work: Work) -> str:
    """An hour of eight cards, countersigned."""
    store(work, {})
    taken = taking(work, BILL_HEAD + hour_row(8))
    countersigned(work, taken)
    return taken.attestations[0].attestation_id


def _faults(work: Work) -> list[str]:
    """What fsck says of attestations; that the cases' agreements are not logged is their own."""
    found = (halves(one)[1] for one in check_logged(work))
    return [one for one in found if one.startswith(("attestation", "source"))]


def _state(work: Work, attestation_id: str) -> AttestationState:
    return stating(work).attestation(attestation_id, OFFICE).state


def test_nobody_gives_the_words_of_both_sides(work: Work) -> None:
    """Who took in what the provider states does not countersign for the company, and who recorded
    one side's word of a reversal does not record the other's; another officer does."""
    store(work, {})
    (made,) = taking(work, BILL_HEAD + hour_row(8)).attestations
    named = made.attestation_id
    taker, other = (
        [Acting(actor=officer, party_id=one.party_id) for one in (COMPANY, SELLER)]
        for officer in (OFFICE.actor, "officer-b")
    )

    with pytest.raises(Refused, match="officer-a took in what the provider states"):
        stating(work).countersign(named, taker[0], "对账单已核对")
    stating(work).countersign(named, other[0], "对账单已核对")
    _reversal(work).say(named, other[0], "误传")
    with pytest.raises(Refused, match="officer-b recorded the other side's word"):
        _reversal(work).say(named, other[1], "误传")
    assert _state(work, named) is AttestationState.COUNTERSIGNED
    assert _reversal(work).say(named, taker[1], "误传") is AttestationState.REVERSED
    assert _faults(work) == []


def test_both_parties_take_a_countersigned_attestation_back(work: Work) -> None:
    """One word alone changes nothing, and is not said twice; with the other side's, the month
    closes without it."""
    named = _taken(work)

    assert _reversal(work).say(named, COMPANY, "并非本公司作业") is AttestationState.COUNTERSIGNED
    with pytest.raises(Refused, match="waits for the other side"):
        _reversal(work).say(named, COMPANY, "并非本公司作业")
    assert _state(work, named) is AttestationState.COUNTERSIGNED
    assert _reversal(work).say(named, SELLER, "误传") is AttestationState.REVERSED

    books = Books(work)
    books.close()
    assert stated_lines(books) == []
    for acting in (COMPANY, SELLER):
        with pytest.raises(Refused, match="is reversed"):
            _reversal(work).say(named, acting, "再次")
    assert _faults(work) == []


def test_one_party_and_a_closed_month_leave_it_standing_until_the_other_agrees(work: Work) -> None:
    """It was billed in October, which is closed: the first word makes no correction, the second
    takes the line back in one, and every revision is made again to the byte, each as its own
    cut-off knew the words."""
    named = _taken(work)
    books = Books(work)
    books.agree(*PARTIES, contract(), tenure(), price())
    books.close()
    _reversal(work).say(named, SELLER, "误传")
    assert books.correct() is None
    _reversal(work).say(named, COMPANY, "并非本公司作业")

    made = books.correct()

    assert made is not None
    assert made.difference.amount_fen == -8 * 1250
    assert (len(stated_lines(books)), stated_lines(books, 2)) == (1, [])
    replayed = Replaying(work, demo=False).replay(OCTOBER)
    assert [(one.revision, one.same) for one in replayed if one.number == RENTED] == [
        (1, True),
        (2, True),
    ]
    assert _faults(work) == []


def test_two_officers_take_it_back(work: Work) -> None:
    """Both are kept with the reason, among the privileged acts and in the log."""
    named = _taken(work)
    books = Books(work)
    stranger = OfficersDecision(officers=(OFFICERS[0], "somebody"), reason="伪造")
    with pytest.raises(Refused, match="no officer here"):
        _reversal(work).decide(named, stranger)

    _reversal(work).decide(named, DECISION)

    books.close()
    assert stated_lines(books) == []
    with work.begin(writes=False) as unit:
        acts = unit.connection.execute(
            text("SELECT actor, reason FROM privileged_acts WHERE act = :act ORDER BY actor"),
            {"act": REVERSAL_ACT},
        ).all()
    assert [tuple(act) for act in acts] == [(login, DECISION.reason) for login in OFFICERS]


def test_who_is_no_side_of_it_takes_nothing_back(work: Work) -> None:
    """A stranger is told nothing, the office alone says nothing as a party, and what waits is
    withdrawn, not taken back."""
    named = _taken(work)
    waiting = taking(work, BILL_HEAD + hour_row(9), names=["b.csv"]).attestations[0]

    with pytest.raises(NotFound):
        _reversal(work).say(named, STRANGER, "?")
    with pytest.raises(Refused, match="two officers"):
        _reversal(work).say(named, OFFICE, "?")
    with pytest.raises(Refused, match="is stated; only what is countersigned"):
        _reversal(work).say(waiting.attestation_id, SELLER, "?")
    with pytest.raises(Refused, match="stated reverse"):
        stating(work).withdraw(named, SELLER, "误传")


def test_what_was_taken_back_may_be_stated_anew(work: Work) -> None:
    """The right hour counts; the very same file again says what it would have to do."""
    named = _taken(work)
    for acting in (COMPANY, SELLER):
        _reversal(work).say(named, acting, "时长有误")

    with pytest.raises(MistakesFound, match="state it in a file of another name"):
        taking(work, BILL_HEAD + hour_row(8))
    countersigned(work, taking(work, BILL_HEAD + hour_row(8, used=1800)))
    books = Books(work)
    books.close()

    assert [line["billed_ms"] for line in stated_lines(books)] == [1_800_000]


def test_a_word_is_never_changed_and_fsck_misses_one_that_is_gone(work: Work) -> None:
    """The database refuses; with its guard off, the log tells."""
    named = _taken(work)
    _reversal(work).say(named, SELLER, "误传")
    gone = "DELETE FROM attestation_reversals"
    with pytest.raises(DatabaseError, match="only ever added"), work.begin() as unit:
        unit.connection.execute(text(gone))
    alter(work, "attestation_reversals", gone)

    assert any(one.startswith("attestation-reversal") for one in _faults(work))
