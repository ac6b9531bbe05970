"""What the two sides of a contract did about its assignments: only ever added to; see `guards`."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table

from kashi_server.storage.schema import Count, Text, metadata

assignment_acts = Table(
    "assignment_acts",
    metadata,
    # No foreign key: what is declined stands among the assignments no longer.
    Column("assignment_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("contract_id", ForeignKey("contracts.contract_id"), nullable=False),
    Column("hardware_id", Text, nullable=False),
    Column("start_minute", Count, nullable=False),
    Column("end_minute", Count),
    Column("party_id", ForeignKey("parties.party_id"), nullable=False),
    Column("login", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("utc_ms", Count, nullable=False),
    CheckConstraint(
        "kind IN ('proposed', 'confirmed', 'declined', 'withdrawn',"
        " 'end_proposed', 'end_confirmed', 'end_declined', 'end_withdrawn')",
        name="kind",
    ),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("end_minute IS NULL OR end_minute > start_minute", name="interval"),
    CheckConstraint(
        "kind NOT IN ('declined', 'end_declined') OR length(reason) > 0", name="reason"
    ),
)
Index("ix_assignment_acts_contract_id", assignment_acts.c.contract_id)
