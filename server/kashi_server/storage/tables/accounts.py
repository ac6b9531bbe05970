"""Tables of the accounts family: portal accounts, sessions, sign-in attempts and the audit trail.

A session is known by the SHA-256 of its token; the token itself is nowhere in the database. The
audit trail is only ever inserted into.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint

from kashi_server.storage.schema import Bytes, Count, Key, Text, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Key, primary_key=True, autoincrement=True),
    Column("login", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("party_id", Text, nullable=True),
    Column("created_utc_ms", Count, nullable=False),
    Column("disabled_utc_ms", Count, nullable=True),
    UniqueConstraint("login"),
    CheckConstraint("role IN ('officer', 'auditor', 'company', 'provider')", name="role"),
    CheckConstraint(
        "(role IN ('company', 'provider')) = (party_id IS NOT NULL)", name="party_of_role"
    ),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", Bytes, primary_key=True),
    Column("account_id", Key, ForeignKey("accounts.account_id"), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("created_utc_ms", Count, nullable=False),
    Column("seen_utc_ms", Count, nullable=False),
    Column("ended_utc_ms", Count, nullable=True),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("attempt_id", Key, primary_key=True, autoincrement=True),
    Column("login", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at_utc_ms", Count, nullable=False),
    Index("ix_sign_in_attempts_login", "login", "at_utc_ms"),
    Index("ix_sign_in_attempts_address", "address", "at_utc_ms"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("entry_id", Key, primary_key=True, autoincrement=True),
    Column("at_utc_ms", Count, nullable=False, index=True),
    Column("account_id", Key, ForeignKey("accounts.account_id"), nullable=True),
    Column("login", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),
)
