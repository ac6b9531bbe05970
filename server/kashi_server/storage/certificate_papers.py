"""What papers say of a contract and its money, as a certificate's summary states it.

Every kind is there; null says that nobody stated it. Its money stands in `certificate_money`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from kashi_server.storage.certificate_money import stated_money
from kashi_server.storage.tables.papers import (
    contract_amendments,
    contract_parts,
    project_descriptions,
    provider_listings,
    related_declarations,
)

Plain = dict[str, object]
_NO_PROJECT: Final[Plain] = {"contact": None, "project": None, "site": None}
"""Nobody described the project: the certificate says so, by name."""


def stated_papers(
    connection: Connection, contract_id: str | None, provider_id: str | None, day: date
) -> Mapping[str, object]:
    """Everything stated until a day, by kind: contract, listings, declaration, money."""
    if contract_id is None:
        none = {"contract": None, "declaration": None, "listings": None, "money": None}
        return none | _NO_PROJECT
    return _project(connection, contract_id, day) | {
        "contract": _contract(connection, contract_id),
        "declaration": _declaration(connection, contract_id),
        "listings": _listings(connection, provider_id),
        "money": stated_money(connection, contract_id, day),
    }


def _contract(connection: Connection, contract_id: str) -> Plain | None:
    """The contract's parts as its latest amendment leaves them, and its amendments."""
    amended = (
        select(contract_amendments)
        .where(contract_amendments.c.contract_id == contract_id)
        .order_by(contract_amendments.c.effective_minute, contract_amendments.c.number)
    )
    amendments = list(connection.execute(amended))
    order = {row.number: place for place, row in enumerate(amendments, 1)}
    latest: dict[str, Any] = {}
    found = select(contract_parts).where(contract_parts.c.contract_id == contract_id)
    for row in sorted(connection.execute(found), key=lambda one: order.get(one.amendment, 0)):
        latest[row.part] = row
    if not latest:
        return None
    parts = [
        {
            "part": row.part,
            "item": row.item,
            "ex_tax_fen": row.ex_tax_fen,
            "tax_fen": row.tax_fen,
            "domestic": row.domestic,
        }
        for row in sorted(latest.values(), key=lambda one: one.part)
    ]
    return {
        "parts": parts,
        "ex_tax_fen": sum(row.ex_tax_fen for row in latest.values()),
        "tax_fen": sum(row.tax_fen for row in latest.values()),
        "amendments": [
            {"number": row.number, "signed_on": row.signed_on, "document": row.document}
            for row in amendments
        ],
    }


def _declaration(connection: Connection, contract_id: str) -> Plain | None:
    query = (
        select(related_declarations)
        .where(related_declarations.c.contract_id == contract_id)
        .order_by(related_declarations.c.declared_on.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return {
        "unrelated": row.unrelated,
        "declared_on": row.declared_on,
        "document": row.document,
    }


def _project(connection: Connection, contract_id: str, day: date) -> Plain:
    """What the contract's compute is for, the site and whom to ask, as last described until a day:
    a paper never changes, and one of a day that has not come would stand before all that follow."""
    query = (
        select(project_descriptions)
        .where(
            project_descriptions.c.contract_id == contract_id,
            project_descriptions.c.stated_on <= day.isoformat(),
        )
        .order_by(project_descriptions.c.stated_on.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return _NO_PROJECT
    project = {
        "name": row.project,
        "purpose": row.purpose,
        "stated_on": row.stated_on,
        "document": row.document,
    }
    return {"contact": row.contact, "project": project, "site": row.site}


def _listings(connection: Connection, provider_id: str | None) -> list[Plain] | None:
    query = (
        select(provider_listings)
        .where(provider_listings.c.provider_id == provider_id)
        .order_by(provider_listings.c.start_minute, provider_listings.c.listing_id)
    )
    found = [
        {
            "batch": row.batch,
            "service_item": row.service_item,
            "start_minute": row.start_minute,
            "end_minute": row.end_minute,
            "document": row.document,
        }
        for row in connection.execute(query)
    ]
    return found or None
