"""Tables, one family a file. Importing this hangs all of them on `schema.metadata`."""

from kashi_server.storage.tables import (
    accounts,
    assignments,
    certificates,
    corrections,
    evidence,
    expense,
    facts,
    identity,
    ledger,
    log,
    papers,
)

__all__ = [
    "accounts",
    "assignments",
    "certificates",
    "corrections",
    "evidence",
    "expense",
    "facts",
    "identity",
    "ledger",
    "log",
    "papers",
]
