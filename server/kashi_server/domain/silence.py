"""Silence: device time in the service window that nobody observed and nobody reported as a gap."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from kashi_server.domain.device import ReportedGap
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.interval import MINUTE_MS, Interval, days_of
from kashi_server.domain.usage import MINUTES_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Silence:
    """A gap the server writes: within the minutes [start, end) nobody reported `span_ms`."""

    hardware_id: str
    host_id: str
    start: int
    end: int
    span_ms: int


def reported_ms(gaps: Iterable[ReportedGap], start: int, end: int) -> int:
    """Milliseconds of reported gaps in the UTC minutes [start, end)."""
    low, high = start * MINUTE_MS, end * MINUTE_MS
    return sum(max(0, min(gap.end_utc_ms, high) - max(gap.start_utc_ms, low)) for gap in gaps)


def silences(
    hardware_id: str,
    host_id: str,
    stretch: Interval,
    time: DeviceTime,
    gaps: Sequence[ReportedGap],
) -> list[Silence]:
    """What the server must write for one device on one host over a bounded stretch.

    Args:
        hardware_id: the device.
        host_id: the host it served on.
        stretch: its service window, cut to the month.
        time: what was observed of the device.
        gaps: what that host reported as gaps of the device.
    """
    start, end = stretch.bounded()
    found: list[list[int]] = []
    for low, high, missing_ms in _missing(start, end, time, gaps):
        if found and found[-1][1] == low:
            found[-1][1:] = [high, found[-1][2] + missing_ms]
        else:
            found.append([low, high, missing_ms])
    return [
        Silence(hardware_id=hardware_id, host_id=host_id, start=low, end=high, span_ms=span_ms)
        for low, high, span_ms in found
    ]


def _missing(
    start: int, end: int, time: DeviceTime, gaps: Sequence[ReportedGap]
) -> Iterable[tuple[int, int, int]]:
    known = frozenset(time.hours)
    for day in days_of(Interval(start, end)):
        # No minute is observed longer than it lasts: what is observed whole misses none.
        low, high = day.bounded()
        if time.between(low, high).observed_ms != (high - low) * MINUTE_MS:
            yield from _missing_hours(low, high, time, known, gaps)


def _missing_hours(
    start: int, end: int, time: DeviceTime, known: Collection[int], gaps: Sequence[ReportedGap]
) -> Iterable[tuple[int, int, int]]:
    for hour in range(start // MINUTES_PER_HOUR, -(-end // MINUTES_PER_HOUR)):
        low = max(start, hour * MINUTES_PER_HOUR)
        high = min(end, (hour + 1) * MINUTES_PER_HOUR)
        here = [
            gap
            for gap in gaps
            if gap.start_utc_ms < high * MINUTE_MS and gap.end_utc_ms > low * MINUTE_MS
        ]
        elapsed_ms = (high - low) * MINUTE_MS
        if hour not in known and not here:
            yield low, high, elapsed_ms
        # Only a whole hour is skipped: sums of an hour could hide a minute too little under one
        # in which a host reports as a gap what it also observed.
        elif time.between(low, high).observed_ms != elapsed_ms:
            yield from _missing_minutes(low, high, time, here)


def _missing_minutes(
    low: int, high: int, time: DeviceTime, gaps: Sequence[ReportedGap]
) -> Iterable[tuple[int, int, int]]:
    for minute in range(low, high):
        observed_ms = time.between(minute, minute + 1).observed_ms
        missing_ms = MINUTE_MS - observed_ms - reported_ms(gaps, minute, minute + 1)
        if missing_ms > 0:
            yield minute, minute + 1, missing_ms
