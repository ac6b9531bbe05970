"""Tables of correction runs and settlements; how full the fullest minute of an hour is; sums of
days; the evidence level of a rated line; which correction wrote a gap of silence."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.schema import Bytes, Count, Text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SUMS = (
    *("observed_ms", "held_known_ms", "held_ms", "utilisation_known_ms", "active_ms"),
    *("utilised_ns", "unattributed_ms"),
)
_TABLES = ("settlements", "correction_lines", "corrected_statements", "correction_runs")


def upgrade() -> None:
    _runs()
    _statements()
    _lines()
    _settlements()
    # Hours that stand keep none: their minutes are read until they are written again.
    op.add_column("device_hours", sa.Column("observed_peak_ms", Count, nullable=True))
    _device_days()
    # Lines that stand keep none: an agent's, but where a provider stated them.
    op.add_column("rated_lines", sa.Column("evidence_level", Text, nullable=True))
    op.add_column("rated_lines", sa.Column("counted_gap_fen", Count, nullable=True))
    op.add_column("silences", sa.Column("run_id", Text, nullable=True))
    dialect = op.get_bind().dialect.name
    for table in reversed(_TABLES):
        for statement in guards.append_only(dialect, table):
            op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in _TABLES:
        for statement in guards.drop(dialect, table, "append_only"):
            op.execute(statement)
    for table in _TABLES:
        op.drop_table(table)
    op.drop_table("device_days")
    op.drop_column("silences", "run_id")
    op.drop_column("rated_lines", "counted_gap_fen")
    op.drop_column("rated_lines", "evidence_level")
    op.drop_column("device_hours", "observed_peak_ms")


def _key(
    table: str, column: str, to: str, *, primary_key: bool = False, nullable: bool = False
) -> sa.Column[str]:
    other = to.partition(".")[0]
    key = sa.ForeignKey(to, name=op.f(f"fk_{table}_{column}_{other}"))
    return sa.Column(column, Text, key, primary_key=primary_key, nullable=nullable)


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, Count, nullable=False) for name in names]


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{columns[0]}"), table, list(columns))


def _runs() -> None:
    table = "correction_runs"
    op.create_table(
        table,
        sa.Column("run_id", Text, primary_key=True),
        _key(table, "month", "closes.month"),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("booked_month", Text, nullable=False),
        *_counts("event_end_minute", "checkpoint_size"),
        sa.Column("checkpoint_root", Bytes, nullable=False),
        sa.Column("first_officer", Text, nullable=False),
        sa.Column("second_officer", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        *_counts("made_utc_ms"),
        sa.Column("content", Bytes, nullable=False),
        sa.UniqueConstraint("month", "ordinal", name=op.f("uq_correction_runs_month")),
        sa.CheckConstraint(
            "first_officer <> second_officer", name=op.f("ck_correction_runs_two_officers")
        ),
        sa.CheckConstraint("booked_month > month", name=op.f("ck_correction_runs_booked_later")),
        sa.CheckConstraint("ordinal >= 1", name=op.f("ck_correction_runs_ordinal")),
    )
    _index(table, "booked_month")


def _statements() -> None:
    table = "corrected_statements"
    op.create_table(
        table,
        _key(table, "user_id", "parties.party_id", primary_key=True),
        sa.Column("number", Text, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        _key(table, "run_id", "correction_runs.run_id"),
        _key(table, "contract_id", "contracts.contract_id", nullable=True),
        sa.Column("corrects_revision", sa.Integer),
        *_counts("amount_fen", "eligible_fen"),
        sa.UniqueConstraint("number", "revision", name=op.f("uq_corrected_statements_number")),
        sa.CheckConstraint(
            "corrects_revision IS NULL OR corrects_revision = revision - 1",
            name=op.f("ck_corrected_statements_next"),
        ),
    )
    _index(table, "run_id")
    _index(table, "contract_id")


def _lines() -> None:
    table = "correction_lines"
    op.create_table(
        table,
        _key(table, "user_id", "parties.party_id", primary_key=True),
        _key(table, "run_id", "correction_runs.run_id", primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("number", Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("line_id", Text, nullable=False),
        sa.Column("corrects", Text, nullable=False),
        sa.Column("hardware_id", Text, nullable=False),
        *_counts("start_minute", "end_minute", "leased_ms", "observed_ms", "gap_ms", "billed_ms"),
        *_counts("amount_fen", "eligible_fen"),
        sa.Column("content", Bytes, nullable=False),
        sa.CheckConstraint("kind IN ('reversal', 'new')", name=op.f("ck_correction_lines_kind")),
        sa.CheckConstraint(
            "kind = 'new' OR corrects = line_id", name=op.f("ck_correction_lines_reverses")
        ),
        sa.CheckConstraint("end_minute > start_minute", name=op.f("ck_correction_lines_interval")),
    )
    _index(table, "line_id")
    _index(table, "hardware_id")
    _index(table, "number", "revision")


def _settlements() -> None:
    table = "settlements"
    op.create_table(
        table,
        _key(table, "user_id", "parties.party_id", primary_key=True),
        sa.Column("number", Text, primary_key=True),
        _key(table, "contract_id", "contracts.contract_id"),
        _key(table, "month", "closes.month"),
        *_counts("charges_fen", "corrections_fen", "carried_in_fen"),
        *_counts("payable_fen", "carried_out_fen"),
        sa.CheckConstraint(
            "payable_fen + carried_out_fen = charges_fen + corrections_fen + carried_in_fen",
            name=op.f("ck_settlements_conserved"),
        ),
        sa.CheckConstraint(
            "payable_fen >= 0 AND carried_out_fen <= 0", name=op.f("ck_settlements_signs")
        ),
        sa.CheckConstraint(
            "payable_fen = 0 OR carried_out_fen = 0", name=op.f("ck_settlements_one_side")
        ),
    )
    _index(table, "contract_id")


def _device_days() -> None:
    table = "device_days"
    op.create_table(
        table,
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("hardware_id", Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        *_counts(*_SUMS),
        sa.Column("observed_peak_ms", Count, nullable=True),
    )
    _index(table, "day")
    # Of the hours that stand: a day of Asia/Shanghai begins eight hours before that of UTC.
    sums = ", ".join(f"CAST(sum({name}) AS bigint)" for name in _SUMS)
    op.execute(
        f"INSERT INTO device_days (host_id, hardware_id, day, {', '.join(_SUMS)})"
        f" SELECT host_id, hardware_id, (hour + 8) / 24, {sums}"
        " FROM device_hours GROUP BY host_id, hardware_id, (hour + 8) / 24"
    )
