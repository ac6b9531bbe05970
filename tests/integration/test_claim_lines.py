"""The stacking line is drawn on each contract: another one in the claim lifts nothing of it."""

from dataclasses import replace

import pytest
from claim_cases import (
    BOTH,
    CLERK,
    OFFICER,
    WHY,
    Filed,
    add_invoice,
    add_payment,
    filed,
    invoice_number,
    opened,
    rules,
)
from claim_contracts import second_contract
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.errors import Refused
from kashi_server.storage.unit_of_work import Work

POST_USE = {"redemption_mode": '"post_use"'}
INVOICED = {50: "HT-A", 51: "HT-A", 52: "HT-C"}


def two_programmes(claims_work: Work) -> tuple[Filed, Filed]:
    """Two contracts with compute for 900 yuan each, a line of 60 % in either programme; paid
    invoices of 900, two on HT-A and one on HT-C."""
    ready = filed(claims_work, rules(**POST_USE))
    second_contract(ready)
    with claims_work.begin() as unit:
        for place, contract_id in INVOICED.items():
            add_invoice(unit, invoice_number(place), contract_id, COMPANY_A, (900_00, 1_00))
            add_payment(unit, f"PAY-{place}", COMPANY_A, invoice_number(place), 901_00)
        unit.commit()
    other = opened(claims_work, ready.clock, rules("other-voucher", **POST_USE), batch_id="SQ-2")
    return ready, other


def reviewed(ready: Filed, places: tuple[int, ...], contract_ids: tuple[str, ...]) -> str:
    """A claim of the compute of invoices, before its approval."""
    content = replace(
        ready.content(),
        contract_ids=contract_ids,
        invoices=tuple(
            InvoicePart(invoice_number(one), INVOICED[one], "accelerator", 900_00) for one in places
        ),
        payments=tuple(f"PAY-{one}" for one in places),
    )
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    return claim_id


def test_a_second_contract_lifts_no_line_of_the_first(claims_work: Work) -> None:
    """450 of HT-A's 540 yuan are granted; naming HT-C beside it leaves 90, not 450."""
    ready, other = two_programmes(claims_work)
    ready.claims.approve(BOTH, reviewed(ready, (50,), ("HT-A",)), 450_00, WHY)
    claim_id = reviewed(other, (51,), ("HT-A", "HT-C"))

    with pytest.raises(Refused, match=r"on contract HT-A would come to 900\.00.*line is 540\.00"):
        other.claims.approve(BOTH, claim_id, 450_00, WHY)
    other.claims.approve(BOTH, claim_id, 90_00, WHY)


def test_expense_of_two_contracts_has_two_lines(claims_work: Work) -> None:
    """Half of the money lies on HT-C, of which nobody granted anything: it is not held against the
    450 yuan on HT-A, and the half on HT-A has the 90 that are left."""
    ready, other = two_programmes(claims_work)
    ready.claims.approve(BOTH, reviewed(ready, (50,), ("HT-A",)), 450_00, WHY)
    claim_id = reviewed(other, (51, 52), ("HT-A", "HT-C"))

    with pytest.raises(Refused, match=r"on contract HT-A would come to 540\.01"):
        other.claims.approve(BOTH, claim_id, 180_01, WHY)
    other.claims.approve(BOTH, claim_id, 180_00, WHY)
