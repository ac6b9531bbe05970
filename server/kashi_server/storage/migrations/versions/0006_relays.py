"""Relays: identities of their own kind, known by the names under which hosts reach them."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage.schema import Text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hosts", sa.Column("relay_names", Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("hosts", "relay_names")
