"""The agent's side of the time axis: when it holds, when a new segment begins.

UTC = anchor + CLOCK_BOOTTIME. A step of the wall clock is an event and changes nothing by itself.
Only when a synchronised clock has stayed more than 2 s from the axis for 60 s on end does a new
segment begin, at a stated boottime, with the clock's own anchor: so no millisecond is counted
twice or lost, and a time source that flaps moves nothing. A clock that the kernel calls not
synchronised is not followed. Where the kernel may not be asked at all (a sandbox filters the
call), the wall clock is the only witness there is: it is followed after ten minutes on end, and
the report says that nobody vouches for it. Pure: looks in, changes out.
"""

from dataclasses import dataclass, replace
from typing import Final

from kashi_agent.clock import ClockLook, ClockSync
from kashi_agent.reading import HostEvent, HostEventKind, Segment

STEP_MS_MIN: Final = 500
"""A change of the offset between two looks from which it is a step; below, it is slewing."""

REANCHOR_OFFSET_MS: Final = 2_000
"""How far a synchronised clock must stand from the axis, exceeded, before the axis gives way."""

REANCHOR_AFTER_MS: Final = 60_000
"""How long it must stay there, synchronised and awake, without a further step."""

REANCHOR_UNKNOWN_AFTER_MS: Final = 600_000
"""The same of a clock of which it cannot be known whether it is synchronised."""

SUSPEND_MS_MIN: Final = 100
"""Boottime ahead of monotonic time by this much between two looks is sleep, not jitter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """How the wall clock stands to the axis; `offset_ms` is wall clock minus axis."""

    sync: ClockSync
    offset_ms: int
    error_us_max: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisChange:
    """What a look at the clocks showed.

    `slept_since_boottime_ms`: the machine slept at some time since then; None: it did not.
    `segment`: the new segment, if one begins.
    """

    events: tuple[HostEvent, ...] = ()
    slept_since_boottime_ms: int | None = None
    segment: Segment | None = None


class Axis:
    """The time axis of one boot."""

    def __init__(self, segment: Segment, look: ClockLook) -> None:
        """Go on with a segment that this boot already has, from a first look at the clocks."""
        self.segment = segment
        self._look = look
        self._far_since_ms: int | None = None
        self._note_distance(look, moved=False)

    @classmethod
    def first(cls, look: ClockLook) -> "Axis":
        """Lay the axis of a boot that has none yet: at the wall clock as it stands."""
        anchor = look.utc_ms - look.boottime_ms
        return cls(Segment(number=1, anchor_utc_ms=anchor, start_boottime_ms=0), look)

    @property
    def state(self) -> ClockState:
        """How the wall clock stood to the axis at the last look."""
        discipline = self._look.discipline
        return ClockState(
            sync=discipline.sync,
            offset_ms=self._offset_ms(self._look),
            error_us_max=discipline.error_us_max,
        )

    def observe(self, look: ClockLook) -> AxisChange:
        """Compare the clocks with the axis and with the last look.

        1. Sleep: boottime went on while monotonic time stood.
        2. Step: the offset changed by more than slewing can.
        3. Re-anchoring: a clock that may be followed stayed away for long enough.

        Raises:
            ValueError: boottime ran back: the looks are of two boots.
        """
        before, self._look = self._look, look
        passed_ms = look.boottime_ms - before.boottime_ms
        if passed_ms < 0:
            raise ValueError(f"boottime ran back by {-passed_ms} ms")
        slept_ms = passed_ms - (look.monotonic_ms - before.monotonic_ms)
        stepped_ms = self._offset_ms(look) - self._offset_ms(before)
        slept, stepped = slept_ms >= SUSPEND_MS_MIN, abs(stepped_ms) >= STEP_MS_MIN
        events = []
        if slept:
            events.append(_event(look, HostEventKind.SUSPENDED, slept_ms))
        if stepped:
            events.append(_event(look, HostEventKind.CLOCK_STEPPED, stepped_ms))
        same_word = look.discipline.sync is before.discipline.sync
        self._note_distance(look, moved=stepped or slept or not same_word)
        segment = self._reanchor(look)
        if segment is not None:
            moved_ms = segment.anchor_utc_ms - self.segment.anchor_utc_ms
            events.append(_event(look, HostEventKind.REANCHORED, moved_ms))
            self.segment = segment
        return AxisChange(
            events=tuple(events),
            slept_since_boottime_ms=before.boottime_ms if slept else None,
            segment=segment,
        )

    def begin(self, boottime_ms: int) -> Segment:
        """A new segment of the same anchor, from an instant on."""
        self.segment = replace(
            self.segment, number=self.segment.number + 1, start_boottime_ms=boottime_ms
        )
        return self.segment

    def _offset_ms(self, look: ClockLook) -> int:
        return look.utc_ms - (self.segment.anchor_utc_ms + look.boottime_ms)

    def _note_distance(self, look: ClockLook, *, moved: bool) -> None:
        wrong = look.discipline.sync is ClockSync.UNSYNCHRONISED
        if wrong or abs(self._offset_ms(look)) <= REANCHOR_OFFSET_MS:
            self._far_since_ms = None
        elif moved or self._far_since_ms is None:
            self._far_since_ms = look.boottime_ms

    def _reanchor(self, look: ClockLook) -> Segment | None:
        since, known = self._far_since_ms, look.discipline.sync is ClockSync.SYNCHRONISED
        patience_ms = REANCHOR_AFTER_MS if known else REANCHOR_UNKNOWN_AFTER_MS
        if since is None or look.boottime_ms - since < patience_ms:
            return None
        self._far_since_ms = None
        return Segment(
            number=self.segment.number + 1,
            anchor_utc_ms=look.utc_ms - look.boottime_ms,
            start_boottime_ms=look.boottime_ms,
        )


def booted(before_boot_id: bytes, before_end_utc_ms: int, look: ClockLook) -> HostEvent:
    """The event that opens a boot: names the boot before and the labelled time between.

    The value is a difference of two labels, not a measured duration; a wall clock that was wrong
    in either boot makes it wrong, even negative, and it is reported as it is.
    """
    return HostEvent(
        boottime_ms=look.boottime_ms,
        kind=HostEventKind.BOOTED,
        detail=before_boot_id.hex(),
        value=look.utc_ms - before_end_utc_ms,
    )


def _event(look: ClockLook, kind: HostEventKind, value: int) -> HostEvent:
    return HostEvent(boottime_ms=look.boottime_ms, kind=kind, value=value)
