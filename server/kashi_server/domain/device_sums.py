"""The time of one device by blocks: sums where the database can add up, minutes where it must.

Most months of most devices are leased from end to end at one price; their sum is all that rating a
line asks. Only a block inside which something changes is looked into, block by smaller block, down
to the minutes of one day.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kashi_server.domain.device import ServiceWindow
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.interval import Interval
from kashi_server.domain.usage import MINUTES_PER_HOUR, Quantities

_NOTHING = Quantities()


@dataclass(frozen=True, slots=True)
class BlockSum:
    """What was observed of a device in the block of this number.

    `peak_ms` is the most that any minute of it holds; None where the database does not know.
    """

    hardware_id: str
    block: int
    sums: Quantities
    peak_ms: int | None


class DeviceSums(DeviceTime):
    """What the one host of a device observed of it: no minute of it is disputed.

    Args:
        blocks: stretches of UTC minutes that follow each other, in order.
        sums: by number of the block; one that is not there was not observed.
        windows: where the device served.
        inside: the time of the device within a block.
    """

    def __init__(
        self,
        blocks: Sequence[Interval],
        sums: Mapping[int, Quantities],
        windows: Sequence[ServiceWindow],
        inside: Callable[[Interval], DeviceTime],
    ) -> None:
        super().__init__((), windows)
        self._blocks = [block.bounded() for block in blocks]
        self._sums = sums
        self._inside = inside

    @property
    def hours(self) -> Iterable[int]:
        """The UTC hours of the blocks of which anything is known."""
        for number in sorted(self._sums):
            start, end = self._blocks[number]
            yield from range(start // MINUTES_PER_HOUR, end // MINUTES_PER_HOUR)

    def between(self, start: int, end: int) -> Quantities:
        """The sum over the UTC minutes [start, end)."""
        total = _NOTHING
        for number, (low, high) in enumerate(self._blocks):
            if high <= start or end <= low or number not in self._sums:
                continue
            if start <= low and high <= end:
                found = self._sums[number]
            else:
                inside = self._inside(Interval(low, high))
                found = inside.between(max(start, low), min(end, high))
            total = found if total is _NOTHING else total + found
        return total

    def claims(self, start: int, end: int) -> dict[str, int]:
        """Milliseconds each host says to have observed in [start, end)."""
        found: dict[str, int] = {}
        for number, (low, high) in enumerate(self._blocks):
            if number in self._sums and low < end and start < high:
                for host_id, ms in self._inside(Interval(low, high)).claims(start, end).items():
                    found[host_id] = found.get(host_id, 0) + ms
        return found
