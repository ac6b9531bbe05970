"""Rules in succession: a version ends where a later one of its programme begins."""

from alembic import op
from kashi_server.storage import guards

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ROW, _KEY = ("programme_id", "version"), ("programme_id",)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in (
        *guards.drop(dialect, "rules_versions", "no_overlap"),
        *guards.in_succession(dialect, "rules_versions", _ROW, _KEY),
    ):
        op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in (
        *guards.drop(dialect, "rules_versions", "in_succession"),
        *guards.no_overlap(dialect, "rules_versions", _ROW, _KEY),
    ):
        op.execute(statement)
