"""The one MetaData all tables hang on, and the column types that keep integers exact."""

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Key = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key; SQLite counts up only in plain INTEGER."""

Count = BigInteger()
"""Milliseconds, fen, sequence numbers, UTC milliseconds and minutes: 64 bits."""

Bytes = LargeBinary()
"""Exact bytes: reports, receipts, hashes."""

Text = String()
"""Text of any length; lengths are refused at birth, not cut here."""
