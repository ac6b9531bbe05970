"""Tables, one family a file. Importing this hangs all of them on `schema.metadata`."""

from kashi_server.storage.tables import (
    accounts,
    certificates,
    expense,
    facts,
    identity,
    ledger,
    log,
    papers,
)

__all__ = ["accounts", "certificates", "expense", "facts", "identity", "ledger", "log", "papers"]
