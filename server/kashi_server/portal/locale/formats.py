"""Numbers, money and times as people read them. Exact values in, text out; nothing is rounded up.

Card-hours are shown with four decimals and money with two, both cut, never rounded; the exact value
stands in the data. Times are those of Asia/Shanghai and say so.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from babel.dates import format_date
from babel.numbers import format_decimal

from kashi_server.domain.interval import HOUR_MS, SHANGHAI, instant_of
from kashi_server.domain.money import truncate_places, yuan_text
from kashi_server.portal.locale.catalogue import Language

_LOCALE = {"zh": "zh_Hans_CN", "en": "en_GB"}
_GIB = 1024**3
NOTHING = "—"


def grouped(text: str) -> str:
    """Decimal text with its thousands set apart: `1234567.50` is `1,234,567.50`."""
    whole, point, part = text.partition(".")
    return f"{int(whole):,}{point}{part}" if whole != "-0" else f"-0{point}{part}"


def count(value: int, language: Language) -> str:
    """A whole number."""
    return format_decimal(Decimal(value), locale=_LOCALE[language])


def yuan(fen: int | None) -> str:
    """Money, without its sign: two decimals, exact."""
    return NOTHING if fen is None else grouped(yuan_text(fen))


def card_hours(value: Fraction | None) -> str:
    """Card-hours with four decimals, cut."""
    return NOTHING if value is None else grouped(truncate_places(value, 4))


def hours_of_ms(value_ms: int) -> str:
    """Milliseconds as hours with four decimals, cut."""
    return card_hours(Fraction(value_ms, HOUR_MS))


def percent(part: int, whole: int) -> str:
    """A share in per cent with two decimals, cut; a dash where there is no whole."""
    if whole == 0:
        return NOTHING
    return truncate_places(Fraction(part * 100, whole), 2) + " %"


def memory(value_bytes: int | None) -> str:
    """A device's memory in GiB, cut to one decimal."""
    if value_bytes is None:
        return NOTHING
    return truncate_places(Fraction(value_bytes, _GIB), 1) + " GiB"


def instant(utc_ms: int | None) -> str:
    """An instant in Asia/Shanghai, to the second."""
    if utc_ms is None:
        return NOTHING
    # Whole seconds first: the display never rounds up into the next one.
    moment = datetime.fromtimestamp(utc_ms // 1000, tz=UTC).astimezone(SHANGHAI)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def minute(utc_minute: int | None) -> str:
    """A UTC minute in Asia/Shanghai."""
    if utc_minute is None:
        return NOTHING
    return instant_of(utc_minute).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def iso_minute(text: str) -> str:
    """An ISO 8601 instant of a statement, to the minute."""
    return datetime.fromisoformat(text).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def day(value: date, language: Language) -> str:
    """A day with its weekday."""
    pattern = "M月d日 EEE" if language == "zh" else "d MMM, EEE"
    return format_date(value, pattern, locale=_LOCALE[language])


def ago(then_utc_ms: int | None, now_utc_ms: int) -> tuple[int, str] | None:
    """How long since, as a number and its unit: s, min, h or d; None where it never was."""
    if then_utc_ms is None:
        return None
    seconds = max(0, now_utc_ms - then_utc_ms) // 1000
    for unit, size, limit in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < limit:
            return seconds // size, unit
    return seconds // 86_400, "d"
