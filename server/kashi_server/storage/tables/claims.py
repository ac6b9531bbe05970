"""Tables of batches, claims, their steps, evaluations and what they hold of usage and invoices.

Steps and evaluations are only ever added; a claim's row is what they came to, and the database
itself keeps its amounts in order. What a claim holds of a device's minutes or an invoice's part is
a row while it holds it: within one programme no other claim can, see `claim_guards`.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
)

from kashi_server.storage.schema import Bytes, Count, Text, metadata

batches = Table(
    "batches",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("programme_id", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("rules_sha256", Text, nullable=False),
    # Days of Asia/Shanghai, ISO 8601.
    Column("opens_on", Text, nullable=False),
    Column("closes_on", Text, nullable=False),
    # Lines of text.
    Column("documents", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("opened_utc_ms", Count, nullable=False),
    ForeignKeyConstraint(
        ["programme_id", "version"], ["rules_versions.programme_id", "rules_versions.version"]
    ),
    CheckConstraint("status IN ('open', 'closed')", name="status"),
    CheckConstraint("closes_on >= opens_on", name="window"),
)

claims = Table(
    "claims",
    metadata,
    Column("claim_id", Text, primary_key=True),
    Column("batch_id", ForeignKey("batches.batch_id"), nullable=False, index=True),
    Column("company_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("payee_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    # Where a suspended claim goes on; empty otherwise.
    Column("resumes", Text, nullable=False),
    Column("applied_on", Text),
    Column("corrections", Integer, nullable=False),
    Column("computed_fen", Count),
    Column("publicised_on", Text),
    Column("approved_fen", Count, nullable=False),
    Column("accrued_fen", Count, nullable=False),
    Column("certified_fen", Count, nullable=False),
    Column("disbursed_fen", Count, nullable=False),
    Column("released_fen", Count, nullable=False),
    Column("recovered_fen", Count, nullable=False),
    Column("voucher_number", Text, unique=True),
    Column("face_fen", Count, nullable=False),
    Column("used_fen", Count, nullable=False),
    Column("valid_from", Text),
    Column("valid_until", Text),
    Column("serial", Integer, nullable=False),
    # Canonical content, and what the office said beside it.
    Column("content", Bytes, nullable=False),
    Column("officially", Bytes, nullable=False),
    Column("drafted_utc_ms", Count, nullable=False),
    CheckConstraint("(state = 'suspended') = (resumes <> '')", name="resumes"),
    CheckConstraint(
        "accrued_fen >= 0 AND certified_fen >= 0 AND disbursed_fen >= 0 AND released_fen >= 0"
        " AND recovered_fen >= 0 AND recovered_fen <= disbursed_fen",
        name="amounts",
    ),
    CheckConstraint(
        "accrued_fen + certified_fen + disbursed_fen + released_fen <= approved_fen",
        name="approved",
    ),
    CheckConstraint("approved_fen <= coalesce(computed_fen, 0)", name="computed"),
    CheckConstraint("used_fen >= 0 AND used_fen <= face_fen", name="face"),
    CheckConstraint("(voucher_number IS NULL) = (face_fen = 0)", name="voucher"),
    # A company's claims of one programme, whichever of claims and batches is looked up first.
    Index("ix_claims_company_id_batch_id", "company_id", "batch_id"),
)

claim_contracts = Table(
    "claim_contracts",
    metadata,
    Column("claim_id", ForeignKey("claims.claim_id"), primary_key=True),
    Column("contract_id", ForeignKey("contracts.contract_id"), primary_key=True, index=True),
)

claim_events = Table(
    "claim_events",
    metadata,
    Column("claim_id", ForeignKey("claims.claim_id"), primary_key=True),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    # Who sends the same step again under the same key takes it once.
    Column("key", Text, nullable=False, unique=True),
    Column("step", Text, nullable=False),
    Column("utc_ms", Count, nullable=False),
    Column("content", Bytes, nullable=False),
)

claim_evaluations = Table(
    "claim_evaluations",
    metadata,
    Column("claim_id", ForeignKey("claims.claim_id"), primary_key=True),
    # Serial of the step that asked for it.
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("utc_ms", Count, nullable=False),
    Column("rules_sha256", Text, nullable=False),
    Column("inputs", Bytes, nullable=False),
    Column("inputs_sha256", Text, nullable=False),
    Column("trace", Bytes, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_fen", Count),
    Column("amount_fen", Count),
    CheckConstraint("status IN ('final', 'estimate', 'no_amount')", name="status"),
    CheckConstraint("(status = 'no_amount') = (amount_fen IS NULL)", name="amount"),
    # What a batch requests in all is summed at every evaluation, past inputs and trace.
    Index("ix_claim_evaluations_requested", "claim_id", "serial", "requested_fen"),
)

claim_proposals = Table(
    "claim_proposals",
    metadata,
    Column("claim_id", ForeignKey("claims.claim_id"), primary_key=True),
    # It holds as long as no other step is taken.
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("step", Text, primary_key=True),
    Column("officer", Text, primary_key=True),
    Column("terms", Bytes, nullable=False),
    Column("reason", Text, nullable=False),
    Column("utc_ms", Count, nullable=False),
)

claim_lines = Table(
    "claim_lines",
    metadata,
    Column("claim_id", ForeignKey("claims.claim_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("programme_id", Text, nullable=False),
    Column("hardware_id", Text, nullable=False),
    # The same for every id of one piece of hardware: `domain.same_hardware`.
    Column("hardware_key", Text, nullable=False),
    Column("start_minute", Count, nullable=False),
    Column("end_minute", Count, nullable=False),
    # Serial of the use that it carries; 0: none yet.
    Column("use_serial", Integer, nullable=False),
    CheckConstraint("end_minute > start_minute", name="interval"),
    # Who holds a statement; who holds a device's minutes, in whichever programme.
    Index("ix_claim_lines_number", "number"),
    Index("ix_claim_lines_minutes", "hardware_key", "start_minute"),
)

claim_invoices = Table(
    "claim_invoices",
    metadata,
    Column("claim_id", ForeignKey("claims.claim_id"), primary_key=True),
    Column("number", ForeignKey("invoices.number"), primary_key=True, index=True),
    Column("contract_id", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("use_serial", Integer, primary_key=True, autoincrement=False),
    Column("programme_id", Text, nullable=False),
    # Including tax; what lines of the invoice come to for this part.
    Column("amount_fen", Count, nullable=False),
    Column("part_fen", Count, nullable=False),
    CheckConstraint("amount_fen > 0 AND amount_fen <= part_fen", name="amount"),
)
