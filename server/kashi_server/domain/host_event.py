"""What a host told of itself and of its devices as it happened; facts it states stand apart."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class HostEventKind(IntEnum):
    """Events of the host itself; the numbers are the contract's (`HostEventKind`)."""

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


class DeviceEventKind(IntEnum):
    """Events of one device; the numbers are the contract's (`DeviceEventKind`)."""

    APPEARED = 1
    VANISHED = 2
    XID = 3
    ENERGY_RESET = 4
    VALUE_DROPPED = 5
    PARTITIONED = 6
    HEALTH = 8
    FAULT = 9


_GRAVE: Final = frozenset(
    {
        (False, HostEventKind.CLOCK_STEPPED),
        (False, HostEventKind.METER_CRASHED),
        (False, HostEventKind.METER_HUNG),
        (False, HostEventKind.SPOOL_REPAIRED),
        (False, HostEventKind.DISK_FULL),
        (True, DeviceEventKind.VANISHED),
        (True, DeviceEventKind.XID),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvent:
    """One event; `hardware_id` "" speaks of the host, `value` is the vendor's number."""

    utc_ms: int
    hardware_id: str
    kind: int
    detail: str
    value: int

    @property
    def is_grave(self) -> bool:
        """Whether somebody should look: a fault that began, health that is not whole, a crash."""
        if self.hardware_id and self.kind == DeviceEventKind.HEALTH:
            return self.value != 0
        if self.hardware_id and self.kind == DeviceEventKind.FAULT:
            return not self.detail.startswith("ended")
        return (bool(self.hardware_id), self.kind) in _GRAVE


def standing_faults(events: list[HostEvent]) -> list[HostEvent]:
    """Of events in any order, those of health and faults that are not over, the latest first."""
    latest: dict[tuple[str, int, int], HostEvent] = {}
    for event in sorted(events, key=lambda one: one.utc_ms):
        if not event.hardware_id:
            continue
        if event.kind == DeviceEventKind.HEALTH:
            latest[event.hardware_id, event.kind, 0] = event
        elif event.kind == DeviceEventKind.FAULT:
            latest[event.hardware_id, event.kind, event.value] = event
    stand = [event for event in latest.values() if event.is_grave]
    return sorted(stand, key=lambda one: one.utc_ms, reverse=True)
