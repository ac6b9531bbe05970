"""Tables of assignments as they are proposed and answered; the hardware that they are of."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards
from kashi_server.storage.same_hardware import key_column
from kashi_server.storage.schema import Count, Text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEYS = {"hardware_key": "hardware_id", "parent_key": "parent_hardware_id"}
_KINDS = (
    "kind IN ('proposed', 'confirmed', 'declined', 'withdrawn',"
    " 'end_proposed', 'end_confirmed', 'end_declined', 'end_withdrawn')"
)


def upgrade() -> None:
    op.create_table(
        "assignment_acts",
        sa.Column("assignment_id", Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", Text, nullable=False),
        _key("contract_id", "contracts.contract_id", "contracts"),
        sa.Column("hardware_id", Text, nullable=False),
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count),
        _key("party_id", "parties.party_id", "parties"),
        sa.Column("login", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.CheckConstraint(_KINDS, name=op.f("ck_assignment_acts_kind")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_assignment_acts_number")),
        sa.CheckConstraint(
            "end_minute IS NULL OR end_minute > start_minute",
            name=op.f("ck_assignment_acts_interval"),
        ),
        sa.CheckConstraint(
            "kind NOT IN ('declined', 'end_declined') OR length(reason) > 0",
            name=op.f("ck_assignment_acts_reason"),
        ),
    )
    op.create_index("ix_assignment_acts_contract_id", "assignment_acts", ["contract_id"])
    dialect = op.get_bind().dialect.name
    for statement in guards.append_only(dialect, "assignment_acts"):
        op.execute(statement)
    for name, of in _KEYS.items():
        op.add_column("devices", key_column(name, of, stored=dialect == "postgresql"))
        op.create_index(f"ix_devices_{name}", "devices", [name])


def downgrade() -> None:
    for name in _KEYS:
        op.drop_index(f"ix_devices_{name}", "devices")
        op.drop_column("devices", name)
    dialect = op.get_bind().dialect.name
    for statement in guards.drop(dialect, "assignment_acts", "append_only"):
        op.execute(statement)
    op.drop_table("assignment_acts")


def _key(name: str, target: str, table: str) -> sa.Column[str]:
    key = sa.ForeignKey(target, name=op.f(f"fk_assignment_acts_{name}_{table}"))
    return sa.Column(name, Text, key, nullable=False)
