"""Plain claims: everything known, every condition met, nothing before them."""

from datetime import date
from fractions import Fraction

from kashi_server.domain.evaluation.case import Case, Claimant, Part, Service, Standing

APPLIED = date(2026, 5, 20)
SERVICE = Service(
    contract_signed=date(2026, 1, 10),
    service_from=date(2026, 1, 15),
    service_until=date(2026, 12, 31),
    purpose="training",
    provider_listed=True,
    related=False,
)


def yuan(amount: str) -> int:
    """Yuan in fen."""
    return int(Fraction(amount) * 100)


def company(*, exception_approved: bool | None = None) -> Claimant:
    """An established company that meets every condition."""
    return Claimant(
        kind="企业",
        established_on=date(2019, 3, 1),
        in_jurisdiction=True,
        legal_person=True,
        credit_clean=True,
        listed_provider=False,
        exception_approved=exception_approved,
    )


def standing(**known: int | None) -> Standing:
    """Nothing was spent, awarded or paid before, but what is said here."""
    nothing = dict.fromkeys(
        (
            "year_eligible_fen",
            "year_contract_fen",
            "year_awarded_fen",
            "years_awarded",
            "paid_on_contract_fen",
        ),
        0,
    )
    return Standing(**{**nothing, **known})


def same_tax(
    item: str, contract: str, invoice: str | None = None, *, domestic: bool | None = None
) -> Part:
    """A part whose amounts bear no tax."""
    contract_fen, invoice_fen = yuan(contract), None if invoice is None else yuan(invoice)
    return Part(
        item=item,
        contract_fen=contract_fen,
        contract_ex_tax_fen=contract_fen,
        invoice_fen=invoice_fen,
        invoice_ex_tax_fen=invoice_fen,
        domestic=domestic,
    )


def plain_case(amount_fen: int, requested_fen: int) -> Case:
    """A claim of one amount that was contracted, invoiced and paid."""
    return Case(
        case_id="plain",
        applied_on=APPLIED,
        claimant=company(),
        service=SERVICE,
        parts=(
            Part(
                item="accelerator",
                contract_fen=amount_fen,
                contract_ex_tax_fen=amount_fen,
                invoice_fen=amount_fen,
                invoice_ex_tax_fen=amount_fen,
            ),
        ),
        payment_fen=amount_fen,
        other_money=(),
        standing=standing(pool_granted_fen=0, pool_requested_fen=requested_fen),
    )
