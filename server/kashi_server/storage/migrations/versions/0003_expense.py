"""Tables of the expense family."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.schema import Bytes, Count, Key, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = (
    "silences",
    "rated_lines",
    "statements",
    "closes",
    "rules_versions",
    "prices",
    "assignments",
    "contracts",
    "tenures",
    "parties",
)
_APPEND_ONLY = ("rules_versions", "closes", "statements", "rated_lines", "silences")
_NO_OVERLAP = {
    "tenures": (("host_id", "start_minute"), ("host_id",)),
    "assignments": (("assignment_id",), ("hardware_id",)),
    "prices": (("price_id",), ("contract_id", "model")),
    "rules_versions": (("programme_id", "version"), ("programme_id",)),
}


def upgrade() -> None:
    _parties()
    _tenures()
    _contracts()
    _assignments()
    _prices()
    _rules_versions()
    _closes()
    _statements()
    _rated_lines()
    _silences()
    dialect = op.get_bind().dialect.name
    for table in _APPEND_ONLY:
        for statement in guards.append_only(dialect, table):
            op.execute(statement)
    for table, (row_key, key) in _NO_OVERLAP.items():
        for statement in guards.no_overlap(dialect, table, row_key, key):
            op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    dropped = [guards.drop(dialect, table, "append_only") for table in _APPEND_ONLY]
    dropped += [guards.drop(dialect, table, "no_overlap") for table in _NO_OVERLAP]
    for statements in dropped:
        for statement in statements:
            op.execute(statement)
    for table in _TABLES:
        op.drop_table(table)


def _interval(table: str) -> tuple[sa.Column[int], sa.Column[int], sa.CheckConstraint]:
    return (
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count),
        sa.CheckConstraint(
            "end_minute IS NULL OR end_minute > start_minute", name=op.f(f"ck_{table}_interval")
        ),
    )


def _party(name: str, table: str, *, nullable: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey("parties.party_id", name=op.f(f"fk_{table}_{name}_parties"))
    return sa.Column(name, Text, key, nullable=nullable)


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{columns[0]}"), table, list(columns))


def _parties() -> None:
    op.create_table(
        "parties",
        sa.Column("party_id", Text, primary_key=True),
        sa.Column("kind", Text, nullable=False),
        sa.Column("name_zh", Text, nullable=False),
        sa.Column("name_en", Text, nullable=False),
        sa.Column("district", Text, nullable=False),
        sa.Column("established_on", Text),
        sa.CheckConstraint(
            "kind IN ('company', 'provider', 'office', 'auditor')", name=op.f("ck_parties_kind")
        ),
    )


def _tenures() -> None:
    op.create_table(
        "tenures",
        sa.Column("host_id", Text, primary_key=True),
        sa.Column("start_minute", Count, primary_key=True),
        sa.Column("end_minute", Count),
        _party("owner_id", "tenures"),
        _party("operator_id", "tenures"),
        sa.Column("kind", Text, nullable=False),
        sa.CheckConstraint("kind IN ('self_owned', 'leased_out')", name=op.f("ck_tenures_kind")),
        sa.CheckConstraint(
            "end_minute IS NULL OR end_minute > start_minute", name=op.f("ck_tenures_interval")
        ),
    )
    _index("tenures", "owner_id")
    _index("tenures", "operator_id")


def _contracts() -> None:
    op.create_table(
        "contracts",
        sa.Column("contract_id", Text, primary_key=True),
        _party("provider_id", "contracts"),
        _party("user_id", "contracts"),
        sa.Column("signed_on", Text, nullable=False),
        *_interval("contracts"),
        sa.Column("unrelated_declared", sa.Boolean),
        sa.CheckConstraint("provider_id <> user_id", name=op.f("ck_contracts_sides")),
    )
    _index("contracts", "provider_id")
    _index("contracts", "user_id")


def _contract(table: str, *, nullable: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey("contracts.contract_id", name=op.f(f"fk_{table}_contract_id_contracts"))
    return sa.Column("contract_id", Text, key, nullable=nullable)


def _assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("assignment_id", Text, primary_key=True),
        _contract("assignments"),
        sa.Column("hardware_id", Text, nullable=False),
        *_interval("assignments"),
        _party("proposed_by", "assignments"),
        sa.Column("proposed_utc_ms", Count, nullable=False),
        _party("confirmed_by", "assignments", nullable=True),
        sa.Column("confirmed_utc_ms", Count),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> proposed_by",
            name=op.f("ck_assignments_two_sides"),
        ),
        sa.CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_utc_ms IS NULL)",
            name=op.f("ck_assignments_confirmed"),
        ),
    )
    _index("assignments", "contract_id")
    _index("assignments", "hardware_id")


def _prices() -> None:
    op.create_table(
        "prices",
        sa.Column("price_id", Text, primary_key=True),
        _contract("prices"),
        sa.Column("model", Text, nullable=False),
        sa.Column("yuan", Text, nullable=False),
        sa.Column("basis", Text, nullable=False),
        *_interval("prices"),
        sa.CheckConstraint(
            "basis IN ('leased_observed', 'held', 'utilised')", name=op.f("ck_prices_basis")
        ),
    )
    op.create_index("ix_prices_contract_id_model", "prices", ["contract_id", "model"])


def _rules_versions() -> None:
    op.create_table(
        "rules_versions",
        sa.Column("programme_id", Text, primary_key=True),
        sa.Column("version", Text, primary_key=True),
        *_interval("rules_versions"),
        sa.Column("content", Bytes, nullable=False),
        sa.Column("sha256", Bytes, nullable=False),
        sa.Column("added_utc_ms", Count, nullable=False),
        sa.UniqueConstraint("sha256", name=op.f("uq_rules_versions_sha256")),
    )


def _closes() -> None:
    op.create_table(
        "closes",
        sa.Column("month", Text, primary_key=True),
        sa.Column("event_end_minute", Count, nullable=False),
        sa.Column("checkpoint_size", Count, nullable=False),
        sa.Column("checkpoint_root", Bytes, nullable=False),
        sa.Column("closed_utc_ms", Count, nullable=False),
    )


def _month(table: str) -> sa.Column[str]:
    key = sa.ForeignKey("closes.month", name=op.f(f"fk_{table}_month_closes"))
    return sa.Column("month", Text, key, nullable=False)


def _statements() -> None:
    op.create_table(
        "statements",
        sa.Column(
            "user_id",
            Text,
            sa.ForeignKey("parties.party_id", name=op.f("fk_statements_user_id_parties")),
            primary_key=True,
        ),
        sa.Column("number", Text, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        _month("statements"),
        _contract("statements", nullable=True),
        _party("provider_id", "statements", nullable=True),
        sa.Column("programme_id", Text),
        sa.Column("demo", sa.Boolean, nullable=False),
        sa.Column("observed_ms", Count, nullable=False),
        sa.Column("gap_ms", Count, nullable=False),
        sa.Column("card_hours", Text, nullable=False),
        sa.Column("amount_fen", Count, nullable=False),
        sa.Column("eligible_fen", Count, nullable=False),
        sa.Column("estimate_fen", Count),
        sa.Column("content", Bytes, nullable=False),
        sa.Column("sha256", Bytes, nullable=False),
        sa.UniqueConstraint("number", "revision", name=op.f("uq_statements_number")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_statements_revision")),
    )
    for column in ("month", "contract_id", "provider_id"):
        _index("statements", column)


def _rated_lines() -> None:
    op.create_table(
        "rated_lines",
        sa.Column("user_id", Text, primary_key=True),
        sa.Column("number", Text, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("hardware_id", Text, nullable=False),
        sa.Column("host_id", Text, nullable=False),
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count, nullable=False),
        sa.Column("price_id", Text),
        sa.Column("leased_ms", Count, nullable=False),
        sa.Column("observed_ms", Count, nullable=False),
        sa.Column("gap_ms", Count, nullable=False),
        sa.Column("billed_ms", Count, nullable=False),
        sa.Column("share_numerator", Count, nullable=False),
        sa.Column("share_denominator", Count, nullable=False),
        sa.Column("amount_fen", Count, nullable=False),
        sa.Column("eligible", sa.Boolean, nullable=False),
        sa.Column("reasons", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "number", "revision"],
            ["statements.user_id", "statements.number", "statements.revision"],
            name=op.f("fk_rated_lines_user_id_statements"),
        ),
        sa.CheckConstraint("end_minute > start_minute", name=op.f("ck_rated_lines_interval")),
        sa.CheckConstraint(
            "observed_ms + gap_ms = (end_minute - start_minute) * 60000",
            name=op.f("ck_rated_lines_elapsed"),
        ),
        sa.CheckConstraint("billed_ms <= leased_ms", name=op.f("ck_rated_lines_billed")),
    )
    _index("rated_lines", "hardware_id")


def _silences() -> None:
    op.create_table(
        "silences",
        sa.Column("silence_id", Key, primary_key=True, autoincrement=True),
        _month("silences"),
        sa.Column("hardware_id", Text, nullable=False),
        sa.Column("host_id", Text, nullable=False),
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count, nullable=False),
        sa.Column("span_ms", Count, nullable=False),
    )
    _index("silences", "month")
    _index("silences", "hardware_id")
