"""The integrator: samples in, device minutes out. Pure: it never looks at a clock.

Promises, for any order of devices and however the samples are batched:

- Every device is tiled from its first sample on: observed + gap = elapsed, exactly.
- Between two samples no further apart than the meter's gap limit the earlier one holds; otherwise
  the whole time between them is a gap. Nothing is interpolated, unknown is not zero.
- Sums do not depend on when `flush` or `cut` is called.

Whoever drives it looks at the clocks before it hands over a batch (see `metering`), so that sleep
and a new segment are known before the samples that come after them.
"""

from collections.abc import Callable, Iterable
from typing import Final

from kashi.axis import MINUTE_MS, utc_minute

from kashi_agent.minute import Facts
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import (
    Counters,
    DeviceEventKind,
    DeviceMinutes,
    GapReason,
    Segment,
)
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    DeviceEvent,
    Meter,
    MeterKind,
    Observation,
    SampleBatch,
)
from kashi_agent.tiling import extended
from kashi_agent.track import GRACE_MS, Track

GAP_OF_ABSENT: Final = {
    AbsentReason.NO_PERMISSION: GapReason.NO_PERMISSION,
    AbsentReason.NOT_RECORDED: GapReason.TRACE_HOLE,
}
"""Why a device that is absent as a whole was not observed; DEVICE_LOST for every other reason."""


class Integrator:
    """All devices of one boot of one host."""

    def __init__(
        self,
        *,
        boot_id: bytes,
        segment: Segment,
        start_boottime_ms: int,
        naming: HolderNaming,
        resumed: Iterable[DeviceMinutes] = (),
        meters: Iterable[Meter] = (),
    ) -> None:
        """Begin at an instant of a segment.

        `resumed` are stretches that ended just there, of an agent that ended in this boot: the
        time from then to the device's next sample is a gap, AGENT_DOWN. `meters` read them.
        """
        self._boot_id = boot_id
        self._start = start_boottime_ms
        self._segments = [segment]
        self._naming = naming
        self._meters = {segment.number: {meter.kind: meter for meter in meters}}
        self._tracks: dict[str, Track] = {}
        for minutes in resumed:
            self._resume(minutes)

    @property
    def segment(self) -> Segment:
        """The newest segment."""
        return self._segments[-1]

    @property
    def start_boottime_ms(self) -> int:
        """The instant up to which everything was given away."""
        return self._start

    @property
    def oldest_segment(self) -> Segment:
        """The segment of the oldest time kept: what the next `cut` gives lies on it."""
        return self._segment_at(self._start)[0]

    @property
    def meters(self) -> tuple[Meter, ...]:
        """What the meters of the oldest segment kept last stated of themselves, in the order of
        their kinds."""
        meters = self._meters[self.oldest_segment.number]
        return tuple(meters[kind] for kind in sorted(meters))

    @property
    def position(self) -> int:
        """The instant up to which something is settled of a device: a new segment cannot begin
        before it."""
        positions = (track.position for track in self._tracks.values())
        return max(positions, default=self.segment.start_boottime_ms)

    @property
    def samples_late(self) -> int:
        """Samples dropped because a later one of the same device came before them."""
        return sum(track.samples_late for track in self._tracks.values())

    def observe(self, batch: SampleBatch, looked: SampleBatch | None = None) -> None:
        """Take what a meter saw at one instant; `looked`: also of devices that are not reported.

        A partition ends that its card's look does not show any more, whoever took it away and
        whether or not anybody watched: no meter tells of what went while it did not read. While
        the driver does not say which partitions a card has, it goes on as a gap.
        """
        meters = self._meters[self.segment.number]
        if batch.samples or not (meters or self._tracks):
            meters[batch.meter.kind] = batch.meter
        at, limit_ms = batch.boottime_ms, batch.meter.gap_limit_ms
        for sample in batch.samples:
            track = self._track(sample.device, at)
            if isinstance(sample.seen, Absent):
                track.sample(at, gap_of(sample.seen.reason), limit_ms)
            else:
                facts = Facts.of(sample.seen, self._naming, batch.driver_epoch)
                track.sample(at, facts, limit_ms)
        self._end_partitions(batch if looked is None else looked)
        for event in batch.events:
            self._note(event)

    def observe_span(
        self, device: Device, start_boottime_ms: int, end_boottime_ms: int, seen: Observation
    ) -> None:
        """Take a stretch over which one observation held throughout (a recorded workload).

        Sums are those of samples of it at any cadence; energy is integrated from its power.

        Raises:
            ValueError: it begins before what is settled of the device.
        """
        track = self._track(device, start_boottime_ms)
        track.span(start_boottime_ms, end_boottime_ms, Facts.of(seen, self._naming))

    def observe_gap(
        self, device: Device, start_boottime_ms: int, end_boottime_ms: int, reason: GapReason
    ) -> None:
        """Take a stretch that is known to be unobserved, for a known reason.

        Raises:
            ValueError: it begins before what is settled of the device.
        """
        self._track(device, start_boottime_ms).hole(start_boottime_ms, end_boottime_ms, reason)

    def end_device(self, hardware_id: str, boottime_ms: int) -> None:
        """A device left this host for good: no gap follows."""
        track = self._tracks.get(hardware_id)
        if track is not None:
            track.end(boottime_ms)

    def interrupt(
        self,
        boottime_ms: int,
        reason: GapReason,
        *,
        meter: MeterKind | None = None,
        until_boottime_ms: int | None = None,
    ) -> None:
        """State why samples of a meter (None: of all) do not come, from an instant on.

        Samples older than `until_boottime_ms`, still on their way, do not end it.
        """
        for track in self._tracks.values():
            if meter is None or track.device.meter is meter:
                track.explain(boottime_ms, reason, until_boottime_ms)

    def begin_segment(self, segment: Segment) -> None:
        """Go over to a new segment at its start.

        Raises:
            ValueError: a device's time is already settled past that start.
        """
        for track in self._tracks.values():
            track.begin_segment(segment)
        self._meters[segment.number] = dict(self._meters[self.segment.number])
        self._segments.append(segment)

    def is_another(self, meter: Meter) -> bool:
        """Whether the devices were read by another meter, or at another cadence, until now."""
        known = self._meters[self.segment.number]
        if known:
            before = known.get(meter.kind)
            return before is None or before.cadence_ms != meter.cadence_ms
        return any(track.device.meter is not meter.kind for track in self._tracks.values())

    def changes_shares(self, batch: SampleBatch) -> bool:
        """Whether a batch says of a known device that it is another part of a card."""
        known = ((self._tracks.get(one.device.hardware_id), one.device) for one in batch.samples)
        return any(track and track.device.share != device.share for track, device in known)

    def begin_meter(self, segment: Segment) -> None:
        """Go over to a new segment, read by another meter alone. A replayed device ends with its
        meter: it never was there.

        Raises:
            ValueError: a device's time is already settled past its start.
        """
        self.begin_segment(segment)
        self._meters[segment.number] = {}
        for track in self._tracks.values():
            track.leave(segment.start_boottime_ms)
            if track.device.meter is MeterKind.REPLAY:
                track.end(segment.start_boottime_ms)

    def cut_point(self, now_boottime_ms: int) -> int | None:
        """The latest instant at which everything kept can be cut; None: nothing can.

        It is the end of a whole minute of the axis, or the end of the oldest segment kept.
        """
        settled = min(
            (track.settled(now_boottime_ms) for track in self._tracks.values()),
            default=now_boottime_ms - GRACE_MS,
        )
        segment, edge = self._segment_at(self._start)
        point = utc_minute(segment.anchor_utc_ms, settled) * MINUTE_MS - segment.anchor_utc_ms
        if edge is not None and settled >= edge:
            point = edge
        return point if point > self._start else None

    def cut(self, at_boottime_ms: int) -> tuple[DeviceMinutes, ...]:
        """Give away everything before an instant that `cut_point` gave, or an earlier minute's end.

        Every device that goes on then begins anew at exactly that instant.

        Raises:
            ValueError: a minute would be cut in two.
        """
        given = self._collect(lambda track: track.cut(at_boottime_ms))
        self._tracks = {
            key: track
            for key, track in self._tracks.items()
            if not (track.ended and track.start == track.position)
        }
        while len(self._segments) > 1 and self._segments[1].start_boottime_ms <= at_boottime_ms:
            del self._meters[self._segments.pop(0).number]
        self._start = at_boottime_ms
        return given

    def flush(self, now_boottime_ms: int) -> tuple[DeviceMinutes, ...]:
        """Everything since the last cut on the oldest segment, as far as it is settled.

        Changes nothing; each call replaces what the call before gave. Devices end together: were
        the agent to end here, nobody would have observed what one lacks, so it is AGENT_DOWN.
        """
        number = self.oldest_segment.number
        given = self._collect(lambda track: track.snapshot(now_boottime_ms))
        given = tuple(minutes for minutes in given if minutes.segment.number == number)
        end = max((minutes.end_boottime_ms for minutes in given), default=self._start)
        return tuple(
            minutes
            if self._tracks[minutes.device.hardware_id].ended
            else extended(minutes, end, GapReason.AGENT_DOWN)
            for minutes in given
        )

    def finish(self, now_boottime_ms: int) -> int:
        """Settle everything at the last instant of which anything is known of any device.

        Returns:
            The instant to cut at: that one, or the end of the oldest segment kept if it is earlier.
        """
        end = max(
            (
                track.position if track.ended else track.settled(now_boottime_ms)
                for track in self._tracks.values()
            ),
            default=self._start,
        )
        for track in self._tracks.values():
            track.stop(end, now_boottime_ms)
        _, edge = self._segment_at(self._start)
        return end if edge is None else min(end, edge)

    def counters(self) -> dict[str, Counters]:
        """Totals of each device since this integrator began, by hardware id."""
        return {key: track.counters() for key, track in self._tracks.items()}

    def _collect(self, part: Callable[[Track], list[DeviceMinutes]]) -> tuple[DeviceMinutes, ...]:
        parts = [minutes for key in sorted(self._tracks) for minutes in part(self._tracks[key])]
        return tuple(sorted(parts, key=lambda minutes: minutes.segment.number))

    def _segment_at(self, boottime_ms: int) -> tuple[Segment, int | None]:
        """The segment an instant lies in, and where the next one begins."""
        for segment, after in zip(self._segments, self._segments[1:], strict=False):
            if boottime_ms < after.start_boottime_ms:
                return segment, after.start_boottime_ms
        return self._segments[-1], None

    def _track(self, device: Device, at: int) -> Track:
        track = self._tracks.get(device.hardware_id)
        if track is not None:
            track.describe(device)
            track.revive()
            return track
        at = max(at, self._start)
        segment, _ = self._segment_at(at)
        track = self._tracks[device.hardware_id] = Track(device, self._boot_id, segment, at)
        for later in self._segments:
            if later.number > segment.number:
                track.begin_segment(later)
        track.note(
            DeviceEvent(
                hardware_id=device.hardware_id, boottime_ms=at, kind=DeviceEventKind.APPEARED
            )
        )
        return track

    def _end_partitions(self, looked: SampleBatch) -> None:
        """A trace tells by itself what is gone, and shows devices one by one. Where the driver did
        not tell a card's partitions, one that is not shown is not gone: nobody observed it."""
        if looked.meter.kind is MeterKind.REPLAY:
            return
        at, limit_ms = looked.boottime_ms, looked.meter.gap_limit_ms
        shown = {sample.device.hardware_id: sample.seen for sample in looked.samples}
        for key, track in self._tracks.items():
            card = track.device.parent_hardware_id
            if track.ended or key in shown or not isinstance(shown.get(card), Observation):
                continue
            if card in looked.untold:
                track.sample(at, GapReason.DEVICE_LOST, limit_ms)
            else:
                track.dissolve(at)

    def _resume(self, minutes: DeviceMinutes) -> None:
        end = minutes.end_boottime_ms
        track = Track(minutes.device, self._boot_id, self.segment, end, minutes.ending)
        track.explain(end, GapReason.AGENT_DOWN)
        self._tracks[minutes.device.hardware_id] = track

    def _note(self, event: DeviceEvent) -> None:
        track = self._tracks.get(event.hardware_id)
        if track is None or event.kind == DeviceEventKind.APPEARED:
            return  # the integrator itself knows what appeared: a meter that restarts does not
        track.note(event)
        if event.kind == DeviceEventKind.VANISHED:
            if track.device.parent_hardware_id:
                track.end(event.boottime_ms)
            else:
                track.explain(event.boottime_ms, GapReason.DEVICE_LOST)


def gap_of(reason: AbsentReason) -> GapReason:
    """Why a device that is absent as a whole was not observed."""
    return GAP_OF_ABSENT.get(reason, GapReason.DEVICE_LOST)
