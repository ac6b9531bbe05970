"""Exported tables: their columns, which are a contract with whoever reads them, and their rows.

A column keeps its name and meaning for good; new ones come at the end. Raw numbers: milliseconds
and nanoseconds as integers, yuan and card-hours as exact decimal text, instants with their offset.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kashi_server.domain.interval import SHANGHAI
from kashi_server.domain.ledger import Unit
from kashi_server.domain.money import yuan_text
from kashi_server.domain.told_subsidy import told_subsidy
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.ledger_port import StoredMovement
from kashi_server.services.month_usage import MonthUsage

Cell = str | int | bool | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Export:
    """A table: its name and version, its columns, and its rows as they come."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Row]


QUANTITIES: Final = (
    "leased_ms", "observed_ms", "gap_ms", "held_known_ms", "held_ms",
    "utilisation_known_ms", "active_ms", "utilised_ns", "unattributed_ms",
)  # fmt: skip

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "usage": (
        "date", "hardware_id", "vendor", "model", "share", "domestic",
        "elapsed_ms", "observed_ms", "gap_ms", "leased_ms", "held_known_ms", "held_ms",
        "utilisation_known_ms", "active_ms", "utilised_ns", "unattributed_ms", "card_hours",
    ),
    "statements": (
        "statement", "revision", "month", "user_id", "user_name_zh", "provider_id",
        "provider_name_zh", "contract_id", "programme_id", "demo", "observed_ms", "gap_ms",
        "card_hours", "amount_yuan", "eligible_yuan", "estimate_yuan", "sha256",
        "estimate_status", "year_to_date_yuan", "missing",
    ),
    "lines": (
        "statement", "revision", "month", "user_id", "line", "hardware_id", "host_id",
        "charge_start", "charge_end", "basis", "price_id", "price_yuan_per_card_hour",
        *QUANTITIES, "share", "billed_ms", "amount_yuan", "evidence_level", "eligible", "reasons",
        "continuity_ms", "officer_ms", "stated_source_sha256", "line_id",
    ),
    "claims": (
        "claim", "batch", "programme_id", "year", "rules_version", "rules_sha256", "company_id",
        "company_name_zh", "payee_id", "mode", "state", "applied_on", "period_first",
        "period_last", "contracts", "statements", "invoices", "payments", "other_money_yuan",
        "corrections", "publicised_on", "rank", "computed_yuan", "approved_yuan", "reserved_yuan",
        "accrued_yuan", "certified_yuan", "disbursed_yuan", "released_yuan", "recovered_yuan",
        "voucher", "voucher_face_yuan", "voucher_used_yuan", "voucher_valid_from",
        "voucher_valid_until",
    ),
    # Named as FOCUS, the FinOps cost and usage specification, names them; `x_…` are our own.
    "charges": (
        "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd",
        "ChargeCategory", "ChargeClass", "BilledCost", "BillingCurrency", "BillingAccountId",
        "BillingAccountName", "ProviderName", "SubAccountId", "ResourceId", "ConsumedQuantity",
        "ConsumedUnit", "ContractedUnitPrice", "SkuPriceId", "x_Statement", "x_LineId",
        "x_Corrects", "x_CorrectionRun", "x_ChargeMonth", "x_Eligible", "x_EvidenceLevel",
        "x_Reasons",
    ),
    "ledger": (
        "movement_id", "posted_at", "key", "kind", "reference", "officer", "reason",
        "account", "unit", "amount",
    ),
}  # fmt: skip
"""Every table there is."""


def usage_export(usage: MonthUsage) -> Export:
    """A month by day and device, as far as it has passed."""
    return Export("usage", COLUMNS["usage"], _usage_rows(usage))


def statements_export(found: Iterable[StoredStatement]) -> Export:
    """One row a statement."""
    return Export("statements", COLUMNS["statements"], map(_statement_row, found))


def lines_export(found: Iterable[StoredStatement]) -> Export:
    """One row a rated line."""
    rows = (row for statement in found for row in _line_rows(statement))
    return Export("lines", COLUMNS["lines"], rows)


def ledger_export(found: Iterable[StoredMovement]) -> Export:
    """One row a posting."""
    rows = (row for stored in found for row in _posting_rows(stored))
    return Export("ledger", COLUMNS["ledger"], rows)


def _usage_rows(usage: MonthUsage) -> Iterator[Row]:
    for seen in usage.devices:
        device = seen.device
        for day, of_day in sorted(seen.by_day.items()):
            counted = of_day.quantities
            yield (
                day.isoformat(),
                device.hardware_id,
                device.vendor.name.lower(),
                device.model,
                f"{device.share_numerator}/{device.share_denominator}",
                device.vendor.domestic,
                of_day.elapsed_ms,
                counted.observed_ms,
                of_day.gap_ms,
                of_day.leased_ms,
                counted.held_known_ms,
                counted.held_ms,
                counted.utilisation_known_ms,
                counted.active_ms,
                counted.utilised_ns,
                counted.unattributed_ms,
                str(of_day.card_hours),
            )


def _statement_row(statement: StoredStatement) -> Row:
    content = json.loads(statement.content)
    estimate_fen = statement.estimate_fen
    return (
        statement.number,
        statement.revision,
        str(statement.month),
        statement.user_id,
        content["user"]["name_zh"],
        statement.provider_id,
        (content["provider"] or {}).get("name_zh"),
        statement.contract_id,
        statement.programme_id,
        statement.demo,
        statement.observed_ms,
        statement.gap_ms,
        statement.card_hours,
        yuan_text(statement.amount_fen),
        yuan_text(statement.eligible_fen),
        None if estimate_fen is None else yuan_text(estimate_fen),
        statement.sha256.hex(),
        *_told(content["subsidy"]),
    )


def _told(subsidy: Mapping[str, Any]) -> Row:
    """How far the estimate may be relied on; statements of before say only that it is one."""
    told = told_subsidy(subsidy)
    year = None if told.year_fen is None else yuan_text(told.year_fen)
    return (subsidy["status"], year, "; ".join(told.missing))


def _line_rows(statement: StoredStatement) -> Iterator[Row]:
    head = (statement.number, statement.revision, str(statement.month), statement.user_id)
    for line in json.loads(statement.content)["lines"]:
        stated: Callable[[str], Any] = line.get
        yield (
            *head,
            *map(stated, ("line", "hardware_id", "host_id", "start", "end", "basis", "price_id")),
            line["price_yuan_per_card_hour"],
            *(line["quantities"][name] for name in QUANTITIES),
            line["share"],
            line["billed_ms"],
            yuan_text(line["amount_fen"]),
            line["evidence_level"],
            line["eligible"],
            "; ".join(line["reasons"]),
            line["quantities"].get("continuity_ms", 0),
            line["quantities"].get("officer_ms", 0),
            line.get("stated", {}).get("source_sha256"),
            line.get("line_id"),
        )


def _posting_rows(stored: StoredMovement) -> Iterator[Row]:
    movement = stored.movement
    if movement is None:
        return
    at = datetime.fromtimestamp(stored.posted_utc_ms // 1000, UTC).astimezone(SHANGHAI).isoformat()
    for posting in movement.postings:
        unit, amount = posting.account.unit, posting.amount
        yield (
            stored.movement_id,
            at,
            movement.key,
            movement.kind,
            movement.reference,
            movement.officer,
            movement.reason,
            posting.account.name,
            "yuan" if unit is Unit.FEN else str(unit),
            yuan_text(amount) if unit is Unit.FEN else str(amount),
        )
