"""What the log keeps of agreements: each as it stands, every time it changes.

So a row that is altered behind the server's back, or slipped in, differs from the log (`fsck`).
"""

from dataclasses import fields
from datetime import date
from enum import StrEnum
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.contract_terms import Amendment, ContractPart
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.interval import Interval
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.money import price_text
from kashi_server.domain.party import Party
from kashi_server.domain.project_description import ProjectDescription
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.tariff import Price, PriceUnit
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.voiding import Voiding
from kashi_server.services.import_building import Agreement

AGREEMENT_ENTRY: Final = "agreement"
PRICE_ENTRY: Final = "price"


def logged(agreement: Agreement) -> tuple[str, str, bytes]:
    """Kind, reference and bytes of the entry that an agreement makes."""
    match agreement:
        case Price():
            return PRICE_ENTRY, agreement.price_id, price_entry(agreement)
        case Voiding():
            return dropped(agreement.assignment_id)
        case Party():
            reference = f"party/{agreement.party_id}"
        case Tenure():
            reference = f"tenure/{agreement.host_id}/{agreement.interval.start}"
        case Contract():
            reference = f"contract/{agreement.contract_id}"
        case Assignment():
            reference = f"assignment/{agreement.assignment_id}"
        case Amendment():
            reference = f"amendment/{agreement.contract_id}/{agreement.number}"
        case ContractPart():
            reference = f"part/{agreement.contract_id}/{agreement.amendment}/{agreement.part}"
        case RelatedDeclaration():
            reference = f"declaration/{agreement.contract_id}/{agreement.declared_on}"
        case ProjectDescription():
            reference = f"project/{agreement.contract_id}/{agreement.stated_on}"
        case ProviderListing():
            reference = f"listing/{agreement.listing_id}"
    said = {field.name: _plain(getattr(agreement, field.name)) for field in fields(agreement)}
    entry = {"format": "kashi/v1/agreement", "reference": reference, **said}
    return AGREEMENT_ENTRY, reference, canonical_bytes(entry)


def dropped(assignment_id: str) -> tuple[str, str, bytes]:
    """Kind, reference and bytes of the entry that takes an assignment out of the book."""
    reference = f"assignment/{assignment_id}"
    entry = {"format": "kashi/v1/agreement", "reference": reference, "dropped": True}
    return AGREEMENT_ENTRY, reference, canonical_bytes(entry)


def price_entry(price: Price) -> bytes:
    """What the log keeps of a price."""
    end = price.interval.end
    said: dict[str, object] = {
        "format": "kashi/v1/price",
        "price_id": price.price_id,
        "contract_id": price.contract_id,
        "model": price.model,
        "basis": str(price.basis),
        "start": shanghai_text(price.interval.start),
        "end": None if end is None else shanghai_text(end),
    }
    if price.unit is PriceUnit.CARD_HOUR:
        return canonical_bytes({**said, "yuan_per_card_hour": price_text(price.yuan)})
    unit = {"unit": str(price.unit), "yuan": price_text(price.yuan)}
    of_unit = {"profile": price.profile, "devices": price.devices}
    return canonical_bytes({**said, **unit, **of_unit})


def _plain(value: object) -> object:
    match value:
        case Interval(start=start, end=end):
            return [shanghai_text(start), None if end is None else shanghai_text(end)]
        case date():
            return value.isoformat()
        case StrEnum():
            return str(value)
        case _:
            return value
