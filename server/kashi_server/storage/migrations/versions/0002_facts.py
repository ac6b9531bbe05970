"""Tables of the facts family and of the log."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage.schema import Bytes, Count, Key, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = (
    "checkpoints",
    "log_tiles",
    "log_entries",
    "log_pending",
    "log_runs",
    "log_positions",
    "log_head",
    "events",
    "gaps",
    "device_hours",
    "devices",
    "restorations",
    "forks",
    "epochs",
    "heads",
    "reports",
)


def upgrade() -> None:
    _reports()
    _heads()
    _epochs()
    _forks()
    _restorations()
    _devices()
    _device_hours()
    _gaps()
    _events()
    _log_head()
    _log_positions()
    _log_runs()
    _log_pending()
    _log_entries()
    _log_tiles()
    _checkpoints()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, primary_key=True),
        sa.Column("sequence", Count, primary_key=True),
        sa.Column("sha256", Bytes, nullable=False),
        sa.Column("start_utc_ms", Count, nullable=False),
        sa.Column("end_utc_ms", Count, nullable=False),
        sa.Column("received_utc_ms", Count, nullable=False),
        sa.Column("clock_offset_ms", Count, nullable=False),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=False),
        sa.Column("counted", sa.SmallInteger(), nullable=False),
        sa.Column("content", Bytes, nullable=False),
        sa.CheckConstraint("verdict IN (1, 5)", name=op.f("ck_reports_ck_reports_verdict")),
        sa.CheckConstraint(
            "(verdict = 1) = (reason = 0)", name=op.f("ck_reports_ck_reports_reason")
        ),
        sa.CheckConstraint("counted IN (0, 1)", name=op.f("ck_reports_ck_reports_counted")),
    )
    op.create_index("ix_reports_end", "reports", ["host_id", "end_utc_ms"])
    op.create_index(
        "ix_reports_uncounted",
        "reports",
        ["host_id", "reason"],
        sqlite_where=sa.text("counted = 0"),
        postgresql_where=sa.text("counted = 0"),
    )


def _heads() -> None:
    op.create_table(
        "heads",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, nullable=False),
        sa.Column("sequence", Count, nullable=False),
        sa.Column("sha256", Bytes, nullable=False),
        sa.Column("received_utc_ms", Count, nullable=False),
        sa.Column("reported_until_utc_ms", Count, nullable=False),
        sa.Column("counted_until_utc_ms", Count, nullable=False),
        sa.Column("projected_epoch", Count, nullable=False),
        sa.Column("projected_sequence", Count, nullable=False),
        sa.Column("revision", Count, nullable=False, server_default="0"),
        sa.Column("agent_version", Text, nullable=False),
        sa.Column("clock_sync", sa.SmallInteger(), nullable=False),
        sa.Column("clock_offset_ms", Count, nullable=False),
    )


def _epochs() -> None:
    op.create_table(
        "epochs",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, primary_key=True),
        sa.Column("opened_utc_ms", Count, nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=False),
        sa.Column("last_epoch", Count, nullable=False),
        sa.Column("last_sequence", Count, nullable=False),
        sa.Column("last_sha256", Bytes, nullable=False),
        sa.Column("lost_first_sequence", Count, nullable=False),
        sa.Column("lost_last_sequence", Count, nullable=False),
    )


def _forks() -> None:
    op.create_table(
        "forks",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, primary_key=True),
        sa.Column("sequence", Count, primary_key=True),
        sa.Column("sha256", Bytes, primary_key=True),
        sa.Column("received_utc_ms", Count, nullable=False),
        sa.Column("content", Bytes, nullable=False),
    )


def _restorations() -> None:
    op.create_table(
        "restorations",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, primary_key=True),
        sa.Column("sequence", Count, primary_key=True),
        sa.Column("restored_utc_ms", Count, nullable=False),
        sa.Column("officer", Text, nullable=False),
        sa.Column("why", Text, nullable=False),
    )


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("hardware_id", Text, primary_key=True),
        sa.Column("slot", Count, nullable=True),
        sa.Column("vendor", sa.SmallInteger(), nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("parent_hardware_id", Text, nullable=False),
        sa.Column("serial", Text, nullable=False),
        sa.Column("pci_bus_id", Text, nullable=False),
        sa.Column("memory_bytes", Count, nullable=False),
        sa.Column("share_numerator", Count, nullable=False),
        sa.Column("share_denominator", Count, nullable=False),
        sa.Column("meter", sa.SmallInteger(), nullable=False),
        sa.Column("first_utc_ms", Count, nullable=True),
        sa.Column("described_utc_ms", Count, nullable=False),
    )
    op.create_index("ix_devices_hardware_id", "devices", ["hardware_id"])


def _device_hours() -> None:
    op.create_table(
        "device_hours",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("hardware_id", Text, primary_key=True),
        sa.Column("hour", sa.Integer(), primary_key=True),
        sa.Column("observed_ms", Count, nullable=False),
        sa.Column("held_known_ms", Count, nullable=False),
        sa.Column("held_ms", Count, nullable=False),
        sa.Column("utilisation_known_ms", Count, nullable=False),
        sa.Column("active_ms", Count, nullable=False),
        sa.Column("utilised_ns", Count, nullable=False),
        sa.Column("unattributed_ms", Count, nullable=False),
        sa.Column("minutes", Bytes, nullable=False),
    )
    op.create_index("ix_device_hours_hardware_id", "device_hours", ["hardware_id", "hour"])


def _gaps() -> None:
    op.create_table(
        "gaps",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, primary_key=True),
        sa.Column("sequence", Count, primary_key=True),
        sa.Column("ordinal", sa.Integer(), primary_key=True),
        sa.Column("hardware_id", Text, nullable=False),
        sa.Column("start_utc_ms", Count, nullable=False),
        sa.Column("end_utc_ms", Count, nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=False),
        sa.Column("same_driver", sa.SmallInteger(), nullable=True),
        sa.Column("same_holders", sa.SmallInteger(), nullable=True),
        sa.Column("energy_mj", Count, nullable=True),
    )
    op.create_index("ix_gaps_hardware_id", "gaps", ["hardware_id", "end_utc_ms"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, primary_key=True),
        sa.Column("sequence", Count, primary_key=True),
        sa.Column("ordinal", sa.Integer(), primary_key=True),
        sa.Column("hardware_id", Text, nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("detail", Text, nullable=False),
        sa.Column("value", Count, nullable=False),
    )
    op.create_index("ix_events_utc_ms", "events", ["host_id", "utc_ms"])


def _log_head() -> None:
    op.create_table(
        "log_head",
        sa.Column("log_head_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("size", Count, nullable=False),
        sa.Column("peaks", Bytes, nullable=False),
        sa.CheckConstraint("log_head_id = 1", name=op.f("ck_log_head_ck_log_head_one_row")),
    )


def _log_positions() -> None:
    op.create_table(
        "log_positions",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("epoch", Count, nullable=False),
        sa.Column("sequence", Count, nullable=False),
    )


def _log_runs() -> None:
    op.create_table(
        "log_runs",
        sa.Column("first_index", Key, primary_key=True, autoincrement=False),
        sa.Column("host_id", Text, nullable=False),
        sa.Column("epoch", Count, nullable=False),
        sa.Column("first_sequence", Count, nullable=False),
        sa.Column("count", Count, nullable=False),
    )
    op.create_index(
        "ix_log_runs_place", "log_runs", ["host_id", "epoch", "first_sequence"], unique=True
    )


def _log_pending() -> None:
    op.create_table(
        "log_pending",
        sa.Column("pending_id", Key, primary_key=True, autoincrement=True),
        sa.Column("kind", Text, nullable=False),
        sa.Column("reference", Text, nullable=False),
        sa.Column("entry", Bytes, nullable=False),
    )


def _log_entries() -> None:
    op.create_table(
        "log_entries",
        sa.Column("log_index", Key, primary_key=True, autoincrement=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("reference", Text, nullable=False),
        sa.Column("entry", Bytes, nullable=False),
    )
    op.create_index("ix_log_entries_reference", "log_entries", ["kind", "reference"])


def _log_tiles() -> None:
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", Count, primary_key=True, autoincrement=False),
        sa.Column("hashes", Bytes, nullable=False),
    )


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("size", Key, primary_key=True, autoincrement=False),
        sa.Column("root", Bytes, nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.Column("signed", Bytes, nullable=False),
    )
