"""A month of usage as one party may see it: by day and by device, cut to the minute.

Pure. `observed + gap = elapsed` holds for every sum: what elapsed is the time in which the device
was in service, the party may see it, and which has passed. Minutes that two hosts claim are held:
they count as observed for neither.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from kashi_server.domain.device import Conflict, DeviceRecord
from kashi_server.domain.interval import HOUR_MS, SHANGHAI, Interval, days_of, instant_of
from kashi_server.domain.usage import DeviceHour, Quantities
from kashi_server.services.sight import Sight, clipped, elapsed_ms, merged, minutes_of, without

NS_PER_CARD_HOUR = HOUR_MS * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum:
    """Device-milliseconds, and card-hours in which a partition counts as its share.

    `leased_ms` and `leased_card_hours` are the observed time under a confirmed assignment.
    """

    elapsed_ms: int = 0
    leased_ms: int = 0
    quantities: Quantities = field(default_factory=Quantities)
    card_hours: Fraction = Fraction(0)
    leased_card_hours: Fraction = Fraction(0)
    gap_card_hours: Fraction = Fraction(0)
    utilised_card_hours: Fraction = Fraction(0)

    @property
    def gap_ms(self) -> int:
        """Elapsed and not observed."""
        return self.elapsed_ms - self.quantities.observed_ms

    def __add__(self, other: "UsageSum") -> "UsageSum":
        return UsageSum(
            elapsed_ms=self.elapsed_ms + other.elapsed_ms,
            leased_ms=self.leased_ms + other.leased_ms,
            quantities=self.quantities + other.quantities,
            card_hours=self.card_hours + other.card_hours,
            leased_card_hours=self.leased_card_hours + other.leased_card_hours,
            gap_card_hours=self.gap_card_hours + other.gap_card_hours,
            utilised_card_hours=self.utilised_card_hours + other.utilised_card_hours,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUsage:
    """One day of Asia/Shanghai."""

    day: date
    usage: UsageSum


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUsage:
    """One device; `host_ids` are those on which the party saw it."""

    device: DeviceRecord
    host_ids: tuple[str, ...]
    by_day: Mapping[date, UsageSum]
    usage: UsageSum


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthUsage:
    """A window of usage; `until_minute` is where it was cut because later has not passed."""

    window: Interval
    until_minute: int
    days: tuple[DayUsage, ...]
    devices: tuple[DeviceUsage, ...]
    total: UsageSum


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What was observed of some devices, uncut."""

    devices: Sequence[DeviceRecord]
    hours: Sequence[DeviceHour]
    conflicts: Sequence[Conflict] = ()


def share_of(device: DeviceRecord) -> Fraction:
    """The part of a card that a device is."""
    return Fraction(device.share_numerator, device.share_denominator)


def seen_on(
    sight: Sight, device: DeviceRecord, host_id: str, window: Interval
) -> tuple[Interval, ...]:
    """The minutes of a window in which a device served on a host and the party may see it."""
    return merged(
        part
        for service in device.windows
        if service.host_id == host_id and (within := service.interval.overlap(window)) is not None
        for part in sight.cut(device.hardware_id, host_id, within)
    )


def usage_of(
    sight: Sight, observations: Observations, window: Interval, until_minute: int
) -> MonthUsage:
    """Add up what a party sees in a bounded window, up to `until_minute`."""
    start, end = window.bounded()
    until = min(end, max(start, until_minute))
    devices = _devices(sight, observations, Interval(start, until)) if start < until else ()
    dates = [_date(day.start) for day in days_of(window)]
    return MonthUsage(
        window=window,
        until_minute=until,
        days=tuple(
            DayUsage(day=day, usage=_sum(device.by_day.get(day, UsageSum()) for device in devices))
            for day in dates
        ),
        devices=devices,
        total=_sum(device.usage for device in devices),
    )


def _devices(sight: Sight, observations: Observations, passed: Interval) -> tuple[DeviceUsage, ...]:
    hours: dict[str, list[DeviceHour]] = defaultdict(list)
    for hour in observations.hours:
        hours[hour.hardware_id].append(hour)
    held: dict[str, list[Interval]] = defaultdict(list)
    for conflict in observations.conflicts:
        held[conflict.hardware_id].append(conflict.interval)
    usages = []
    for device in observations.devices:
        seen = {host: seen_on(sight, device, host, passed) for host in device.host_ids}
        if any(seen.values()):
            key = device.hardware_id
            usages.append(_device(sight, device, hours[key], held[key], seen))
    return tuple(usages)


def _device(
    sight: Sight,
    device: DeviceRecord,
    hours: Iterable[DeviceHour],
    held: Sequence[Interval],
    seen: Mapping[str, tuple[Interval, ...]],
) -> DeviceUsage:
    observed: dict[date, Quantities] = defaultdict(Quantities)
    leased_ms: dict[date, int] = defaultdict(int)
    for hour in hours:
        # An hour of UTC never crosses a day of Asia/Shanghai, which begins at 16:00 UTC.
        day = _date(hour.hour * 60)
        parts = without(clipped(seen.get(hour.host_id, ()), minutes_of(hour)), held)
        for part in parts:
            total = hour.total(*part.bounded())
            observed[day] += total
            for lease in sight.leased_within(device.hardware_id, part):
                inside = total if lease == part else hour.total(*lease.bounded())
                leased_ms[day] += inside.observed_ms
    service = merged(part for parts in seen.values() for part in parts)
    by_day = {
        day: _usage(share_of(device), elapsed, observed[day], leased_ms[day])
        for day, elapsed in _elapsed_by_day(service).items()
    }
    return DeviceUsage(
        device=device,
        host_ids=tuple(host for host, parts in seen.items() if parts),
        by_day=by_day,
        usage=_sum(by_day.values()),
    )


def _elapsed_by_day(service: Iterable[Interval]) -> dict[date, int]:
    elapsed: dict[date, int] = defaultdict(int)
    for part in service:
        for day in days_of(part):
            elapsed[_date(day.start)] += elapsed_ms((day,))
    return elapsed


def _sum(usages: Iterable[UsageSum]) -> UsageSum:
    return sum(usages, UsageSum())


def _date(minute: int) -> date:
    return instant_of(minute).astimezone(SHANGHAI).date()


def _usage(share: Fraction, elapsed: int, quantities: Quantities, leased_ms: int) -> UsageSum:
    return UsageSum(
        elapsed_ms=elapsed,
        leased_ms=leased_ms,
        quantities=quantities,
        card_hours=share * quantities.observed_ms / HOUR_MS,
        leased_card_hours=share * leased_ms / HOUR_MS,
        gap_card_hours=share * (elapsed - quantities.observed_ms) / HOUR_MS,
        utilised_card_hours=share * quantities.utilised_ns / NS_PER_CARD_HOUR,
    )
