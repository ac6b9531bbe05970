"""Tables of the certificates family: issued usage certificates and what became of them.

All of them are only ever added to; a certificate's status is its latest change.
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

certificates = Table(
    "certificates",
    metadata,
    Column("number", Text, primary_key=True),
    Column("month", Text, nullable=False),
    Column("serial", Integer, nullable=False),
    # The verification code that is printed on the document.
    Column("code", Text, nullable=False),
    Column("user_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("provider_id", ForeignKey("parties.party_id"), index=True),
    # Of several months: what their statements are together; they stand in certificate_statements.
    Column("statement_number", Text, nullable=False),
    Column("statement_revision", Integer, nullable=False),
    Column("supersedes", ForeignKey("certificates.number"), unique=True),
    Column("issued_utc_ms", Count, nullable=False),
    Column("demo", Boolean, nullable=False),
    # Hashes in lower-case hexadecimal, as the documents print them.
    Column("statement_sha256", Text, nullable=False),
    Column("evidence_sha256", Text, nullable=False),
    Column("pdf_sha256", Text, nullable=False, unique=True),
    # Exact, as in the statement.
    Column("card_hours", Text, nullable=False),
    Column("amount_fen", Count, nullable=False),
    Column("eligible_fen", Count, nullable=False),
    # The same statements may be certified again, when papers that belong to them came later.
    Column("edition", Integer, nullable=False, server_default="1"),
    # Of a certificate of several months the first; `month` is the last.
    Column("first_month", Text),
    Column("contract_id", ForeignKey("contracts.contract_id"), index=True),
    UniqueConstraint("month", "serial"),
    # Exactly one an edition of the same statements, whoever issues.
    UniqueConstraint("statement_number", "statement_revision", "edition"),
    CheckConstraint("serial >= 1", name="serial"),
    CheckConstraint("edition >= 1", name="edition"),
)

certificate_statements = Table(
    "certificate_statements",
    metadata,
    Column("number", ForeignKey("certificates.number"), primary_key=True),
    Column("month", Text, primary_key=True),
    Column("statement_number", Text, nullable=False),
    Column("statement_revision", Integer, nullable=False),
    ForeignKeyConstraint(
        ["statement_number", "statement_revision"],
        ["statements.number", "statements.revision"],
        name="fk_certificate_statements_statement",
    ),
)
Index(
    "ix_certificate_statements_statement_number_statement_revision",
    certificate_statements.c.statement_number,
    certificate_statements.c.statement_revision,
)

certificate_files = Table(
    "certificate_files",
    metadata,
    Column("number", ForeignKey("certificates.number"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("content", Bytes, nullable=False),
)

certificate_changes = Table(
    "certificate_changes",
    metadata,
    Column("change_id", Key, primary_key=True, autoincrement=True),
    Column("number", ForeignKey("certificates.number"), nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("utc_ms", Count, nullable=False),
    CheckConstraint("status IN ('issued', 'superseded', 'withdrawn', 'redeemed')", name="status"),
)

certificate_confirmations = Table(
    "certificate_confirmations",
    metadata,
    Column("number", ForeignKey("certificates.number"), primary_key=True),
    # Each side once: the document it confirmed never changes.
    Column("side", Text, primary_key=True),
    Column("party_id", ForeignKey("parties.party_id"), nullable=False, index=True),
    Column("actor", Text, nullable=False),
    # Of the document that was confirmed.
    Column("pdf_sha256", Text, nullable=False),
    Column("utc_ms", Count, nullable=False),
    CheckConstraint("side IN ('user', 'provider')", name="side"),
)
