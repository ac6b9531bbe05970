"""Usage: what reports add up to, per device, host and UTC hour, minute by minute inside.

A device-hour is a projection of stored reports: it can be thrown away and built again. Quantities
are integers; observed time has its gaps as complement, so observed + gap = elapsed by construction.
"""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from kashi_server.errors import InvalidValue

MINUTES_PER_HOUR = 60


def _minutes() -> "array[int]":
    return array("Q", bytes(8 * MINUTES_PER_HOUR))


@dataclass(frozen=True, slots=True)
class Quantities:
    """Quantities of one device over some minutes; every field an exact sum.

    `held_ms` is out of `held_known_ms`, `active_ms` and `utilised_ns` are out of
    `utilisation_known_ms`; what is not known is out of neither.
    """

    observed_ms: int = 0
    held_known_ms: int = 0
    held_ms: int = 0
    utilisation_known_ms: int = 0
    active_ms: int = 0
    utilised_ns: int = 0
    unattributed_ms: int = 0

    def __add__(self, other: "Quantities") -> "Quantities":
        return Quantities(
            self.observed_ms + other.observed_ms,
            self.held_known_ms + other.held_known_ms,
            self.held_ms + other.held_ms,
            self.utilisation_known_ms + other.utilisation_known_ms,
            self.active_ms + other.active_ms,
            self.utilised_ns + other.utilised_ns,
            self.unattributed_ms + other.unattributed_ms,
        )

    def check(self) -> None:
        """Refuse quantities that cannot be.

        Raises:
            InvalidValue: a part exceeds what it is a part of.
        """
        parts = (
            ("held_known_ms", self.held_known_ms, self.observed_ms),
            ("held_ms", self.held_ms, self.held_known_ms),
            ("utilisation_known_ms", self.utilisation_known_ms, self.observed_ms),
            ("active_ms", self.active_ms, self.utilisation_known_ms),
            ("utilised_ns", self.utilised_ns, self.active_ms * 1_000_000),
            ("unattributed_ms", self.unattributed_ms, self.active_ms),
        )
        for name, part, whole in parts:
            if not 0 <= part <= whole:
                raise InvalidValue(
                    f"{name} {part} 不在 0 至 {whole} 之间。{name} {part} lies outside 0..{whole}"
                )


QUANTITY_NAMES: tuple[str, ...] = tuple(Quantities.__slots__)
counts_of: Callable[[Quantities], tuple[int, ...]] = attrgetter(*QUANTITY_NAMES)
"""Quantities as plain integers, in the order of their names."""


@dataclass(slots=True, kw_only=True)
class DeviceHour:
    """One device on one host in one UTC hour (hours since 1970): sixty minutes of quantities.

    `columns` holds one array of sixty integers a quantity, in the order of `QUANTITY_NAMES`.
    """

    hardware_id: str
    host_id: str
    hour: int
    columns: tuple["array[int]", ...] = field(
        default_factory=lambda: tuple(_minutes() for _ in QUANTITY_NAMES)
    )

    def add(self, minute: int, quantities: Quantities) -> None:
        """Add to a UTC minute of this hour."""
        place = minute - self.hour * MINUTES_PER_HOUR
        if not 0 <= place < MINUTES_PER_HOUR:
            raise InvalidValue(
                f"第 {minute} 分钟不在第 {self.hour} 小时之内。"
                f"minute {minute} is not in hour {self.hour}"
            )
        for column, name in zip(self.columns, QUANTITY_NAMES, strict=True):
            column[place] += getattr(quantities, name)

    def minute(self, minute: int) -> Quantities:
        """The quantities of one UTC minute of this hour."""
        place = minute - self.hour * MINUTES_PER_HOUR
        return Quantities(*(column[place] for column in self.columns))

    def total(self, start: int | None = None, end: int | None = None) -> Quantities:
        """The sum over the minutes of this hour that lie in [start, end)."""
        first = self.hour * MINUTES_PER_HOUR
        low = 0 if start is None else max(0, start - first)
        high = MINUTES_PER_HOUR if end is None else min(MINUTES_PER_HOUR, end - first)
        if low >= high:
            return Quantities()
        return Quantities(*(sum(column[low:high]) for column in self.columns))


def total_of(hours: Iterable[DeviceHour], start: int, end: int) -> Quantities:
    """The sum of device-hours over the UTC minutes [start, end)."""
    total = Quantities()
    for hour in hours:
        total += hour.total(start, end)
    return total
