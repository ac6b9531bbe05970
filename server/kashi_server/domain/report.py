"""What a report says, in plain values: the contract's messages without the generated types.

Readings and gaps stay plain tuples, for a server reads thousands of them a second. All instants
are milliseconds of CLOCK_BOOTTIME unless the name says UTC; UTC = `anchor_utc_ms` + boottime.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

Reading = tuple[int, int, int, int, int, int, int, int, int, int, int]
"""start offset, span, observed, held known, held, utilisation known, active, utilised_ns,
unattributed, energy known, energy_mj; offsets from the block's start, times in milliseconds."""

Gap = tuple[int, int, int, bool | None, bool | None, int | None]
"""start offset, span, reason, same driver, same holders, energy_mj across it."""

Event = tuple[int, int, str, int]
"""boottime, kind, detail, value."""

Counters = tuple[int, int, int, int, int, int]
"""observed_ms, gap_ms, held_ms, active_ms, utilised_ns, energy_mj since enrolment."""

NO_COUNTERS: Counters = (0, 0, 0, 0, 0, 0)


class MeterKind(IntEnum):
    """The reader of one vendor's devices; the numbers are the contract's."""

    NVML = 1
    ASCEND = 2
    REPLAY = 3


_REPLAY = int(MeterKind.REPLAY)


class EpochReason(IntEnum):
    """Why a host opened a new epoch; the numbers are the contract's."""

    SPOOL_LOST = 1
    SPOOL_CORRUPT = 2
    ROLLED_BACK = 3
    REPORT_REJECTED = 4


@dataclass(frozen=True, slots=True)
class DeviceDescription:
    """An accelerator or a partition of one, as the host describes it."""

    vendor: int
    hardware_id: str
    parent_hardware_id: str
    model: str
    serial: str
    pci_bus_id: str
    memory_bytes: int
    share_numerator: int
    share_denominator: int
    meter: int


class DeviceSpan(NamedTuple):
    """Everything a report says about one device, over [start, end) of boottime.

    A tuple, for hundreds are made a second and a frozen dataclass takes four times as long.
    `holder_times` lists, for each reading with any, its held_ms and for each holder (its place, its
    held_ms, its part of the reading's held_ms).
    """

    slot: int
    device: DeviceDescription
    start_boottime_ms: int
    end_boottime_ms: int
    readings: list[Reading]
    gaps: list[Gap]
    events: list[Event]
    holder_count: int
    holder_times: list[tuple[int, list[tuple[int, int, int]]]]

    @property
    def first_offset_ms(self) -> int | None:
        """Where its first reading or gap begins, from its start; None: it accounts for no time."""
        firsts = [accounts[0][0] for accounts in (self.readings, self.gaps) if accounts]
        return min(firsts, default=None)


@dataclass(frozen=True, slots=True)
class EpochOpening:
    """What a host still knew when it opened a new epoch."""

    reason: int
    last_epoch: int
    last_sequence: int
    last_sha256: bytes
    lost_first_sequence: int
    lost_last_sequence: int


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """One report whose signature and block digests hold."""

    host_id: str
    boot_id: bytes
    segment_number: int
    anchor_utc_ms: int
    segment_start_boottime_ms: int
    epoch: int
    sequence: int
    previous_sha256: bytes
    sha256: bytes
    start_boottime_ms: int
    end_boottime_ms: int
    sealed_utc_ms: int
    clock_sync: int
    clock_offset_ms: int
    agent_version: str
    meters: tuple[tuple[int, int], ...]
    """Kind and cadence_ms of each."""
    counters: dict[int, Counters]
    devices: tuple[DeviceSpan, ...]
    events: list[Event]
    opening: EpochOpening | None
    devices_counted_only: int = 0

    @property
    def start_utc_ms(self) -> int:
        """Label of its first instant."""
        return self.anchor_utc_ms + self.start_boottime_ms

    @property
    def end_utc_ms(self) -> int:
        """Label of its end, exclusive."""
        return self.anchor_utc_ms + self.end_boottime_ms

    @property
    def replayed(self) -> bool:
        """A replay meter stands behind it: nothing of it was measured here."""
        if any(kind == _REPLAY for kind, _cadence_ms in self.meters):
            return True
        return any(span.device.meter == _REPLAY for span in self.devices)
