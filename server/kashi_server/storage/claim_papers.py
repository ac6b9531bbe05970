"""Papers as claims look them up: parts of contracts, invoices, payments, lists, files."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from kashi_server.domain.contract_terms import Amendment, ContractPart, ContractTerms
from kashi_server.domain.interval import minute_of_day
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.taxed import Taxed
from kashi_server.services.claims_port import (
    EvidencePaper,
    InvoicePaper,
    PartPaper,
    PaymentPaper,
)
from kashi_server.storage.invoices import latest_mapping
from kashi_server.storage.payments import counted_fen
from kashi_server.storage.tables.expense import contracts
from kashi_server.storage.tables.papers import (
    contract_amendments,
    contract_parts,
    evidence_files,
    invoice_line_parts,
    invoice_lines,
    invoice_statuses,
    invoices,
    payment_covers,
    payments,
    provider_listings,
    related_declarations,
)


class ClaimPaperRepository:
    """Speaks through one connection; see `services.claims_port.PapersPort`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def parts(self, contract_id: str) -> Sequence[PartPaper]:
        """The parts of a contract as amended, by name."""
        found = self._connection.execute(
            select(contract_parts).where(contract_parts.c.contract_id == contract_id)
        )
        changed = self._connection.execute(
            select(contract_amendments).where(contract_amendments.c.contract_id == contract_id)
        )
        terms = ContractTerms(
            contract_id=contract_id,
            parts=tuple(_part(row) for row in found),
            amendments=tuple(_amendment(row) for row in changed),
        )
        papers = [
            PartPaper(
                contract_id=contract_id,
                part=one.part,
                item=one.item,
                amount=one.amount,
                owned=one.owned,
                domestic=one.domestic,
            )
            for one in terms.held_at().parts
        ]
        return sorted(papers, key=lambda one: one.part)

    def invoice_parts(self, contract_id: str, number: str | None = None) -> Sequence[InvoicePaper]:
        """What invoices say of a contract's parts, by number and part."""
        query = (
            select(
                *(invoices.c[name] for name in _INVOICE),
                invoice_line_parts.c.part,
                func.sum(invoice_lines.c.ex_tax_fen).label("part_ex_tax_fen"),
                func.sum(invoice_lines.c.tax_fen).label("part_tax_fen"),
            )
            .join(
                invoice_line_parts,
                and_(
                    invoice_line_parts.c.number == invoices.c.number,
                    invoice_line_parts.c.version == invoices.c.version,
                ),
            )
            .join(
                invoice_lines,
                and_(
                    invoice_lines.c.number == invoice_line_parts.c.number,
                    invoice_lines.c.version == invoice_line_parts.c.version,
                    invoice_lines.c.line == invoice_line_parts.c.line,
                ),
            )
            .where(
                latest_mapping(),
                invoice_line_parts.c.contract_id == contract_id,
                invoices.c.incl_fen > 0,
            )
            .group_by(*(invoices.c[name] for name in _INVOICE), invoice_line_parts.c.part)
            .order_by(invoices.c.number, invoice_line_parts.c.part)
        )
        if number is not None:
            query = query.where(invoices.c.number == number)
        return [self._invoice(contract_id, row) for row in self._connection.execute(query)]

    def _invoice(self, contract_id: str, row: Any) -> InvoicePaper:
        # Only the seller's own red invoice to the same buyer takes anything back.
        reds = select(func.count(), func.coalesce(func.sum(invoices.c.incl_fen), 0)).where(
            invoices.c.blue_number == row.number,
            invoices.c.seller_id == row.seller_id,
            invoices.c.buyer_id == row.buyer_id,
        )
        count, taken_fen = self._connection.execute(reds).one()
        status = (
            select(invoice_statuses.c.status)
            .where(invoice_statuses.c.number == row.number)
            .order_by(invoice_statuses.c.change.desc())
            .limit(1)
        )
        stands = self._connection.execute(status).scalar_one_or_none()
        return InvoicePaper(
            number=row.number,
            seller_id=row.seller_id,
            buyer_id=row.buyer_id,
            issued_on=date.fromisoformat(row.issued_on),
            contract_id=contract_id,
            part=row.part,
            amount=Taxed(ex_tax_fen=int(row.part_ex_tax_fen), tax_fen=int(row.part_tax_fen)),
            total_fen=row.incl_fen + int(taken_fen),
            # Whose status nobody told is not known to hold good; of one that is partly red-flushed
            # by an invoice that is not here nobody knows how much is left.
            claimable=stands is not None
            and InvoiceStatus(stands).claimable
            and not (stands == InvoiceStatus.PARTLY_RED and not count),
        )

    def payments(self, payer_id: str) -> Sequence[PaymentPaper]:
        """A company's payments, one row an invoice that they cover, by reference."""
        query = (
            select(payments, payment_covers.c.number, counted_fen().label("covered"))
            .join(
                payment_covers,
                and_(
                    payment_covers.c.payer_id == payments.c.payer_id,
                    payment_covers.c.reference == payments.c.reference,
                ),
            )
            .where(payments.c.payer_id == payer_id)
            .order_by(payments.c.reference, payment_covers.c.number)
        )
        return [
            PaymentPaper(
                payer_id=row.payer_id,
                reference=row.reference,
                payee_id=row.payee_id,
                paid_on=date.fromisoformat(row.paid_on),
                amount_fen=row.amount_fen,
                number=row.number,
                covered_fen=int(row.covered),
            )
            for row in self._connection.execute(query)
        ]

    def listed_from(self, provider_id: str, service_item: str | None, day: date) -> date | None:
        """Since when a provider's service item is listed on a day; None: it is not."""
        minute = minute_of_day(day)
        query = select(provider_listings).where(
            provider_listings.c.provider_id == provider_id,
            provider_listings.c.start_minute <= minute,
        )
        if service_item is not None:
            query = query.where(provider_listings.c.service_item == service_item)
        held = [
            row.start_minute
            for row in self._connection.execute(query)
            if row.end_minute is None or minute < row.end_minute
        ]
        return _day_of(min(held)) if held else None

    def related(self, contract_id: str) -> bool | None:
        """Whether both sides declared to be related; None: they declared nothing."""
        query = (
            select(related_declarations.c.unrelated)
            .where(related_declarations.c.contract_id == contract_id)
            .order_by(related_declarations.c.declared_on.desc())
            .limit(1)
        )
        unrelated = self._connection.execute(query).scalar_one_or_none()
        if unrelated is None:
            declared = select(contracts.c.unrelated_declared).where(
                contracts.c.contract_id == contract_id
            )
            unrelated = self._connection.execute(declared).scalar_one_or_none()
        return None if unrelated is None else not unrelated

    def evidence(self, owner_id: str, subjects: Sequence[str]) -> Sequence[EvidencePaper]:
        """Files about these subjects, like `invoice:NUMBER`, by subject and name."""
        subject = evidence_files.c.subject_kind + ":" + evidence_files.c.subject
        query = (
            select(evidence_files, subject.label("about"))
            .where(evidence_files.c.owner_id == owner_id, subject.in_(subjects))
            .order_by(subject, evidence_files.c.name, evidence_files.c.sha256)
        )
        return [
            EvidencePaper(
                sha256=row.sha256, name=row.name, subject=row.about, size_bytes=row.size_bytes
            )
            for row in self._connection.execute(query)
        ]


_INVOICE = ("number", "seller_id", "buyer_id", "issued_on", "incl_fen")


def _part(row: Row[Any]) -> ContractPart:
    return ContractPart(
        contract_id=row.contract_id,
        amendment=row.amendment,
        part=row.part,
        item=row.item,
        ex_tax_fen=row.ex_tax_fen,
        tax_fen=row.tax_fen,
        domestic=row.domestic,
        owned=row.owned,
    )


def _amendment(row: Row[Any]) -> Amendment:
    return Amendment(
        contract_id=row.contract_id,
        number=row.number,
        signed_on=date.fromisoformat(row.signed_on),
        effective=row.effective_minute,
        document=row.document,
        changes_end=row.changes_end,
        end=row.end_minute,
        end_before=row.end_before_minute,
    )


def _day_of(minute: int) -> date:
    return date.fromordinal((minute + 480) // 1440 + date(1970, 1, 1).toordinal())
