"""Tables of papers: parts of contracts, provider lists, invoices, payments, evidence files.

Nothing here is deleted. Of an invoice only how it stands changes, and each change is a row; what a
claim takes of it is added and given back by rows whose sum can never leave the invoice's amount.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from kashi_server.storage.schema import Count, Key, Text, metadata

contract_amendments = Table(
    "contract_amendments",
    metadata,
    Column("contract_id", ForeignKey("contracts.contract_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("signed_on", Text, nullable=False),
    Column("effective_minute", Count, nullable=False),
    Column("document", Text, nullable=False),
    Column("changes_end", Boolean, nullable=False),
    Column("end_minute", Count),
    Column("end_before_minute", Count),
)

contract_parts = Table(
    "contract_parts",
    metadata,
    Column("contract_id", ForeignKey("contracts.contract_id"), primary_key=True),
    # The amendment since which it stands so; empty: from the beginning.
    Column("amendment", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("item", Text, nullable=False),
    Column("ex_tax_fen", Count, nullable=False),
    Column("tax_fen", Count, nullable=False),
    Column("domestic", Boolean),
    Column("owned", Boolean, nullable=False),
    CheckConstraint("ex_tax_fen >= 0 AND tax_fen >= 0", name="amount"),
)

related_declarations = Table(
    "related_declarations",
    metadata,
    Column("contract_id", ForeignKey("contracts.contract_id"), primary_key=True),
    Column("declared_on", Text, primary_key=True),
    Column("unrelated", Boolean, nullable=False),
    Column("document", Text, nullable=False),
)

project_descriptions = Table(
    "project_descriptions",
    metadata,
    Column("contract_id", ForeignKey("contracts.contract_id"), primary_key=True),
    Column("stated_on", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("site", Text),
    Column("contact", Text),
)

provider_listings = Table(
    "provider_listings",
    metadata,
    Column("listing_id", Text, primary_key=True),
    Column("provider_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("batch", Text, nullable=False),
    Column("service_item", Text, nullable=False),
    # Days of Asia/Shanghai as the minutes in which they begin.
    Column("start_minute", Count, nullable=False),
    Column("end_minute", Count),
    Column("document", Text, nullable=False),
    CheckConstraint("end_minute IS NULL OR end_minute > start_minute", name="interval"),
)

invoices = Table(
    "invoices",
    metadata,
    Column("number", Text, primary_key=True),
    Column("issued_on", Text, nullable=False),
    Column("seller_id", Text, nullable=False, index=True),
    Column("buyer_id", Text, nullable=False, index=True),
    Column("seller_name", Text, nullable=False),
    Column("buyer_name", Text, nullable=False),
    Column("ex_tax_fen", Count, nullable=False),
    Column("tax_fen", Count, nullable=False),
    Column("incl_fen", Count, nullable=False),
    # Of a red invoice the blue one, which may come later; empty otherwise.
    Column("blue_number", Text, nullable=False),
    Column("added_utc_ms", Count, nullable=False),
    # Which of several contents of the number stands: two officers decide, see invoice_decisions.
    Column("version", Integer, nullable=False, server_default="1"),
    CheckConstraint("incl_fen = ex_tax_fen + tax_fen AND incl_fen <> 0", name="amount"),
    CheckConstraint("length(number) = 20", name="number"),
    CheckConstraint("blue_number = '' OR incl_fen < 0", name="blue"),
    # The red invoices of one: only the same seller's to the same buyer take anything back.
    Index("ix_invoices_blue_number", "blue_number", "seller_id", "buyer_id"),
)

invoice_lines = Table(
    "invoice_lines",
    metadata,
    Column("number", ForeignKey("invoices.number"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False, server_default="1"),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("ex_tax_fen", Count, nullable=False),
    Column("tax_fen", Count, nullable=False),
)

invoice_line_parts = Table(
    "invoice_line_parts",
    metadata,
    Column("mapping_id", Key, primary_key=True, autoincrement=True),
    Column("number", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("line", Integer, nullable=False),
    # The latest row of a line holds; rows of one act are told apart by nothing else.
    Column("contract_id", ForeignKey("contracts.contract_id"), nullable=False, index=True),
    Column("part", Text, nullable=False),
    Column("mapped_by", Text, nullable=False),
    Column("mapped_utc_ms", Count, nullable=False),
    ForeignKeyConstraint(
        ["number", "version", "line"],
        ["invoice_lines.number", "invoice_lines.version", "invoice_lines.line"],
    ),
    # Which row of a line is the latest is looked up line by line.
    Index("ix_invoice_line_parts_line", "number", "version", "line", "mapping_id"),
)

invoice_versions = Table(
    "invoice_versions",
    metadata,
    Column("number", ForeignKey("invoices.number"), primary_key=True),
    # Counts from 1: what was taken first.
    Column("version", Integer, primary_key=True, autoincrement=False),
    # Canonical JSON of all it says; its sides beside it are for whoever looks for them.
    Column("content", Text, nullable=False),
    # How it stood by the same word.
    Column("status", Text, nullable=False),
    Column("seller_id", Text, nullable=False),
    Column("buyer_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("told_utc_ms", Count, nullable=False),
    CheckConstraint("status IN ('normal', 'partly_red', 'red', 'void')", name="status"),
)

invoice_decisions = Table(
    "invoice_decisions",
    metadata,
    Column("number", Text, primary_key=True),
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_utc_ms", Count, nullable=False),
    ForeignKeyConstraint(
        ["number", "version"], ["invoice_versions.number", "invoice_versions.version"]
    ),
)

invoice_statuses = Table(
    "invoice_statuses",
    metadata,
    Column("number", ForeignKey("invoices.number"), primary_key=True),
    # Counts from 1; the latest holds.
    Column("change", Integer, primary_key=True, autoincrement=False),
    Column("status", Text, nullable=False),
    # The document, where two officers decided; what told it, otherwise.
    Column("source", Text, nullable=False),
    Column("decided", Boolean, nullable=False),
    # Red invoices made it so, not a word of how it stands: it ends where they take nothing back.
    Column("by_reds", Boolean, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("told_utc_ms", Count, nullable=False),
    CheckConstraint("status IN ('normal', 'partly_red', 'red', 'void')", name="status"),
)

invoice_allocations = Table(
    "invoice_allocations",
    metadata,
    Column("allocation_id", Key, primary_key=True, autoincrement=True),
    Column("number", ForeignKey("invoices.number"), nullable=False, index=True),
    Column("contract_id", Text, nullable=False),
    Column("part", Text, nullable=False),
    # Claims are kept by a later room, which may not be referenced here.
    Column("claim_id", Text, nullable=False, index=True),
    # Including tax; what is given back is negative.
    Column("amount_fen", Count, nullable=False),
    Column("allocated_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("allocated_utc_ms", Count, nullable=False),
    CheckConstraint("amount_fen <> 0", name="amount"),
)

payments = Table(
    "payments",
    metadata,
    Column("payer_id", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("payee_id", Text, nullable=False, index=True),
    Column("paid_on", Text, nullable=False),
    Column("amount_fen", Count, nullable=False),
    Column("document", Text, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_utc_ms", Count, nullable=False),
    CheckConstraint("amount_fen > 0", name="amount"),
)

payment_covers = Table(
    "payment_covers",
    metadata,
    Column("payer_id", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("number", ForeignKey("invoices.number"), primary_key=True, index=True),
    Column("amount_fen", Count, nullable=False),
    ForeignKeyConstraint(["payer_id", "reference"], ["payments.payer_id", "payments.reference"]),
    CheckConstraint("amount_fen > 0", name="amount"),
)

payment_returns = Table(
    "payment_returns",
    metadata,
    Column("return_id", Key, primary_key=True, autoincrement=True),
    Column("payer_id", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("number", Text, nullable=False, index=True),
    Column("amount_fen", Count, nullable=False),
    Column("document", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("told_utc_ms", Count, nullable=False),
    ForeignKeyConstraint(
        ["payer_id", "reference", "number"],
        ["payment_covers.payer_id", "payment_covers.reference", "payment_covers.number"],
    ),
    CheckConstraint("amount_fen > 0", name="amount"),
)

evidence_files = Table(
    "evidence_files",
    metadata,
    Column("file_id", Key, primary_key=True, autoincrement=True),
    Column("sha256", Text, nullable=False, index=True),
    Column("size_bytes", Count, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("owner_id", Text, nullable=False, index=True),
    Column("subject_kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_utc_ms", Count, nullable=False),
    UniqueConstraint(
        "owner_id", "subject_kind", "subject", "sha256", name="uq_evidence_files_owner_id"
    ),
    CheckConstraint("size_bytes > 0", name="size"),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    CheckConstraint(
        "subject_kind IN ('contract', 'invoice', 'payment', 'claim', 'host')", name="subject_kind"
    ),
)
