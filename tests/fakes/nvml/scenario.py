"""Scenarios of the fake NVML driver: written for the C library, and their truth.

The truth is computed here from the scenario alone, by exact integer arithmetic over half-open
intervals, without any of the code that is tested against it. Times are milliseconds of the
scenario's own clock, utilisation is in whole percent as the driver tells it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fakes.driver.scenario import (
    FOREVER,
    PPM_PER_PERCENT,
    Control,
    Error,
    Hang,
    Latency,
    Lost,
    Trouble,
    Truth,
    end,
    pieces,
    union_ms,
)

__all__ = [
    "Control",
    "Device",
    "Error",
    "Hang",
    "Latency",
    "Lost",
    "Partition",
    "Process",
    "ProcessKind",
    "Scenario",
    "State",
    "Truth",
]


class ProcessKind(StrEnum):
    """In which of the driver's three lists a process stands."""

    COMPUTE = "compute"
    GRAPHICS = "graphics"
    MPS = "mps"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a device shows from an instant until its next state."""

    from_ms: int
    gpu_percent: int = 0
    memory_percent: int = 0
    used_bytes: int = 0
    power_mw: int = 70_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process in the driver's list; `used_bytes` None: the driver does not tell."""

    pid: int
    from_ms: int = 0
    to_ms: int | None = FOREVER
    kind: ProcessKind = ProcessKind.COMPUTE
    used_bytes: int | None = None
    sm_percent: int = 0
    gpu_instance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A MIG instance in a slot of its device."""

    slot: int
    uuid: str
    gpu_instance: int
    compute_instance: int = 0
    gpu_slices: int = 1
    compute_slices: int = 1
    memory_mib: int = 9_856
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One card: what it is, what it shows, who is on it."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    serial: str = ""
    pci: str = "00000000:17:00.0"
    memory_bytes: int = 80 << 30
    architecture: int = 9
    capability: str = "9.0"
    power_limit_mw: int = 700_000
    minor: int = 0
    persistence: bool = True
    mig: bool = False
    temperature: int = 41
    states: tuple[State, ...] = (State(from_ms=0),)
    processes: tuple[Process, ...] = ()
    partitions: tuple[Partition, ...] = ()
    xids: Mapping[int, int] = field(default_factory=dict)
    """Error number by the instant at which the driver tells it, in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario(Trouble):
    """A driver and its cards over time."""

    devices: tuple[Device, ...]
    driver: str = "580.95.05"
    library: str = "13.580.95.05"
    cuda: int = 13_000
    reload_ms: int | None = FOREVER

    def truth(self, device: int, from_ms: int, to_ms: int) -> Truth:
        """What the device did in [from, to), by interval arithmetic over states and processes."""
        card = self.devices[device]
        shown = list(pieces(card.states, from_ms, to_ms))
        return Truth(
            span_ms=to_ms - from_ms,
            held_ms=union_ms(card.processes, from_ms, to_ms),
            active_ms=sum(span for span, state in shown if state.gpu_percent > 0),
            utilised_ns=sum(span * state.gpu_percent * PPM_PER_PERCENT for span, state in shown),
            energy_uj=sum(span * state.power_mw for span, state in shown),
        )

    def lines(self) -> Iterable[str]:
        """Versions, devices and their error events."""
        yield f"driver {self.driver}"
        yield f"library {self.library}"
        yield f"cuda {self.cuda}"
        yield f"reload {end(self.reload_ms)}"
        for number, device in enumerate(self.devices):
            yield from _device_lines(number, device)
        for at_ms, number, xid in sorted(
            (at_ms, number, xid)
            for number, device in enumerate(self.devices)
            for at_ms, xid in device.xids.items()
        ):
            yield f"xid {number} {at_ms} {xid}"


def _device_lines(number: int, device: Device) -> Iterable[str]:
    """A device, then its states in order of time, its processes and its partitions."""
    for name, value in (
        ("uuid", device.uuid),
        ("name", device.name),
        ("serial", device.serial),
        ("pci", device.pci),
        ("memory_bytes", device.memory_bytes),
        ("architecture", device.architecture),
        ("capability", device.capability),
        ("power_limit_mw", device.power_limit_mw),
        ("minor", device.minor),
        ("persistence", int(device.persistence)),
        ("mig", int(device.mig)),
        ("temperature", device.temperature),
    ):
        if value != "":
            yield f"device {number} {name} {value}"
    for state in device.states:
        yield (
            f"state {number} {state.from_ms} {state.gpu_percent} {state.memory_percent}"
            f" {state.used_bytes} {state.power_mw}"
        )
    for process in device.processes:
        yield (
            f"process {number} {process.pid} {process.kind} {end(process.used_bytes)}"
            f" {process.from_ms} {end(process.to_ms)} {process.sm_percent}"
            f" {end(process.gpu_instance)}"
        )
    for part in device.partitions:
        yield (
            f"mig {number} {part.slot} {part.uuid} {part.gpu_instance} {part.compute_instance}"
            f" {part.gpu_slices} {part.compute_slices} {part.memory_mib}"
            f" {part.from_ms} {end(part.to_ms)}"
        )
