"""Statements and their lines as rows."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.gap_worth import counted_gap_fen
from kashi_server.domain.interval import Month
from kashi_server.domain.statement import Statement
from kashi_server.services.expense_port import StoredStatement
from kashi_server.storage.tables.expense import statements


def _head(statement: Statement) -> dict[str, object]:
    return {
        "user_id": statement.user.party_id,
        "number": statement.number,
        "revision": statement.revision,
    }


def statement_values(statement: Statement) -> dict[str, object]:
    """The row of a statement."""
    programme = statement.programme
    return {
        **_head(statement),
        "month": str(statement.month),
        "contract_id": statement.contract.contract_id if statement.contract else None,
        "provider_id": statement.provider.party_id if statement.provider else None,
        "programme_id": None if programme is None else programme.programme_id,
        "demo": statement.demo,
        "observed_ms": statement.totals.observed_ms,
        "gap_ms": statement.totals.gap_ms,
        "card_hours": decimal_text(statement.card_hours),
        "amount_fen": statement.amount_fen,
        "eligible_fen": statement.eligible_fen,
        "estimate_fen": statement.subsidy.estimate_fen,
        "content": statement.to_bytes(),
        "sha256": statement.sha256(),
    }


def line_values(statement: Statement) -> Iterator[dict[str, object]]:
    """The rows of its lines; an unknown share is kept as 0/1."""
    for line in statement.lines:
        yield {
            **_head(statement),
            "line": line.line,
            "hardware_id": line.hardware_id,
            "host_id": line.host_id,
            "start_minute": line.start,
            "end_minute": line.end,
            "price_id": line.price_id,
            "leased_ms": line.quantities.leased_ms,
            "observed_ms": line.quantities.observed_ms,
            "gap_ms": line.quantities.gap_ms,
            "billed_ms": line.billed_ms,
            "share_numerator": line.share.numerator if line.share is not None else 0,
            "share_denominator": line.share.denominator if line.share is not None else 1,
            "amount_fen": line.amount_fen,
            "eligible": line.eligible,
            "reasons": " ".join(line.reasons),
            "evidence_level": line.evidence_level,
            "counted_gap_fen": counted_gap_fen(line),
        }


def stored_statement(row: Row[Any]) -> StoredStatement:
    """A row of statements as a value."""
    values = {column.name: getattr(row, column.name) for column in statements.columns}
    values["month"] = Month.parse(row.month)
    values["content"], values["sha256"] = bytes(row.content), bytes(row.sha256)
    return StoredStatement(**values)
