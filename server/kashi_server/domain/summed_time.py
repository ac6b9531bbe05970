"""The time of one device by sums of days; of hours where a day is cut, minutes where an hour is.

Most days of most devices are leased from end to end at one price; their sum is all that rating
asks. Only a day inside which something changes is looked into, down to the minutes of one hour.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from kashi_server.domain.device import ServiceWindow
from kashi_server.domain.device_time import NO_COUNTS, Columns, Counts, DeviceTime, Stretch
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES, counts_of

MINUTES_PER_DAY: Final = 24 * MINUTES_PER_HOUR
SHANGHAI_MINUTES: Final = 8 * MINUTES_PER_HOUR
"""By how much a day of Asia/Shanghai begins before the day of UTC."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Stretches of one width that follow each other, numbered from 1970 on.

    Number n holds the UTC minutes [n x width - offset, (n + 1) x width - offset).
    """

    width: int
    offset: int = 0

    def of(self, minute: int) -> int:
        """The block in which a minute lies."""
        return (minute + self.offset) // self.width

    def start(self, number: int) -> int:
        """The first minute of a block."""
        return number * self.width - self.offset


DAYS: Final = Blocks(MINUTES_PER_DAY, SHANGHAI_MINUTES)
"""Days of Asia/Shanghai."""
HOURS: Final = Blocks(MINUTES_PER_HOUR)
"""Hours of UTC."""


class BlockSums:
    """What was observed of a device in blocks that follow each other: a column a quantity."""

    def __init__(self, blocks: Blocks, first: int, columns: Sequence["array[int]"]) -> None:
        """From columns in the order of `QUANTITY_NAMES`, whose first value is of block `first`."""
        self.blocks = blocks
        self.first = first
        self.columns = columns

    @classmethod
    def empty(cls, blocks: Blocks, numbers: range) -> "BlockSums":
        """Nothing in any of the blocks."""
        nothing = bytes(8 * len(numbers))
        return cls(blocks, numbers.start, [array("q", nothing) for _ in QUANTITY_NAMES])

    def add(self, number: int, counts: Sequence[int]) -> None:
        """Add to a block."""
        for column, count in zip(self.columns, counts, strict=True):
            column[number - self.first] += count

    def known(self, number: int) -> bool:
        """Anything was observed in a block."""
        place = number - self.first
        inside = 0 <= place < len(self.columns[0])
        return inside and any(column[place] for column in self.columns)

    def total(self, first: int, after: int) -> Counts:
        """The sum of the blocks from one up to another."""
        low, high = max(first - self.first, 0), max(after - self.first, 0)
        return tuple(sum(column[low:high]) for column in self.columns)


@dataclass(slots=True)
class DaySums:
    """What was observed of devices, by day of Asia/Shanghai.

    Attributes:
        of: by device; one that is not there was not observed.
        unsure: devices with a minute that holds more than a minute, or of which that is not known.
    """

    of: dict[str, BlockSums] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)


class SummedTime(DeviceTime):
    """What the one host of a device observed of it: no minute of it is disputed.

    Args:
        sums: by blocks.
        windows: where the device served.
        inside: the time of the device within the block of a number.
    """

    def __init__(
        self,
        sums: BlockSums,
        windows: Sequence[ServiceWindow],
        inside: Callable[[int], DeviceTime],
    ) -> None:
        super().__init__((), windows)
        self._sums = sums
        self._blocks = sums.blocks
        self._inside = inside

    @property
    def hours(self) -> Iterable[int]:
        """The UTC hours of the blocks of which anything is known."""
        sums = self._sums
        for number in range(sums.first, sums.first + len(sums.columns[0])):
            if sums.known(number):
                start, end = self._blocks.start(number), self._blocks.start(number + 1)
                yield from range(HOURS.of(start), HOURS.of(end))

    def columns(self, days: Sequence[Stretch]) -> Columns:
        """The sums over the days of a span, each quantity with its value of every day."""
        low = self._blocks.of(days[0][0]) - self._sums.first
        high = low + len(days)
        if self._blocks is not DAYS or low < 0 or high > len(self._sums.columns[0]):
            return super().columns(days)
        found = [column[low:high] for column in self._sums.columns]
        for place in {0, len(days) - 1}:
            start, end = days[place]
            if end - start < DAYS.width:
                for column, count in zip(found, self._sum(start, end), strict=True):
                    column[place] = count
        return found

    def _sum(self, start: int, end: int) -> Counts:
        blocks = self._blocks
        first, after = blocks.of(start - 1) + 1, blocks.of(end)
        if first > after:  # it lies inside one block
            return self._within(after, start, end)
        parts = [self._sums.total(first, after)]
        if start < blocks.start(first):
            parts.append(self._within(first - 1, start, blocks.start(first)))
        if blocks.start(after) < end:
            parts.append(self._within(after, blocks.start(after), end))
        return tuple(map(sum, zip(*parts, strict=True)))

    def _within(self, number: int, start: int, end: int) -> Counts:
        if not self._sums.known(number):
            return NO_COUNTS
        return counts_of(self._inside(number).between(start, end))

    def claims(self, start: int, end: int) -> dict[str, int]:
        """Milliseconds each host says to have observed in [start, end)."""
        found: dict[str, int] = {}
        for number in range(self._blocks.of(start), self._blocks.of(end - 1) + 1):
            if self._sums.known(number):
                for host_id, ms in self._inside(number).claims(start, end).items():
                    found[host_id] = found.get(host_id, 0) + ms
        return found
