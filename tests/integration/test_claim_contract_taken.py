"""A contract is a ceiling once, whichever other ceilings the rules know."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
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
from claim_contracts import amended, second_contract
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.services.accounts import Role
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
POST_USE = {"redemption_mode": '"post_use"', "stacking__ratio": '"none"'}
CEILINGS = {
    "payment": {"base__invoice": '"flag"'},
    "invoice": {"base__payment": '"flag"'},
    "both": {},
}


def claimed(ready: Filed, place: int, fen: int, contract_ids: tuple[str, ...] = ("HT-A",)) -> str:
    """A claim of one invoice's compute for HT-A, and of its storage for one yuan."""
    parts = tuple(
        InvoicePart(invoice_number(place), "HT-A", part, amount)
        for part, amount in (("accelerator", fen), ("storage", 1_00))
    )
    content = replace(
        ready.content(), contract_ids=contract_ids, invoices=parts, payments=(f"PAY-{place}",)
    )
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    return claim_id


def computed_fen(ready: Filed, claim_id: str) -> int | None:
    """What the latest evaluation came to."""
    return ready.claims.show(OFFICE, claim_id).stored.claim.computed_fen


def paid_invoices(ready: Filed, *fens: int) -> None:
    """Invoices of compute for HT-A, each with storage for one yuan, paid in full."""
    with ready.work.begin() as unit:
        for place, fen in enumerate(fens, 50):
            add_invoice(unit, invoice_number(place), "HT-A", COMPANY_A, (fen, 1_00))
            add_payment(unit, f"PAY-{place}", COMPANY_A, invoice_number(place), fen + 1_00)
        unit.commit()


@pytest.mark.parametrize("changed", CEILINGS.values(), ids=CEILINGS)
def test_what_a_claim_took_of_a_contract_is_gone_for_the_next(
    claims_work: Work, changed: Mapping[str, str]
) -> None:
    """Compute for 900 yuan, paid invoices of 899 and 900: the second claim finds one yuan left,
    the first keeps its own whoever is evaluated last, and a third finds nothing."""
    ready = filed(claims_work, rules(**POST_USE, **changed))
    paid_invoices(ready, 899_00, 900_00, 800_00)
    claims = [claimed(ready, place, fen) for place, fen in ((50, 899_00), (51, 900_00))]
    claims.append(claimed(ready, 52, 800_00))
    for claim_id in reversed(claims):
        ready.claims.check(OFFICER, claim_id)

    assert [computed_fen(ready, one) for one in claims] == [449_50, 50, 0]


def test_what_one_contract_leaves_lifts_no_payment_of_another(claims_work: Work) -> None:
    """1 800 yuan were paid on a contract of 900; the other's 900 do not make room for them."""
    ready = filed(claims_work, rules(**POST_USE, base__invoice='"flag"'))
    second_contract(ready)
    paid_invoices(ready, 1_800_00)

    claim_id = claimed(ready, 50, 1_800_00, ("HT-A", "HT-C"))

    assert computed_fen(ready, claim_id) == 450_00


def test_what_one_contract_leaves_lifts_no_metered_use_of_another(claims_work: Work) -> None:
    """The month was metered on HT-A, for more than its 50 yuan; HT-C beside it adds nothing."""
    off = dict.fromkeys(("base__invoice", "base__payment"), '"off"')
    ready = filed(claims_work, rules(**POST_USE, **off, base__metered='"ceiling"'))
    second_contract(ready)
    month = replace(ready.claims.content(CLERK, ready.draft()), invoices=(), payments=())
    content = replace(month, contract_ids=("HT-A", "HT-C"))
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    whole_fen = computed_fen(ready, claim_id) or 0
    amended(ready, "HT-A", 50_00)
    ready.claims.check(OFFICER, claim_id)

    assert whole_fen > 25_00
    assert computed_fen(ready, claim_id) == 25_00
