"""What the counted gap time of a statement's line is worth: beside its amount, never in it.

A claim counts it as metered use at the line's price (`evaluation.counted_gaps`). An estimate works
on what lines came to, so there it is an amount: card-hours times price, cut to a fen once a line.
The columns hold what the rules in force over the line count, and nothing else.
"""

from collections.abc import Mapping
from typing import Any

from kashi_server.domain.evaluation.counted_gaps import counted_gaps
from kashi_server.domain.money import truncate_to_fen
from kashi_server.domain.statement_line import StatementLine


def gap_worth_fen(line: Mapping[str, Any]) -> int:
    """Of a line as a statement has it; 0 where it counts no gap."""
    return sum(
        truncate_to_fen(one.price_yuan * (one.continuity_card_hours + one.officer_card_hours))
        for one in counted_gaps(line, None)
        if one.price_yuan is not None
    )


def counted_gap_fen(line: StatementLine) -> int:
    """Of a line that is being made."""
    counted = line.quantities.continuity_ms + line.quantities.officer_ms
    return gap_worth_fen(line.to_data()) if counted else 0
