"""Tables of the ledger: movements and postings are only ever added; a balance is a projection of
them that the database keeps above its floor."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, Table

from kashi_server.storage.schema import Bytes, Count, Key, Text, metadata

ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("floored", Integer, nullable=False),
    Column("balance", BigInteger, nullable=False),
    CheckConstraint("unit IN ('fen', 'awards')", name="unit"),
    CheckConstraint("floored = 0 OR balance >= 0", name="floor"),
)

ledger_movements = Table(
    "ledger_movements",
    metadata,
    Column("movement_id", Key, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False, index=True),
    Column("officer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("posted_utc_ms", Count, nullable=False),
    Column("sha256", Bytes, nullable=False),
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    Column("movement_id", ForeignKey("ledger_movements.movement_id"), primary_key=True),
    Column("account", ForeignKey("ledger_accounts.account"), primary_key=True, index=True),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount <> 0", name="amount"),
)
