"""Payments that were refunded or never made: two officers take off what they cover."""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, invoice_number
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.accounts import Role
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.papers_port import StoredPayment
from kashi_server.services.payment_righting import PaymentRighting
from kashi_server.services.sight import Reader
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
NUMBER, PAYMENT = invoice_number(0), (COMPANY_A, "PAY-0")
DECISION = OfficersDecision(officers=("officer", "second"), reason="银行回单查询：已退款")
DOCUMENT = "银行回复 2026-11-05"


def put_right(
    ready: Filed,
    part: tuple[str, int] | None = None,
    decision: OfficersDecision = DECISION,
    key: tuple[str, str] = PAYMENT,
    document: str = DOCUMENT,
) -> StoredPayment:
    """Two officers take off what the payment covers."""
    righting = PaymentRighting(ready.work, ready.clock, ready.claims)
    return righting.put_right(key, decision, document, part)


def paid_fen(ready: Filed) -> int:
    """What is paid of the invoice."""
    with ready.work.begin(writes=False) as unit:
        return unit.payments.covered_fen(NUMBER)


def test_a_refund_is_taken_off_and_stops_the_claim(claims_work: Work) -> None:
    """Of 500 yuan 200 went back: 300 count, for the invoice and for claims alike; the claim on it
    stops and tells why; both officers and the document are kept, row against log."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)

    stored = put_right(ready, (NUMBER, 200_00))

    assert (stored.counted, paid_fen(ready)) == ({NUMBER: 300_00}, 300_00)
    with claims_work.begin(writes=False) as unit:
        (paper,) = unit.claim_papers.payments(COMPANY_A)
    assert (paper.covered_fen, paper.amount_fen) == (300_00, 500_00)
    shown = ready.claims.show(OFFICE, claim_id)
    assert shown.stored.claim.state is ClaimState.SUSPENDED
    assert "PAY-0, of which 200.00 went back" in shown.events[-1].reason
    assert [(one.document, one.decided_by) for one in stored.returns] == [
        (DOCUMENT, "officer, second")
    ]
    assert not [one for one in check_logged(claims_work) if "payment-return" in one]


def test_a_claim_is_not_paid_on_money_that_went_back(claims_work: Work) -> None:
    """Of 500 yuan 400 went back: resumed, the claim that was approved with 200 is paid half of the
    nine tenths that its part is of the 100 that still count."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    put_right(ready, (NUMBER, 400_00))
    ready.claims.resume(BOTH, claim_id, WHY)

    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    paid = ready.claims.pay(BOTH, claim_id, WHY).stored.claim

    assert paid.amounts.disbursed_fen == 45_00


def test_a_payment_that_was_never_made_counts_for_nothing(claims_work: Work) -> None:
    """All of it is taken off, and the invoice may be paid by another payment; nothing is left to
    put right."""
    ready = filed(claims_work)

    stored = put_right(ready)

    assert (stored.counted, paid_fen(ready)) == ({NUMBER: 0}, 0)
    with claims_work.begin() as unit:
        true = replace(stored.payment, reference="PAY-TRUE")
        unit.payments.add(true, "clerk", 0)
        unit.payments.cover(true, stored.covers[0])
        unit.commit()
    assert paid_fen(ready) == 500_00
    with pytest.raises(Refused, match="nothing to put right"):
        put_right(ready)


def test_nothing_is_taken_off_without_two_officers_and_a_document(claims_work: Work) -> None:
    """Nor more than is covered, nor of a payment that is not there."""
    ready = filed(claims_work)

    with pytest.raises(Refused, match="'clerk' is no officer"):
        put_right(ready, decision=replace(DECISION, officers=("officer", "clerk")))
    with pytest.raises(InvalidValue, match="--document"):
        put_right(ready, document=" ")
    with pytest.raises(Refused, match=r"covers 500\.00 of invoice"):
        put_right(ready, (NUMBER, 500_01))
    with pytest.raises(Refused, match=r"covers 0\.00 of invoice"):
        put_right(ready, (invoice_number(1), 1))
    with pytest.raises(NotFound):
        put_right(ready, key=(COMPANY_A, "PAY-9"))

    assert paid_fen(ready) == 500_00


def test_the_database_keeps_returns_within_what_was_covered(claims_work: Work) -> None:
    """Whoever writes, by whatever program; and what went back stays."""
    ready = filed(claims_work)
    put_right(ready, (NUMBER, 200_00))
    more = (
        "INSERT INTO payment_returns (payer_id, reference, number, amount_fen, document,"
        " decided_by, told_utc_ms)"
        f" VALUES ('{COMPANY_A}', 'PAY-0', '{NUMBER}', 30001, 'x', 'x', 1)"
    )
    for statement, told in (
        (more, "more goes back of a payment than it covers"),
        ("DELETE FROM payment_returns", "only ever added"),
    ):
        with (
            pytest.raises(DatabaseError, match=told),
            claims_work.engine.begin() as connection,
        ):
            connection.execute(text(statement))
