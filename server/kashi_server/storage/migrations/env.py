"""Alembic's entry: runs the migrations on the connection that `migrate` hands over."""

from alembic import context
from kashi_server.storage import tables
from kashi_server.storage.schema import metadata
from sqlalchemy import Connection


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


assert tables is not None  # importing it hangs every table on the metadata
_run(context.config.attributes["connection"])
