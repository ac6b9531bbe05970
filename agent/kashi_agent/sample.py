"""What a meter saw on its devices: samples, each value present or absent with a reason.

Absent is never 0. A value outside the range the vendor documents is dropped and counted by the
meter, never clamped, and becomes absent.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from kashi import limits

POWER_MW_MAX: Final = 10_000_000
"""Ten kilowatts: more than any board draws, less than any sentinel."""

COUNTER_MAX: Final = 1 << 62
"""Sentinels stand at the top of 63 and 64 bits."""

SHARE_MAX: Final = (1 << 32) - 1
CADENCE_MS_MAX: Final = limits.CADENCE_MS_MAX


class AbsentReason(StrEnum):
    """Why a value could not be seen."""

    NOT_SUPPORTED = "not_supported"
    NO_PERMISSION = "no_permission"
    NOT_FOUND = "not_found"
    OUT_OF_RANGE = "out_of_range"
    DEVICE_LOST = "device_lost"
    NOT_READY = "not_ready"
    DRIVER_ERROR = "driver_error"
    NOT_RECORDED = "not_recorded"
    FOREIGN_PID_NAMESPACE = "foreign_pid_namespace"
    """Processes cannot be looked up by the pids that the driver tells."""
    SCHEDULER_UNREAD = "scheduler_unread"
    """No process, but a scheduler is at work here whose grants cannot be read."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The place of a value that could not be seen."""

    reason: AbsentReason


class MeterKind(IntEnum):
    """Which meter; the numbers are the contract's."""

    NVML = 1
    ASCEND = 2
    REPLAY = 3


class Vendor(IntEnum):
    """Who made a device; the numbers are the contract's."""

    NVIDIA = 1
    HUAWEI = 2


class HolderKind(IntEnum):
    """What a holder is; the numbers are the contract's."""

    PROCESS = 1
    USER = 2
    UNIT = 3
    CONTAINER = 4
    POD = 5
    SLURM_JOB = 6
    GRANT = 7


@dataclass(frozen=True, slots=True)
class Holder:
    """Who held a device: its kind and a name that is unique on this host within that kind.

    `label` is what people call it, where that is another name; it makes no other holder of it.
    """

    kind: HolderKind
    name: str
    label: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An accelerator or a partition of one, known by its hardware id, never by index."""

    vendor: Vendor
    hardware_id: str
    model: str
    meter: MeterKind
    parent_hardware_id: str = ""
    serial: str = ""
    pci_bus_id: str = ""
    memory_bytes: int = 0
    share_numerator: int = 1
    share_denominator: int = 1

    def __post_init__(self) -> None:
        """Refuse a device without an id, a share outside (0, 1] and numbers that cannot be."""
        if not self.hardware_id:
            raise ValueError("a device needs a hardware id")
        if not 0 < self.share_numerator <= self.share_denominator <= SHARE_MAX:
            raise ValueError(f"share {self.share_numerator}/{self.share_denominator}")
        _refuse_beyond(memory_bytes=(self.memory_bytes, COUNTER_MAX))

    @property
    def share(self) -> tuple[int, int]:
        """Which part of a card it is."""
        return self.share_numerator, self.share_denominator


def names_of(hardware_id: str) -> tuple[str, ...]:
    """What a device is called: its hardware id and, of a MIG instance, the driver's own UUID, which
    schedulers and people know without the share."""
    uuid, _, share = hardware_id.partition(".")
    return (hardware_id, uuid) if share and uuid.startswith("MIG-") else (hardware_id,)


@dataclass(frozen=True, slots=True)
class PastUse:
    """A stretch of the time just before a sample, as the driver's own buffer tells it."""

    span_ms: int
    utilisation_ppm: int | Absent

    def __post_init__(self) -> None:
        """Refuse a stretch without length and a utilisation outside 0..1 000 000."""
        if self.span_ms <= 0:
            raise ValueError(f"a stretch of {self.span_ms} ms")
        _refuse_utilisation(self.utilisation_ppm)


@dataclass(frozen=True, slots=True)
class HolderWork:
    """How much of a device's compute units a holder kept busy since the last look.

    A weight, in parts per million: those of a device's holders need not add up to a million.
    """

    holder: Holder
    sm_ppm: int

    def __post_init__(self) -> None:
        """Refuse less than nothing."""
        if self.sm_ppm < 0:
            raise ValueError(f"work of {self.sm_ppm} ppm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a meter saw on one device: utilisation in parts per million, energy as the counter
    stands, power and memory as they are, and who held it. `holders` empty: known to be nobody.

    `past`, where a driver keeps it, tells the utilisation of the time before this sample: stretches
    in order, the last one ends now. `work` is asked for where several hold a device.
    """

    utilisation_ppm: int | Absent
    energy_counter_mj: int | Absent
    power_mw: int | Absent
    memory_used_bytes: int | Absent
    holders: frozenset[Holder] | Absent
    past: tuple[PastUse, ...] = ()
    work: frozenset[HolderWork] | Absent = Absent(AbsentReason.NOT_RECORDED)

    def __post_init__(self) -> None:
        """Refuse a utilisation outside 0..1 000 000, and what no device can have."""
        _refuse_utilisation(self.utilisation_ppm)
        _refuse_beyond(
            energy_counter_mj=(self.energy_counter_mj, COUNTER_MAX),
            power_mw=(self.power_mw, POWER_MW_MAX),
            memory_used_bytes=(self.memory_used_bytes, COUNTER_MAX),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One device at one instant. A device that does not answer is absent as a whole."""

    device: Device
    seen: Observation | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """Something a meter noticed on a device; `kind` is a DeviceEventKind of the contract. A FACT
    without a hardware id speaks of the host."""

    hardware_id: str
    boottime_ms: int
    kind: int
    detail: str = ""
    value: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that no report can carry."""
        _refuse_beyond(kind=(self.kind, SHARE_MAX >> 1), value=(abs(self.value), COUNTER_MAX))


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What a meter states of itself."""

    kind: MeterKind
    cadence_ms: int
    library_version: str = ""
    driver_version: str = ""

    def __post_init__(self) -> None:
        """Refuse a cadence of nothing and one beyond a minute."""
        if not 0 < self.cadence_ms <= CADENCE_MS_MAX:
            raise ValueError(f"cadence_ms {self.cadence_ms} is not from 1 to {CADENCE_MS_MAX}")

    @property
    def gap_limit_ms(self) -> int:
        """Two samples further apart than this leave a gap: max(5 s, 2.5 x cadence)."""
        return max(5_000, self.cadence_ms * 5 // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch:
    """All devices of one meter at one instant of CLOCK_BOOTTIME. `kernel_sequence`: up to this
    record the kernel's log was read for its events; 0: as before. `driver_epoch`: another number
    within a boot after the driver was loaded anew; 0: not known. `untold`: ids of the cards whose
    partitions the driver could not tell, at least not all: one that is not shown may be there."""

    boottime_ms: int
    meter: Meter
    samples: tuple[Sample, ...]
    events: tuple[DeviceEvent, ...] = field(default=())
    kernel_sequence: int = 0
    driver_epoch: int = 0
    untold: tuple[str, ...] = ()


def known(value: int | Absent) -> int | None:
    """The value; None where it could not be seen."""
    return None if isinstance(value, Absent) else value


def _refuse_beyond(**found: tuple[int | Absent, int]) -> None:
    for name, (value, most) in found.items():
        if isinstance(value, int) and not 0 <= value <= most:
            raise ValueError(f"{name} {_shown(value)} is not from 0 to {most}")


def _shown(value: int) -> str:
    """A number as an error shows it, however long it is: the interpreter writes out no long one."""
    return str(value) if value.bit_length() <= 128 else f"of {value.bit_length()} bits"


def _refuse_utilisation(ppm: int | Absent) -> None:
    if isinstance(ppm, int) and not 0 <= ppm <= 1_000_000:
        raise ValueError(f"utilisation {ppm} ppm")
