"""The announced closing day: until when reports count in the month that closes next."""

from dataclasses import dataclass
from datetime import date

from kashi_server.domain.interval import MINUTE_MS, Month
from kashi_server.portal.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingNotice:
    """The next month to close, its day in Asia/Shanghai, and whether that day has come."""

    month: Month
    day: date
    has_come: bool


def closing_notice(visit: Visit) -> ClosingNotice | None:
    """What is announced; None on a demonstration, which waits for no day."""
    parts = visit.parts
    if parts.demo:
        return None
    now = parts.clock() // MINUTE_MS
    last = parts.views.last_closed()
    month = Month.of(now) if last is None else last.next()
    return ClosingNotice(
        month=month,
        day=parts.calendar.day_of(month),
        has_come=now >= parts.calendar.opens(month),
    )
