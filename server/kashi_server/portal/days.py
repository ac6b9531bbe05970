"""A day of Asia/Shanghai as UTC minutes."""

from datetime import date

from kashi_server.domain.interval import SHANGHAI, Interval, Month, days_of, instant_of
from kashi_server.errors import InvalidValue


def parse_day(text: str) -> date:
    """Read `2026-10-31`.

    Raises:
        InvalidValue: it is no day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue(
            f"“{text}”不是日期，写法如 2026-10-31。'{text}' is not a day; write it as 2026-10-31"
        ) from error


def day_window(day: date) -> Interval:
    """The minutes of a day.

    Raises:
        InvalidValue: it lies beyond the house's calendar.
    """
    month = Month(day.year, day.month).interval()
    return next(
        window
        for window in days_of(month)
        if instant_of(window.start).astimezone(SHANGHAI).date() == day
    )
