"""A trace played through metering on a clock that is moved on, stretch by stretch.

What the demonstration and the tests do instead of waiting: the same metering, spool, sealing and
shipping as on any host, only the clock and the meter are other ones. Spans of a trace are handed
over as such, so that a month takes seconds.
"""

from collections.abc import Iterator

from kashi_agent.metering import Metering
from kashi_agent.meters.replay import Entries, meter_of
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import GapReason
from kashi_agent.sample import Sample, SampleBatch
from kashi_agent.stretch import Stretch
from kashi_agent.trace import Entry, Gone, Hole, Instant, Span, Trace

from deploy.demo.manual_clock import ManualClock


def replay_clock(trace: Trace, boot_id: bytes) -> ManualClock:
    """A clock that stands at the trace's start, right after a boot."""
    return ManualClock(boottime=0, monotonic=0, utc=trace.head.start_utc_ms, boot=boot_id)


def played(
    trace: Trace, clock: ManualClock, naming: HolderNaming, *, step_ms: int
) -> Iterator[Stretch]:
    """Play a whole trace from where the clock stands, `step_ms` of it at a time.

    Yields what there is to seal after every step; the clock has moved on to the step's end.

    Raises:
        TraceError: an entry that is reached is not in its form.
    """
    metering = Metering(clock, naming)
    replay = Replay(trace, clock.boottime_ms())
    while clock.boottime < replay.end_boottime_ms:
        clock.advance(min(step_ms, replay.end_boottime_ms - clock.boottime))
        metering.tick()
        replay.feed(clock.boottime, metering)
        while (stretch := metering.cut()) is not None:
            yield stretch
    while (stretch := metering.finish()) is not None:
        yield stretch


class Replay:
    """Plays a trace as fast as it is asked to, in order, lazily, each instant once."""

    def __init__(self, trace: Trace, start_boottime_ms: int) -> None:
        """`start_boottime_ms`: the boottime of the trace's start."""
        self.head = trace.head
        self.meter = meter_of(trace)
        self._start = start_boottime_ms
        self._entries = Entries(trace.entries)
        self._going_on: dict[int, Span | Hole] = {}
        self._reached_ms: dict[int, int] = {}

    @property
    def end_boottime_ms(self) -> int:
        """The boottime of the trace's end."""
        return self._start + self.head.span_ms

    def feed(self, until_boottime_ms: int, sink: Metering) -> None:
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

    def _play(self, entry: Entry, until_ms: int, sink: Metering) -> None:
        device = self.head.devices[entry.device]
        if entry.device in self._reached_ms:
            self._fill(entry.device, self._reached_ms[entry.device], entry.start_ms, sink)
        start = self._start + entry.start_ms
        match entry:
            case Gone():
                sink.integrator.end_device(device.hardware_id, start)
                self._reached_ms.pop(entry.device, None)
            case Instant():
                sample = Sample(device=device, seen=entry.seen)
                sink.observe(self._batch(entry.start_ms, (sample,)))
                self._reached_ms.pop(entry.device, None)
            case Span() | Hole():
                end_ms = min(entry.end_ms, until_ms)
                end = self._start + end_ms
                if isinstance(entry, Span):
                    sink.integrator.observe_span(device, start, end, entry.seen)
                else:
                    sink.integrator.observe_gap(device, start, end, entry.reason)
                self._reached_ms[entry.device] = end_ms
                if end_ms < entry.end_ms:
                    self._going_on[entry.device] = _rest(entry, end_ms)

    def _fill(self, device: int, reached_ms: int, until_ms: int, sink: Metering) -> None:
        if reached_ms < until_ms:
            start, end = self._start + reached_ms, self._start + until_ms
            sink.integrator.observe_gap(self.head.devices[device], start, end, GapReason.TRACE_HOLE)
            self._reached_ms[device] = until_ms

    def _batch(self, at_ms: int, samples: tuple[Sample, ...]) -> SampleBatch:
        return SampleBatch(boottime_ms=self._start + at_ms, meter=self.meter, samples=samples)


def _rest(entry: Span | Hole, from_ms: int) -> Span | Hole:
    if isinstance(entry, Span):
        return Span(entry.device, from_ms, entry.end_ms, entry.seen)
    return Hole(entry.device, from_ms, entry.end_ms, entry.reason)
