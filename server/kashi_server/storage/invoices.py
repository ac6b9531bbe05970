"""Invoices in the database: what they say, how they stand, and what claims took of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from kashi_server.domain.both_languages import because
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus, LinePart
from kashi_server.domain.taxed import Taxed
from kashi_server.errors import Refused
from kashi_server.services.papers_port import Allocation, LineMapping, StatusChange, StoredInvoice
from kashi_server.storage.invoice_versions import InvoiceVersionRows, content_columns, lines_of
from kashi_server.storage.paper_guards import GUARD_WORDS, lock_key
from kashi_server.storage.tables.papers import (
    invoice_allocations,
    invoice_line_parts,
    invoice_lines,
    invoice_statuses,
    invoices,
)

_NUMBERS_AT_ONCE: Final = 1_000


def advisory_lock(connection: Connection, *key: str) -> None:
    """Wait for whoever holds this key on PostgreSQL; SQLite has one writer at a time."""
    if connection.dialect.name == "postgresql":
        hashed = func.hashtextextended(lock_key(*key), 0)
        connection.execute(select(func.pg_advisory_xact_lock(hashed)))


def refusal(error: IntegrityError) -> Refused:
    """What a guard of the database said, as a refusal."""
    said = str(error.orig).strip().splitlines()[0]
    zh = GUARD_WORDS.get(said)
    return Refused(
        because("数据库拒绝此项", "the database refuses it", f"{zh}。{said}" if zh else said)
    )


class InvoiceRepository(InvoiceVersionRows):
    """Speaks through one connection; see `services.papers_port`."""

    def lock(self, number: str) -> None:
        """Keep others from changing or claiming this invoice until the unit ends."""
        advisory_lock(self._connection, "invoice", number)

    def invoice(self, number: str) -> StoredInvoice | None:
        """One invoice."""
        found = self._stored(select(invoices).where(invoices.c.number == number))
        return found[0] if found else None

    def invoices(
        self,
        *,
        party_id: str | None = None,
        contract_id: str | None = None,
        numbers: Collection[str] | None = None,
    ) -> Sequence[StoredInvoice]:
        """Invoices by day and number: of a party, with lines for a contract, of these numbers."""
        query = select(invoices)
        if party_id is not None:
            query = query.where(
                or_(invoices.c.seller_id == party_id, invoices.c.buyer_id == party_id)
            )
        if contract_id is not None:
            latest = _latest_mappings().subquery()
            of_contract = select(latest.c.number).where(
                latest.c.contract_id == contract_id, latest.c.version == invoices.c.version
            )
            query = query.where(invoices.c.number.in_(of_contract))
        if numbers is None:
            return self._stored(query.order_by(invoices.c.issued_on, invoices.c.number))
        found = [
            stored
            for some in _few(sorted(numbers))
            for stored in self._stored(query.where(invoices.c.number.in_(some)))
        ]
        return sorted(found, key=lambda one: (one.invoice.issued_on, one.invoice.number))

    def reds_of(self, number: str) -> Sequence[Invoice]:
        """The red invoices of the same seller and buyer that take back something of this one."""
        blue = invoices.alias()
        query = (
            select(invoices)
            .join(
                blue,
                and_(
                    blue.c.number == invoices.c.blue_number,
                    blue.c.seller_id == invoices.c.seller_id,
                    blue.c.buyer_id == invoices.c.buyer_id,
                ),
            )
            .where(invoices.c.blue_number == number)
        )
        return [stored.invoice for stored in self._stored(query.order_by(invoices.c.number))]

    def statuses(self, number: str | None = None) -> Sequence[StatusChange]:
        """Every change of how invoices stand, in order."""
        columns = invoice_statuses.c
        query = select(invoice_statuses).order_by(columns.number, columns.change)
        if number is not None:
            query = query.where(columns.number == number)
        return [
            StatusChange(
                number=row.number,
                change=row.change,
                status=InvoiceStatus(row.status),
                source=row.source,
                decided=row.decided,
                by_reds=row.by_reds,
                told_by=row.told_by,
                told_utc_ms=row.told_utc_ms,
            )
            for row in self._connection.execute(query)
        ]

    def mappings(self) -> Sequence[LineMapping]:
        """What each line is for now, by number and line."""
        return [_mapping(row) for row in self._connection.execute(_latest_mappings())]

    def allocations(
        self, *, number: str | None = None, claim_id: str | None = None
    ) -> Sequence[Allocation]:
        """What was taken and given back, in order."""
        columns = invoice_allocations.c
        query = select(invoice_allocations).order_by(columns.allocation_id)
        if number is not None:
            query = query.where(columns.number == number)
        if claim_id is not None:
            query = query.where(columns.claim_id == claim_id)
        return [_allocation(row) for row in self._connection.execute(query)]

    def add(self, invoice: Invoice, utc_ms: int) -> None:
        """Add an invoice with its lines."""
        self._connection.execute(
            insert(invoices).values(
                number=invoice.number, added_utc_ms=utc_ms, **content_columns(invoice)
            )
        )
        self.add_lines(invoice, 1)

    def tell_blue(self, number: str, blue_number: str) -> None:
        """Say which invoice a red one takes back, which it did not say."""
        self._connection.execute(
            update(invoices)
            .where(invoices.c.number == number, invoices.c.blue_number == "")
            .values(blue_number=blue_number)
        )

    def add_status(self, change: StatusChange) -> None:
        """Add how it stands now."""
        self._connection.execute(
            insert(invoice_statuses).values(
                number=change.number,
                change=change.change,
                status=change.status.value,
                source=change.source,
                decided=change.decided,
                by_reds=change.by_reds,
                told_by=change.told_by,
                told_utc_ms=change.told_utc_ms,
            )
        )

    def map_line(self, mapping: LineMapping) -> None:
        """Say which part a line is for.

        Raises:
            Refused: claims hold a part of the invoice and the line had one already.
        """
        values = {
            "number": mapping.number,
            "version": mapping.version,
            "line": mapping.part.line,
            "contract_id": mapping.part.contract_id,
            "part": mapping.part.part,
            "mapped_by": mapping.mapped_by,
            "mapped_utc_ms": mapping.mapped_utc_ms,
        }
        try:
            self._connection.execute(insert(invoice_line_parts).values(**values))
        except IntegrityError as error:
            raise refusal(error) from error

    def allocate(self, allocation: Allocation) -> int:
        """Add an allocation; its id.

        Raises:
            Refused: it leaves a bound.
        """
        statement = (
            insert(invoice_allocations)
            .values(
                number=allocation.number,
                contract_id=allocation.contract_id,
                part=allocation.part,
                claim_id=allocation.claim_id,
                amount_fen=allocation.amount_fen,
                allocated_by=allocation.allocated_by,
                reason=allocation.reason,
                allocated_utc_ms=allocation.allocated_utc_ms,
            )
            .returning(invoice_allocations.c.allocation_id)
        )
        try:
            return int(self._connection.execute(statement).scalar_one())
        except IntegrityError as error:
            raise refusal(error) from error

    def _stored(self, query: Select[Any]) -> list[StoredInvoice]:
        rows = self._connection.execute(query).all()
        lines: dict[str, tuple[InvoiceLine, ...]] = {}
        parts: dict[str, list[LinePart]] = {}
        statuses: dict[str, InvoiceStatus] = {}
        for some in _few([row.number for row in rows]):
            lines |= self._lines(some)
            parts |= self._parts(some)
            statuses |= self._latest(some)
        return [
            StoredInvoice(
                invoice=_invoice(row, lines[row.number]),
                status=statuses.get(row.number, InvoiceStatus.NORMAL),
                parts=tuple(parts.get(row.number, ())),
                added_utc_ms=row.added_utc_ms,
                version=row.version,
            )
            for row in rows
        ]

    def _lines(self, numbers: Sequence[str]) -> Mapping[str, tuple[InvoiceLine, ...]]:
        columns = invoice_lines.c
        query = (
            select(invoice_lines)
            .join(invoices, _standing(invoice_lines))
            .where(columns.number.in_(numbers))
            .order_by(columns.number, columns.line)
        )
        rows = self._connection.execute(query)
        return {
            number: lines_of(of_invoice)
            for number, of_invoice in groupby(rows, key=lambda row: row.number)
        }

    def _parts(self, numbers: Sequence[str]) -> Mapping[str, list[LinePart]]:
        found: dict[str, list[LinePart]] = {}
        query = (
            _latest_mappings()
            .join(invoices, _standing(invoice_line_parts))
            .where(invoice_line_parts.c.number.in_(numbers))
        )
        for row in self._connection.execute(query):
            found.setdefault(row.number, []).append(_mapping(row).part)
        return found

    def _latest(self, numbers: Sequence[str]) -> Mapping[str, InvoiceStatus]:
        columns = invoice_statuses.c
        query = (
            select(columns.number, columns.status)
            .where(columns.number.in_(numbers))
            .order_by(columns.number, columns.change)
        )
        return {row.number: InvoiceStatus(row.status) for row in self._connection.execute(query)}


def _few(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    """Some at a time: a statement takes so many parameters and no more."""
    for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
        yield numbers[start : start + _NUMBERS_AT_ONCE]


def latest_mapping() -> ColumnElement[bool]:
    """Whether a row of `invoice_line_parts` is the one that holds of its line."""
    later = invoice_line_parts.alias("later")
    last = (
        select(func.max(later.c.mapping_id))
        .where(
            later.c.number == invoice_line_parts.c.number,
            later.c.version == invoice_line_parts.c.version,
            later.c.line == invoice_line_parts.c.line,
        )
        .correlate(invoice_line_parts)
        .scalar_subquery()
    )
    return invoice_line_parts.c.mapping_id == last


def _latest_mappings() -> Select[Any]:
    """The row that holds of each line of each version."""
    columns = invoice_line_parts.c
    return (
        select(invoice_line_parts)
        .where(latest_mapping())
        .order_by(columns.number, columns.version, columns.line)
    )


def _standing(table: Table) -> ColumnElement[bool]:
    """Rows of the content that stands, of several of one number."""
    same_number: ColumnElement[bool] = table.c.number == invoices.c.number
    return and_(same_number, table.c.version == invoices.c.version)


def _mapping(row: Row[Any]) -> LineMapping:
    return LineMapping(
        number=row.number,
        part=LinePart(line=row.line, contract_id=row.contract_id, part=row.part),
        mapped_by=row.mapped_by,
        mapped_utc_ms=row.mapped_utc_ms,
        version=row.version,
    )


def _allocation(row: Row[Any]) -> Allocation:
    return Allocation(
        number=row.number,
        contract_id=row.contract_id,
        part=row.part,
        claim_id=row.claim_id,
        amount_fen=row.amount_fen,
        allocated_by=row.allocated_by,
        reason=row.reason,
        allocated_utc_ms=row.allocated_utc_ms,
        allocation_id=row.allocation_id,
    )


def _invoice(row: Row[Any], lines: tuple[InvoiceLine, ...]) -> Invoice:
    return Invoice(
        number=row.number,
        issued_on=date.fromisoformat(row.issued_on),
        seller_id=row.seller_id,
        buyer_id=row.buyer_id,
        seller_name=row.seller_name,
        buyer_name=row.buyer_name,
        amount=Taxed(ex_tax_fen=row.ex_tax_fen, tax_fen=row.tax_fen),
        lines=lines,
        blue_number=row.blue_number,
    )
