"""Rating: device-hours and what the parties agreed, in; rated lines, out. Pure and exact.

For every device the month is cut wherever anything changes: the host it serves on, its assignment,
its price, the host's owner, the rules in force, a dispute. Each piece has one standing; neighbours
with the same standing are one line. A line bills leased time in the quantity its price names, times
the device's share as a fraction, and is rounded once. What earns nothing earns 0 and says why;
disputed time is a line of its own, held at 0. Every minute of a service window is in exactly one
line, of exactly one statement: under the contract it was leased to, or else with the host's owner.

A physical device that is cut into partitions is metered through them, unless it is itself leased;
then its partitions are metered through it. So no card-hour is counted on both levels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kashi_server.domain.device import Conflict, DeviceRecord
from kashi_server.domain.device_family import Family, share_of
from kashi_server.domain.device_pieces import joined, months_of, pieces_of, windows_in
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.interval import Interval
from kashi_server.domain.rated_line import (
    EVIDENCE_LEVEL,
    DayShare,
    LineDays,
    RatedLine,
    card_hour_yuan,
    line_price,
    priced_line,
    totals_of,
)
from kashi_server.domain.standing import StandingBook, Terms
from kashi_server.domain.usage import DeviceHour
from kashi_server.errors import InvalidValue

__all__ = [
    "EVIDENCE_LEVEL",
    "DayShare",
    "Dispute",
    "Facts",
    "LineDays",
    "RatedLine",
    "Rating",
    "card_hour_yuan",
    "device_times",
    "line_price",
    "priced_line",
    "rate",
    "rate_times",
    "totals_of",
    "windows_in",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Minutes in which a device's observations contradict each other, and who claims what."""

    hardware_id: str
    interval: Interval
    claims: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a month came to: lines by device and start, and what was disputed."""

    lines: tuple[RatedLine, ...]
    disputes: tuple[Dispute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was observed: devices, their device-hours, and conflicts. Order does not matter."""

    devices: Sequence[DeviceRecord]
    hours: Iterable[DeviceHour]
    conflicts: Iterable[Conflict] = ()


def rate(facts: Facts, terms: Terms, period: Interval) -> Rating:
    """Rate a bounded period; `rate_times` for device-hours that are added up already."""
    return rate_times(facts.devices, device_times(facts, period), terms, period)


def rate_times(
    devices: Sequence[DeviceRecord],
    times: Mapping[str, DeviceTime],
    terms: Terms,
    period: Interval,
) -> Rating:
    """Rate a bounded period.

    Args:
        devices: what they are and where they served.
        times: what was observed of each, at the cut-off; from `device_times`.
        terms: contracts, assignments, prices, tenures and rules.
        period: UTC minutes, usually a month of Asia/Shanghai.

    Raises:
        InvalidValue: what was agreed contradicts itself.
        Refused: a host belongs to nobody.
    """
    family = Family(devices, times)
    book = StandingBook(terms, devices)
    # Rents are of a month; where nothing else changes there, neighbours become one line again.
    months = list(months_of(period))
    lines: list[RatedLine] = []
    disputes: list[Dispute] = []
    for device in sorted(devices, key=lambda found: found.hardware_id):
        time = times[device.hardware_id]
        pieces = pieces_of(device, family, book, time, period, months)
        lines.extend(
            priced_line(
                device.hardware_id, Interval(start, end), standing, share_of(device), time.columns
            )
            for start, end, standing in joined(pieces)
        )
        for stretch in time.disputed:
            start, end = stretch.bounded()
            claims = tuple(sorted(time.claims(start, end).items()))
            disputes.append(
                Dispute(hardware_id=device.hardware_id, interval=stretch, claims=claims)
            )
    return Rating(lines=tuple(lines), disputes=tuple(disputes))


def device_times(facts: Facts, period: Interval) -> dict[str, DeviceTime]:
    """The time of every device, clean of what lies outside the period."""
    hours: dict[str, dict[tuple[str, int], DeviceHour]] = {
        device.hardware_id: {} for device in facts.devices
    }
    for hour in facts.hours:
        known = hours[hour.hardware_id].setdefault((hour.host_id, hour.hour), hour)
        if known.columns != hour.columns:
            raise InvalidValue(
                f"主机 {hour.host_id} 上的设备 {hour.hardware_id} "
                f"在第 {hour.hour} 小时有两份不同的用量。"
                f"two different device-hours of {hour.hardware_id} on {hour.host_id} in hour"
                f" {hour.hour}"
            )
    conflicts: dict[str, list[Interval]] = {}
    for conflict in facts.conflicts:
        common = conflict.interval.overlap(period)
        if common is not None:
            conflicts.setdefault(conflict.hardware_id, []).append(common)
    return {
        key: DeviceTime(hours[key].values(), device.windows, conflicts.get(key, ()))
        for key, device in ((device.hardware_id, device) for device in facts.devices)
    }
