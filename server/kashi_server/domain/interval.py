"""Time that money rests on: whole UTC minutes, half-open, and months of Asia/Shanghai.

A minute is an integer: minutes since 1970-01-01T00:00Z. Prices, assignments and rules begin and
end on whole UTC minutes; anything else is refused. Asia/Shanghai has been UTC+08:00 without
daylight saving since 1991, so its months begin on whole UTC hours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from kashi_server.errors import InvalidValue

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
SHANGHAI = timezone(timedelta(hours=8), "UTC+08:00")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH = re.compile(r"(\d{4})-(\d{2})")


def minute_of(instant: datetime) -> int:
    """The UTC minute at which an instant stands.

    Raises:
        InvalidValue: the instant names no offset, or is not a whole minute.
    """
    if instant.tzinfo is None:
        raise InvalidValue(
            f"{instant.isoformat()} 没有写时区。{instant.isoformat()} names no UTC offset"
        )
    minute, rest = divmod(instant - _EPOCH, timedelta(minutes=1))
    if rest:
        raise InvalidValue(
            f"{instant.isoformat()} 不是整分钟。{instant.isoformat()} is not a whole minute"
        )
    return minute


def minute_of_day(day: date) -> int:
    """The UTC minute at which a day of Asia/Shanghai begins."""
    return minute_of(datetime(day.year, day.month, day.day, tzinfo=SHANGHAI))


def instant_of(minute: int) -> datetime:
    """The UTC instant at which a minute begins."""
    return _EPOCH + timedelta(minutes=minute)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Half-open stretch of UTC minutes [start, end); `end` None: without end."""

    start: int
    end: int | None

    def __post_init__(self) -> None:
        """Refuse an interval that holds no minute."""
        if self.end is not None and self.end <= self.start:
            raise InvalidValue(
                f"自第 {self.start} 分钟至第 {self.end} 分钟的时段不含任何一分钟。"
                f"an interval from minute {self.start} to {self.end} holds no minute"
            )

    def __contains__(self, minute: int) -> bool:
        return self.start <= minute and (self.end is None or minute < self.end)

    def overlap(self, other: "Interval") -> "Interval | None":
        """What both hold, or None."""
        start = max(self.start, other.start)
        ends = [end for end in (self.end, other.end) if end is not None]
        end = min(ends) if ends else None
        return Interval(start, end) if end is None or start < end else None

    def bounded(self) -> tuple[int, int]:
        """Start and end of an interval that has one.

        Raises:
            InvalidValue: it has none.
        """
        if self.end is None:
            raise InvalidValue("该时段没有结束时间。the interval has no end")
        return self.start, self.end


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of Asia/Shanghai."""

    year: int
    month: int

    def __post_init__(self) -> None:
        """Refuse a month that the calendar does not have."""
        if not (2000 <= self.year <= 2200 and 1 <= self.month <= 12):
            raise InvalidValue(
                f"没有 {self.year}-{self.month} 这个月份。"
                f"there is no month {self.year}-{self.month}"
            )

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read `2026-10`."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise InvalidValue(
                f"“{text}”不是月份；请写为 2026-10。'{text}' is not a month; write it as 2026-10"
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, minute: int) -> "Month":
        """The month in which a UTC minute falls."""
        local = instant_of(minute).astimezone(SHANGHAI)
        return cls(local.year, local.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    def next(self) -> "Month":
        """The month after."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def interval(self) -> Interval:
        """Its minutes."""
        after = self.next()
        return Interval(
            minute_of(datetime(self.year, self.month, 1, tzinfo=SHANGHAI)),
            minute_of(datetime(after.year, after.month, 1, tzinfo=SHANGHAI)),
        )


def days_of(interval: Interval) -> Iterator[Interval]:
    """The days of Asia/Shanghai that a bounded interval touches, cut to it."""
    start, end = interval.bounded()
    while start < end:
        day = (start + 480) // 1440
        until = min(end, (day + 1) * 1440 - 480)
        yield Interval(start, until)
        start = until
