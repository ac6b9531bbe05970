"""What the log keeps of papers, so that a row altered behind the server's back shows (`fsck`)."""

from collections.abc import Iterator
from typing import Final, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.evidence_file import EvidenceFile
from kashi_server.domain.invoice import Invoice
from kashi_server.domain.payment import Covered, Payment
from kashi_server.domain.taxed import Taxed
from kashi_server.services.papers_port import (
    Allocation,
    FilesPort,
    InvoicesPort,
    LineMapping,
    PaymentReturn,
    PaymentsPort,
    StatusChange,
)

INVOICE_ENTRY: Final = "invoice"
STATUS_ENTRY: Final = "invoice-status"
MAPPING_ENTRY: Final = "invoice-part"
ALLOCATION_ENTRY: Final = "invoice-allocation"
PAYMENT_ENTRY: Final = "payment"
COVER_ENTRY: Final = "payment-cover"
RETURN_ENTRY: Final = "payment-return"
FILE_ENTRY: Final = "evidence-file"
PAPER_ENTRIES: Final = (
    INVOICE_ENTRY,
    STATUS_ENTRY,
    MAPPING_ENTRY,
    ALLOCATION_ENTRY,
    PAYMENT_ENTRY,
    COVER_ENTRY,
    RETURN_ENTRY,
    FILE_ENTRY,
)

LogEntry = tuple[str, str, bytes]
"""Kind, reference and bytes."""


def invoice_entry(invoice: Invoice) -> LogEntry:
    """Of an invoice: everything it says."""
    said = {
        "format": "kashi/v1/invoice",
        "number": invoice.number,
        "issued_on": invoice.issued_on.isoformat(),
        "seller_id": invoice.seller_id,
        "buyer_id": invoice.buyer_id,
        "seller_name": invoice.seller_name,
        "buyer_name": invoice.buyer_name,
        **_taxed(invoice.amount),
        "blue_number": invoice.blue_number,
        "lines": [{"name": line.name, **_taxed(line.amount)} for line in invoice.lines],
    }
    return INVOICE_ENTRY, invoice.number, canonical_bytes(said)


def status_entry(change: StatusChange) -> LogEntry:
    """Of how an invoice stands since a change."""
    said = {
        "format": "kashi/v1/invoice-status",
        "number": change.number,
        "change": change.change,
        "status": str(change.status),
        "source": change.source,
        "decided": change.decided,
        "told_by": change.told_by,
        "told_utc_ms": change.told_utc_ms,
    }
    return STATUS_ENTRY, f"{change.number}/{change.change}", canonical_bytes(said)


def mapping_entry(mapping: LineMapping) -> LogEntry:
    """Of which part a line is for."""
    said = {
        "format": "kashi/v1/invoice-part",
        "number": mapping.number,
        "line": mapping.part.line,
        "contract_id": mapping.part.contract_id,
        "part": mapping.part.part,
        "mapped_by": mapping.mapped_by,
        "mapped_utc_ms": mapping.mapped_utc_ms,
    }
    return MAPPING_ENTRY, f"{mapping.number}/{mapping.part.line}", canonical_bytes(said)


def allocation_entry(allocation: Allocation, allocation_id: int) -> LogEntry:
    """Of what a claim took of an invoice, or gave back."""
    said = {
        "format": "kashi/v1/invoice-allocation",
        "allocation_id": allocation_id,
        "number": allocation.number,
        "contract_id": allocation.contract_id,
        "part": allocation.part,
        "claim_id": allocation.claim_id,
        "amount_fen": allocation.amount_fen,
        "allocated_by": allocation.allocated_by,
        "reason": allocation.reason,
        "allocated_utc_ms": allocation.allocated_utc_ms,
    }
    return ALLOCATION_ENTRY, f"{allocation.number}/{allocation_id}", canonical_bytes(said)


def payment_entry(payment: Payment, added_by: str, added_utc_ms: int) -> LogEntry:
    """Of a payment."""
    said = {
        "format": "kashi/v1/payment",
        "payer_id": payment.payer_id,
        "reference": payment.reference,
        "payee_id": payment.payee_id,
        "paid_on": payment.paid_on.isoformat(),
        "amount_fen": payment.amount_fen,
        "document": payment.document,
        "added_by": added_by,
        "added_utc_ms": added_utc_ms,
    }
    return PAYMENT_ENTRY, f"{payment.payer_id}/{payment.reference}", canonical_bytes(said)


def cover_entry(payment: Payment, covered: Covered) -> LogEntry:
    """Of how much of an invoice a payment covers."""
    said = {
        "format": "kashi/v1/payment-cover",
        "payer_id": payment.payer_id,
        "reference": payment.reference,
        "number": covered.number,
        "amount_fen": covered.amount_fen,
    }
    reference = f"{payment.payer_id}/{payment.reference}/{covered.number}"
    return COVER_ENTRY, reference, canonical_bytes(said)


def return_entry(made: PaymentReturn, return_id: int) -> LogEntry:
    """Of what of a payment no longer counts for an invoice."""
    said = {
        "format": "kashi/v1/payment-return",
        "return_id": return_id,
        "payer_id": made.payer_id,
        "reference": made.reference,
        "number": made.number,
        "amount_fen": made.amount_fen,
        "document": made.document,
        "decided_by": made.decided_by,
        "told_utc_ms": made.told_utc_ms,
    }
    reference = f"{made.payer_id}/{made.reference}/{made.number}/{return_id}"
    return RETURN_ENTRY, reference, canonical_bytes(said)


def file_entry(file: EvidenceFile) -> LogEntry:
    """Of an evidence file: its hash, not its bytes."""
    said = {
        "format": "kashi/v1/evidence-file",
        "sha256": file.file.sha256,
        "size_bytes": file.file.size_bytes,
        "media_type": file.file.media_type,
        "owner_id": file.owner_id,
        "subject": str(file.subject),
        "name": file.name,
        "added_by": file.added_by,
        "added_utc_ms": file.added_utc_ms,
    }
    reference = f"{file.owner_id}/{file.subject}/{file.file.sha256}"
    return FILE_ENTRY, reference, canonical_bytes(said)


class PapersRows(Protocol):
    """The rows of papers in a unit of work."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""

    @property
    def payments(self) -> PaymentsPort:
        """Payments."""

    @property
    def files(self) -> FilesPort:
        """Evidence files."""


def paper_rows(unit: PapersRows) -> Iterator[LogEntry]:
    """The entry that every row of papers must have in the log."""
    for stored in unit.invoices.invoices():
        yield invoice_entry(stored.invoice)
    for change in unit.invoices.statuses():
        yield status_entry(change)
    for mapping in unit.invoices.mappings():
        yield mapping_entry(mapping)
    for allocation in unit.invoices.allocations():
        yield allocation_entry(allocation, allocation.allocation_id or 0)
    for paid in unit.payments.payments():
        yield payment_entry(paid.payment, paid.added_by, paid.added_utc_ms)
        for covered in paid.covers:
            yield cover_entry(paid.payment, covered)
        for returned in paid.returns:
            yield return_entry(returned, returned.return_id or 0)
    for file in unit.files.files():
        yield file_entry(file)


def _taxed(amount: Taxed) -> dict[str, int]:
    return {"ex_tax_fen": amount.ex_tax_fen, "tax_fen": amount.tax_fen}
