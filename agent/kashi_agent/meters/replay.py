"""The replay meter: plays a recorded or generated workload; nothing of it is measured here.

Its kind, REPLAY, is in the signed payload of every report, and a server that is no demonstration
quarantines it. Two ways to play a trace: `Replay.feed` hands over spans up to an instant of an
injected clock, a month in seconds; `ReplayMeter` shows at each tick what the trace says of now.
"""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from kashi_agent.reading import GapReason
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
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


class SpanSink(Protocol):
    """What takes a replayed workload: the integrator, or the metering around it."""

    def observe(self, batch: SampleBatch) -> None:
        """Take samples of one instant."""

    def observe_span(
        self, device: Device, start_boottime_ms: int, end_boottime_ms: int, seen: Observation
    ) -> None:
        """Take a stretch over which one observation held."""

    def observe_gap(
        self, device: Device, start_boottime_ms: int, end_boottime_ms: int, reason: GapReason
    ) -> None:
        """Take a stretch nobody observed."""

    def end_device(self, hardware_id: str, boottime_ms: int) -> None:
        """A device left this host for good."""


def meter_of(trace: Trace) -> Meter:
    """What the replay meter states of itself: the cadence and origin of the trace."""
    head = trace.head
    return Meter(
        kind=MeterKind.REPLAY,
        cadence_ms=head.cadence_ms,
        library_version=LIBRARY_VERSION,
        driver_version=head.origin,
    )


class Replay:
    """Plays a trace as fast as it is asked to, in order, lazily, each instant once."""

    def __init__(self, trace: Trace, start_boottime_ms: int) -> None:
        """`start_boottime_ms`: the boottime of the trace's start."""
        self.head = trace.head
        self.meter = meter_of(trace)
        self._start = start_boottime_ms
        self._entries = _Entries(trace.entries)
        self._going_on: dict[int, Span | Hole] = {}
        self._reached_ms: dict[int, int] = {}

    @property
    def end_boottime_ms(self) -> int:
        """The boottime of the trace's end."""
        return self._start + self.head.span_ms

    def feed(self, until_boottime_ms: int, sink: SpanSink) -> None:
        """Hand over everything up to an instant; what no entry covers is a gap, TRACE_HOLE.

        Raises:
            TraceError: an entry that is reached is not in its form.
        """
        until_ms = min(until_boottime_ms - self._start, self.head.span_ms)
        sink.observe(self._batch(max(0, until_ms), ()))
        for device in sorted(self._going_on):
            self._play(self._going_on.pop(device), until_ms, sink)
        for entry in self._entries.before(until_ms):
            self._play(entry, until_ms, sink)
        for device, reached_ms in self._reached_ms.items():
            self._fill(device, reached_ms, until_ms, sink)

    def _play(self, entry: Entry, until_ms: int, sink: SpanSink) -> None:
        device = self.head.devices[entry.device]
        if entry.device in self._reached_ms:
            self._fill(entry.device, self._reached_ms[entry.device], entry.start_ms, sink)
        start = self._start + entry.start_ms
        match entry:
            case Gone():
                sink.end_device(device.hardware_id, start)
                self._reached_ms.pop(entry.device, None)
            case Instant():
                sample = Sample(device=device, seen=entry.seen)
                sink.observe(self._batch(entry.start_ms, (sample,)))
                self._reached_ms.pop(entry.device, None)
            case Span() | Hole():
                end_ms = min(entry.end_ms, until_ms)
                end = self._start + end_ms
                if isinstance(entry, Span):
                    sink.observe_span(device, start, end, entry.seen)
                else:
                    sink.observe_gap(device, start, end, entry.reason)
                self._reached_ms[entry.device] = end_ms
                if end_ms < entry.end_ms:
                    self._going_on[entry.device] = _rest(entry, end_ms)

    def _fill(self, device: int, reached_ms: int, until_ms: int, sink: SpanSink) -> None:
        if reached_ms < until_ms:
            start, end = self._start + reached_ms, self._start + until_ms
            sink.observe_gap(self.head.devices[device], start, end, GapReason.TRACE_HOLE)
            self._reached_ms[device] = until_ms

    def _batch(self, at_ms: int, samples: tuple[Sample, ...]) -> SampleBatch:
        return SampleBatch(boottime_ms=self._start + at_ms, meter=self.meter, samples=samples)


class ReplayMeter:
    """Plays a trace as a meter that is read at its own pace: each device as the trace has it."""

    def __init__(self, trace: Trace, clock: Callable[[], int], start_boottime_ms: int) -> None:
        """`clock` gives CLOCK_BOOTTIME in milliseconds; the trace starts at `start_boottime_ms`."""
        self.meter = meter_of(trace)
        self._head = trace.head
        self._clock = clock
        self._start = start_boottime_ms
        self._entries = _Entries(trace.entries)
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


class _Entries:
    """Entries one by one, with a look at the next."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self._next = next(entries, None)

    def before(self, until_ms: int) -> Iterator[Entry]:
        """Entries that start before an instant, each once."""
        while self._next is not None and self._next.start_ms < until_ms:
            entry, self._next = self._next, next(self._entries, None)
            yield entry


def _rest(entry: Span | Hole, from_ms: int) -> Span | Hole:
    if isinstance(entry, Span):
        return Span(entry.device, from_ms, entry.end_ms, entry.seen)
    return Hole(entry.device, from_ms, entry.end_ms, entry.reason)
