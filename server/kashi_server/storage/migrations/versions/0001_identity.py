"""Tables of the identity family."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage.guards import append_only, drop
from kashi_server.storage.schema import Bytes, Count, Key, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "privileged_acts",
    "alarms",
    "enrolment_tokens",
    "host_certificates",
    "host_states",
    "host_facts",
    "hosts",
)
_APPEND_ONLY = ("host_states", "alarms", "privileged_acts")


def upgrade() -> None:
    _hosts()
    _host_facts()
    _host_states()
    _host_certificates()
    _enrolment_tokens()
    _alarms()
    _privileged_acts()
    for table in _APPEND_ONLY:
        for statement in append_only(op.get_bind().dialect.name, table):
            op.execute(statement)


def downgrade() -> None:
    for table in _APPEND_ONLY:
        for statement in drop(op.get_bind().dialect.name, table, "append_only"):
            op.execute(statement)
    for table in _TABLES:
        op.drop_table(table)


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("operator_party_id", Text, nullable=False),
        sa.Column("report_public_key", Bytes, nullable=False),
        sa.Column("enrolled_utc_ms", Count, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("state_reason", Text, nullable=False),
        sa.Column("state_utc_ms", Count, nullable=False),
        sa.Column("release_requested_by", Text),
        sa.Column("recoveries_used", sa.Integer, nullable=False),
        sa.Column("recoveries_allowed", sa.Integer, nullable=False),
        sa.CheckConstraint("state IN ('active', 'held', 'revoked')", name=op.f("ck_hosts_state")),
        sa.CheckConstraint("recoveries_used >= 0", name=op.f("ck_hosts_recoveries_used")),
        sa.UniqueConstraint("report_public_key", name=op.f("uq_hosts_report_public_key")),
    )
    op.create_index(op.f("ix_hosts_operator_party_id"), "hosts", ["operator_party_id"])


def _host_facts() -> None:
    op.create_table(
        "host_facts",
        sa.Column("host_id", Text, sa.ForeignKey("hosts.host_id"), primary_key=True),
        sa.Column("hostname", Text, nullable=False),
        sa.Column("machine_sha256", Bytes, nullable=False),
        sa.Column("operating_system", Text, nullable=False),
        sa.Column("agent_version", Text, nullable=False),
        sa.Column("architecture", Text, nullable=False),
    )
    op.create_index(op.f("ix_host_facts_machine_sha256"), "host_facts", ["machine_sha256"])


def _host_states() -> None:
    op.create_table(
        "host_states",
        sa.Column("host_state_id", Key, primary_key=True, autoincrement=True),
        sa.Column("host_id", Text, sa.ForeignKey("hosts.host_id"), nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("actor", Text, nullable=False),
    )
    op.create_index(op.f("ix_host_states_host_id"), "host_states", ["host_id"])


def _host_certificates() -> None:
    op.create_table(
        "host_certificates",
        sa.Column("serial", Text, primary_key=True),
        sa.Column("host_id", Text, sa.ForeignKey("hosts.host_id"), nullable=False),
        sa.Column("public_key_sha256", Bytes, nullable=False),
        sa.Column("certificate", Bytes, nullable=False),
        sa.Column("issued_utc_ms", Count, nullable=False),
        sa.Column("expires_utc_ms", Count, nullable=False),
        sa.Column("standing", Text, nullable=False),
        sa.CheckConstraint(
            "standing IN ('current', 'next', 'past')", name=op.f("ck_host_certificates_standing")
        ),
    )
    op.create_index(
        op.f("uq_host_certificates_standing"),
        "host_certificates",
        ["host_id", "standing"],
        unique=True,
        sqlite_where=sa.text("standing != 'past'"),
        postgresql_where=sa.text("standing != 'past'"),
    )


def _enrolment_tokens() -> None:
    op.create_table(
        "enrolment_tokens",
        sa.Column("token_sha256", Bytes, primary_key=True),
        sa.Column("operator_party_id", Text, nullable=False),
        sa.Column("issued_utc_ms", Count, nullable=False),
        sa.Column("issued_by", Text, nullable=False),
        sa.Column("expires_utc_ms", Count, nullable=False),
        sa.Column("consumed_utc_ms", Count),
        sa.Column("host_id", Text, sa.ForeignKey("hosts.host_id")),
        sa.Column("tls_key_sha256", Bytes),
        sa.CheckConstraint(
            "(consumed_utc_ms IS NULL) = (host_id IS NULL)"
            " AND (host_id IS NULL) = (tls_key_sha256 IS NULL)",
            name=op.f("ck_enrolment_tokens_consumed"),
        ),
    )
    op.create_index(
        op.f("ix_enrolment_tokens_operator_party_id"), "enrolment_tokens", ["operator_party_id"]
    )


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("alarm_id", Key, primary_key=True, autoincrement=True),
        sa.Column("utc_ms", Count, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("operator_party_id", Text),
        sa.Column("host_id", Text),
        sa.Column("detail", Text, nullable=False),
    )


def _privileged_acts() -> None:
    op.create_table(
        "privileged_acts",
        sa.Column("act_id", Key, primary_key=True, autoincrement=True),
        sa.Column("utc_ms", Count, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("act", Text, nullable=False),
        sa.Column("reference", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
    )
