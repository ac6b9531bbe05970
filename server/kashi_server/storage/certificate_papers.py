"""What papers say of a contract and its money, as a certificate's summary states it.

Every kind is there; null says that nobody stated it. The tie-out compares, over the contract's
whole life until the certified month, what was metered with what was invoiced and paid; it lowers
nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select

from kashi_server.domain.interval import Month
from kashi_server.storage.tables.expense import statements
from kashi_server.storage.tables.papers import (
    contract_amendments,
    contract_parts,
    invoice_line_parts,
    invoice_lines,
    invoice_statuses,
    invoices,
    payment_covers,
    payments,
    provider_listings,
    related_declarations,
)

_VOID: Final = ("void", "red")

Plain = dict[str, object]


def stated_papers(
    connection: Connection, contract_id: str | None, provider_id: str | None, month: Month
) -> Mapping[str, object]:
    """Everything stated, by kind: contract, listings, declaration, money."""
    if contract_id is None:
        return {"contract": None, "declaration": None, "listings": None, "money": None}
    return {
        "contract": _contract(connection, contract_id),
        "declaration": _declaration(connection, contract_id),
        "listings": _listings(connection, provider_id),
        "money": _money(connection, contract_id, month),
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


def _money(connection: Connection, contract_id: str, month: Month) -> Plain | None:
    invoiced = _invoices(connection, contract_id)
    if not invoiced:
        return None
    standing = [one for one in invoiced if one["status"] not in _VOID]
    paid = _payments(connection, [str(one["number"]) for one in standing])
    metered_fen = _metered_fen(connection, contract_id, month)
    invoiced_fen = _sum(standing, "contract_incl_fen")
    return {
        "invoices": invoiced,
        "payments": paid,
        "tie_out": {
            "until_month": str(month),
            "metered_fen": metered_fen,
            "invoiced_ex_tax_fen": _sum(standing, "contract_ex_tax_fen"),
            "invoiced_incl_fen": invoiced_fen,
            "paid_fen": _sum(paid, "covered_fen"),
            "invoiced_less_metered_fen": invoiced_fen - metered_fen,
        },
    }


def _sum(rows: Sequence[Mapping[str, object]], name: str) -> int:
    total = 0
    for row in rows:
        value = row[name]
        assert isinstance(value, int)
        total += value
    return total


def _invoices(connection: Connection, contract_id: str) -> list[Plain]:
    """Invoices of which a line is mapped to the contract, with how they stand now."""
    latest = (
        select(
            invoice_line_parts.c.number,
            invoice_line_parts.c.line,
            func.max(invoice_line_parts.c.mapping_id).label("mapping_id"),
        )
        .group_by(invoice_line_parts.c.number, invoice_line_parts.c.line)
        .subquery()
    )
    of_contract = (
        select(
            invoice_line_parts.c.number,
            func.sum(invoice_lines.c.ex_tax_fen).label("contract_ex_tax_fen"),
            func.sum(invoice_lines.c.tax_fen).label("contract_tax_fen"),
        )
        .join(latest, latest.c.mapping_id == invoice_line_parts.c.mapping_id)
        .join(
            invoice_lines,
            (invoice_lines.c.number == invoice_line_parts.c.number)
            & (invoice_lines.c.line == invoice_line_parts.c.line),
        )
        .where(invoice_line_parts.c.contract_id == contract_id)
        .group_by(invoice_line_parts.c.number)
        .subquery()
    )
    query = (
        select(invoices, of_contract.c.contract_ex_tax_fen, of_contract.c.contract_tax_fen)
        .join(of_contract, of_contract.c.number == invoices.c.number)
        .order_by(invoices.c.issued_on, invoices.c.number)
    )
    rows = list(connection.execute(query))
    statuses = _statuses(connection, [row.number for row in rows])
    return [
        {
            "number": row.number,
            "issued_on": row.issued_on,
            "status": statuses.get(row.number, "normal"),
            "ex_tax_fen": row.ex_tax_fen,
            "tax_fen": row.tax_fen,
            "incl_fen": row.incl_fen,
            "contract_ex_tax_fen": int(row.contract_ex_tax_fen),
            "contract_incl_fen": int(row.contract_ex_tax_fen) + int(row.contract_tax_fen),
        }
        for row in rows
    ]


def _statuses(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    query = (
        select(invoice_statuses)
        .where(invoice_statuses.c.number.in_(numbers))
        .order_by(invoice_statuses.c.number, invoice_statuses.c.change)
    )
    return {row.number: row.status for row in connection.execute(query)}


def _payments(connection: Connection, numbers: Sequence[str]) -> list[Plain]:
    """What payments cover of these invoices."""
    query = (
        select(payment_covers, payments.c.paid_on)
        .join(
            payments,
            (payments.c.payer_id == payment_covers.c.payer_id)
            & (payments.c.reference == payment_covers.c.reference),
        )
        .where(payment_covers.c.number.in_(numbers))
        .order_by(payments.c.paid_on, payment_covers.c.reference, payment_covers.c.number)
    )
    return [
        {
            "reference": row.reference,
            "paid_on": row.paid_on,
            "invoice": row.number,
            "covered_fen": row.amount_fen,
        }
        for row in connection.execute(query)
    ]


def _metered_fen(connection: Connection, contract_id: str, month: Month) -> int:
    """The amounts of the contract's latest statements until a month."""
    query = (
        select(statements.c.number, statements.c.revision, statements.c.amount_fen)
        .where(statements.c.contract_id == contract_id, statements.c.month <= str(month))
        .order_by(statements.c.number, statements.c.revision)
    )
    latest = {row.number: row.amount_fen for row in connection.execute(query)}
    return sum(latest.values())
