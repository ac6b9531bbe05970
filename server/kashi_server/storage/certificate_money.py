"""Invoices and payments of a contract until a day, as a certificate's summary ties them out."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from kashi_server.domain.interval import Month
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.taxed import NOTHING, Taxed
from kashi_server.domain.tie_out import InvoicePaper, PaidPaper, RedPaper, TieOut
from kashi_server.storage.invoices import latest_mapping
from kashi_server.storage.payments import counted_fen
from kashi_server.storage.tables.expense import statements
from kashi_server.storage.tables.papers import (
    invoice_line_parts,
    invoice_lines,
    invoice_statuses,
    invoices,
    payment_covers,
    payments,
)


def stated_money(connection: Connection, contract_id: str, day: date) -> dict[str, object] | None:
    """The contract's money until a day; None: no invoice is stated of it by then."""
    invoiced = _invoices(connection, contract_id, day)
    if not invoiced:
        return None
    standing = [one.number for one in invoiced if one.left is None or one.left.incl_fen]
    until_month, metered_fen = _metered(connection, contract_id)
    return TieOut(
        until_day=day,
        until_month=until_month,
        metered_fen=metered_fen,
        invoices=invoiced,
        payments=_payments(connection, standing, day),
    ).to_data()


def _invoices(connection: Connection, contract_id: str, day: date) -> list[InvoicePaper]:
    """Blue invoices of which a line is mapped to the contract, with how they stand now."""
    of_contract = _mapped(connection, invoice_line_parts.c.contract_id == contract_id)
    query = (
        select(invoices)
        .where(
            invoices.c.number.in_(of_contract),
            invoices.c.incl_fen > 0,
            invoices.c.issued_on <= day.isoformat(),
        )
        .order_by(invoices.c.issued_on, invoices.c.number)
    )
    rows = list(connection.execute(query))
    statuses = _statuses(connection, [row.number for row in rows])
    return [
        InvoicePaper(
            number=row.number,
            issued_on=date.fromisoformat(row.issued_on),
            status=statuses.get(row.number, InvoiceStatus.NORMAL),
            amount=_amount(row),
            of_contract=of_contract[row.number],
            reds=_reds(connection, row, of_contract, day),
        )
        for row in rows
    ]


def _amount(row: Any) -> Taxed:
    return Taxed(ex_tax_fen=int(row.ex_tax_fen), tax_fen=int(row.tax_fen))


def _mapped(connection: Connection, which: ColumnElement[bool]) -> dict[str, Taxed]:
    """By invoice, blue or red, what its lines come to whose latest mappings are such."""
    query = (
        select(
            invoice_line_parts.c.number,
            func.sum(invoice_lines.c.ex_tax_fen).label("ex_tax_fen"),
            func.sum(invoice_lines.c.tax_fen).label("tax_fen"),
        )
        .join(
            invoice_lines,
            (invoice_lines.c.number == invoice_line_parts.c.number)
            & (invoice_lines.c.version == invoice_line_parts.c.version)
            & (invoice_lines.c.line == invoice_line_parts.c.line),
        )
        .join(
            invoices,
            (invoices.c.number == invoice_line_parts.c.number)
            & (invoices.c.version == invoice_line_parts.c.version),
        )
        .where(latest_mapping(), which)
        .group_by(invoice_line_parts.c.number)
    )
    return {row.number: _amount(row) for row in connection.execute(query)}


def _reds(
    connection: Connection,
    blue: Row[Any],
    of_contract: Mapping[str, Taxed],
    day: date,
) -> tuple[RedPaper, ...]:
    """The red invoices of the same parties that name it; no stranger's takes anything back."""
    query = (
        select(invoices)
        .where(
            invoices.c.blue_number == blue.number,
            invoices.c.seller_id == blue.seller_id,
            invoices.c.buyer_id == blue.buyer_id,
            invoices.c.issued_on <= day.isoformat(),
        )
        .order_by(invoices.c.issued_on, invoices.c.number)
    )
    rows = list(connection.execute(query))
    if not rows:
        return ()
    numbers = [row.number for row in rows]
    of_any = _mapped(connection, invoice_line_parts.c.number.in_(numbers))
    return tuple(
        RedPaper(
            number=row.number,
            issued_on=date.fromisoformat(row.issued_on),
            amount=_amount(row),
            of_contract=of_contract.get(row.number),
            unmapped_fen=row.incl_fen - of_any.get(row.number, NOTHING).incl_fen,
        )
        for row in rows
    )


def _statuses(connection: Connection, numbers: Sequence[str]) -> dict[str, InvoiceStatus]:
    query = (
        select(invoice_statuses)
        .where(invoice_statuses.c.number.in_(numbers))
        .order_by(invoice_statuses.c.number, invoice_statuses.c.change)
    )
    return {row.number: InvoiceStatus(row.status) for row in connection.execute(query)}


def _payments(connection: Connection, numbers: Sequence[str], day: date) -> list[PaidPaper]:
    """What payments until a day cover of these invoices, less what went back."""
    query = (
        select(payment_covers, payments.c.paid_on, counted_fen().label("counted_fen"))
        .join(
            payments,
            (payments.c.payer_id == payment_covers.c.payer_id)
            & (payments.c.reference == payment_covers.c.reference),
        )
        .where(payment_covers.c.number.in_(numbers), payments.c.paid_on <= day.isoformat())
        .order_by(payments.c.paid_on, payment_covers.c.reference, payment_covers.c.number)
    )
    return [
        PaidPaper(
            reference=row.reference,
            paid_on=date.fromisoformat(row.paid_on),
            invoice=row.number,
            covered_fen=int(row.counted_fen),
        )
        for row in connection.execute(query)
        if row.counted_fen
    ]


def _metered(connection: Connection, contract_id: str) -> tuple[Month, int]:
    """The last closed month of the contract, and the amounts of its latest statements."""
    query = (
        select(
            statements.c.number,
            statements.c.revision,
            statements.c.month,
            statements.c.amount_fen,
        )
        .where(statements.c.contract_id == contract_id)
        .order_by(statements.c.number, statements.c.revision)
    )
    latest = {row.number: row for row in connection.execute(query)}
    last = max(row.month for row in latest.values())
    return Month.parse(last), sum(row.amount_fen for row in latest.values())
