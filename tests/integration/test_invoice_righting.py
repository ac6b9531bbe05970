"""One side alone calls an invoice void: it is told as such, and two officers put it right."""

from collections.abc import Sequence
from dataclasses import replace

import contested_cases
import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, invoice_number
from contested_cases import NUMBER, said
from fixtures_certificates import PROVIDER
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting as PartyActing
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.invoice_righting import put_right
from kashi_server.services.invoices import TakenInvoices
from kashi_server.services.papers_port import StatusChange
from kashi_server.services.sight import Reader
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
SELLER = PartyActing(actor="seller", party_id=PROVIDER)
THE_OFFICE = PartyActing(actor="officer")
OTHER = invoice_number(60)
DECISION = OfficersDecision(officers=("officer", "second"), reason="税务局查询结果：正常")
DOCUMENT = "查验截图 2026-11-05"


def stands(ready: Filed, number: str = NUMBER) -> InvoiceStatus:
    """How the invoice stands."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(number)
    assert stored is not None
    return stored.status


def void(ready: Filed, acting: PartyActing = SELLER, number: str = NUMBER) -> TakenInvoices:
    """The seller's file says that the invoice is void."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(number)
    assert stored is not None
    return contested_cases.told(ready, stored.invoice, acting, status=InvoiceStatus.VOID)


def told(ready: Filed, file: str) -> None:
    """The buyer's file of that name tells another invoice, which holds good."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(NUMBER)
    assert stored is not None
    one = replace(stored.invoice, number=OTHER)
    buyer = PartyActing(actor="clerk", party_id=one.buyer_id)
    contested_cases.told(ready, one, buyer, file=file)


def statuses(ready: Filed, number: str) -> Sequence[StatusChange]:
    """Every change of how an invoice stood."""
    with ready.work.begin(writes=False) as unit:
        return unit.invoices.statuses(number)


def red(ready: Filed, fen: int) -> None:
    """The seller's red invoice of so much."""
    one = said(-fen, invoice_number(901), buyer_of(ready), NUMBER)
    contested_cases.told(ready, one, SELLER, status=None)


def buyer_of(ready: Filed) -> str:
    """Who bought."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(NUMBER)
    assert stored is not None
    return stored.invoice.buyer_id


def test_what_one_side_alone_called_void_stands_again_by_two_officers(claims_work: Work) -> None:
    """The claim stops and says who told it; put right, it goes on and is paid, and the seller's
    file alone stops it no more."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    taken = void(ready)
    stopped = ready.claims.show(OFFICE, claim_id)

    assert any("by the word of" in one and "put-right" in one for one in taken.notes)
    assert stopped.stored.claim.state is ClaimState.SUSPENDED
    assert "told by seller" in stopped.events[-1].reason

    assert put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT) is InvoiceStatus.NORMAL
    ready.claims.resume(BOTH, claim_id, WHY)
    again = void(ready)

    assert stands(ready) is InvoiceStatus.NORMAL
    assert any("two officers found" in one for one in again.notes)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    paid = ready.claims.pay(BOTH, claim_id, WHY).stored.claim
    assert paid.amounts.disbursed_fen == 200_00
    assert not [one for one in check_logged(claims_work) if f"invoice-status {NUMBER}/3" in one]


def test_no_files_name_makes_a_decision_of_two_officers(claims_work: Work) -> None:
    """Whoever names a file like a decision decides nothing: the seller's void stops the invoice."""
    ready = filed(claims_work)
    told(ready, file="decided by two officers: 查验.xlsx[Sheet1]")

    taken = void(ready, number=OTHER)

    assert stands(ready, OTHER) is InvoiceStatus.VOID
    assert not any("two officers found" in one for one in taken.notes)
    assert [one.decided for one in statuses(ready, OTHER)] == [False, False]
    put_right(claims_work, ready.clock, OTHER, DECISION, DOCUMENT)
    last = statuses(ready, OTHER)[-1]
    assert (last.decided, last.source, last.told_by) == (True, DOCUMENT, "officer, second")


def test_the_offices_own_file_and_a_red_invoice_still_count(claims_work: Work) -> None:
    """What two officers put right is no shield against a red invoice, nor against the office."""
    ready = filed(claims_work)
    void(ready)
    put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT)
    red(ready, 100_00)

    assert stands(ready) is InvoiceStatus.PARTLY_RED
    void(ready, THE_OFFICE)
    assert stands(ready) is InvoiceStatus.VOID
    assert (
        put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT) is InvoiceStatus.PARTLY_RED
    )


def test_nothing_is_put_right_without_two_officers_and_a_document(claims_work: Work) -> None:
    """A company's login is no officer; what stands well, or is not there, is not put right."""
    ready = filed(claims_work)
    with pytest.raises(Refused, match="nothing is wrong"):
        put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT)
    void(ready)
    decision = replace(DECISION, officers=("officer", "clerk"))
    with pytest.raises(Refused, match="'clerk' is no officer"):
        put_right(claims_work, ready.clock, NUMBER, decision, DOCUMENT)
    with pytest.raises(InvalidValue, match="--document"):
        put_right(claims_work, ready.clock, NUMBER, DECISION, " ")
    with pytest.raises(NotFound):
        put_right(claims_work, ready.clock, invoice_number(777), DECISION, DOCUMENT)

    assert stands(ready) is InvoiceStatus.VOID


def test_what_red_invoices_take_back_is_not_put_right(claims_work: Work) -> None:
    """All of it is gone by the seller's own paper."""
    ready = filed(claims_work)
    red(ready, 500_00)

    with pytest.raises(Refused, match="take all of"):
        put_right(claims_work, ready.clock, NUMBER, DECISION, DOCUMENT)
