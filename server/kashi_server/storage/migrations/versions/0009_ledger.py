"""Tables of the ledger."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.schema import Bytes, Count, Key, Text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("ledger_movements", "ledger_postings")


def upgrade() -> None:
    _accounts()
    _movements()
    _postings()
    dialect = op.get_bind().dialect.name
    for table in _APPEND_ONLY:
        for statement in guards.append_only(dialect, table):
            op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in _APPEND_ONLY:
        for statement in guards.drop(dialect, table, "append_only"):
            op.execute(statement)
    for table in ("ledger_postings", "ledger_movements", "ledger_accounts"):
        op.drop_table(table)


def _accounts() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("account", Text, primary_key=True),
        sa.Column("unit", Text, nullable=False),
        sa.Column("floored", sa.Integer, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.CheckConstraint("unit IN ('fen', 'awards')", name=op.f("ck_ledger_accounts_unit")),
        sa.CheckConstraint("floored = 0 OR balance >= 0", name=op.f("ck_ledger_accounts_floor")),
    )


def _movements() -> None:
    op.create_table(
        "ledger_movements",
        sa.Column("movement_id", Key, primary_key=True, autoincrement=True),
        sa.Column("key", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("reference", Text, nullable=False),
        sa.Column("officer", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("posted_utc_ms", Count, nullable=False),
        sa.Column("sha256", Bytes, nullable=False),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_movements_key")),
    )
    op.create_index(op.f("ix_ledger_movements_reference"), "ledger_movements", ["reference"])


def _postings() -> None:
    op.create_table(
        "ledger_postings",
        sa.Column(
            "movement_id",
            Key,
            sa.ForeignKey(
                "ledger_movements.movement_id",
                name=op.f("fk_ledger_postings_movement_id_ledger_movements"),
            ),
            primary_key=True,
        ),
        sa.Column(
            "account",
            Text,
            sa.ForeignKey(
                "ledger_accounts.account",
                name=op.f("fk_ledger_postings_account_ledger_accounts"),
            ),
            primary_key=True,
        ),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_postings_amount")),
    )
    op.create_index(op.f("ix_ledger_postings_account"), "ledger_postings", ["account"])
