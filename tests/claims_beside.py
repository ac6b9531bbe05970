"""Two claims of a company that reach a year's threshold together; one of them is paid."""

from collections.abc import Callable
from dataclasses import replace

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
    rules,
)
from claim_contracts import second_contract
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import ClaimContent, InvoicePart, StatementRevision
from kashi_server.services.accounts import Role
from kashi_server.services.claim_beside import BESIDE
from kashi_server.services.claim_worth import tell_worth
from kashi_server.services.claims_port import ClaimsUnit
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
STATEMENT = "KS-2026-09-HT-A"


def content(ready: Filed, place: int, fen: int, contract_id: str = "HT-A") -> ClaimContent:
    """One invoice's compute with its payment."""
    part = (InvoicePart(invoice_number(place), contract_id, "accelerator", fen),)
    said = ready.content(contract_id)
    return replace(said, invoices=part, payments=(f"PAY-{place}",))


def invoiced(ready: Filed, place: int, fen: int, contract_id: str = "HT-A") -> None:
    """One more invoice of compute, paid."""
    with ready.work.begin() as unit:
        add_invoice(unit, invoice_number(place), contract_id, COMPANY_A, (fen, 1_00))
        add_payment(unit, f"PAY-{place}", COMPANY_A, invoice_number(place), fen + 1_00)
        unit.commit()


def begun(work: Work, mode: str = "post_use", **changed: str) -> Filed:
    """A threshold of 400 yuan; invoices of 300 and 150 on HT-A, of 200 on HT-C."""
    known = rules(**{"threshold__year_yuan": '"400.00"', "redemption_mode": f'"{mode}"', **changed})
    ready = filed(work, known)
    second_contract(ready)
    invoiced(ready, 50, 300_00)
    invoiced(ready, 51, 150_00)
    invoiced(ready, 52, 200_00, "HT-C")
    return ready


def submitted(ready: Filed, said: ClaimContent) -> str:
    """A claim that was handed in."""
    claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, said).claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    return claim_id


def approve(ready: Filed, claim_id: str, fen: int) -> None:
    """Everything up to the approval and its public notice."""
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    ready.claims.approve(BOTH, claim_id, fen, WHY)
    ready.claims.publicise(OFFICER, claim_id)


def pay(ready: Filed, claim_id: str) -> None:
    """Verified and paid."""
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)


def lifted(work: Work, beside_on: str = "HT-C", **changed: str) -> tuple[Filed, str, str]:
    """Of 300 yuan 150 are paid, because another claim of 200 (150 on HT-A, with the metered month)
    reaches 400 with it; that one is approved and public. Both ids."""
    ready = begun(work, **changed)
    said = content(ready, 52, 200_00, "HT-C")
    if beside_on == "HT-A":
        month = (StatementRevision(STATEMENT, 1),)
        said = replace(content(ready, 51, 150_00), statements=month)
    paid = submitted(ready, content(ready, 50, 300_00))
    beside = submitted(ready, said)
    approve(ready, beside, 75_00)
    approve(ready, paid, 150_00)
    ready.days_later(7)
    pay(ready, paid)
    return ready, paid, beside


def due(ready: Filed) -> dict[str, tuple[int | None, int]]:
    """The office's list: of each claim what it comes to, and what is due."""
    return {
        one.stored.claim.claim_id: (one.comes_to_fen, one.due_fen)
        for one in ready.claims.to_recover(OFFICE)
    }


def told_beside(ready: Filed, claim_id: str) -> list[list[str]]:
    """Of each flag by which the claim was told of others: which."""
    events = ready.claims.show(OFFICE, claim_id).events
    return [one.terms[BESIDE] for one in events if BESIDE in one.terms]


def asked(
    ready: Filed, claim_ids: list[str], seen: Callable[[ClaimsUnit], ClaimsUnit]
) -> list[dict[str, object]]:
    """What each claim comes to, in words and figures, asked one after the other of one unit."""
    with ready.work.begin(writes=False) as unit:
        read, found = seen(unit), []
        for claim_id in claim_ids:
            stored = unit.claims.claim(claim_id)
            assert stored is not None
            taking = ready.claims._taking(read, stored, {})
            tell_worth(taking)
            found.append(taking.terms)
    return found
