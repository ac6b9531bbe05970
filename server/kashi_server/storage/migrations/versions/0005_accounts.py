"""Tables of the accounts family."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.schema import Bytes, Count, Key, Text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _sessions()
    _sign_in_attempts()
    _audit_entries()
    for statement in guards.append_only(op.get_bind().dialect.name, "audit_entries"):
        op.execute(statement)


def downgrade() -> None:
    for statement in guards.drop(op.get_bind().dialect.name, "audit_entries", "append_only"):
        op.execute(statement)
    for table in ("audit_entries", "sign_in_attempts", "sessions", "accounts"):
        op.drop_table(table)


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", Key, primary_key=True, autoincrement=True),
        sa.Column("login", Text, nullable=False),
        sa.Column("password_hash", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("party_id", Text, nullable=True),
        sa.Column("created_utc_ms", Count, nullable=False),
        sa.Column("disabled_utc_ms", Count, nullable=True),
        sa.UniqueConstraint("login", name=op.f("uq_accounts_login")),
        sa.CheckConstraint(
            "role IN ('officer', 'auditor', 'company', 'provider')", name=op.f("ck_accounts_role")
        ),
        sa.CheckConstraint(
            "(role IN ('company', 'provider')) = (party_id IS NOT NULL)",
            name=op.f("ck_accounts_party_of_role"),
        ),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_sha256", Bytes, primary_key=True),
        sa.Column("account_id", Key, sa.ForeignKey("accounts.account_id"), nullable=False),
        sa.Column("address", Text, nullable=False),
        sa.Column("created_utc_ms", Count, nullable=False),
        sa.Column("seen_utc_ms", Count, nullable=False),
        sa.Column("ended_utc_ms", Count, nullable=True),
    )
    op.create_index(op.f("ix_sessions_account_id"), "sessions", ["account_id"])


def _sign_in_attempts() -> None:
    op.create_table(
        "sign_in_attempts",
        sa.Column("attempt_id", Key, primary_key=True, autoincrement=True),
        sa.Column("login", Text, nullable=False),
        sa.Column("address", Text, nullable=False),
        sa.Column("at_utc_ms", Count, nullable=False),
    )
    op.create_index("ix_sign_in_attempts_login", "sign_in_attempts", ["login", "at_utc_ms"])
    op.create_index("ix_sign_in_attempts_address", "sign_in_attempts", ["address", "at_utc_ms"])


def _audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("entry_id", Key, primary_key=True, autoincrement=True),
        sa.Column("at_utc_ms", Count, nullable=False),
        sa.Column("account_id", Key, sa.ForeignKey("accounts.account_id"), nullable=True),
        sa.Column("login", Text, nullable=False),
        sa.Column("address", Text, nullable=False),
        sa.Column("act", Text, nullable=False),
        sa.Column("subject", Text, nullable=False),
    )
    op.create_index(op.f("ix_audit_entries_at_utc_ms"), "audit_entries", ["at_utc_ms"])
