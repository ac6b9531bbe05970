"""What samples add up to: readings and gaps of one device over one stretch of one time axis.

Everything here mirrors the contract (`kashi/v1/report.proto`) in plain values; the numbers of the
enums are the contract's. Instants are milliseconds of CLOCK_BOOTTIME, absolute within a boot. The
one invariant that money rests on is checked at the birth of every `DeviceMinutes`: readings and
gaps tile its span without overlap or hole, so that observed + gap = elapsed, exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from kashi.axis import utc_minute

from kashi_agent.sample import Device, DeviceEvent, HolderKind

BOOT_ID_BYTES = 16
HOLDER_KEY_BYTES = 16


class GapReason(IntEnum):
    """Why nobody observed a device; the numbers are the contract's."""

    AGENT_DOWN = 1
    METER_DOWN = 2
    METER_HUNG = 3
    RELEASED = 4
    SAMPLES_MISSING = 5
    DEVICE_LOST = 6
    NO_PERMISSION = 7
    SUSPENDED = 8
    SPOOL_LOST = 9
    TRACE_HOLE = 10


class HostEventKind(IntEnum):
    """What happened on a host; the numbers are the contract's."""

    AGENT_STARTED = 1
    AGENT_STOPPED = 2
    BOOTED = 3
    CLOCK_STEPPED = 4
    REANCHORED = 5
    SUSPENDED = 6
    METER_STARTED = 7
    METER_CRASHED = 8
    METER_HUNG = 9
    METER_RELEASED = 10
    SPOOL_REPAIRED = 11
    DISK_FULL = 12
    CONFIGURED = 13
    DRIVER = 14
    FACT = 15


class DeviceEventKind(IntEnum):
    """What happened to a device; the numbers are the contract's."""

    APPEARED = 1
    VANISHED = 2
    XID = 3
    ENERGY_RESET = 4
    VALUE_DROPPED = 5
    PARTITIONED = 6
    FACT = 7
    HEALTH = 8
    FAULT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvent:
    """One thing that happened on a host; the unit of `value` stands with the kind."""

    boottime_ms: int
    kind: HostEventKind
    detail: str = ""
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One stretch of the time axis: UTC = `anchor_utc_ms` + CLOCK_BOOTTIME."""

    number: int
    anchor_utc_ms: int
    start_boottime_ms: int

    def __post_init__(self) -> None:
        """Refuse a number below 1 and a start before the boot."""
        if self.number < 1 or self.start_boottime_ms < 0:
            raise ValueError(f"segment {self.number} at boottime {self.start_boottime_ms} ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderKey:
    """A holder as it may be reported: its kind, a key that tells this host's holders apart and
    nothing else, and a name only if the host's setting allows one ("": none)."""

    kind: HolderKind
    key: bytes
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse a key of another length."""
        if len(self.key) != HOLDER_KEY_BYTES:
            raise ValueError(f"a holder's key has {HOLDER_KEY_BYTES} bytes, not {len(self.key)}")


@dataclass(frozen=True, slots=True)
class HolderTime:
    """How long one holder (a place in `DeviceMinutes.holders`) held the device in a reading, and
    its part of the reading's held time: all parts add up to that (see `shares`)."""

    holder: int
    held_ms: int
    share_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuity:
    """What is known across a gap; None is unknown.

    `same_driver`: the driver was loaded once for both sides of it, or was not; an energy counter
    that went on does not tell that it was. `same_holders`: the same holders before and after.
    `energy_mj`: used across the gap, by a counter of one driver.
    """

    same_driver: bool | None = None
    same_holders: bool | None = None
    energy_mj: int | None = None


UNKNOWN_CONTINUITY = Continuity()

SUMS: Final = (
    *("observed_ms", "held_known_ms", "held_ms", "utilisation_known_ms", "active_ms"),
    *("utilised_ns", "unattributed_ms", "energy_known_ms", "energy_mj"),
)
"""Fields of a reading that add up, from piece to minute and from reading to reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Device time that nobody observed. It is never filled in."""

    start_boottime_ms: int
    span_ms: int
    reason: GapReason
    continuity: Continuity = UNKNOWN_CONTINUITY

    def __post_init__(self) -> None:
        """Refuse a gap without length."""
        if self.span_ms <= 0 or self.start_boottime_ms < 0:
            raise ValueError(f"a gap of {self.span_ms} ms at {self.start_boottime_ms}")

    @property
    def end_boottime_ms(self) -> int:
        """Its end, exclusive."""
        return self.start_boottime_ms + self.span_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One device over (at most) one minute of its axis: integers, what the samples add up to.

    The span reaches from the first to the last observed millisecond of the minute; gaps inside it
    and `observed_ms` add up to it. Each quantity is out of its own known time: `held_ms` out of
    `held_known_ms`, `active_ms` and `utilised_ns` (parts per million times milliseconds) out of
    `utilisation_known_ms`, `energy_mj` over `energy_known_ms`. Unknown time is in no sum.
    """

    start_boottime_ms: int
    span_ms: int
    observed_ms: int
    held_known_ms: int = 0
    held_ms: int = 0
    utilisation_known_ms: int = 0
    active_ms: int = 0
    utilised_ns: int = 0
    unattributed_ms: int = 0
    energy_known_ms: int = 0
    energy_mj: int = 0
    energy_integrated: bool = False
    memory_used_bytes_max: int | None = None
    holder_times: tuple[HolderTime, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a part larger than what it is a part of."""
        if not (
            self.start_boottime_ms >= 0
            and 0 < self.observed_ms <= self.span_ms <= 60_000
            and 0 <= self.held_ms <= self.held_known_ms <= self.observed_ms
            and 0 <= self.active_ms <= self.utilisation_known_ms <= self.observed_ms
            and self.active_ms <= self.utilised_ns <= self.active_ms * 1_000_000
            and 0 <= self.unattributed_ms <= self.active_ms
            and 0 <= self.energy_known_ms <= self.observed_ms
            and self.energy_mj >= 0
            and (self.energy_known_ms or not (self.energy_mj or self.energy_integrated))
        ):
            raise ValueError(f"a part exceeds its whole in {self!r}")
        for time in self.holder_times:
            if not 0 <= time.share_ms <= time.held_ms <= self.held_ms or not time.held_ms:
                raise ValueError(f"{time!r} of {self.held_ms} ms held")
        if sum(time.share_ms for time in self.holder_times) > self.held_ms:
            raise ValueError(f"the holders' parts add up to more than {self.held_ms} ms held")

    @property
    def end_boottime_ms(self) -> int:
        """Its end, exclusive."""
        return self.start_boottime_ms + self.span_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What was last seen when a stretch ended: lets the next one tell continuity across a gap.

    `energy_counter_mj` and `holder_keys` are None where unknown, `driver_epoch` is 0. It stays on
    the host.
    """

    energy_counter_mj: int | None = None
    holder_keys: frozenset[bytes] | None = None
    driver_epoch: int = 0


UNKNOWN_ENDING = Ending()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMinutes:
    """One device over [start_boottime_ms, end_boottime_ms) of one segment of one boot.

    Readings and gaps stand in order. A gap lies inside one reading or between readings, never
    across an edge. `holders` lists each holder once; readings refer to it by place.
    """

    device: Device
    boot_id: bytes
    segment: Segment
    start_boottime_ms: int
    end_boottime_ms: int
    readings: tuple[Reading, ...]
    gaps: tuple[Gap, ...]
    events: tuple[DeviceEvent, ...] = ()
    holders: tuple[HolderKey, ...] = ()
    ending: Ending = field(default=UNKNOWN_ENDING)

    def __post_init__(self) -> None:
        """Refuse what does not tile its span, crosses a minute or points nowhere."""
        if len(self.boot_id) != BOOT_ID_BYTES:
            raise ValueError(f"a boot id has {BOOT_ID_BYTES} bytes, not {len(self.boot_id)}")
        if not self.segment.start_boottime_ms <= self.start_boottime_ms <= self.end_boottime_ms:
            raise ValueError(
                f"[{self.start_boottime_ms}, {self.end_boottime_ms}) ms does not lie in a segment "
                f"that begins at {self.segment.start_boottime_ms}"
            )
        _check_tiles(self)
        _check_holders(self)

    @property
    def elapsed_ms(self) -> int:
        """Length of the stretch: observed + gap."""
        return self.end_boottime_ms - self.start_boottime_ms

    @property
    def observed_ms(self) -> int:
        """Time covered by samples."""
        return sum(reading.observed_ms for reading in self.readings)

    @property
    def gap_ms(self) -> int:
        """Time nobody observed."""
        return sum(gap.span_ms for gap in self.gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Running totals of one device, as every report states them."""

    observed_ms: int = 0
    gap_ms: int = 0
    held_ms: int = 0
    active_ms: int = 0
    utilised_ns: int = 0
    energy_mj: int = 0

    def plus(self, minutes: DeviceMinutes) -> "Counters":
        """The totals with a further stretch."""
        readings = minutes.readings
        return Counters(
            observed_ms=self.observed_ms + minutes.observed_ms,
            gap_ms=self.gap_ms + minutes.gap_ms,
            held_ms=self.held_ms + sum(reading.held_ms for reading in readings),
            active_ms=self.active_ms + sum(reading.active_ms for reading in readings),
            utilised_ns=self.utilised_ns + sum(reading.utilised_ns for reading in readings),
            energy_mj=self.energy_mj + sum(reading.energy_mj for reading in readings),
        )


def _check_tiles(minutes: DeviceMinutes) -> None:
    gaps = iter(minutes.gaps)
    anchor = minutes.segment.anchor_utc_ms
    gap = next(gaps, None)
    position = minutes.start_boottime_ms
    for reading in minutes.readings:
        while gap is not None and gap.start_boottime_ms < reading.start_boottime_ms:
            position, gap = _after(gap, position), next(gaps, None)
        if reading.start_boottime_ms != position:
            raise ValueError(f"a reading at {reading.start_boottime_ms} ms follows {position}")
        position = reading.end_boottime_ms
        if utc_minute(anchor, reading.start_boottime_ms) != utc_minute(anchor, position - 1):
            raise ValueError(f"the reading at {reading.start_boottime_ms} ms crosses a minute")
        gap = _check_inside(reading, gap, gaps)
    while gap is not None:
        position, gap = _after(gap, position), next(gaps, None)
    if position != minutes.end_boottime_ms:
        raise ValueError(f"readings and gaps end at {position}, not {minutes.end_boottime_ms} ms")


def _after(gap: Gap, position: int) -> int:
    if gap.start_boottime_ms != position:
        raise ValueError(f"a gap at {gap.start_boottime_ms} ms follows {position}")
    return gap.end_boottime_ms


def _check_inside(reading: Reading, gap: Gap | None, gaps: Iterator[Gap]) -> Gap | None:
    """Check the gaps inside a reading; return the first after it."""
    inside, position, end = 0, reading.start_boottime_ms, reading.end_boottime_ms
    while gap is not None and gap.start_boottime_ms < end:
        if gap.start_boottime_ms < position or gap.end_boottime_ms > end:
            raise ValueError(f"the gap at {gap.start_boottime_ms} ms overlaps or leaves a reading")
        inside, position, gap = inside + gap.span_ms, gap.end_boottime_ms, next(gaps, None)
    if reading.observed_ms + inside != reading.span_ms:
        raise ValueError(
            f"observed {reading.observed_ms} + gaps {inside} ms is not the span "
            f"{reading.span_ms} of the reading at {reading.start_boottime_ms}"
        )
    return gap


def _check_holders(minutes: DeviceMinutes) -> None:
    count = len(minutes.holders)
    if len({holder.key for holder in minutes.holders}) != count:
        raise ValueError("a holder is listed twice")
    for reading in minutes.readings:
        for time in reading.holder_times:
            if not 0 <= time.holder < count:
                raise ValueError(f"holder {time.holder} is not among the {count} listed")
