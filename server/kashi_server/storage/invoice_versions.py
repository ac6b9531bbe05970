"""Several contents told of one invoice number, and which of them two officers let stand.

Each is a row of its own for ever. The one that stands is the row of `invoices` and its lines; the
database lets that row become another content only by the latest decision (`paper_guards`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from kashi_server.domain.invoice_content import invoice_of, said_by
from kashi_server.domain.taxed import Taxed
from kashi_server.services.papers_port import InvoiceDecision, InvoiceVersion
from kashi_server.storage.tables.papers import (
    invoice_decisions,
    invoice_lines,
    invoice_versions,
    invoices,
)


class InvoiceVersionRows:
    """The part of the invoices' repository that speaks of versions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def versions(self, number: str | None = None) -> Sequence[InvoiceVersion]:
        """Contents that were told of one number, or all; none where only one ever was."""
        columns = invoice_versions.c
        query = select(invoice_versions).order_by(columns.number, columns.version)
        if number is not None:
            query = query.where(columns.number == number)
        return [
            InvoiceVersion(
                version=row.version,
                invoice=invoice_of(json.loads(row.content)),
                status=InvoiceStatus(row.status),
                source=row.source,
                told_by=row.told_by,
                told_utc_ms=row.told_utc_ms,
            )
            for row in self._connection.execute(query)
        ]

    def lines_beside(self) -> Mapping[tuple[str, int], Sequence[InvoiceLine]]:
        """Lines of contents that stood and do not stand now, by number and version."""
        lines = invoice_lines.c
        query = (
            select(invoice_lines)
            .join(
                invoices,
                and_(invoices.c.number == lines.number, invoices.c.version != lines.version),
            )
            .order_by(lines.number, lines.version, lines.line)
        )
        rows = self._connection.execute(query)
        return {
            key: lines_of(of_content)
            for key, of_content in groupby(rows, key=lambda row: (row.number, row.version))
        }

    def decisions(self, number: str | None = None) -> Sequence[InvoiceDecision]:
        """Which of them stood since when, in order."""
        columns = invoice_decisions.c
        query = select(invoice_decisions).order_by(columns.number, columns.decision)
        if number is not None:
            query = query.where(columns.number == number)
        return [
            InvoiceDecision(**{one.name: getattr(row, one.name) for one in columns})
            for row in self._connection.execute(query)
        ]

    def told_since_decided(self) -> Sequence[str]:
        """Numbers of which a content, or a word of one, came after the last decision, in order."""
        versions, decisions = invoice_versions.c, invoice_decisions.c
        told = (
            select(versions.number, func.count().label("contents"))
            .group_by(versions.number)
            .subquery()
        )
        decided = (
            select(decisions.number, func.max(decisions.seen).label("seen"))
            .group_by(decisions.number)
            .subquery()
        )
        query = (
            select(told.c.number)
            .outerjoin(decided, decided.c.number == told.c.number)
            .where(told.c.contents > func.coalesce(decided.c.seen, 0))
            .order_by(told.c.number)
        )
        return list(self._connection.execute(query).scalars())

    def add_version(self, version: InvoiceVersion) -> None:
        """Keep a content."""
        invoice = version.invoice
        self._connection.execute(
            insert(invoice_versions).values(
                number=invoice.number,
                version=version.version,
                content=canonical_bytes(said_by(invoice)).decode(),
                status=version.status.value,
                seller_id=invoice.seller_id,
                buyer_id=invoice.buyer_id,
                source=version.source,
                told_by=version.told_by,
                told_utc_ms=version.told_utc_ms,
            )
        )

    def decide(self, decision: InvoiceDecision, invoice: Invoice) -> None:
        """Keep a decision, and let this content stand."""
        columns = invoice_decisions.c
        values = {one.name: getattr(decision, one.name) for one in columns}
        self._connection.execute(insert(invoice_decisions).values(**values))
        standing = select(invoices.c.version).where(invoices.c.number == decision.number)
        if self._connection.execute(standing).scalar_one() == decision.version:
            return
        self._connection.execute(
            update(invoices)
            .where(invoices.c.number == decision.number)
            .values(version=decision.version, **content_columns(invoice))
        )
        lines = invoice_lines.c
        known = select(lines.line).where(
            lines.number == decision.number, lines.version == decision.version
        )
        if not self._connection.execute(known).all():
            self.add_lines(invoice, decision.version)

    def add_lines(self, invoice: Invoice, version: int) -> None:
        """Add the lines of a content."""
        rows = [
            {
                "number": invoice.number,
                "version": version,
                "line": line.line,
                "name": line.name,
                "ex_tax_fen": line.amount.ex_tax_fen,
                "tax_fen": line.amount.tax_fen,
            }
            for line in invoice.lines
        ]
        self._connection.execute(insert(invoice_lines), rows)


def lines_of(rows: Iterable[Row[Any]]) -> tuple[InvoiceLine, ...]:
    """Rows of `invoice_lines` as lines."""
    return tuple(
        InvoiceLine(
            line=row.line,
            name=row.name,
            amount=Taxed(ex_tax_fen=row.ex_tax_fen, tax_fen=row.tax_fen),
        )
        for row in rows
    )


def content_columns(invoice: Invoice) -> dict[str, object]:
    """What an invoice says, as columns of `invoices`, but for its number and lines."""
    return {
        "issued_on": invoice.issued_on.isoformat(),
        "seller_id": invoice.seller_id,
        "buyer_id": invoice.buyer_id,
        "seller_name": invoice.seller_name,
        "buyer_name": invoice.buyer_name,
        "ex_tax_fen": invoice.amount.ex_tax_fen,
        "tax_fen": invoice.amount.tax_fen,
        "incl_fen": invoice.amount.incl_fen,
        "blue_number": invoice.blue_number,
    }
