"""Devices as the server knows them: what they are, where they served, what was seen twice.

Everything here follows from stored reports and is the same in whatever order they arrived.
"""

from dataclasses import dataclass
from enum import IntEnum

from kashi_server.domain.interval import Interval
from kashi_server.errors import InvalidValue


class Vendor(IntEnum):
    """Who makes a device; the numbers are the contract's."""

    NVIDIA = 1
    HUAWEI = 2

    @property
    def domestic(self) -> bool:
        """Made by a Chinese vendor (国产)."""
        return self is Vendor.HUAWEI


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
    SILENT = 11
    """Written by the server: nobody reported."""
    BETWEEN_BOOTS = 12
    """Written by the server: between two boots, labelled, not measured."""
    NOT_STATED = 13
    """Written by the server: what a provider's statement leaves of its first and last minute."""


LAST_REPORTED_GAP_REASON = GapReason.TRACE_HOLE
"""Reasons above it are the server's own; a host that states one is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceWindow:
    """A stretch of UTC minutes in which a device served on one host.

    A device's first one begins with the first reading or gap that counts; each later one with the
    first minute observed on another host, where the one before ends. The last is without end.
    """

    host_id: str
    interval: Interval
    pci_bus_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """One device, described as its latest accepted report does, with its service windows in order.

    `first_minutes` tells for each host the UTC minute of the first reading or gap that counts.
    """

    hardware_id: str
    vendor: Vendor
    model: str
    parent_hardware_id: str
    share_numerator: int
    share_denominator: int
    memory_bytes: int
    serial: str
    pci_bus_id: str
    replayed: bool
    first_minutes: tuple[tuple[str, int], ...]
    windows: tuple[ServiceWindow, ...]

    def __post_init__(self) -> None:
        """Refuse a share outside (0, 1]."""
        if not 0 < self.share_numerator <= self.share_denominator:
            raise InvalidValue(
                f"份额 {self.share_numerator}/{self.share_denominator} 不成立。"
                f"share {self.share_numerator}/{self.share_denominator}"
            )

    @property
    def host_ids(self) -> tuple[str, ...]:
        """Every host it served on."""
        return tuple(host_id for host_id, _minute in self.first_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedGap:
    """A gap that a host reported, labelled in UTC milliseconds, half-open.

    What is known of continuity across it is None where unknown.
    """

    host_id: str
    hardware_id: str
    start_utc_ms: int
    end_utc_ms: int
    reason: GapReason
    same_driver: bool | None
    same_holders: bool | None
    energy_mj: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Minutes of one device that more than one host says to have observed. Never counted."""

    hardware_id: str
    interval: Interval
    host_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportReference:
    """A stored report as evidence names it; `log_index` None: not yet in the log."""

    host_id: str
    epoch: int
    sequence: int
    sha256: bytes
    start_utc_ms: int
    end_utc_ms: int
    counted: bool
    log_index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHead:
    """The last report held of a host, for people who watch it."""

    host_id: str
    epoch: int
    sequence: int
    sha256: bytes
    received_utc_ms: int
    reported_until_utc_ms: int
    agent_version: str
    clock_synchronised: bool | None
    clock_offset_ms: int
    devices_counted_only: int
    quarantined_count: int
    quarantined_since_utc_ms: int | None
