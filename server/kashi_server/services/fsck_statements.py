"""Statements as the check against the log reads them: one at a time, for a city's are gigabytes.

Of each are kept its entry, the settlement it says, and what of its columns its bytes do not say.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import Month
from kashi_server.services.closing import STATEMENT_ENTRY
from kashi_server.services.expense_port import StoredStatement

_COLUMNS: Final = ("observed_ms", "gap_ms", "card_hours", "amount_fen", "eligible_fen")


class EachStatementPort(Protocol):
    """What is asked of the repository of statements."""

    def each_statement(self) -> Iterator[StoredStatement]:
        """All statements by number and revision, one in memory at a time."""


@dataclass(slots=True)
class StatementsRead:
    """What is kept of all statements.

    Attributes:
        entries: what the log must have of each, by kind and reference.
        settlements: by month and number what first revisions say is settled; None: nothing.
        faults: columns that are not what their bytes say, in words.
    """

    entries: dict[tuple[str, str], bytes] = field(default_factory=dict)
    settlements: dict[Month, dict[str, object]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_statements(port: EachStatementPort) -> StatementsRead:
    """Read every statement once."""
    found = StatementsRead()
    for one in port.each_statement():
        found.entries[STATEMENT_ENTRY, f"{one.number}/{one.revision}"] = _entry(one)
        said = json.loads(one.content)
        of_month = found.settlements.setdefault(one.month, {})
        if one.revision == 1:
            of_month[one.number] = said.get("settlement")
        if (fault := _fault(one, said)) is not None:
            found.faults.append(fault)
    return found


def _entry(one: StoredStatement) -> bytes:
    return canonical_bytes(
        {
            "format": "kashi/v1/statement-entry",
            "number": one.number,
            "revision": one.revision,
            "sha256": sha256(one.content).hexdigest(),
        }
    )


def _fault(stored: StoredStatement, said: Mapping[str, Any]) -> str | None:
    """The first column of a statement that differs from its bytes, which the log vouches for."""
    parties = (said["user"]["party_id"], (said["provider"] or {}).get("party_id"))
    checks: dict[str, Callable[[], bool]] = {
        "sha256": lambda: stored.sha256 == sha256(stored.content).digest(),
        "user_id": lambda: stored.user_id == parties[0],
        "provider_id": lambda: stored.provider_id == parties[1],
        "demo": lambda: stored.demo == said["statement"]["demo"],
        "estimate_fen": lambda: stored.estimate_fen == said["subsidy"]["estimate_fen"],
    }
    for column in _COLUMNS:
        if getattr(stored, column) != said["totals"][column]:
            return _other_column(stored, column)
    for column, holds in checks.items():
        if not holds():
            return _other_column(stored, column)
    return None


def _other_column(stored: StoredStatement, column: str) -> str | None:
    return (
        f"结算单 {stored.number}/{stored.revision}：列 {column} 与其字节所述不符。"
        f"statement {stored.number}/{stored.revision}: column {column} is not what its bytes say"
    )
