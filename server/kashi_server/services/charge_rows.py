"""Charges as finance tools read them: one row whatever was booked, under the names of FOCUS.

What a closed month charged comes once, as it was closed; what a correction booked comes beside it:
the exact reversal and the new line, each with the time it charges for and the month it is billed
in. So the rows of a billing month add up to what the month came to, and all rows to what stands.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kashi_server.domain.booked_line import BookedLine, Booking
from kashi_server.domain.interval import Month
from kashi_server.domain.money import yuan_text
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.services.corrections_port import CorrectionsPort
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.export_rows import COLUMNS, Export, Row

_CURRENCY: Final = "CNY"
_UNIT: Final = "device-milliseconds"
_CATEGORY: Final = "Usage"
_CLASS: Final = "Correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Who stands behind a charge: names by party, and the provider of each contract."""

    names_zh: Mapping[str, str]
    providers: Mapping[str, str]

    def of(self, user_id: str, contract_id: str | None) -> Row:
        """The billing account with its name, the provider's name, the contract."""
        provider_id = None if contract_id is None else self.providers[contract_id]
        provider = None if provider_id is None else self.names_zh[provider_id]
        return user_id, self.names_zh[user_id], provider, contract_id


def charges_export(
    statements: Iterable[StoredStatement],
    corrections: CorrectionsPort,
    sides: Sides,
    month: Month | None,
) -> Export:
    """Everything that was billed, or what was billed in a month.

    Args:
        statements: every revision, of the month alone where one is given.
        corrections: what correction runs booked.
        sides: the parties' names.
        month: the billing month; None: all of them.
    """
    rows = _rows(statements, corrections, sides, month)
    return Export("charges", COLUMNS["charges"], rows)


def _rows(
    statements: Iterable[StoredStatement],
    corrections: CorrectionsPort,
    sides: Sides,
    month: Month | None,
) -> Iterator[Row]:
    for statement in statements:
        content = json.loads(statement.content)
        # A revision that a correction made states the month anew: what it booked comes below.
        if "correction" in content:
            continue
        who = sides.of(statement.user_id, statement.contract_id)
        for line in content["lines"]:
            said: Row = (statement.number, line.get("line_id"), None, None, str(statement.month))
            yield _row(statement.month, None, line, who, said)
    for run in corrections.runs():
        if month not in (None, run.booked_month):
            continue
        made = {one.number: one for one in run.statements}
        for booked in corrections.lines(run.run_id):
            of = made[booked.number]
            who = sides.of(of.user_id, of.contract_id)
            corrects = "; ".join(booked.corrects)
            said = (booked.number, _own_id(booked), corrects, run.run_id, str(run.month))
            yield _row(run.booked_month, _CLASS, booked.content, who, said)


def _own_id(booked: BookedLine) -> str | None:
    """A new line's id; a reversal has none of its own, and names the one it takes back."""
    return booked.line_id if booked.kind is Booking.NEW else None


def _row(
    billed: Month, charge_class: str | None, line: Mapping[str, Any], who: Row, said: Row
) -> Row:
    start, end = billed.interval().bounded()
    return (
        shanghai_text(start),
        shanghai_text(end),
        line["start"],
        line["end"],
        _CATEGORY,
        charge_class,
        yuan_text(line["amount_fen"]),
        _CURRENCY,
        *who,
        line["hardware_id"],
        line["billed_ms"],
        _UNIT,
        line["price_yuan_per_card_hour"],
        line["price_id"],
        *said,
        line["eligible"],
        line["evidence_level"],
        "; ".join(line["reasons"]),
    )
