"""Minutes as people write them: in forms, in spreadsheets, on the command line; and read them.

What names no offset is the time of Asia/Shanghai, as on every page. A day alone is its midnight.
"""

from datetime import UTC, datetime
from typing import Final

from kashi_server.domain.interval import SHANGHAI, minute_of
from kashi_server.errors import InvalidValue

YEARS: Final = (2001, 2199)
"""A year within the house's calendar: more is a slip of the pen."""


def minute_of_text(text: str) -> int:
    """The UTC minute of `2026-10-01 10:20`, `2026-10-01T10:20:00+08:00` or `2026-10-01`.

    Raises:
        InvalidValue: it is no instant, or not a whole minute.
    """
    try:
        instant = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError as error:
        raise InvalidValue(
            f"“{text}”不是时间；请写北京时间，如 2026-10-01 10:20。"
            f"'{text}' is no time; write it like 2026-10-01 10:20, in Beijing time"
        ) from error
    if instant.second or instant.microsecond:
        raise InvalidValue(
            f"“{text}”不是整分钟；时间须为整分钟。'{text}' is not a whole minute; minutes are whole"
        )
    if not YEARS[0] <= instant.year <= YEARS[1]:
        raise InvalidValue(
            f"“{text}”超出 {YEARS[0]} 至 {YEARS[1]} 年。"
            f"'{text}' lies outside the years {YEARS[0]} to {YEARS[1]}"
        )
    return minute_of(instant if instant.tzinfo else instant.replace(tzinfo=SHANGHAI))


def utc_ms_text(utc_ms: int) -> str:
    """An instant of UTC milliseconds, cut to the second, with the offset of Asia/Shanghai."""
    return datetime.fromtimestamp(utc_ms // 1000, UTC).astimezone(SHANGHAI).isoformat()
