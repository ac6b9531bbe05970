"""What one device added up to on one segment since the last cut: the integrator's working piece.

A strip grows at its end by observed pieces and gaps, both always starting where it ends, and
gives away its beginning as `DeviceMinutes`. It knows minutes; it knows nothing of samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kashi.axis import next_minute_boottime_ms
from kashi.limits import EVENTS_PER_REPORT_MAX, HOLDERS_PER_DEVICE_MAX

from kashi_agent.energy import Energy
from kashi_agent.minute import Facts, HolderPlaces, OpenMinute
from kashi_agent.reading import (
    Continuity,
    DeviceMinutes,
    Ending,
    Gap,
    GapReason,
    Reading,
    Segment,
)
from kashi_agent.sample import Device, DeviceEvent
from kashi_agent.tiling import compact, split_gaps


def _no_holders() -> HolderPlaces:
    return HolderPlaces((), HOLDERS_PER_DEVICE_MAX)


@dataclass(slots=True)
class Strip:
    """One device on one segment from `start` (kept) to `position` (settled so far)."""

    boot_id: bytes
    segment: Segment
    start: int
    position: int
    readings: list[Reading] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    events: list[DeviceEvent] = field(default_factory=list)
    places: HolderPlaces = field(default_factory=_no_holders)
    minute: OpenMinute | None = None

    def observe(self, end: int, facts: Facts, energy: Energy) -> None:
        """Grow by an observed piece."""
        while self.position < end:
            boundary = next_minute_boottime_ms(self.segment.anchor_utc_ms, self.position)
            until = min(end, boundary)
            if self.minute is None:
                self.minute = OpenMinute(
                    start_boottime_ms=self.position, end_boottime_ms=self.position
                )
            self.minute.add(self.position, until, facts, energy)
            self.position = until
            if until == boundary:
                self._close_minute()

    def gap(self, end: int, reason: GapReason, *, goes_on: bool) -> None:
        """Grow by a gap; one that goes on for the same reason stays one gap."""
        last = self.gaps[-1] if self.gaps and goes_on else None
        if last is not None and last.end_boottime_ms == self.position and last.reason is reason:
            self.gaps[-1] = replace(last, span_ms=end - last.start_boottime_ms)
        else:
            self.gaps.append(
                Gap(start_boottime_ms=self.position, span_ms=end - self.position, reason=reason)
            )
        boundary = next_minute_boottime_ms(self.segment.anchor_utc_ms, self.position)
        self.position = end
        if self.minute is not None and end >= boundary:
            self._close_minute()

    def explain_continuity(self, continuity: Continuity) -> None:
        """State what is known of the gap in which the strip ends; nothing if it ends in none."""
        if self.gaps and self.gaps[-1].end_boottime_ms == self.position:
            self.gaps[-1] = replace(self.gaps[-1], continuity=continuity)

    def note(self, event: DeviceEvent) -> None:
        """Keep an event, as many as a report may carry."""
        if len(self.events) < EVENTS_PER_REPORT_MAX:
            self.events.append(event)

    def minutes(self, device: Device, ending: Ending) -> DeviceMinutes:
        """Everything since the last cut, the open minute as far as it goes; changes nothing."""
        places = HolderPlaces(tuple(self.places.listed), HOLDERS_PER_DEVICE_MAX)
        readings = list(self.readings)
        if self.minute is not None:
            readings.append(self.minute.reading(places))
        return self._stretch(device, ending, self.position, readings, self.gaps, places)

    def cut(self, at: int, device: Device, ending: Ending) -> DeviceMinutes:
        """Give away everything before an instant: its own end, or any earlier edge of a minute.

        Raises:
            ValueError: a reading would be cut in two; nothing was given away.
        """
        if self.minute is not None and self.minute.start_boottime_ms < at:
            if at != self.position:
                raise ValueError(f"a cut at {at} ms falls into a minute that is not over")
            self._close_minute()
        early = [reading for reading in self.readings if reading.start_boottime_ms < at]
        gaps, later_gaps = split_gaps(self.gaps, at)
        given = self._stretch(device, ending, at, early, gaps, self.places)
        readings, holders = compact(self.readings[len(early) :], self.places.listed)
        self.readings, self.gaps = list(readings), later_gaps
        self.places = HolderPlaces(holders, HOLDERS_PER_DEVICE_MAX)
        self.events = [event for event in self.events if event.boottime_ms > at]
        self.start = at
        return given

    def _stretch(
        self,
        device: Device,
        ending: Ending,
        end: int,
        readings: Sequence[Reading],
        gaps: Sequence[Gap],
        places: HolderPlaces,
    ) -> DeviceMinutes:
        compacted, holders = compact(readings, places.listed)
        return DeviceMinutes(
            device=device,
            boot_id=self.boot_id,
            segment=self.segment,
            start_boottime_ms=self.start,
            end_boottime_ms=end,
            readings=compacted,
            gaps=tuple(gaps),
            events=tuple(event for event in self.events if event.boottime_ms <= end),
            holders=holders,
            ending=ending,
        )

    def _close_minute(self) -> None:
        assert self.minute is not None
        self.readings.append(self.minute.reading(self.places))
        self.minute = None
