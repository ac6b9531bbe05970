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
from kashi_server.services.invoice_righting import put_right
from kashi_server.storage.unit_of_work import Work


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
