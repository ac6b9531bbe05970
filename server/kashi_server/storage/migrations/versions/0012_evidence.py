"""Tables of stated usage, explanations of gaps and what officers made of them; what a report says
of its clock; what hosts claim of the tokens that hold their keys, and officers' words on that."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.schema import Bytes, Count, Key, Text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = (
    "usage_sources",
    "attestations",
    "stated_records",
    "attestation_changes",
    "attestation_reversals",
    "gap_explanations",
    "gap_decisions",
    "host_key_tokens",
    "host_key_words",
)


def upgrade() -> None:
    _report_clocks()
    _usage_sources()
    _attestations()
    _stated_records()
    _attestation_changes()
    _attestation_reversals()
    _gap_explanations()
    _gap_decisions()
    _host_key_tokens()
    _host_key_words()
    dialect = op.get_bind().dialect.name
    for table in _TABLES:
        for statement in guards.append_only(dialect, table):
            op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in _TABLES:
        for statement in guards.drop(dialect, table, "append_only"):
            op.execute(statement)
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.drop_column("reports", "clock_sync")


def _report_clocks() -> None:
    """Reports from before say nothing here of their clock: it is unknown, not good."""
    sync = sa.Column("clock_sync", sa.SmallInteger(), nullable=False, server_default="0")
    op.add_column("reports", sync)


def _reference(
    table: str, column: str, target: str, *, primary_key: bool = False
) -> sa.Column[str]:
    """A column that names a row of another table."""
    other = target.partition(".")[0]
    key = sa.ForeignKey(target, name=op.f(f"fk_{table}_{column}_{other}"))
    return sa.Column(column, Text, key, nullable=False, primary_key=primary_key)


def _indexed(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _usage_sources() -> None:
    op.create_table(
        "usage_sources",
        sa.Column("sha256", Text, primary_key=True),
        sa.Column("size_bytes", Count, nullable=False),
        sa.Column("content", Bytes, nullable=False),
        sa.Column("received_utc_ms", Count, nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_usage_sources_sha256")),
    )


def _attestations() -> None:
    table = "attestations"
    op.create_table(
        table,
        sa.Column("attestation_id", Text, primary_key=True),
        sa.Column("kind", Text, nullable=False),
        sa.Column("site", Text, nullable=False),
        sa.Column("vendor", sa.SmallInteger, nullable=False),
        _reference(table, "contract_id", "contracts.contract_id"),
        _reference(table, "provider_id", "parties.party_id"),
        _reference(table, "user_id", "parties.party_id"),
        sa.Column("source_name", Text, nullable=False),
        _reference(table, "source_sha256", "usage_sources.sha256"),
        _reference(table, "mapping_sha256", "usage_sources.sha256"),
        sa.Column("counted_by", Text, nullable=False),
        sa.Column("start_utc_ms", Count, nullable=False),
        sa.Column("end_utc_ms", Count, nullable=False),
        sa.Column("card_ms", Count, nullable=False),
        sa.Column("stated_utc_ms", Count, nullable=False),
        sa.CheckConstraint(
            "kind IN ('bill', 'slurm', 'series')", name=op.f("ck_attestations_kind")
        ),
        sa.CheckConstraint("end_utc_ms > start_utc_ms", name=op.f("ck_attestations_span")),
    )
    _indexed(table, "contract_id", "provider_id", "user_id", "source_sha256")


def _stated_records() -> None:
    table = "stated_records"
    op.create_table(
        table,
        _reference(table, "attestation_id", "attestations.attestation_id", primary_key=True),
        sa.Column("key", Text, primary_key=True),
        sa.Column("unit_id", Text, nullable=False),
        sa.Column("identified", sa.SmallInteger, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("cards", sa.Integer, nullable=False),
        sa.Column("start_utc_ms", Count, nullable=False),
        sa.Column("end_utc_ms", Count, nullable=False),
        sa.Column("stated_ms", Count, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "stated_ms > 0 AND stated_ms <= end_utc_ms - start_utc_ms",
            name=op.f("ck_stated_records_stated"),
        ),
        sa.CheckConstraint("cards >= 1", name=op.f("ck_stated_records_cards")),
    )
    op.create_index(op.f("ix_stated_records_unit_id"), table, ["unit_id", "end_utc_ms"])


def _attestation_changes() -> None:
    table = "attestation_changes"
    op.create_table(
        table,
        _reference(table, "attestation_id", "attestations.attestation_id", primary_key=True),
        sa.Column("state", Text, nullable=False),
        _reference(table, "party_id", "parties.party_id"),
        sa.Column("actor", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("changed_utc_ms", Count, nullable=False),
        sa.CheckConstraint(
            "state IN ('countersigned', 'withdrawn')", name=op.f("ck_attestation_changes_state")
        ),
    )


def _attestation_reversals() -> None:
    table = "attestation_reversals"
    party = sa.ForeignKey("parties.party_id", name=op.f(f"fk_{table}_party_id_parties"))
    op.create_table(
        table,
        _reference(table, "attestation_id", "attestations.attestation_id", primary_key=True),
        sa.Column("speaker", Text, primary_key=True),
        sa.Column("party_id", Text, party),
        sa.Column("actor", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("reversed_utc_ms", Count, nullable=False),
        sa.CheckConstraint("speaker = coalesce(party_id, actor)", name=op.f(f"ck_{table}_speaker")),
    )


def _gap_explanations() -> None:
    table = "gap_explanations"
    op.create_table(
        table,
        sa.Column("explanation_id", Text, primary_key=True),
        sa.Column("hardware_id", Text, nullable=False),
        sa.Column("host_id", Text, nullable=False),
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count, nullable=False),
        _reference(table, "party_id", "parties.party_id"),
        sa.Column("reason", Text, nullable=False),
        sa.Column("evidence_sha256", Text, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("explained_utc_ms", Count, nullable=False),
        sa.CheckConstraint("end_minute > start_minute", name=op.f("ck_gap_explanations_interval")),
    )
    _indexed(table, "hardware_id")


def _gap_decisions() -> None:
    table = "gap_decisions"
    op.create_table(
        table,
        sa.Column("decision_id", Key, primary_key=True, autoincrement=True),
        _reference(table, "explanation_id", "gap_explanations.explanation_id"),
        sa.Column("verdict", Text, nullable=False),
        sa.Column("of_two", sa.SmallInteger, nullable=False),
        sa.Column("officer", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("decided_utc_ms", Count, nullable=False),
        sa.CheckConstraint(
            "verdict IN ('accepted', 'refused')", name=op.f("ck_gap_decisions_verdict")
        ),
        sa.CheckConstraint("of_two IN (0, 1)", name=op.f("ck_gap_decisions_of_two")),
    )
    _indexed(table, "explanation_id")
    op.create_index(
        op.f("uq_gap_decisions_officer"), table, ["explanation_id", "officer"], unique=True
    )


def _host_key_tokens() -> None:
    """Hosts from before claim none: their keys are in files."""
    table = "host_key_tokens"
    op.create_table(
        table,
        _reference(table, "host_id", "hosts.host_id", primary_key=True),
        sa.Column("manufacturer", Text, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("serial", Text, nullable=False),
        sa.Column("made_inside", sa.SmallInteger, nullable=False),
        sa.Column("never_extractable", sa.SmallInteger, nullable=False),
        sa.Column("always_sensitive", sa.SmallInteger, nullable=False),
    )


def _host_key_words() -> None:
    table = "host_key_words"
    op.create_table(
        table,
        _reference(table, "host_id", "hosts.host_id", primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("act", Text, nullable=False),
        sa.Column("completes", sa.Integer, nullable=False),
        sa.Column("officer", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("evidence_sha256", Text, nullable=False),
        sa.Column("claim_sha256", Text, nullable=False),
        sa.Column("host_state", Text, nullable=False),
        sa.Column("said_utc_ms", Count, nullable=False),
        sa.CheckConstraint("act IN ('confirmed', 'withdrawn')", name=op.f("ck_host_key_words_act")),
        sa.CheckConstraint(
            "act = 'withdrawn' OR host_state IN ('active', 'held')",
            name=op.f("ck_host_key_words_host_state"),
        ),
        sa.CheckConstraint(
            "completes >= 0 AND completes < ordinal", name=op.f("ck_host_key_words_completes")
        ),
        sa.CheckConstraint(
            "(act = 'withdrawn') = (evidence_sha256 = '')",
            name=op.f("ck_host_key_words_evidence"),
        ),
    )
