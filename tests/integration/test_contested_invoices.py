"""Two contents of one invoice number: both are kept, none is claimed, until two officers decide."""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, WHY, filed, invoice_number
from contested_cases import (
    CLERK_OF_A,
    DECISION,
    DOCUMENT,
    NUMBER,
    OFFICE,
    OTHER,
    RED,
    RIVAL,
    SELLER,
    THE_OFFICE,
    damaged,
    deciding,
    given_back,
    keeping,
    said,
    shown,
    told,
)
from fixtures_certificates import COMPANY_B
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.invoice_contents import contested_numbers, told_contents
from kashi_server.services.invoice_righting import put_right
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError


def test_a_true_content_enters_beside_the_false_one_and_stands_by_two_officers(
    claims_work: Work,
) -> None:
    """The seller tells another amount than what was taken first: both are kept, the claim stops,
    nothing is claimable; decided, the second stands, and nothing is used on the first any more."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    before = shown(ready).stored
    told(ready, said(99_00), SELLER)
    stopped = ready.claims.show(OFFICE, claim_id).stored.claim
    contested = shown(ready)

    assert stopped.state is ClaimState.SUSPENDED
    assert contested.stored.status is InvoiceStatus.VOID
    assert [one.invoice.amount.incl_fen for one in contested.versions] == [
        before.invoice.amount.incl_fen,
        99_00,
    ]
    with pytest.raises(Refused, match="put them right first"):
        deciding(ready).decide(NUMBER, 2, DECISION, DOCUMENT)
    given_back(ready)
    decided = deciding(ready).decide(NUMBER, 2, DECISION, DOCUMENT)

    assert (decided.version, decided.status) == (2, InvoiceStatus.NORMAL)
    assert decided.invoice == said(99_00)
    after = shown(ready)
    assert [one.version for one in after.versions] == [1, 2]
    assert after.versions[0].invoice == before.invoice
    (said_so,) = after.decisions
    assert (said_so.document, said_so.decided_by) == (DOCUMENT, "officer, second")
    ready.claims.resume(BOTH, claim_id, WHY)
    with pytest.raises(Refused, match="come to nothing"):
        ready.claims.use(CLERK, claim_id)
    assert not damaged(claims_work, NUMBER)


def test_a_number_that_a_rival_occupied_is_the_true_buyers_by_two_officers(
    claims_work: Work,
) -> None:
    """The rival named it first as its own; the true buyer's file is kept beside, without a word of
    what stands; decided, it is the buyer's to map and to claim, and the rival's no more."""
    ready = filed(claims_work)
    told(ready, said(700_00, OTHER, COMPANY_B), RIVAL)
    first = told(ready, said(300_00, OTHER), CLERK_OF_A)
    second = told(ready, said(300_00, OTHER), CLERK_OF_A)

    assert (first.added, first.contested) == (0, [OTHER])
    assert first.notes == second.notes
    assert "70000" not in str(first.notes)
    with pytest.raises(NotFound):
        shown(ready, OTHER, CLERK_OF_A)
    assert shown(ready, OTHER).stored.status is InvoiceStatus.NORMAL
    assert keeping(ready).contested() == [OTHER]
    assert shown(ready, OTHER, RIVAL).versions == ()

    deciding(ready).decide(OTHER, 2, DECISION, DOCUMENT)
    mapped = told(ready, said(300_00, OTHER), CLERK_OF_A, (1, "HT-A", "accelerator"))

    assert mapped.mapped == 1
    assert shown(ready, OTHER, CLERK_OF_A).stored.status is InvoiceStatus.NORMAL
    with pytest.raises(NotFound):
        shown(ready, OTHER, RIVAL)
    with claims_work.begin(writes=False) as unit:
        papers = {one.number: one for one in unit.claim_papers.invoice_parts("HT-A")}
    assert papers[OTHER].amount.incl_fen == 300_00
    assert not [one for one in check_logged(claims_work) if OTHER in one]


def test_what_two_officers_decided_against_stops_nothing_again(claims_work: Work) -> None:
    """Neither the same false content, by whomever, nor a third one by a party alone."""
    ready = filed(claims_work)
    told(ready, said(700_00, OTHER, COMPANY_B), RIVAL)
    told(ready, said(300_00, OTHER), CLERK_OF_A)
    deciding(ready).decide(OTHER, 2, DECISION, DOCUMENT)

    told(ready, said(700_00, OTHER, COMPANY_B), RIVAL)
    again = told(ready, said(700_00, OTHER, COMPANY_B), THE_OFFICE)
    told(ready, said(800_00, OTHER, COMPANY_B), RIVAL)

    assert any("decided against" in one for one in again.notes)
    history = shown(ready, OTHER)
    assert (history.stored.status, history.stored.version) == (InvoiceStatus.NORMAL, 2)
    assert [one.invoice.amount.incl_fen for one in history.versions] == [700_00, 300_00, 800_00]


def test_a_stranger_stops_no_invoice_of_others(claims_work: Work) -> None:
    """Whoever is no side of it tells content after content: kept for the officers, half as many as
    may be, and neither the invoice nor the claim stops; the seller's word is kept and does stop."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    for yuan in range(1, 12):
        told(ready, said(yuan * 100, buyer_id=COMPANY_B), RIVAL)

    history = shown(ready)
    assert (history.stored.status, len(history.versions)) == (InvoiceStatus.NORMAL, 8)
    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.ISSUED
    assert keeping(ready).contested() == [NUMBER]
    told(ready, said(99_00), SELLER)
    assert shown(ready).stored.status is InvoiceStatus.VOID
    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.SUSPENDED


def test_after_a_decision_no_party_alone_stops_a_partly_red_invoice(claims_work: Work) -> None:
    """Neither the seller nor the buyer, with a further content or the word void, though a red
    invoice came after it; what they told is kept, and a further red one counts."""
    ready = filed(claims_work)
    told(ready, said(99_00), SELLER)
    put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT)
    told(ready, said(-10_00, RED, blue_number=NUMBER), SELLER)

    new = told(ready, said(98_00), SELLER)
    told(ready, said(97_00), CLERK_OF_A)
    told(ready, shown(ready).stored.invoice, SELLER, status=InvoiceStatus.VOID)

    assert any("two officers found" in one for one in new.notes)
    assert shown(ready).stored.status is InvoiceStatus.PARTLY_RED
    assert keeping(ready).contested() == [NUMBER]
    told(ready, said(-490_00, invoice_number(901), blue_number=NUMBER), SELLER)
    assert shown(ready).stored.status is InvoiceStatus.RED


def test_a_content_that_is_not_kept_stops_nothing(claims_work: Work) -> None:
    """Thirty-two of them are kept; put right, one more is told, by the office too, and left."""
    ready = filed(claims_work)
    for yuan in range(1, 32):
        told(ready, said(yuan * 100), THE_OFFICE)
    put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT)
    more = told(ready, said(5_000_00), THE_OFFICE)

    assert any("is not kept" in one for one in more.notes)
    assert shown(ready).stored.status is InvoiceStatus.NORMAL


def test_nobody_fills_the_database_with_contents_of_one_number(claims_work: Work) -> None:
    """Sixteen are kept; the next is told and left."""
    ready = filed(claims_work)
    for yuan in range(1, 20):
        told(ready, said(yuan * 100, OTHER), CLERK_OF_A)
    more = told(ready, said(5_000_00, OTHER), CLERK_OF_A)

    assert len(shown(ready, OTHER).versions) == 16
    assert any("is not kept" in one for one in more.notes)


def test_the_database_lets_no_content_stand_that_two_officers_did_not_decide(
    claims_work: Work,
) -> None:
    """Whoever writes: a version without a decision, or an amount with none, is refused."""
    ready = filed(claims_work)
    told(ready, said(99_00), SELLER)

    for change in ("version = 2", "version = 2, ex_tax_fen = 1, incl_fen = 1", "tax_fen = 1"):
        with pytest.raises(DatabaseError), claims_work.begin() as unit:
            unit.connection.execute(text(f"UPDATE invoices SET {change} WHERE number = '{NUMBER}'"))
    assert shown(ready).stored.version == 1


def test_putting_right_lets_the_content_stand_that_stood(claims_work: Work) -> None:
    """The old way is a decision too: the other content is decided against."""
    ready = filed(claims_work)
    told(ready, said(99_00), SELLER)

    put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT)

    history = shown(ready)
    assert (history.stored.status, history.stored.version) == (InvoiceStatus.NORMAL, 1)
    assert [one.version for one in history.decisions] == [1]
    told(ready, said(99_00), SELLER)
    assert shown(ready).stored.status is InvoiceStatus.NORMAL
    assert not damaged(claims_work, NUMBER)


@pytest.mark.parametrize("when", ["first", "with it", "later", "of the losing one"])
def test_a_decision_about_content_makes_no_void_invoice_claimable(
    claims_work: Work, when: str
) -> None:
    """Whenever the bureau's export says void of the content that comes to stand: it stands void,
    until two officers put that right on a document, and a decision after that keeps to it."""
    ready, void = filed(claims_work), InvoiceStatus.VOID
    true, false = said(300_00, OTHER), said(700_00, OTHER)
    if when == "first":
        told(ready, true, THE_OFFICE, status=void)
        told(ready, false, SELLER)
    else:
        told(ready, false, CLERK_OF_A)
        told(ready, true, SELLER, status=void if when == "with it" else InvoiceStatus.NORMAL)
    if when == "of the losing one":
        deciding(ready).decide(OTHER, 1, DECISION, DOCUMENT)
    if when in ("later", "of the losing one"):
        told(ready, true, THE_OFFICE, status=void)

    decided = deciding(ready).decide(OTHER, 1 if when == "first" else 2, DECISION, DOCUMENT)

    assert (decided.invoice, decided.status) == (true, void)
    put_right(claims_work, ready.clock, OTHER, DECISION, DOCUMENT)
    again = deciding(ready).decide(OTHER, decided.version, DECISION, DOCUMENT)
    assert again.status is InvoiceStatus.NORMAL
    assert not damaged(claims_work, OTHER)


def test_a_worse_word_of_a_known_content_is_no_contested_content(claims_work: Work) -> None:
    """Two officers decided; the office's export says void of the content that stands, and of the
    other: nothing awaits a decision by that, on no list; a third content does, until it is put
    right."""
    ready, void = filed(claims_work), InvoiceStatus.VOID
    told(ready, said(700_00, OTHER), CLERK_OF_A)
    told(ready, said(300_00, OTHER), SELLER)
    deciding(ready).decide(OTHER, 2, DECISION, DOCUMENT)
    for fen in (300_00, 700_00):
        told(ready, said(fen, OTHER), THE_OFFICE, status=void)
    assert [one.status for one in shown(ready, OTHER).versions[2:]] == [void, void]

    def listed() -> list[bool]:
        with claims_work.begin(writes=False) as unit:
            numbers = [one.number for one in contested_numbers(unit)]
            awaits = told_contents(unit, OTHER, THE_OFFICE).awaits
        return [OTHER in keeping(ready).contested(), OTHER in numbers, awaits]

    assert listed() == [False, False, False]
    put_right(claims_work, ready.clock, OTHER, DECISION, DOCUMENT)
    assert len(shown(ready, OTHER).decisions) == 1
    told(ready, said(200_00, OTHER), THE_OFFICE)
    assert listed() == [True, True, True]
    put_right(claims_work, ready.clock, OTHER, DECISION, DOCUMENT)
    assert listed() == [False, False, False]
    assert not damaged(claims_work, OTHER)


def test_fsck_tells_of_a_version_that_no_decision_names(sqlite_claims_work: Work) -> None:
    """Two contents with the same lines: whoever turns the row back behind the server is told of,
    and so is a row with the right version and another buyer."""
    ready = filed(sqlite_claims_work)
    told(ready, said(300_00, OTHER, COMPANY_B), RIVAL, (1, "HT-B", "accelerator"))
    told(ready, said(300_00, OTHER), CLERK_OF_A)
    deciding(ready).decide(OTHER, 2, DECISION, DOCUMENT)
    assert not damaged(sqlite_claims_work, OTHER)

    with sqlite_claims_work.begin() as unit:
        unit.connection.execute(text("DROP TRIGGER invoices_no_update"))
        unit.connection.execute(text(f"UPDATE invoices SET version = 1 WHERE number = '{OTHER}'"))
        unit.commit()

    found = damaged(sqlite_claims_work, OTHER)
    assert f"invoice {OTHER}: version 1 stands, not version 2 as decided" in found
    assert f"invoice {OTHER} is not what version 1 of it says" in found


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (
            "UPDATE invoice_lines SET ex_tax_fen = 1 WHERE number = '{}' AND version = 1",
            "invoice {}: lines of version 1 are not what was told of it",
        ),
        (
            "DELETE FROM invoice_lines WHERE number = '{}' AND version = 1",
            "invoice {}: lines of version 1 are not what was told of it",
        ),
        (
            "INSERT INTO invoice_lines VALUES ('{}', 7, 1, '算力', 1, 0)",
            "invoice {}: version 7 has lines and never stood",
        ),
    ],
)
def test_fsck_tells_of_edited_lines_of_a_content_that_does_not_stand(
    sqlite_claims_work: Work, edit: str, found: str
) -> None:
    """Two officers may let it stand again, with the lines that are kept of it then."""
    ready = filed(sqlite_claims_work)
    told(ready, said(700_00, OTHER, COMPANY_B), RIVAL)
    told(ready, said(300_00, OTHER), CLERK_OF_A)
    told(ready, said(200_00, OTHER), CLERK_OF_A)
    deciding(ready).decide(OTHER, 2, DECISION, DOCUMENT)
    assert not damaged(sqlite_claims_work, OTHER)

    with sqlite_claims_work.begin() as unit:
        for act in ("update", "delete"):
            unit.connection.execute(text(f"DROP TRIGGER invoice_lines_no_{act}"))
        unit.connection.execute(text(edit.format(OTHER)))
        unit.commit()

    assert damaged(sqlite_claims_work, OTHER) == [found.format(OTHER)]


def test_nothing_is_decided_without_two_officers_a_document_and_a_contest(
    claims_work: Work,
) -> None:
    """A company's login is no officer; a version that was never told cannot stand."""
    ready = filed(claims_work)
    with pytest.raises(Refused, match="nothing is contested"):
        deciding(ready).decide(NUMBER, 1, DECISION, DOCUMENT)
    told(ready, said(99_00), SELLER)
    with pytest.raises(NotFound, match="has no version 3"):
        deciding(ready).decide(NUMBER, 3, DECISION, DOCUMENT)
    with pytest.raises(InvalidValue, match="--document"):
        deciding(ready).decide(NUMBER, 1, DECISION, " ")
    clerk = replace(DECISION, officers=("officer", "clerk"))
    with pytest.raises(Refused, match="'clerk' is no officer"):
        deciding(ready).decide(NUMBER, 1, clerk, DOCUMENT)

    assert shown(ready).stored.status is InvoiceStatus.VOID


def test_a_false_blue_number_of_a_red_invoice_is_put_right_by_two_officers(
    claims_work: Work,
) -> None:
    """Its buyer named an invoice of which it claims nothing: put right, that one stands again, the
    true one is taken back, the claim on it reopens, and both words stay kept with who and why."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    told(ready, said(500_00, OTHER), CLERK_OF_A)
    told(ready, said(-500_00, RED, blue_number=OTHER), CLERK_OF_A)
    assert shown(ready, OTHER).stored.status is InvoiceStatus.RED

    deciding(ready).name_blue(RED, NUMBER, DECISION, DOCUMENT)

    assert shown(ready, OTHER).stored.status is InvoiceStatus.NORMAL
    assert shown(ready).stored.status is InvoiceStatus.RED
    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.SUSPENDED
    history = shown(ready, RED)
    assert [one.invoice.blue_number for one in history.versions] == [OTHER, NUMBER]
    assert history.decisions[0].reason == DECISION.reason
    with claims_work.begin(writes=False) as unit:
        acts = [(one.actor, one.reference) for one in unit.identity.acts()]
    assert acts[-2:] == [("officer", RED), ("second", RED)]
    told(ready, said(-500_00, RED, blue_number=OTHER), SELLER)
    assert shown(ready, OTHER).stored.status is InvoiceStatus.NORMAL
    assert not damaged(claims_work, RED) + damaged(claims_work, OTHER)


def test_no_files_name_makes_a_status_one_of_red_invoices(claims_work: Work) -> None:
    """The bureau's export says red-flushed, in a file named like a red invoice: that a red one of a
    part takes back another now makes nothing of it claimable again."""
    ready = filed(claims_work)
    told(ready, said(500_00, OTHER), CLERK_OF_A)
    told(ready, said(-100_00, RED, blue_number=OTHER), SELLER)
    flushed, file = InvoiceStatus.RED, "red invoice 11 月.xlsx"
    told(ready, said(500_00, OTHER), THE_OFFICE, status=flushed, file=file)

    deciding(ready).name_blue(RED, NUMBER, DECISION, DOCUMENT)

    other = shown(ready, OTHER)
    assert other.stored.status is InvoiceStatus.RED
    assert [one.by_reds for one in other.statuses] == [False, True, False]
    assert shown(ready).stored.status is InvoiceStatus.PARTLY_RED
    assert shown(ready).statuses[-1].by_reds
    assert not damaged(claims_work, OTHER) + damaged(claims_work, RED)


def test_a_blue_number_is_put_right_of_a_red_invoice_alone(claims_work: Work) -> None:
    """A blue one takes back nothing; the same number again, or no number, is refused."""
    ready = filed(claims_work)
    told(ready, said(-500_00, RED, blue_number=NUMBER), CLERK_OF_A)

    with pytest.raises(Refused, match="is not red"):
        deciding(ready).name_blue(NUMBER, OTHER, DECISION, DOCUMENT)
    with pytest.raises(Refused, match="already"):
        deciding(ready).name_blue(RED, NUMBER, DECISION, DOCUMENT)
    with pytest.raises(InvalidValue, match="20"):
        deciding(ready).name_blue(RED, "12", DECISION, DOCUMENT)
