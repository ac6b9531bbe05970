"""Tables of the expense family: parties, contracts, assignments, prices, statements.

Minutes are UTC minutes since 1970; an `end_minute` of NULL is without end. The database itself
refuses overlapping prices of one key, assignments of one device and tenures of one host, and any
change of what a close wrote: see `guards`.
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

from kashi_server.storage.schema import Bytes, Count, Key, Text, metadata


def _interval() -> tuple[Column[int], Column[int], CheckConstraint]:
    return (
        Column("start_minute", Count, nullable=False),
        Column("end_minute", Count),
        CheckConstraint("end_minute IS NULL OR end_minute > start_minute", name="interval"),
    )


parties = Table(
    "parties",
    metadata,
    Column("party_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("district", Text, nullable=False),
    Column("established_on", Text),
    CheckConstraint("kind IN ('company', 'provider', 'office', 'auditor')", name="kind"),
)

tenures = Table(
    "tenures",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("start_minute", Count, primary_key=True),
    Column("end_minute", Count),
    Column("owner_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("operator_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('self_owned', 'leased_out')", name="kind"),
    CheckConstraint("end_minute IS NULL OR end_minute > start_minute", name="interval"),
)

contracts = Table(
    "contracts",
    metadata,
    Column("contract_id", Text, primary_key=True),
    Column("provider_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("user_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("signed_on", Text, nullable=False),
    *_interval(),
    Column("unrelated_declared", Boolean),
    CheckConstraint("provider_id <> user_id", name="sides"),
)

assignments = Table(
    "assignments",
    metadata,
    Column("assignment_id", Text, primary_key=True),
    Column("contract_id", ForeignKey("contracts.contract_id"), nullable=False, index=True),
    Column("hardware_id", Text, nullable=False, index=True),
    *_interval(),
    Column("proposed_by", ForeignKey("parties.party_id"), nullable=False),
    Column("proposed_utc_ms", Count, nullable=False),
    Column("confirmed_by", ForeignKey("parties.party_id")),
    Column("confirmed_utc_ms", Count),
    CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="two_sides"),
    CheckConstraint("(confirmed_by IS NULL) = (confirmed_utc_ms IS NULL)", name="confirmed"),
)

prices = Table(
    "prices",
    metadata,
    Column("price_id", Text, primary_key=True),
    Column("contract_id", ForeignKey("contracts.contract_id"), nullable=False),
    Column("model", Text, nullable=False),
    # Yuan per unit as exact decimal text: no column type of both databases keeps it exact.
    Column("yuan", Text, nullable=False),
    Column("basis", Text, nullable=False),
    *_interval(),
    Column("unit", Text, nullable=False, server_default="card_hour"),
    # Of a price by the partition; empty otherwise.
    Column("profile", Text, nullable=False, server_default=""),
    # Among how many devices at least the rent of a contract is divided.
    Column("devices", Integer),
    CheckConstraint("basis IN ('leased_observed', 'held', 'utilised', 'flat_rent')", name="basis"),
    CheckConstraint(
        "unit IN ('card_hour', 'partition_hour', 'device_month', 'contract_month')", name="unit"
    ),
    CheckConstraint("devices IS NULL OR devices > 0", name="devices"),
)
Index("ix_prices_contract_id_model", prices.c.contract_id, prices.c.model)

rules_versions = Table(
    "rules_versions",
    metadata,
    Column("programme_id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    *_interval(),
    Column("content", Bytes, nullable=False),
    Column("sha256", Bytes, nullable=False, unique=True),
    Column("added_utc_ms", Count, nullable=False),
)

closes = Table(
    "closes",
    metadata,
    Column("month", Text, primary_key=True),
    Column("event_end_minute", Count, nullable=False),
    Column("checkpoint_size", Count, nullable=False),
    Column("checkpoint_root", Bytes, nullable=False),
    Column("closed_utc_ms", Count, nullable=False),
)

statements = Table(
    "statements",
    metadata,
    Column("user_id", ForeignKey("parties.party_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("month", ForeignKey("closes.month"), nullable=False, index=True),
    Column("contract_id", ForeignKey("contracts.contract_id"), index=True),
    Column("provider_id", ForeignKey("parties.party_id"), index=True),
    Column("programme_id", Text),
    Column("demo", Boolean, nullable=False),
    Column("observed_ms", Count, nullable=False),
    Column("gap_ms", Count, nullable=False),
    # Card-hours are exact: a plain decimal or a fraction, as in the statement.
    Column("card_hours", Text, nullable=False),
    Column("amount_fen", Count, nullable=False),
    Column("eligible_fen", Count, nullable=False),
    Column("estimate_fen", Count),
    Column("content", Bytes, nullable=False),
    Column("sha256", Bytes, nullable=False),
    UniqueConstraint("number", "revision", name="uq_statements_number"),
    CheckConstraint("revision >= 1", name="revision"),
)

rated_lines = Table(
    "rated_lines",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("hardware_id", Text, nullable=False, index=True),
    Column("host_id", Text, nullable=False),
    Column("start_minute", Count, nullable=False),
    Column("end_minute", Count, nullable=False),
    Column("price_id", Text),
    Column("leased_ms", Count, nullable=False),
    Column("observed_ms", Count, nullable=False),
    Column("gap_ms", Count, nullable=False),
    Column("billed_ms", Count, nullable=False),
    Column("share_numerator", Count, nullable=False),
    Column("share_denominator", Count, nullable=False),
    Column("amount_fen", Count, nullable=False),
    Column("eligible", Boolean, nullable=False),
    Column("reasons", Text, nullable=False),
    # None on lines of before it was noted: an agent's, but where a site stands as host.
    Column("evidence_level", Text),
    # What counted gaps are worth beside the amount; None likewise: nothing.
    Column("counted_gap_fen", Count),
    ForeignKeyConstraint(
        ["user_id", "number", "revision"],
        ["statements.user_id", "statements.number", "statements.revision"],
    ),
    CheckConstraint("end_minute > start_minute", name="interval"),
    CheckConstraint("observed_ms + gap_ms = (end_minute - start_minute) * 60000", name="elapsed"),
    CheckConstraint("billed_ms <= leased_ms", name="billed"),
)

silences = Table(
    "silences",
    metadata,
    Column("silence_id", Key, primary_key=True, autoincrement=True),
    Column("month", ForeignKey("closes.month"), nullable=False, index=True),
    Column("hardware_id", Text, nullable=False, index=True),
    Column("host_id", Text, nullable=False),
    Column("start_minute", Count, nullable=False),
    Column("end_minute", Count, nullable=False),
    Column("span_ms", Count, nullable=False),
    # The correction that wrote it; None: the month's close. Those of the latest run hold.
    Column("run_id", Text),
)
