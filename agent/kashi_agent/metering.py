"""Metering of one host: its clocks, its axis and the integrator, run in the right order.

The daemon hands over batches and asks for stretches; everything that must happen before a batch
counts (was there sleep, has a new segment begun) happens here. One thread.
"""

from dataclasses import replace

from kashi_agent.axis import Axis, ClockState, booted
from kashi_agent.clock import Clock, ClockLook, look_at
from kashi_agent.device_choice import ALL_DEVICES, DeviceChoice
from kashi_agent.integrator import Integrator
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import Counters, DeviceEventKind, GapReason, HostEvent, HostEventKind
from kashi_agent.sample import MeterKind, SampleBatch
from kashi_agent.stretch import Stretch


class Metering:
    """Everything between samples and stretches."""

    def __init__(
        self,
        clock: Clock,
        naming: HolderNaming,
        last: Stretch | None = None,
        choice: DeviceChoice = ALL_DEVICES,
    ) -> None:
        """Begin now; `last` is the newest stretch that the host still has, if any.

        Of this boot: its segment goes on, and devices that were there at its end have a gap
        (AGENT_DOWN) from there. Of an earlier boot: a new axis, and the event that says so.
        """
        look = look_at(clock)
        self._clock = clock
        self._choice = choice
        self._counted_only = self._counted_only_max = 0
        self._events: list[HostEvent] = []
        goes_on = last is not None and last.boot_id == clock.boot_id()
        if last is not None and goes_on:
            self._axis = Axis(last.segment, look)
            start = last.end_boottime_ms
            resumed = [
                minutes
                for minutes in last.devices
                if minutes.end_boottime_ms == start and choice.reports(minutes.device)
            ]
        else:
            self._axis = Axis.first(look)
            start, resumed = look.boottime_ms, []
        if last is not None and not goes_on:
            ended_utc_ms = last.segment.anchor_utc_ms + last.end_boottime_ms
            self._events.append(booted(last.boot_id, ended_utc_ms, look))
        # Open, for a replayed workload hands its spans over without a look at the clocks.
        self.integrator = Integrator(
            boot_id=clock.boot_id(),
            segment=self._axis.segment,
            start_boottime_ms=start,
            naming=naming,
            resumed=resumed,
            meters=last.meters if last is not None and goes_on else (),
        )

    @property
    def clock_state(self) -> ClockState:
        """How the wall clock stood to the axis at the last look."""
        return self._axis.state

    @property
    def samples_late(self) -> int:
        """Samples dropped because a later one of the same device came before them."""
        return self.integrator.samples_late

    def counters(self) -> dict[str, Counters]:
        """Totals of each device since this agent began, by hardware id."""
        return self.integrator.counters()

    def observe(self, batch: SampleBatch) -> None:
        """Take what a meter saw, and the facts it states of the host."""
        now, looked = self.tick().boottime_ms, batch
        batch, self._counted_only = self._choice.part(batch)
        self._counted_only_max = max(self._counted_only_max, self._counted_only)
        another = batch.samples and self.integrator.is_another(batch.meter)
        if another or self.integrator.changes_shares(batch):
            batch = self._begin_meter(batch)
        self.integrator.observe(batch, looked)
        for event in batch.events:
            if not event.hardware_id and event.kind == DeviceEventKind.FACT:
                kind = HostEventKind.FACT
                self._events.append(HostEvent(boottime_ms=now, kind=kind, detail=event.detail))

    def _begin_meter(self, batch: SampleBatch) -> SampleBatch:
        """Begin a segment of the axis with the first batch of another meter, of another cadence or
        of another share under a known id: no report states more than one, and what a replay played
        is told as nothing else."""
        begins = max(batch.boottime_ms, self.integrator.position)
        self.integrator.begin_meter(self._axis.begin(begins))
        self._events.append(
            HostEvent(
                boottime_ms=begins,
                kind=HostEventKind.REANCHORED,
                detail=f"meter {batch.meter.kind.name}, every {batch.meter.cadence_ms} ms",
            )
        )
        return replace(batch, boottime_ms=begins)

    def tick(self) -> ClockLook:
        """Look at the clocks: at least every 10 s, and before anything else is done."""
        look = look_at(self._clock)
        change = self._axis.observe(look)
        self._events.extend(change.events)
        if change.slept_since_boottime_ms is not None:
            self.integrator.interrupt(
                change.slept_since_boottime_ms,
                GapReason.SUSPENDED,
                until_boottime_ms=look.boottime_ms,
            )
        if change.segment is not None:
            self.integrator.begin_segment(change.segment)
        return look

    def interrupt(self, reason: GapReason, meter: MeterKind | None = None) -> None:
        """State why samples of a meter (None: of all) do not come from now on."""
        self.integrator.interrupt(self.tick().boottime_ms, reason, meter=meter)

    def note(self, kind: HostEventKind, detail: str = "", value: int = 0) -> None:
        """Note that something happened on the host now."""
        at = self.tick().boottime_ms
        self._events.append(HostEvent(boottime_ms=at, kind=kind, detail=detail, value=value))

    def flush(self) -> Stretch:
        """Everything since the last cut, cumulative: replaces the flush before. Changes nothing."""
        now = self.tick().boottime_ms
        devices, begun = self.integrator.flush(now), self._begun()
        end = max((one.end_boottime_ms for one in devices), default=begun.start_boottime_ms)
        return replace(begun, end_boottime_ms=end, devices=devices, events=tuple(self._events))

    def cut(self) -> Stretch | None:
        """Give away whole minutes that are settled; None when there is none yet.

        A stretch lies on one segment: where a new one has begun, the next call gives its time.
        """
        point = self.integrator.cut_point(self.tick().boottime_ms)
        return None if point is None else self._cut(point)

    def finish(self) -> Stretch | None:
        """Give away what is left when the agent stops, call by call; None when nothing is."""
        settled = self.cut()
        if settled is not None:
            return settled
        end = self.integrator.finish(self.tick().boottime_ms)
        if end == self.integrator.start_boottime_ms and not self._events:
            return None
        last, self._events = self._events, []
        return replace(self._cut(end), events=tuple(last))

    def _begun(self) -> Stretch:
        """What is to be given next, as far as it is known before its end."""
        start = self.integrator.start_boottime_ms
        return Stretch(
            boot_id=self._clock.boot_id(),
            segment=self.integrator.oldest_segment,
            start_boottime_ms=start,
            end_boottime_ms=start,
            meters=self.integrator.meters,
            clock=self._axis.state,
            devices_counted_only=self._counted_only_max,
        )

    def _cut(self, at: int) -> Stretch:
        begun = self._begun()
        devices = self.integrator.cut(at)
        events = tuple(event for event in self._events if event.boottime_ms <= at)
        self._events = [event for event in self._events if event.boottime_ms > at]
        self._counted_only_max = self._counted_only
        return replace(begun, end_boottime_ms=at, devices=devices, events=events)
