"""Tables of the certificates family."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.schema import Bytes, Count, Key, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("certificate_changes", "certificate_files", "certificates")


def upgrade() -> None:
    _certificates()
    _certificate_files()
    _certificate_changes()
    dialect = op.get_bind().dialect.name
    for table in _TABLES:
        for statement in guards.append_only(dialect, table):
            op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in _TABLES:
        for statement in guards.drop(dialect, table, "append_only"):
            op.execute(statement)
        op.drop_table(table)


def _certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("number", Text, primary_key=True),
        sa.Column("month", Text, nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("code", Text, nullable=False),
        _key("user_id", "parties.party_id"),
        _key("provider_id", "parties.party_id", nullable=True),
        sa.Column("statement_number", Text, nullable=False),
        sa.Column("statement_revision", sa.Integer, nullable=False),
        _key("supersedes", "certificates.number", nullable=True),
        sa.Column("issued_utc_ms", Count, nullable=False),
        sa.Column("demo", sa.Boolean, nullable=False),
        sa.Column("statement_sha256", Text, nullable=False),
        sa.Column("evidence_sha256", Text, nullable=False),
        sa.Column("pdf_sha256", Text, nullable=False),
        sa.Column("card_hours", Text, nullable=False),
        sa.Column("amount_fen", Count, nullable=False),
        sa.Column("eligible_fen", Count, nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_number", "statement_revision"],
            ["statements.number", "statements.revision"],
            name="fk_certificates_statement",
        ),
        *(
            sa.UniqueConstraint(*columns, name=op.f(f"uq_certificates_{'_'.join(columns)}"))
            for columns in (
                ("month", "serial"),
                ("statement_number", "statement_revision"),
                ("supersedes",),
                ("pdf_sha256",),
            )
        ),
        sa.CheckConstraint("serial >= 1", name=op.f("ck_certificates_serial")),
    )
    for column in ("user_id", "provider_id"):
        op.create_index(op.f(f"ix_certificates_{column}"), "certificates", [column])


def _certificate_files() -> None:
    op.create_table(
        "certificate_files",
        sa.Column(
            "number",
            Text,
            sa.ForeignKey(
                "certificates.number", name=op.f("fk_certificate_files_number_certificates")
            ),
            primary_key=True,
        ),
        sa.Column("kind", Text, primary_key=True),
        sa.Column("content", Bytes, nullable=False),
        sa.CheckConstraint(
            "kind IN ('pdf', 'certificate', 'statement', 'evidence', 'bundle')",
            name=op.f("ck_certificate_files_kind"),
        ),
    )


def _certificate_changes() -> None:
    op.create_table(
        "certificate_changes",
        sa.Column("change_id", Key, primary_key=True, autoincrement=True),
        sa.Column(
            "number",
            Text,
            sa.ForeignKey(
                "certificates.number", name=op.f("fk_certificate_changes_number_certificates")
            ),
            nullable=False,
        ),
        sa.Column("status", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.CheckConstraint(
            "status IN ('issued', 'superseded', 'withdrawn', 'redeemed')",
            name=op.f("ck_certificate_changes_status"),
        ),
    )
    op.create_index(op.f("ix_certificate_changes_number"), "certificate_changes", ["number"])


def _key(name: str, target: str, *, nullable: bool = False) -> sa.Column[str]:
    table = target.partition(".")[0]
    key = sa.ForeignKey(target, name=op.f(f"fk_certificates_{name}_{table}"))
    return sa.Column(name, Text, key, nullable=nullable)
