"""A contract is a ceiling once, for all claims of a programme together."""

import json
from dataclasses import replace

import pytest
from claim_cases import (
    CLERK,
    OFFICER,
    WHY,
    Filed,
    add_invoice,
    add_payment,
    filed,
    invoice_number,
    rules,
)
from claim_contracts import second_contract
from fixtures_certificates import COMPANY_A, PROVIDER
from kashi_server.domain.claim_content import InvoicePart
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from statement_samples import credit_code

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


def of_both(ready: Filed, fen: int) -> str:
    """A claim on both contracts, with one invoice for the first of them."""
    with ready.work.begin() as unit:
        add_invoice(unit, invoice_number(52), "HT-A", COMPANY_A, (fen, 1_00))
        add_payment(unit, "PAY-52", COMPANY_A, invoice_number(52), fen + 1_00)
        unit.commit()
    part = (InvoicePart(invoice_number(52), "HT-A", "accelerator", fen),)
    content = replace(
        ready.content(), contract_ids=("HT-A", "HT-C"), invoices=part, payments=("PAY-52",)
    )
    return ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id


def computed_fen(ready: Filed, claim_id: str) -> int | None:
    """What it is computed at."""
    return ready.claims.show(OFFICE, claim_id).stored.claim.computed_fen


def test_what_one_contract_leaves_over_lifts_no_invoice_of_another(claims_work: Work) -> None:
    """Two contracts of 900 yuan in one claim, all 1 800 invoiced under the first: 900 count; and
    the base says of each contract what bound it."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"', stacking__ratio='"none"'))
    second_contract(ready)
    claim_id = of_both(ready, 1_800_00)

    ready.claims.submit(CLERK, claim_id)

    assert computed_fen(ready, claim_id) == 450_00
    (stored,) = ready.claims.show(OFFICE, claim_id).evaluations
    (step,) = [one for one in json.loads(stored.trace)["steps"] if one["step"] == "base"]
    told = {one["name"]: one["value"] for one in step["inputs"]}
    assert (told["HT-A bound"], told["HT-C bound"]) == ("contract 900.00", "invoice 0.00")
    assert (told["HT-A contract"], told["HT-C contract"]) == ("900.00", "900.00")
    assert (told["invoice"], told["HT-A invoice"]) == ("900.00", "900.00")


def test_a_contract_that_is_the_only_ceiling_is_claimed_once(claims_work: Work) -> None:
    """No invoice tells two claims apart: the second is refused and names the first, until that is
    given up; two contracts in one claim are both of them."""
    only = {f"base__{name}": '"off"' for name in ("invoice", "payment", "metered")}
    ready = filed(
        claims_work, rules(redemption_mode='"post_use"', stacking__ratio='"none"', **only)
    )
    second_contract(ready)
    claims = ready.claims
    first = claims.draft(CLERK, ready.batch.batch_id, ready.content()).claim.claim_id
    claims.submit(CLERK, first)
    both = of_both(ready, 10_00)

    with pytest.raises(Refused, match=f"claim {first} stands for the same contract"):
        claims.submit(CLERK, both)
    claims.withdraw(CLERK, first, WHY)
    claims.submit(CLERK, both)

    assert computed_fen(ready, first) == 450_00
    assert computed_fen(ready, both) == 900_00


def test_contracts_of_two_providers_are_one_claim_where_the_company_is_paid(
    claims_work: Work,
) -> None:
    """Where the rules pay the provider, one claim for each; else nothing asks it."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"', stacking__ratio='"none"'))
    second_contract(ready, credit_code(104))
    claim_id = of_both(ready, 100_00)
    ready.claims.submit(CLERK, claim_id)

    assert computed_fen(ready, claim_id) == 50_00


def test_where_the_provider_is_paid_one_claim_pays_one(claims_work: Work) -> None:
    """Two providers in one claim are refused, and so is another one later."""
    ready = filed(claims_work, rules(redemption_mode='"supplier_redeems"'))
    second_contract(ready, credit_code(104))
    with pytest.raises(Refused, match="pay the provider, and these are two"):
        of_both(ready, 100_00)
    claim_id = ready.draft()
    other = replace(ready.content(), contract_ids=("HT-C",))

    with pytest.raises(Refused, match=f"this claim pays {PROVIDER}"):
        ready.claims.change(CLERK, claim_id, other)
