"""Tables of corrections: runs, the revisions they made, what they booked, and settlements.

All of them are only ever added to: see `guards`. What a run decided is in `content`, canonical
bytes whose hash the log keeps; the columns beside it are what is looked for.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from kashi_server.storage.schema import Bytes, Count, Text, metadata

correction_runs = Table(
    "correction_runs",
    metadata,
    # Hash of what went into it: the same correction is made once.
    Column("run_id", Text, primary_key=True),
    Column("month", ForeignKey("closes.month"), nullable=False),
    # 1 is the first correction of the month.
    Column("ordinal", Integer, nullable=False),
    Column("booked_month", Text, nullable=False, index=True),
    Column("event_end_minute", Count, nullable=False),
    Column("checkpoint_size", Count, nullable=False),
    Column("checkpoint_root", Bytes, nullable=False),
    Column("first_officer", Text, nullable=False),
    Column("second_officer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_utc_ms", Count, nullable=False),
    Column("content", Bytes, nullable=False),
    UniqueConstraint("month", "ordinal", name="uq_correction_runs_month"),
    CheckConstraint("first_officer <> second_officer", name="two_officers"),
    CheckConstraint("booked_month > month", name="booked_later"),
    CheckConstraint("ordinal >= 1", name="ordinal"),
)

corrected_statements = Table(
    "corrected_statements",
    metadata,
    Column("user_id", ForeignKey("parties.party_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("run_id", ForeignKey("correction_runs.run_id"), nullable=False, index=True),
    Column("contract_id", ForeignKey("contracts.contract_id"), index=True),
    # The revision before; null where the statement did not exist.
    Column("corrects_revision", Integer),
    # By how much the amounts change: either sign.
    Column("amount_fen", Count, nullable=False),
    Column("eligible_fen", Count, nullable=False),
    UniqueConstraint("number", "revision", name="uq_corrected_statements_number"),
    CheckConstraint("corrects_revision IS NULL OR corrects_revision = revision - 1", name="next"),
)

correction_lines = Table(
    "correction_lines",
    metadata,
    Column("user_id", ForeignKey("parties.party_id"), primary_key=True),
    Column("run_id", ForeignKey("correction_runs.run_id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("number", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("line_id", Text, nullable=False, index=True),
    # Ids divided by spaces; of a reversal the line it takes back.
    Column("corrects", Text, nullable=False),
    Column("hardware_id", Text, nullable=False, index=True),
    Column("start_minute", Count, nullable=False),
    Column("end_minute", Count, nullable=False),
    # With their signs: a reversal's are those of its line, negated.
    Column("leased_ms", Count, nullable=False),
    Column("observed_ms", Count, nullable=False),
    Column("gap_ms", Count, nullable=False),
    Column("billed_ms", Count, nullable=False),
    Column("amount_fen", Count, nullable=False),
    Column("eligible_fen", Count, nullable=False),
    # The whole line as canonical data.
    Column("content", Bytes, nullable=False),
    CheckConstraint("kind IN ('reversal', 'new')", name="kind"),
    CheckConstraint("kind = 'new' OR corrects = line_id", name="reverses"),
    CheckConstraint("end_minute > start_minute", name="interval"),
)
Index("ix_correction_lines_number", correction_lines.c.number, correction_lines.c.revision)

settlements = Table(
    "settlements",
    metadata,
    Column("user_id", ForeignKey("parties.party_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("contract_id", ForeignKey("contracts.contract_id"), nullable=False, index=True),
    Column("month", ForeignKey("closes.month"), nullable=False),
    Column("charges_fen", Count, nullable=False),
    Column("corrections_fen", Count, nullable=False),
    Column("carried_in_fen", Count, nullable=False),
    Column("payable_fen", Count, nullable=False),
    Column("carried_out_fen", Count, nullable=False),
    CheckConstraint(
        "payable_fen + carried_out_fen = charges_fen + corrections_fen + carried_in_fen",
        name="conserved",
    ),
    CheckConstraint("payable_fen >= 0 AND carried_out_fen <= 0", name="signs"),
    CheckConstraint("payable_fen = 0 OR carried_out_fen = 0", name="one_side"),
)
