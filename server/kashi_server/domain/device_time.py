"""The time of one device: its device-hours of all hosts, added up over any stretch of minutes.

A whole hour is summed once and kept; only the hours at the edges of a stretch are read minute by
minute. Stretches that two hosts claim, or in which more than a minute was observed in a minute, are
in `disputed`; what is summed there is the claim of the host the device serves on, never both.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from kashi_server.domain.device import ServiceWindow
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES, DeviceHour, Quantities

Counts = tuple[int, ...]
"""Quantities of a device in the order of `QUANTITY_NAMES`."""
Columns = Sequence[Sequence[int]]
"""Several counts, quantity by quantity in that order."""
Stretch = tuple[int, int]
"""UTC minutes [start, end)."""

NO_COUNTS: Final[Counts] = (0,) * len(QUANTITY_NAMES)
_OBSERVED = QUANTITY_NAMES.index("observed_ms")


def merge_minutes(minutes: Iterable[int]) -> list[Interval]:
    """Minutes in any order, as the fewest intervals."""
    found: list[list[int]] = []
    for minute in sorted(set(minutes)):
        if found and found[-1][1] == minute:
            found[-1][1] = minute + 1
        else:
            found.append([minute, minute + 1])
    return [Interval(start, end) for start, end in found]


class DeviceTime:
    """What all hosts observed of one device."""

    def __init__(
        self,
        hours: Iterable[DeviceHour],
        windows: Sequence[ServiceWindow] = (),
        conflicts: Iterable[Interval] = (),
    ) -> None:
        self._hours: dict[int, list[DeviceHour]] = {}
        for hour in hours:
            self._hours.setdefault(hour.hour, []).append(hour)
        for found in self._hours.values():
            found.sort(key=lambda hour: hour.host_id)
        self._windows = windows
        minutes = {m for stretch in conflicts for m in range(*stretch.bounded())}
        minutes.update(m for found in self._hours.values() for m in _excess(found))
        self._disputed_minutes = minutes
        self.disputed: tuple[Interval, ...] = tuple(merge_minutes(minutes))
        disputed_hours = {minute // MINUTES_PER_HOUR for minute in minutes}
        self._clean = {
            hour: tuple(map(sum, zip(*(_totals(part) for part in found), strict=True)))
            for hour, found in self._hours.items()
            if hour not in disputed_hours
        }

    @property
    def hours(self) -> Iterable[int]:
        """The UTC hours of which anything is known."""
        return self._hours

    def between(self, start: int, end: int) -> Quantities:
        """The sum over the UTC minutes [start, end)."""
        return Quantities(*self._sum(start, end))

    def columns(self, days: Sequence[Stretch]) -> Columns:
        """The sums over the days of a span, each quantity with its value of every day."""
        return tuple(zip(*(self._sum(start, end) for start, end in days), strict=True))

    def _sum(self, start: int, end: int) -> Counts:
        first, after = start // MINUTES_PER_HOUR, -(-end // MINUTES_PER_HOUR)
        sums = [NO_COUNTS]
        for hour in range(first, after):
            if hour not in self._hours:
                continue
            low = max(start, hour * MINUTES_PER_HOUR)
            high = min(end, (hour + 1) * MINUTES_PER_HOUR)
            if high - low == MINUTES_PER_HOUR and hour in self._clean:
                sums.append(self._clean[hour])
            else:
                sums.append(self._slice(hour, low, high))
        return tuple(map(sum, zip(*sums, strict=True)))

    def claims(self, start: int, end: int) -> dict[str, int]:
        """Milliseconds each host says to have observed in [start, end)."""
        claims: dict[str, int] = {}
        for hour in range(start // MINUTES_PER_HOUR, -(-end // MINUTES_PER_HOUR)):
            for part in self._hours.get(hour, ()):
                observed_ms = part.total(start, end).observed_ms
                if observed_ms:
                    claims[part.host_id] = claims.get(part.host_id, 0) + observed_ms
        return claims

    def _slice(self, hour: int, low: int, high: int) -> Counts:
        disputed = [m for m in range(low, high) if m in self._disputed_minutes]
        if not disputed:
            base = hour * MINUTES_PER_HOUR
            parts = (
                tuple(sum(column[low - base : high - base]) for column in part.columns)
                for part in self._hours[hour]
            )
            return tuple(map(sum, zip(*parts, strict=True)))
        minutes = (self._minute(hour, minute) for minute in range(low, high))
        return tuple(map(sum, zip(*minutes, strict=True)))

    def _minute(self, hour: int, minute: int) -> Counts:
        place = minute - hour * MINUTES_PER_HOUR
        parts = self._hours[hour]
        if minute in self._disputed_minutes:
            host_id = next((w.host_id for w in self._windows if minute in w.interval), None)
            parts = [
                part
                for part in parts
                if part.host_id == host_id and part.columns[_OBSERVED][place] <= MINUTE_MS
            ]
        values = [tuple(column[place] for column in part.columns) for part in parts]
        return tuple(map(sum, zip(NO_COUNTS, *values, strict=True)))


def _totals(hour: DeviceHour) -> Counts:
    return tuple(sum(column) for column in hour.columns)


def _excess(parts: Sequence[DeviceHour]) -> list[int]:
    """Minutes of an hour in which more was observed than a minute holds."""
    base = parts[0].hour * MINUTES_PER_HOUR
    if len(parts) == 1:
        column = parts[0].columns[_OBSERVED]
        if max(column) <= MINUTE_MS:
            return []
        return [base + place for place, value in enumerate(column) if value > MINUTE_MS]
    observed = zip(*(part.columns[_OBSERVED] for part in parts), strict=True)
    return [base + place for place, values in enumerate(observed) if sum(values) > MINUTE_MS]
