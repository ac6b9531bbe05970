"""What the log keeps of papers, so that a row altered behind the server's back shows (`fsck`)."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Final, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.evidence_file import EvidenceFile
from kashi_server.domain.invoice import Invoice
from kashi_server.domain.invoice_content import said_by
from kashi_server.domain.payment import Covered, Payment
from kashi_server.services.papers_port import (
    Allocation,
    FilesPort,
    InvoiceDecision,
    InvoicesPort,
    InvoiceVersion,
    LineMapping,
    PaymentReturn,
    PaymentsPort,
    StatusChange,
)

INVOICE_ENTRY: Final = "invoice"
VERSION_ENTRY: Final = "invoice-version"
DECISION_ENTRY: Final = "invoice-decision"
STATUS_ENTRY: Final = "invoice-status"
MAPPING_ENTRY: Final = "invoice-part"
ALLOCATION_ENTRY: Final = "invoice-allocation"
PAYMENT_ENTRY: Final = "payment"
COVER_ENTRY: Final = "payment-cover"
RETURN_ENTRY: Final = "payment-return"
FILE_ENTRY: Final = "evidence-file"

LogEntry = tuple[str, str, bytes]
"""Kind, reference and bytes."""


def invoice_entry(invoice: Invoice) -> LogEntry:
    """Of an invoice: everything it says."""
    said = {"format": "kashi/v1/invoice", **said_by(invoice)}
    return INVOICE_ENTRY, invoice.number, canonical_bytes(said)


def version_entry(version: InvoiceVersion) -> LogEntry:
    """Of one of several contents of a number: what it says, and who told it."""
    said = {
        "format": "kashi/v1/invoice-version",
        "version": version.version,
        "status": str(version.status),
        "source": version.source,
        "told_by": version.told_by,
        "told_utc_ms": version.told_utc_ms,
        **said_by(version.invoice),
    }
    return VERSION_ENTRY, f"{version.invoice.number}/{version.version}", canonical_bytes(said)


def decision_entry(decision: InvoiceDecision) -> LogEntry:
    """Of which content of a number stands."""
    said = {"format": "kashi/v1/invoice-decision", **asdict(decision)}
    return DECISION_ENTRY, f"{decision.number}/{decision.decision}", canonical_bytes(said)


def status_entry(change: StatusChange) -> LogEntry:
    """Of how an invoice stands since a change."""
    said = {
        "format": "kashi/v1/invoice-status",
        "number": change.number,
        "change": change.change,
        "status": str(change.status),
        "source": change.source,
        "decided": change.decided,
        "by_reds": change.by_reds,
        "told_by": change.told_by,
        "told_utc_ms": change.told_utc_ms,
    }
    return STATUS_ENTRY, f"{change.number}/{change.change}", canonical_bytes(said)


def mapping_entry(mapping: LineMapping) -> LogEntry:
    """Of which part a line is for."""
    said = {
        "format": "kashi/v1/invoice-part",
        "number": mapping.number,
        "version": mapping.version,
        "line": mapping.part.line,
        "contract_id": mapping.part.contract_id,
        "part": mapping.part.part,
        "mapped_by": mapping.mapped_by,
        "mapped_utc_ms": mapping.mapped_utc_ms,
    }
    return (
        MAPPING_ENTRY,
        f"{mapping.number}/{mapping.version}/{mapping.part.line}",
        canonical_bytes(said),
    )


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
    for version in unit.invoices.versions():
        yield version_entry(version)
    for decision in unit.invoices.decisions():
        yield decision_entry(decision)
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
