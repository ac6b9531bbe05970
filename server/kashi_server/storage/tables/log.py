"""Tables of the append-only log: which entry has which index, the tree's hashes, checkpoints.

Reports take their places in runs: consecutive sequences of one host and epoch at consecutive
indices. Everything else is an entry of its own.
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table

from kashi_server.storage.schema import Bytes, Count, Key, Text, metadata

log_head = Table(
    "log_head",
    metadata,
    # The one row: whoever moves it is the sequencer.
    Column("log_head_id", Integer, primary_key=True, autoincrement=False),
    Column("size", Count, nullable=False),
    # Roots of the perfect subtrees, largest first, 32 bytes each.
    Column("peaks", Bytes, nullable=False),
    CheckConstraint("log_head_id = 1", name="one_row"),
)

log_positions = Table(
    "log_positions",
    metadata,
    Column("host_id", Text, primary_key=True),
    # The last report of the host that has an index.
    Column("epoch", Count, nullable=False),
    Column("sequence", Count, nullable=False),
)

log_runs = Table(
    "log_runs",
    metadata,
    Column("first_index", Key, primary_key=True, autoincrement=False),
    Column("host_id", Text, nullable=False),
    Column("epoch", Count, nullable=False),
    Column("first_sequence", Count, nullable=False),
    Column("count", Count, nullable=False),
    Index("ix_log_runs_place", "host_id", "epoch", "first_sequence", unique=True),
)

log_pending = Table(
    "log_pending",
    metadata,
    Column("pending_id", Key, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("entry", Bytes, nullable=False),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("log_index", Key, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("entry", Bytes, nullable=False),
    Index("ix_log_entries_reference", "kind", "reference"),
)

log_tiles = Table(
    "log_tiles",
    metadata,
    # Height above the leaves in steps of eight: a hash of level 1 stands over 256 leaves.
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", Count, primary_key=True, autoincrement=False),
    # Up to 256 hashes of 32 bytes.
    Column("hashes", Bytes, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    # The log's size; one checkpoint a size, for good.
    Column("size", Key, primary_key=True, autoincrement=False),
    Column("root", Bytes, nullable=False),
    Column("utc_ms", Count, nullable=False),
    # Serialised SignedCheckpoint.
    Column("signed", Bytes, nullable=False),
)
