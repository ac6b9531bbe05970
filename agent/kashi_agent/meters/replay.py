"""The replay meter: plays a recorded or generated workload; nothing of it is measured here.

Its kind, REPLAY, is in the signed payload of every report, and a server that is no demonstration
quarantines it. At each tick it shows what the trace says of now.
"""

from collections.abc import Callable, Iterator
from typing import Final

from kashi_agent.reading import GapReason
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
)
from kashi_agent.trace import Entry, Gone, Hole, Instant, Span, Trace

LIBRARY_VERSION: Final = "kashi/v1/trace"

ABSENT_OF_GAP: Final = {
    GapReason.DEVICE_LOST: AbsentReason.DEVICE_LOST,
    GapReason.NO_PERMISSION: AbsentReason.NO_PERMISSION,
}
"""How a device looks during a recorded gap; for every other reason it is simply not recorded."""


def meter_of(trace: Trace) -> Meter:
    """What the replay meter states of itself: the cadence and origin of the trace."""
    head = trace.head
    return Meter(
        kind=MeterKind.REPLAY,
        cadence_ms=head.cadence_ms,
        library_version=LIBRARY_VERSION,
        driver_version=head.origin,
    )


class ReplayMeter:
    """Plays a trace as a meter that is read at its own pace: each device as the trace has it."""

    def __init__(self, trace: Trace, clock: Callable[[], int], start_boottime_ms: int) -> None:
        """`clock` gives CLOCK_BOOTTIME in milliseconds; the trace starts at `start_boottime_ms`."""
        self.meter = meter_of(trace)
        self._head = trace.head
        self._clock = clock
        self._start = start_boottime_ms
        self._entries = Entries(trace.entries)
        self._current: dict[int, Entry] = {}

    def read(self) -> SampleBatch:
        """All devices that the trace has shown so far, as they are now."""
        boottime_ms = self._clock()
        now_ms = boottime_ms - self._start
        for entry in self._entries.before(now_ms + 1):
            self._current[entry.device] = entry
        return SampleBatch(
            boottime_ms=boottime_ms,
            meter=self.meter,
            samples=tuple(
                Sample(device=self._head.devices[device], seen=self._seen(entry, now_ms))
                for device, entry in sorted(self._current.items())
                if not isinstance(entry, Gone)
            ),
        )

    def close(self) -> None:
        """Nothing is held."""

    def _seen(self, entry: Entry, now_ms: int) -> Observation | Absent:
        match entry:
            case Span() if now_ms < entry.end_ms:
                return entry.seen
            case Instant() if now_ms - entry.start_ms <= self.meter.gap_limit_ms:
                return entry.seen
            case Hole() if now_ms < entry.end_ms:
                return Absent(ABSENT_OF_GAP.get(entry.reason, AbsentReason.NOT_RECORDED))
            case _:
                return Absent(AbsentReason.NOT_RECORDED)


class Entries:
    """Entries one by one, with a look at the next."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self._next = next(entries, None)

    def before(self, until_ms: int) -> Iterator[Entry]:
        """Entries that start before an instant, each once."""
        while self._next is not None and self._next.start_ms < until_ms:
            entry, self._next = self._next, next(self._entries, None)
            yield entry
