"""Certificates of several months and of several editions; confirmations of both parties.

A certificate may be of several statements: which ones stands in `certificate_statements`, one row
a month; its own row names what they are together. SQLite cannot loosen a table; there it is made
again around its rows, with the references that point at it checked at the end of the transaction.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.schema import Bytes, Count, Text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NEW = ("certificate_confirmations", "certificate_statements")
_KEPT = (
    *("number", "month", "serial", "code", "user_id", "provider_id", "statement_number"),
    *("statement_revision", "supersedes", "issued_utc_ms", "demo", "statement_sha256"),
    *("evidence_sha256", "pdf_sha256", "card_hours", "amount_fen", "eligible_fen"),
)
_ONE_BEFORE = ("statement_number", "statement_revision")
_ONE = (*_ONE_BEFORE, "edition")
_FILE_KINDS = "kind IN ('pdf', 'certificate', 'statement', 'evidence', 'bundle')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild("certificates", _certificates, _KEPT)
        _rebuild("certificate_files", _certificate_files, ("number", "kind", "content"))
    else:
        _loosen()
    _certificate_statements()
    _certificate_confirmations()
    op.execute(
        "INSERT INTO certificate_statements"
        " (number, month, statement_number, statement_revision)"
        " SELECT number, month, statement_number, statement_revision FROM certificates"
    )
    for table in _NEW:
        for statement in guards.append_only(op.get_bind().dialect.name, table):
            op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in _NEW:
        for statement in guards.drop(dialect, table, "append_only"):
            op.execute(statement)
        op.drop_table(table)
    if dialect == "sqlite":
        _rebuild("certificates", _certificates_before, _KEPT)
        _rebuild("certificate_files", _certificate_files_before, ("number", "kind", "content"))
    else:
        _tighten()


def _rebuild(table: str, make: Callable[[], None], columns: Sequence[str]) -> None:
    """Make a table of SQLite again with the same rows."""
    # Rows of other tables point at this one; they find their row again before the end.
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")
    op.execute(f"DROP TABLE {table}")
    make()
    named = ", ".join(columns)
    op.execute(f"INSERT INTO {table} ({named}) SELECT {named} FROM kept_{table}")
    op.execute(f"DROP TABLE kept_{table}")
    for statement in guards.append_only("sqlite", table):
        op.execute(statement)


def _loosen() -> None:
    op.drop_constraint("fk_certificates_statement", "certificates", type_="foreignkey")
    for column in _added():
        op.add_column("certificates", column)
    op.create_index(op.f("ix_certificates_contract_id"), "certificates", ["contract_id"])
    op.drop_constraint(_unique(_ONE_BEFORE), "certificates", type_="unique")
    op.create_unique_constraint(_unique(_ONE), "certificates", [*_ONE])
    op.create_check_constraint(op.f("ck_certificates_edition"), "certificates", "edition >= 1")
    op.drop_constraint(op.f("ck_certificate_files_kind"), "certificate_files", type_="check")


def _tighten() -> None:
    op.create_check_constraint(op.f("ck_certificate_files_kind"), "certificate_files", _FILE_KINDS)
    op.drop_constraint(_unique(_ONE), "certificates", type_="unique")
    op.drop_constraint(op.f("ck_certificates_edition"), "certificates", type_="check")
    op.create_unique_constraint(_unique(_ONE_BEFORE), "certificates", [*_ONE_BEFORE])
    op.drop_index(op.f("ix_certificates_contract_id"), "certificates")
    for column in _added():
        op.drop_column("certificates", column.name)
    op.create_foreign_key(
        "fk_certificates_statement",
        "certificates",
        "statements",
        ["statement_number", "statement_revision"],
        ["number", "revision"],
    )


def _unique(columns: Sequence[str]) -> str:
    return op.f(f"uq_certificates_{'_'.join(columns)}")


def _added() -> list[sa.Column[Any]]:
    return [
        sa.Column("edition", sa.Integer, nullable=False, server_default="1"),
        sa.Column("first_month", Text),
        _key("contract_id", "contracts.contract_id", nullable=True),
    ]


def _certificates() -> None:
    edition = sa.CheckConstraint("edition >= 1", name=op.f("ck_certificates_edition"))
    _make_certificates(*_added(), edition, one=_ONE)
    op.create_index(op.f("ix_certificates_contract_id"), "certificates", ["contract_id"])


def _certificates_before() -> None:
    _make_certificates(_of_statement("certificates"), one=_ONE_BEFORE)


def _make_certificates(*more: sa.schema.SchemaItem, one: tuple[str, ...]) -> None:
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
        *more,
        *(
            sa.UniqueConstraint(*columns, name=_unique(columns))
            for columns in (("month", "serial"), one, ("supersedes",), ("pdf_sha256",))
        ),
        sa.CheckConstraint("serial >= 1", name=op.f("ck_certificates_serial")),
    )
    for column in ("user_id", "provider_id"):
        op.create_index(op.f(f"ix_certificates_{column}"), "certificates", [column])


def _certificate_files() -> None:
    _make_certificate_files()


def _certificate_files_before() -> None:
    kind = sa.CheckConstraint(_FILE_KINDS, name=op.f("ck_certificate_files_kind"))
    _make_certificate_files(kind)


def _make_certificate_files(*more: sa.schema.SchemaItem) -> None:
    op.create_table(
        "certificate_files",
        sa.Column("number", Text, _of_certificate("certificate_files"), primary_key=True),
        sa.Column("kind", Text, primary_key=True),
        sa.Column("content", Bytes, nullable=False),
        *more,
    )


def _certificate_statements() -> None:
    op.create_table(
        "certificate_statements",
        sa.Column("number", Text, _of_certificate("certificate_statements"), primary_key=True),
        sa.Column("month", Text, primary_key=True),
        sa.Column("statement_number", Text, nullable=False),
        sa.Column("statement_revision", sa.Integer, nullable=False),
        _of_statement("certificate_statements"),
    )
    columns = ["statement_number", "statement_revision"]
    name = op.f(f"ix_certificate_statements_{'_'.join(columns)}")
    op.create_index(name, "certificate_statements", columns)


def _certificate_confirmations() -> None:
    party = op.f("fk_certificate_confirmations_party_id_parties")
    op.create_table(
        "certificate_confirmations",
        sa.Column("number", Text, _of_certificate("certificate_confirmations"), primary_key=True),
        sa.Column("side", Text, primary_key=True),
        sa.Column("party_id", Text, sa.ForeignKey("parties.party_id", name=party), nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("pdf_sha256", Text, nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.CheckConstraint(
            "side IN ('user', 'provider')", name=op.f("ck_certificate_confirmations_side")
        ),
    )
    op.create_index(
        op.f("ix_certificate_confirmations_party_id"), "certificate_confirmations", ["party_id"]
    )


def _of_statement(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["statement_number", "statement_revision"],
        ["statements.number", "statements.revision"],
        name=f"fk_{table}_statement",
    )


def _of_certificate(table: str) -> sa.ForeignKey:
    return sa.ForeignKey("certificates.number", name=op.f(f"fk_{table}_number_certificates"))


def _key(name: str, target: str, *, nullable: bool = False) -> sa.Column[str]:
    table = target.partition(".")[0]
    key = sa.ForeignKey(target, name=op.f(f"fk_certificates_{name}_{table}"))
    return sa.Column(name, Text, key, nullable=nullable)
