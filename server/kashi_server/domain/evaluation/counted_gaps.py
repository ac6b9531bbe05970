"""Counted gap time of a statement's line, as metered use that a rule may count beside the line.

A line's amount rests on what was observed. Where the rules at the close counted gap time, in
columns of its own, this is that time at the line's price: the meter step asks `gap_policy` again,
so rules which count none get nothing from it. Only leased time counts so, at a price per card-hour:
a holder or a utilisation that nobody observed is not known, and a rent does not ask.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from kashi_server.domain.evaluation.case import Metered
from kashi_server.domain.interval import HOUR_MS

BASIS: Final = "leased_observed"
CARD_HOUR_PLACES: Final = 8
"""As many as a case spells: the rest, below 0.04 ms of a card, is cut off."""


def truncate_card_hours(card_hours: Fraction) -> Fraction:
    """Card-hours cut toward zero to the places of a case; the rounding's one place."""
    scale = 10**CARD_HOUR_PLACES
    return Fraction(card_hours * scale // 1, scale)


def counted_gaps(line: Mapping[str, Any], domestic: bool | None) -> tuple[Metered, ...]:
    """What a line counts of its gaps; empty where it counts none.

    Args:
        line: as a statement has it.
        domestic: the origin of its device.
    """
    counted, price = line["quantities"], line["price_yuan_per_card_hour"]
    continuity_ms, officer_ms = counted.get("continuity_ms", 0), counted.get("officer_ms", 0)
    plain = line["basis"] == BASIS and price is not None and "price" not in line
    if not plain or not line["share"] or not continuity_ms + officer_ms:
        return ()
    share = Fraction(line["share"])
    return (
        Metered(
            evidence_level=line["evidence_level"],
            domestic=domestic,
            card_hours=Fraction(0),
            continuity_card_hours=truncate_card_hours(share * continuity_ms / HOUR_MS),
            officer_card_hours=truncate_card_hours(share * officer_ms / HOUR_MS),
            price_yuan=Fraction(price),
        ),
    )
