"""A contract is a ceiling once, for all claims of a programme together."""

from dataclasses import replace

from claim_cases import (
    CLERK,
    OFFICER,
    Filed,
    add_invoice,
    add_payment,
    filed,
    invoice_number,
    rules,
)
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.services.accounts import Role
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def claimed(ready: Filed, place: int, fen: int) -> str:
    """A claim of one invoice's compute, handed in and taken up."""
    part = (InvoicePart(invoice_number(place), "HT-A", "accelerator", fen),)
    content = replace(ready.content(), invoices=part, payments=(f"PAY-{place}",))
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    return claim_id


def test_two_claims_share_the_ceiling_of_their_contract(claims_work: Work) -> None:
    """Compute for 900 yuan, invoices of 800 and 800: the second claim finds 100 of it left, the
    first keeps its 800 whoever is evaluated last."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"', stacking__ratio='"none"'))
    with claims_work.begin() as unit:
        for place in (50, 51):
            add_invoice(unit, invoice_number(place), "HT-A", COMPANY_A, (800_00, 1_00))
            add_payment(unit, f"PAY-{place}", COMPANY_A, invoice_number(place), 801_00)
        unit.commit()
    first, second = claimed(ready, 50, 800_00), claimed(ready, 51, 800_00)
    for claim_id in (second, first):
        ready.claims.check(OFFICER, claim_id)
    computed = {
        one: ready.claims.show(OFFICE, one).stored.claim.computed_fen for one in (first, second)
    }

    assert computed == {first: 400_00, second: 50_00}
