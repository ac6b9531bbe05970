"""A decision about contents is none about status; a word about status is none about contents."""

import pytest
from claim_cases import filed
from contested_cases import (
    CLERK_OF_A,
    DECISION,
    DOCUMENT,
    NUMBER,
    OTHER,
    SELLER,
    THE_OFFICE,
    damaged,
    deciding,
    keeping,
    said,
    shown,
    told,
)
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services.invoice_contents import contested_numbers, told_contents
from kashi_server.services.invoice_righting import put_right
from kashi_server.storage.unit_of_work import Work


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
