"""What a reader may see: whose account reads, and which minutes of which device that opens.

The rule of the house: officers and auditors see everything. A party sees the hosts it operates, the
hosts it owns while it owns them, and any device exactly for the minutes of an assignment that both
sides confirmed. Sums are cut at these minutes, so a number never contains a foreign minute.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour
from kashi_server.errors import InvalidValue
from kashi_server.services.accounts import Role

FOREVER = Interval(0, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads."""

    account_id: int
    role: Role
    party_id: str | None

    def __post_init__(self) -> None:
        """Refuse a party's reader without a party, which would see by accident."""
        if self.role.sees_everything != (self.party_id is None):
            raise InvalidValue(
                f"角色 {self.role} 与单位 {self.party_id} 不相符。"
                f"a reader of role {self.role} with party {self.party_id}"
            )

    def may_read(self, party_id: str) -> bool:
        """Whether what belongs to a party is open to this reader."""
        return self.role.sees_everything or self.party_id == party_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The minutes that a party sees, merged and in order, by host and by device.

    `party_id` None sees everything. A minute of a device on a host is seen when either map holds
    it; `leased` holds the confirmed assignments, by hardware id.
    """

    party_id: str | None
    hosts: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    leased: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)

    def spans(self, hardware_id: str, host_id: str) -> tuple[Interval, ...]:
        """The minutes of a device on a host that are seen."""
        if self.party_id is None:
            return (FOREVER,)
        return merged((*self.hosts.get(host_id, ()), *self.leased.get(hardware_id, ())))

    def cut(self, hardware_id: str, host_id: str, window: Interval) -> tuple[Interval, ...]:
        """The same within a window."""
        return clipped(self.spans(hardware_id, host_id), window)

    def leased_within(self, hardware_id: str, window: Interval) -> tuple[Interval, ...]:
        """The minutes of confirmed assignments of a device within a window."""
        return clipped(self.leased.get(hardware_id, ()), window)

    def sees_host(self, host_id: str) -> bool:
        """Whether the host itself, not only a leased device on it, is seen."""
        return self.party_id is None or host_id in self.hosts


def minutes_of(hour: DeviceHour) -> Interval:
    """The sixty minutes of a device-hour."""
    first = hour.hour * MINUTES_PER_HOUR
    return Interval(first, first + MINUTES_PER_HOUR)


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Intervals in order, with what overlaps or touches made one."""
    out: list[Interval] = []
    for interval in sorted(intervals, key=lambda i: i.start):
        last = out[-1] if out else None
        if last is None or (last.end is not None and interval.start > last.end):
            out.append(interval)
        elif last.end is not None and (interval.end is None or interval.end > last.end):
            out[-1] = Interval(last.start, interval.end)
    return tuple(out)


def clipped(intervals: Sequence[Interval], window: Interval) -> tuple[Interval, ...]:
    """The parts of intervals that lie in a window."""
    return tuple(part for i in intervals if (part := i.overlap(window)) is not None)


def elapsed_ms(intervals: Iterable[Interval]) -> int:
    """Milliseconds that bounded intervals hold."""
    return sum(end - start for start, end in (i.bounded() for i in intervals)) * MINUTE_MS


def without(intervals: Sequence[Interval], holes: Sequence[Interval]) -> tuple[Interval, ...]:
    """Bounded intervals less what lies in the holes."""
    left = list(intervals)
    for hole in holes:
        left = [rest for interval in left for rest in _less(interval, hole)]
    return tuple(left)


def _less(interval: Interval, hole: Interval) -> Iterable[Interval]:
    cut = interval.overlap(hole)
    if cut is None:
        return [interval]
    (start, end), (low, high) = interval.bounded(), cut.bounded()
    edges = ((start, low), (high, end))
    return [Interval(a, b) for a, b in edges if a < b]
