"""One device's way through time: samples and spans in, strips of readings and gaps out.

Between two samples no further apart than the gap limit, the earlier one holds. Everything else is
a gap with the best reason that is known. A track never looks at a clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from kashi_agent.energy import (
    CountedEnergy,
    Energy,
    EnergyCarry,
    IntegratedEnergy,
    UnknownEnergy,
    exceeds,
)
from kashi_agent.minute import Facts
from kashi_agent.reading import (
    UNKNOWN_ENDING,
    Continuity,
    Counters,
    DeviceEventKind,
    DeviceMinutes,
    Ending,
    GapReason,
    Segment,
)
from kashi_agent.sample import Device, DeviceEvent, MeterKind
from kashi_agent.strip import Strip
from kashi_agent.tiling import extended

GRACE_MS: Final = 5_000
"""How long a first sample may be on its way before the time without one is settled as a gap."""

ALWAYS_A_GAP: Final = frozenset(
    {
        GapReason.SUSPENDED,
        GapReason.RELEASED,
        GapReason.AGENT_DOWN,
        GapReason.METER_DOWN,
        GapReason.METER_HUNG,
    }
)
"""Reasons that make a gap however short: nobody can have watched."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last sample: facts, or the reason why the device did not answer."""

    at: int
    what: Facts | GapReason
    gap_limit_ms: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """From `at` on, a gap has this reason; the first one also explains back to the last sample.

    It holds up to the first sample that is not older than `until`.
    """

    at: int
    reason: GapReason
    until: int


class Track:
    """One device from its first sample on; instants are milliseconds of CLOCK_BOOTTIME."""

    def __init__(
        self,
        device: Device,
        boot_id: bytes,
        segment: Segment,
        start: int,
        ending: Ending = UNKNOWN_ENDING,
    ) -> None:
        """Begin at `start`; `ending` is what an earlier stretch that ended there last saw."""
        self.device = device
        self.ended = False
        self.samples_late = 0
        self._boot_id = boot_id
        self._strips = [Strip(boot_id, segment, device, start, start)]
        self._upcoming: list[Segment] = []
        self._last: Seen | None = None
        self._explained: list[Explanation] = []
        self._ending = ending
        self._in_gap = False
        self._carry = EnergyCarry()
        self._counted = Counters()

    @property
    def start(self) -> int:
        """The instant up to which everything was given away."""
        return self._strips[0].start

    @property
    def position(self) -> int:
        """The instant up to which everything is settled."""
        return self._strips[-1].position

    def describe(self, device: Device) -> None:
        """Take a newer description. One by another meter, or of another share, holds from the next
        segment on: what one meter read is never told as read by another, nor what a part of a card
        did as a larger part's.

        Raises:
            ValueError: no segment is to begin.
        """
        strip = self._strips[-1]
        before, after = (
            f"{one.share_numerator}/{one.share_denominator} by {one.meter.name}"
            for one in (strip.device, device)
        )
        if before == after:
            strip.device = device
        elif not self._upcoming:
            raise ValueError(f"{device.hardware_id} was {before} and is {after} within one segment")
        self.device = device

    def sample(self, at: int, what: Facts | GapReason, gap_limit_ms: int) -> None:
        """Take a sample; one older than the last is counted and dropped."""
        if self._last is not None and at < self._last.at:
            self.samples_late += 1
            return
        if isinstance(what, Facts):
            what = self._believed(at, what)
        if at > self.position:
            self._settle(at, what)
        self._arrive(what)
        self._last = Seen(at, what, gap_limit_ms)
        self._explained = [known for known in self._explained if known.until > at]

    def span(self, start: int, end: int, facts: Facts) -> None:
        """Take a stretch over which one observation held throughout.

        Raises:
            ValueError: it begins before what is settled already.
        """
        self._reach(start, facts)
        self._arrive(facts)
        self._observe(end, facts, self._power(start, facts))
        self._last = None
        self._explained.clear()

    def hole(self, start: int, end: int, reason: GapReason) -> None:
        """Take a stretch that is known to be unobserved, for a known reason.

        Raises:
            ValueError: it begins before what is settled already.
        """
        self._reach(start, reason)
        self._gap(end, reason)
        self._last = None
        self._explained.clear()

    def explain(self, at: int, reason: GapReason, until: int | None = None) -> None:
        """State why samples do not come from an instant on, for as long as to `until`."""
        end = at if until is None else until
        self._explained.append(Explanation(max(at, self.position), reason, end))

    def note(self, event: DeviceEvent) -> None:
        """Keep an event of the device."""
        self._strips[-1].note(event)

    def end(self, at: int) -> None:
        """The device is gone for good: no gap follows."""
        if not self.ended and at > self.position:
            self._settle(at, GapReason.DEVICE_LOST)
        self.ended = True

    def dissolve(self, at: int) -> None:
        """A look that would have shown the device shows it no longer (a partition): what was last
        seen of it holds up to that look, as ever, and no gap follows."""
        if not self.ended and at > self.position and self._holds(at):
            self._settle(at, GapReason.DEVICE_LOST)
        self.ended = True

    def leave(self, at: int) -> None:
        """The meter that read it is not at work any more: what it last saw holds no longer, and is
        not compared with what another one sees."""
        if at > self.position and not self.ended:
            self._commit(at)
        self._last, self._ending = None, UNKNOWN_ENDING
        self._explained.clear()
        self.explain(at, GapReason.METER_DOWN)

    def revive(self) -> None:
        """The device is back after all: it was lost in between."""
        if self.ended:
            self.ended, self._last = False, None
            self.explain(self.position, GapReason.DEVICE_LOST)

    def begin_segment(self, segment: Segment) -> None:
        """Go over to a new segment when the track reaches its start.

        Raises:
            ValueError: the track is already past it.
        """
        if segment.start_boottime_ms < self.position:
            raise ValueError(
                f"segment {segment.number} begins at {segment.start_boottime_ms} ms, before "
                f"{self.position}, where {self.device.hardware_id} already stands"
            )
        self._upcoming.append(segment)

    def settled(self, now: int) -> int:
        """The instant up to which nothing that can still arrive changes anything.

        A gap in progress is settled a gap limit later, for a sample may still be on its way.
        """
        if self.ended:
            return max(now, self.position)
        if not self._is_lost(now):
            return self.position
        wait_ms = GRACE_MS if self._last is None else self._last.gap_limit_ms
        return max(self.position, now - wait_ms)

    def cut(self, at: int) -> list[DeviceMinutes]:
        """Give away everything before an instant that is settled."""
        if at > self.position and not self.ended:
            self._commit(at)
        given = []
        while self._strips[0].start < at:
            strip = self._strips[0]
            until = min(at, strip.position)
            last = strip is self._strips[-1]
            if until > strip.start:
                ending = self._ending if last else UNKNOWN_ENDING
                given.append(strip.cut(until, ending))
            if last:
                break
            if until == strip.position:
                self._strips.pop(0)
        for minutes in given:
            self._counted = self._counted.plus(minutes)
        return given

    def stop(self, at: int, now: int) -> None:
        """The agent ends: what is left up to an instant is a gap, its own fault if no other's."""
        if at <= self.position or self.ended:
            return
        if self._is_lost(now):
            self._commit(at)
        else:
            self._gap(at, GapReason.AGENT_DOWN)

    def snapshot(self, now: int) -> list[DeviceMinutes]:
        """Everything kept so far, a gap in progress included; changes nothing.

        A device that goes on is there even when nothing of it is settled since the last cut: an
        agent that resumes from this must know of it.
        """
        given = [strip.minutes(UNKNOWN_ENDING) for strip in self._strips[:-1]]
        last = self._strips[-1].minutes(self._ending)
        until = self.settled(now)
        if self._upcoming:
            until = min(until, self._upcoming[0].start_boottime_ms)
        if until > self.position and not self.ended:
            for end, reason in self._reasons(until):
                last = extended(last, end, reason)
        whole = [minutes for minutes in given if minutes.elapsed_ms]
        return whole if self.ended and not last.elapsed_ms else [*whole, last]

    def counters(self) -> Counters:
        """Totals since the track began, up to its position."""
        total = self._counted
        for strip in self._strips:
            total = total.plus(strip.minutes(UNKNOWN_ENDING))
        return total

    def _reach(self, start: int, what: Facts | GapReason) -> None:
        if start < self.position:
            raise ValueError(
                f"a span of {self.device.hardware_id} begins at {start} ms, before "
                f"{self.position}, where it already stands"
            )
        if start > self.position:
            self._settle(start, what)

    def _settle(self, until: int, what: Facts | GapReason) -> None:
        """Decide what the time up to a new sample was."""
        last = self._last
        if last is not None and isinstance(last.what, Facts) and self._holds(until):
            energy = self._energy(last, until, what)
            after = what if isinstance(what, Facts) else None
            for end, facts in last.what.until(until, after):
                self._observe(end, facts, energy)
        else:
            self._commit(until)

    def _holds(self, until: int) -> bool:
        """The last sample holds up to an instant."""
        last = self._last
        return (
            last is not None
            and isinstance(last.what, Facts)
            and until - last.at <= last.gap_limit_ms
            and not self._is_cut_off()
        )

    def _is_lost(self, now: int) -> bool:
        """It is certain that the time since the last sample is a gap."""
        last = self._last
        return (
            last is None
            or isinstance(last.what, GapReason)
            or self._is_cut_off()
            or now - last.at > 2 * last.gap_limit_ms
        )

    def _is_cut_off(self) -> bool:
        return any(known.reason in ALWAYS_A_GAP for known in self._explained)

    def _arrive(self, what: Facts | GapReason) -> None:
        """Note what is seen anew: it ends a gap, and tells what is known across it."""
        if isinstance(what, GapReason):
            return
        keys = None if what.held_by is None else frozenset(h.key for h in what.held_by.holders)
        seen = Ending(
            energy_counter_mj=what.energy_counter_mj,
            holder_keys=keys,
            driver_epoch=what.driver_epoch,
        )
        if self._in_gap:
            self._strips[-1].explain_continuity(_continuity(self._ending, seen))
        self._in_gap = False
        self._ending = seen

    def _believed(self, at: int, what: Facts) -> Facts:
        """What is seen; where its counter rose by more than any board can use, without energy: that
        is dropped and told of, and unknown on both sides."""
        last = self._last
        if last is None or isinstance(last.what, GapReason) or last.what.energy_counter_mj is None:
            return what
        used_mj = (what.energy_counter_mj or 0) - last.what.energy_counter_mj
        if not exceeds(used_mj, at - last.at):
            return what
        self._tell(at, DeviceEventKind.VALUE_DROPPED, 1, f"energy in mJ: {used_mj} more")
        self._last = replace(last, what=last.what.without_energy())
        return what.without_energy()

    def _energy(self, last: Seen, until: int, what: Facts | GapReason) -> Energy:
        assert isinstance(last.what, Facts)
        before = last.what.energy_counter_mj
        after = what.energy_counter_mj if isinstance(what, Facts) else None
        if before is None or after is None:
            return self._power(self.position, last.what)
        if after < before:
            self._tell(until, DeviceEventKind.ENERGY_RESET, before)
            return UnknownEnergy()
        energy = CountedEnergy(
            total_mj=after - before, start_boottime_ms=last.at, end_boottime_ms=until
        )
        energy.take(self.position)  # the share of what another sample settled already
        return energy

    def _tell(self, at: int, kind: DeviceEventKind, value: int, detail: str = "") -> None:
        self.note(
            DeviceEvent(
                hardware_id=self.device.hardware_id,
                boottime_ms=at,
                kind=kind,
                detail=detail,
                value=value,
            )
        )

    def _power(self, start: int, facts: Facts) -> Energy:
        if facts.power_mw is None:
            return UnknownEnergy()
        return IntegratedEnergy(power_mw=facts.power_mw, at_boottime_ms=start, carry=self._carry)

    def _observe(self, end: int, facts: Facts, energy: Energy) -> None:
        for strip, until in self._pieces(end):
            strip.observe(until, facts, energy)

    def _gap(self, end: int, reason: GapReason) -> None:
        for strip, until in self._pieces(end):
            strip.gap(until, reason, goes_on=self._in_gap)
            self._in_gap = True

    def _commit(self, until: int) -> None:
        """Write the gap from the position to an instant, reason by reason."""
        for end, reason in self._reasons(until):
            self._gap(end, reason)

    def _reasons(self, until: int) -> list[tuple[int, GapReason]]:
        """The gap from the position to `until`: ends and reasons, in order."""
        reason = self._first_reason()
        pieces: list[tuple[int, GapReason]] = []
        for mark in sorted(self._explained, key=lambda known: known.at):
            if self.position < mark.at < until and mark.reason is not reason:
                pieces.append((mark.at, reason))
            if mark.at < until:
                reason = mark.reason
        return [*pieces, (until, reason)]

    def _first_reason(self) -> GapReason:
        """Why a gap begins: the device's own word, else the first explanation, else none came."""
        if self._last is not None and isinstance(self._last.what, GapReason):
            return self._last.what
        if self._explained:
            return min(self._explained, key=lambda known: known.at).reason
        replayed = self.device.meter is MeterKind.REPLAY
        return GapReason.TRACE_HOLE if replayed else GapReason.SAMPLES_MISSING

    def _pieces(self, end: int) -> Iterator[tuple[Strip, int]]:
        """The strips to grow, each with the instant to grow it to."""
        while self.position < end:
            strip = self._strips[-1]
            if self._upcoming and self._upcoming[0].start_boottime_ms <= strip.position:
                self._follow(self._upcoming.pop(0))
                continue
            edge = self._upcoming[0].start_boottime_ms if self._upcoming else end
            yield strip, min(end, edge)

    def _follow(self, segment: Segment) -> None:
        before = self._strips[-1]
        strip = Strip(self._boot_id, segment, self.device, before.position, before.position)
        if before.start == before.position:
            strip.events = before.events
            self._strips.pop()
        self._strips.append(strip)


def _continuity(before: Ending, after: Ending) -> Continuity:
    """What two sights of a device say about the time between them.

    A counter that fell began anew: another driver. One that rose may have begun anew long enough
    ago, so it says nothing of the driver, and is no energy of the gap unless the driver is known to
    be the same.
    """
    same_driver = used_mj = same_holders = None
    if before.driver_epoch and after.driver_epoch:
        same_driver = before.driver_epoch == after.driver_epoch
    if before.energy_counter_mj is not None and after.energy_counter_mj is not None:
        used_mj = after.energy_counter_mj - before.energy_counter_mj
        same_driver = False if used_mj < 0 else same_driver
    if before.holder_keys is not None and after.holder_keys is not None:
        same_holders = before.holder_keys == after.holder_keys
    return Continuity(
        same_driver=same_driver,
        same_holders=same_holders,
        energy_mj=used_mj if same_driver else None,
    )
