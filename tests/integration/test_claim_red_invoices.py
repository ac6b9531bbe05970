"""Red invoices and claims: what they take back is nobody's, whoever holds it of which part."""

from dataclasses import replace

import contested_cases
import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, invoice_number, rules
from contested_cases import NUMBER, RED, said
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.invoice import Invoice, InvoiceStatus
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting as PartyActing
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.invoices import TakenInvoices
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
THE_SELLER = PartyActing(actor="seller", party_id=PROVIDER)
CLERK_OF_A = PartyActing(actor="clerk", party_id=COMPANY_A)
RIVAL_OF_B = PartyActing(actor="rival", party_id=COMPANY_B)


def red(fen: int, blue_number: str = NUMBER, buyer_id: str = COMPANY_A) -> Invoice:
    """A red invoice."""
    return said(-fen, RED, buyer_id, blue_number)


def told(
    ready: Filed, invoice: Invoice, acting: PartyActing, status: InvoiceStatus | None = None
) -> TakenInvoices:
    """A party's export with this invoice, which need not say how it stands."""
    return contested_cases.told(ready, invoice, acting, status=status)


def status_of(ready: Filed) -> InvoiceStatus:
    """How the blue invoice stands."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(NUMBER)
    assert stored is not None
    return stored.status


def reviewed(ready: Filed, fen: int) -> str:
    """A claim of so much of the invoice, before its approval."""
    part = (InvoicePart(NUMBER, "HT-A", "accelerator", fen),)
    content = replace(ready.content(), invoices=part, payments=("PAY-0",))
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    return claim_id


def test_claims_together_get_no_more_than_a_red_invoice_leaves(claims_work: Work) -> None:
    """Four claims of 100 yuan each, then 100 yuan are left: who came first is served, no other."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    claim_ids = [reviewed(ready, 100_00) for _ in range(4)]
    told(ready, red(400_00), CLERK_OF_A)
    first, *others = claim_ids
    ready.claims.review(OFFICER, first, WHY)
    ready.claims.approve(BOTH, first, 50_00, WHY)

    for claim_id in others:
        ready.claims.review(OFFICER, claim_id, WHY)
        with pytest.raises(Refused, match=f"0 fen of 10000 are left; claimed before by .*{first}"):
            ready.claims.approve(BOTH, claim_id, 50_00, WHY)


def test_what_is_approved_later_than_the_red_invoice_is_counted_over_all_parts(
    claims_work: Work,
) -> None:
    """Compute and storage of one invoice: their sum is held against what is left of it."""
    ready = filed(claims_work)
    claim_id = ready.approved(100_00)
    told(ready, red(40_00), CLERK_OF_A)
    ready.claims.review(OFFICER, claim_id, WHY)

    with pytest.raises(Refused, match="50000 fen are claimed, 46000 fen of 46000 are left"):
        ready.claims.approve(BOTH, claim_id, 100_00, WHY)


def test_an_invoice_that_an_unknown_red_one_cuts_is_not_claimed(claims_work: Work) -> None:
    """The export says partly red-flushed and the red one is not here: how much is left is unknown,
    which is not all of it; when it comes the rest is claimed."""
    ready = filed(claims_work)
    with claims_work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(NUMBER)
    assert stored is not None
    told(ready, stored.invoice, CLERK_OF_A, InvoiceStatus.PARTLY_RED)
    content = replace(
        ready.content(),
        invoices=(InvoicePart(NUMBER, "HT-A", "accelerator", 100_00),),
        payments=("PAY-0",),
    )
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    with pytest.raises(Refused, match="partly red-flushed by an invoice that is not here"):
        ready.claims.submit(CLERK, claim_id)
    told(ready, red(400_00), CLERK_OF_A)

    assert ready.claims.submit(CLERK, claim_id).stored.claim.state is ClaimState.SUBMITTED


def test_a_red_invoice_that_names_no_blue_one_is_told(claims_work: Work) -> None:
    """Nothing is taken back of anything, and whoever brings it reads that."""
    ready = filed(claims_work)
    taken = told(ready, red(100_00, blue_number=""), CLERK_OF_A)

    assert any("does not say which invoice it takes back" in one for one in taken.notes)
    assert status_of(ready) is InvoiceStatus.NORMAL


def test_a_strangers_red_invoice_takes_nothing_back(claims_work: Work) -> None:
    """It names the invoice of another buyer: the claim on that goes on and is paid in full."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    taken = told(ready, red(500_00, buyer_id=COMPANY_B), RIVAL_OF_B)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    paid = ready.claims.pay(BOTH, claim_id, WHY).stored.claim

    assert any("of other parties" in one for one in taken.notes)
    assert status_of(ready) is InvoiceStatus.NORMAL
    assert paid.amounts.disbursed_fen == 200_00


def test_a_red_invoice_that_says_later_what_it_takes_back_takes_it_back_then(
    claims_work: Work,
) -> None:
    """Without its blue number it takes nothing; with it, by its seller, once: told again it is the
    same, and another number is passed by."""
    ready = filed(claims_work)
    told(ready, red(400_00, blue_number=""), CLERK_OF_A)
    before = status_of(ready)
    taken = told(ready, red(400_00), THE_SELLER)
    again = told(ready, red(400_00), CLERK_OF_A)

    assert (before, status_of(ready)) == (InvoiceStatus.NORMAL, InvoiceStatus.PARTLY_RED)
    assert (taken.changed, again.changed, again.unchanged) == (1, 0, 1)
    other = told(ready, red(400_00, blue_number=invoice_number(1)), THE_SELLER)
    assert any("another blue_number" in one for one in other.notes)
    with claims_work.begin(writes=False) as unit:
        assert [one.number for one in unit.invoices.reds_of(NUMBER)] == [invoice_number(900)]
    assert not [one for one in check_logged(claims_work) if invoice_number(900) in one]


def test_the_database_lets_a_blue_number_be_told_once(claims_work: Work) -> None:
    """Nothing else of an invoice changes with it, and it changes no more."""
    ready = filed(claims_work)
    told(ready, red(400_00, blue_number=""), CLERK_OF_A)
    here = f"WHERE number = '{invoice_number(900)}'"
    for change in (
        f"UPDATE invoices SET blue_number = '{NUMBER}', seller_name = 'x' {here}",
        f"UPDATE invoices SET added_utc_ms = 1 {here}",
    ):
        with (
            pytest.raises(DatabaseError, match="only ever added"),
            claims_work.engine.begin() as connection,
        ):
            connection.execute(text(change))
    told(ready, red(400_00), CLERK_OF_A)

    with (
        pytest.raises(DatabaseError, match="only ever added"),
        claims_work.engine.begin() as connection,
    ):
        connection.execute(text(f"UPDATE invoices SET blue_number = '' {here}"))
