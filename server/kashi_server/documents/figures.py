"""How a certificate spells its figures: card-hours to four places, yuan to two, always cut.

Statement data carries exact integers and exact decimals; a page shows them shortened. Nothing here
rounds up: what is printed never exceeds what was counted.
"""

from fractions import Fraction
from typing import Final

from kashi_server.domain.money import truncate_places, yuan_text

HOUR_MS: Final = 3_600_000
CARD_HOUR_PLACES: Final = 4
UNKNOWN: Final = "—"
WHOLE: Final = Fraction(1)


def grouped(text: str) -> str:
    """Thousands set apart in a plain decimal: `1234567.5` → `1,234,567.5`."""
    whole, dot, part = text.partition(".")
    return f"{int(whole):,}{dot}{part}"


def card_hours(ms: int, share: Fraction | None) -> str:
    """Device-milliseconds of a share of a card, as card-hours."""
    if share is None:
        return UNKNOWN
    return grouped(truncate_places(share * ms / HOUR_MS, CARD_HOUR_PLACES))


def exact_card_hours(text: str) -> str:
    """An exact decimal or fraction of card-hours, cut to four places."""
    return grouped(truncate_places(Fraction(text), CARD_HOUR_PLACES))


def yuan(amount_fen: int | None) -> str:
    """Fen as yuan, thousands set apart."""
    if amount_fen is None:
        return UNKNOWN
    whole, part = yuan_text(abs(amount_fen)).split(".")
    return f"{'-' if amount_fen < 0 else ''}{int(whole):,}.{part}"


def percent(text: str) -> str:
    """A ratio between 0 and 1 as per cent with four places."""
    return f"{truncate_places(Fraction(text) * 100, 4)} %"


def gibibytes(memory_bytes: int | None) -> str:
    """Memory in GiB; whole where it is, else with one place."""
    if memory_bytes is None:
        return UNKNOWN
    return truncate_places(Fraction(memory_bytes, 1 << 30), 1).removesuffix(".0") + " GiB"


def minute_text(instant: str) -> str:
    """`2026-10-01T00:00:00+08:00` as `10-01 00:00`, for rows whose year stands above."""
    return f"{instant[5:10]} {instant[11:16]}"


def instant_text(instant: str) -> str:
    """`2026-10-01T00:00:00+08:00` as `2026-10-01 00:00:00 (UTC+08:00)`."""
    return f"{instant[:10]} {instant[11:19]} (UTC{instant[19:]})"


def ratio_percent(part: int, whole: int) -> str:
    """A part of a whole above zero, as per cent with two places."""
    return f"{truncate_places(Fraction(part, whole) * 100, 2)} %"
