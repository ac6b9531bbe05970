"""Tables of the certificates family: issued usage certificates and what became of them.

All three are only ever added to; a certificate's status is its latest change.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
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
    ForeignKeyConstraint(
        ["statement_number", "statement_revision"],
        ["statements.number", "statements.revision"],
        name="fk_certificates_statement",
    ),
    UniqueConstraint("month", "serial"),
    # Exactly one a statement revision, whoever issues.
    UniqueConstraint("statement_number", "statement_revision"),
    CheckConstraint("serial >= 1", name="serial"),
)

certificate_files = Table(
    "certificate_files",
    metadata,
    Column("number", ForeignKey("certificates.number"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("content", Bytes, nullable=False),
    CheckConstraint(
        "kind IN ('pdf', 'certificate', 'statement', 'evidence', 'bundle')", name="kind"
    ),
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
