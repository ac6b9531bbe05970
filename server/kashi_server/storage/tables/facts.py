"""Tables of the facts family: reports and what follows from them, keyed by host first.

Reports, receipts, epochs, forks, events and restorations are only ever added; `reports.counted` and
the tables `heads`, `devices`, `device_hours`, `device_days` and `gaps` are projections that can be
built again.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
    literal_column,
)

from kashi_server.storage.same_hardware import key_column
from kashi_server.storage.schema import Bytes, Count, Text, metadata

reports = Table(
    "reports",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("epoch", Count, primary_key=True),
    Column("sequence", Count, primary_key=True),
    Column("sha256", Bytes, nullable=False),
    Column("start_utc_ms", Count, nullable=False),
    Column("end_utc_ms", Count, nullable=False),
    Column("received_utc_ms", Count, nullable=False),
    # How far the wall clock stood from the labels' axis (domain/host_clock.py).
    Column("clock_offset_ms", Count, nullable=False),
    # 1 accepted, 5 quarantined; the contract's numbers.
    Column("verdict", SmallInteger, nullable=False),
    # The contract's QuarantineReason; 0 when accepted.
    Column("reason", SmallInteger, nullable=False),
    # 1 while it stands in the projections: accepted, or restored since.
    Column("counted", SmallInteger, nullable=False),
    # Compressed exact bytes of the report and of the receipt (see storage/packing.py).
    Column("content", Bytes, nullable=False),
    # The contract's ClockSync; 0, like everything but 2: nobody vouches for the clock.
    Column("clock_sync", SmallInteger, nullable=False, server_default="0"),
    CheckConstraint("verdict IN (1, 5)", name="verdict"),
    CheckConstraint("counted IN (0, 1)", name="counted"),
    CheckConstraint("(verdict = 1) = (reason = 0)", name="reason"),
)
Index("ix_reports_end", reports.c.host_id, reports.c.end_utc_ms)
# The few that do not count, for people who watch hosts. A query must say `UNCOUNTED`, in just
# these words: SQLite compares the text of a partial index's condition, not a parameter's value.
UNCOUNTED = reports.c.counted == literal_column("0")
Index(
    "ix_reports_uncounted",
    reports.c.host_id,
    reports.c.reason,
    sqlite_where=UNCOUNTED,
    postgresql_where=UNCOUNTED,
)

heads = Table(
    "heads",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("epoch", Count, nullable=False),
    Column("sequence", Count, nullable=False),
    Column("sha256", Bytes, nullable=False),
    Column("received_utc_ms", Count, nullable=False),
    Column("reported_until_utc_ms", Count, nullable=False),
    Column("counted_until_utc_ms", Count, nullable=False),
    # Counted reports up to here stand in device_hours; later ones are added when it is read.
    Column("projected_epoch", Count, nullable=False),
    Column("projected_sequence", Count, nullable=False),
    # Counts up when anything but ingestion changes what follows from the reports: memories of the
    # chain that are older are worth nothing.
    Column("revision", Count, nullable=False, server_default="0"),
    Column("agent_version", Text, nullable=False),
    Column("clock_sync", SmallInteger, nullable=False),
    Column("clock_offset_ms", Count, nullable=False),
    # Cards that the host keeps out of its reports, as its last report says.
    Column("devices_counted_only", Integer, nullable=False, server_default="0"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("epoch", Count, primary_key=True),
    Column("opened_utc_ms", Count, nullable=False),
    Column("reason", SmallInteger, nullable=False),
    Column("last_epoch", Count, nullable=False),
    Column("last_sequence", Count, nullable=False),
    Column("last_sha256", Bytes, nullable=False),
    Column("lost_first_sequence", Count, nullable=False),
    Column("lost_last_sequence", Count, nullable=False),
)

forks = Table(
    "forks",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("epoch", Count, primary_key=True),
    Column("sequence", Count, primary_key=True),
    Column("sha256", Bytes, primary_key=True),
    Column("received_utc_ms", Count, nullable=False),
    Column("content", Bytes, nullable=False),
)

restorations = Table(
    "restorations",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("epoch", Count, primary_key=True),
    Column("sequence", Count, primary_key=True),
    Column("restored_utc_ms", Count, nullable=False),
    Column("officer", Text, nullable=False),
    Column("why", Text, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("hardware_id", Text, primary_key=True),
    # Its number on the host now; null once the number went to another device.
    Column("slot", Count, nullable=True),
    Column("vendor", SmallInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("parent_hardware_id", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("pci_bus_id", Text, nullable=False),
    Column("memory_bytes", Count, nullable=False),
    Column("share_numerator", Count, nullable=False),
    Column("share_denominator", Count, nullable=False),
    Column("meter", SmallInteger, nullable=False),
    # Start of the first counted reading; null before there is one.
    Column("first_utc_ms", Count, nullable=True),
    # When the latest report that described it was received: tells which description is newest.
    Column("described_utc_ms", Count, nullable=False),
    # What is the same for every id of its hardware, and of the card it is cut from.
    key_column("hardware_key", "hardware_id"),
    key_column("parent_key", "parent_hardware_id"),
    Index("ix_devices_hardware_id", "hardware_id"),
    Index("ix_devices_hardware_key", "hardware_key"),
    Index("ix_devices_parent_key", "parent_key"),
)

device_hours = Table(
    "device_hours",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("hardware_id", Text, primary_key=True),
    # UTC hours since 1970.
    Column("hour", Integer, primary_key=True),
    Column("observed_ms", Count, nullable=False),
    Column("held_known_ms", Count, nullable=False),
    Column("held_ms", Count, nullable=False),
    Column("utilisation_known_ms", Count, nullable=False),
    Column("active_ms", Count, nullable=False),
    Column("utilised_ns", Count, nullable=False),
    Column("unattributed_ms", Count, nullable=False),
    # Sixty minutes of each quantity (see storage/packing.py).
    Column("minutes", Bytes, nullable=False),
    # The most that one of the minutes was observed; null where it was not noted.
    Column("observed_peak_ms", Count, nullable=True),
    Index("ix_device_hours_hardware_id", "hardware_id", "hour"),
)

device_days = Table(
    "device_days",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("hardware_id", Text, primary_key=True),
    # Days of Asia/Shanghai since 1970: whole UTC hours, 24 x day - 8 and those after it.
    Column("day", Integer, primary_key=True),
    # The sums of its device-hours, written with them.
    Column("observed_ms", Count, nullable=False),
    Column("held_known_ms", Count, nullable=False),
    Column("held_ms", Count, nullable=False),
    Column("utilisation_known_ms", Count, nullable=False),
    Column("active_ms", Count, nullable=False),
    Column("utilised_ns", Count, nullable=False),
    Column("unattributed_ms", Count, nullable=False),
    # The most that one of its minutes was observed; null where that was not noted of an hour.
    Column("observed_peak_ms", Count, nullable=True),
    Index("ix_device_days_day", "day"),
)

gaps = Table(
    "gaps",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("epoch", Count, primary_key=True),
    Column("sequence", Count, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("hardware_id", Text, nullable=False),
    Column("start_utc_ms", Count, nullable=False),
    Column("end_utc_ms", Count, nullable=False),
    Column("reason", SmallInteger, nullable=False),
    Column("same_driver", SmallInteger, nullable=True),
    Column("same_holders", SmallInteger, nullable=True),
    Column("energy_mj", Count, nullable=True),
    Index("ix_gaps_hardware_id", "hardware_id", "end_utc_ms"),
)

events = Table(
    "events",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("epoch", Count, primary_key=True),
    Column("sequence", Count, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    # Empty for an event of the host itself.
    Column("hardware_id", Text, nullable=False),
    Column("utc_ms", Count, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("value", Count, nullable=False),
    Index("ix_events_utc_ms", "host_id", "utc_ms"),
)
