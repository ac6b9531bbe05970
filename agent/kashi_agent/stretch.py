"""All devices of a host over one stretch of one time axis: what the journal keeps frame by frame
and what a report is sealed from."""

from dataclasses import dataclass, field

from kashi_agent.axis import ClockState
from kashi_agent.clock import ClockSync
from kashi_agent.reading import BOOT_ID_BYTES, DeviceMinutes, HostEvent, Segment
from kashi_agent.sample import Meter

UNKNOWN_CLOCK = ClockState(sync=ClockSync.UNKNOWN, offset_ms=0, error_us_max=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """[start_boottime_ms, end_boottime_ms) of one segment of one boot: every device known then,
    what happened, the meters at work, and how the wall clock stood at its end.
    `devices_counted_only`: how many cards there were at most that are not reported.

    A device's own stretch may begin later (it appeared) or end earlier (it is gone for good).
    """

    boot_id: bytes
    segment: Segment
    start_boottime_ms: int
    end_boottime_ms: int
    devices: tuple[DeviceMinutes, ...] = ()
    events: tuple[HostEvent, ...] = ()
    meters: tuple[Meter, ...] = ()
    clock: ClockState = field(default=UNKNOWN_CLOCK)
    devices_counted_only: int = 0

    def __post_init__(self) -> None:
        """Refuse what does not lie within the stretch."""
        if len(self.boot_id) != BOOT_ID_BYTES:
            raise ValueError(f"a boot id has {BOOT_ID_BYTES} bytes, not {len(self.boot_id)}")
        if not 0 <= self.start_boottime_ms <= self.end_boottime_ms:
            raise ValueError(f"[{self.start_boottime_ms}, {self.end_boottime_ms}) ms")
        for minutes in self.devices:
            if (minutes.boot_id, minutes.segment) != (self.boot_id, self.segment) or not (
                self.start_boottime_ms <= minutes.start_boottime_ms
                and minutes.end_boottime_ms <= self.end_boottime_ms
            ):
                raise ValueError(f"{minutes.device.hardware_id} lies outside its stretch")
        if len({minutes.device.hardware_id for minutes in self.devices}) != len(self.devices):
            raise ValueError("a device stands in a stretch twice")
        if self.devices_counted_only < 0:
            raise ValueError(f"{self.devices_counted_only} devices counted only")

    @property
    def axis_key(self) -> tuple[bytes, int]:
        """Boot and segment: stretches of one axis can be joined."""
        return self.boot_id, self.segment.number

    @property
    def reading_count(self) -> int:
        """Readings of all devices."""
        return sum(len(minutes.readings) for minutes in self.devices)

    @property
    def gap_count(self) -> int:
        """Gaps of all devices."""
        return sum(len(minutes.gaps) for minutes in self.devices)
