"""Tables, one family a file. Importing this hangs all of them on `schema.metadata`."""

from kashi_server.storage.tables import (
    accounts,
    assignments,
    certificates,
    claims,
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
    "claims",
    "corrections",
    "evidence",
    "expense",
    "facts",
    "identity",
    "ledger",
    "log",
    "papers",
]
