"""How many cards a host keeps out of its reports, as its last report says."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    count = sa.Column("devices_counted_only", sa.Integer(), nullable=False, server_default="0")
    op.add_column("heads", count)


def downgrade() -> None:
    op.drop_column("heads", "devices_counted_only")
