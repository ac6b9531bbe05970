"""Tables of the evidence family: what providers state, and what parties say of gaps.

Everything here is only ever added (see `guards`). Source files stand under the hash of their bytes,
once, however many attestations rest on them.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
)

from kashi_server.storage.schema import Bytes, Count, Key, Text, metadata

usage_sources = Table(
    "usage_sources",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size_bytes", Count, nullable=False),
    # Compressed exact bytes of a source file or of a mapping.
    Column("content", Bytes, nullable=False),
    Column("received_utc_ms", Count, nullable=False),
    CheckConstraint("length(sha256) = 64", name="sha256"),
)

attestations = Table(
    "attestations",
    metadata,
    Column("attestation_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("vendor", SmallInteger, nullable=False),
    Column("contract_id", ForeignKey("contracts.contract_id"), nullable=False, index=True),
    Column("provider_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("user_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("source_name", Text, nullable=False),
    Column("source_sha256", ForeignKey("usage_sources.sha256"), nullable=False, index=True),
    Column("mapping_sha256", ForeignKey("usage_sources.sha256"), nullable=False),
    Column("counted_by", Text, nullable=False),
    Column("start_utc_ms", Count, nullable=False),
    Column("end_utc_ms", Count, nullable=False),
    Column("card_ms", Count, nullable=False),
    Column("stated_utc_ms", Count, nullable=False),
    CheckConstraint("kind IN ('bill', 'slurm', 'series')", name="kind"),
    CheckConstraint("end_utc_ms > start_utc_ms", name="span"),
)

stated_records = Table(
    "stated_records",
    metadata,
    Column("attestation_id", ForeignKey("attestations.attestation_id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("unit_id", Text, nullable=False),
    Column("identified", SmallInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("cards", Integer, nullable=False),
    Column("start_utc_ms", Count, nullable=False),
    Column("end_utc_ms", Count, nullable=False),
    Column("stated_ms", Count, nullable=False),
    # Where it stands in the file, from 1.
    Column("line", Integer, nullable=False),
    Index("ix_stated_records_unit_id", "unit_id", "end_utc_ms"),
    CheckConstraint("stated_ms > 0 AND stated_ms <= end_utc_ms - start_utc_ms", name="stated"),
    CheckConstraint("cards >= 1", name="cards"),
)

attestation_changes = Table(
    "attestation_changes",
    metadata,
    # One an attestation: it is countersigned or withdrawn, once and for all.
    Column("attestation_id", ForeignKey("attestations.attestation_id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("party_id", ForeignKey("parties.party_id"), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_utc_ms", Count, nullable=False),
    CheckConstraint("state IN ('countersigned', 'withdrawn')", name="state"),
)

attestation_reversals = Table(
    "attestation_reversals",
    metadata,
    Column("attestation_id", ForeignKey("attestations.attestation_id"), primary_key=True),
    # A party's code or an officer's login: each speaks once.
    Column("speaker", Text, primary_key=True),
    Column("party_id", ForeignKey("parties.party_id")),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reversed_utc_ms", Count, nullable=False),
    CheckConstraint("speaker = coalesce(party_id, actor)", name="speaker"),
)

gap_explanations = Table(
    "gap_explanations",
    metadata,
    Column("explanation_id", Text, primary_key=True),
    Column("hardware_id", Text, nullable=False, index=True),
    Column("host_id", Text, nullable=False),
    Column("start_minute", Count, nullable=False),
    Column("end_minute", Count, nullable=False),
    Column("party_id", ForeignKey("parties.party_id"), nullable=False),
    Column("reason", Text, nullable=False),
    # Of a file that speaks for it, in hexadecimal; empty where there is none.
    Column("evidence_sha256", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("explained_utc_ms", Count, nullable=False),
    CheckConstraint("end_minute > start_minute", name="interval"),
)

gap_decisions = Table(
    "gap_decisions",
    metadata,
    Column("decision_id", Key, primary_key=True, autoincrement=True),
    Column(
        "explanation_id", ForeignKey("gap_explanations.explanation_id"), nullable=False, index=True
    ),
    Column("verdict", Text, nullable=False),
    # 1: another officer's word is needed as well.
    Column("of_two", SmallInteger, nullable=False),
    Column("officer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_utc_ms", Count, nullable=False),
    CheckConstraint("verdict IN ('accepted', 'refused')", name="verdict"),
    CheckConstraint("of_two IN (0, 1)", name="of_two"),
)
Index(
    "uq_gap_decisions_officer",
    gap_decisions.c.explanation_id,
    gap_decisions.c.officer,
    unique=True,
)
