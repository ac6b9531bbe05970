"""Scenarios of the fake NVML driver: written for the C library, and their truth.

The truth is computed here from the scenario alone, by exact integer arithmetic over half-open
intervals, without any of the code that is tested against it. Times are milliseconds of the
scenario's own clock, utilisation is in whole percent as the driver tells it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

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
    "Crowd",
    "Device",
    "Error",
    "Hang",
    "Latency",
    "Lost",
    "Partition",
    "Process",
    "ProcessKind",
    "Row",
    "Scenario",
    "Stamps",
    "State",
    "Truth",
    "Value",
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
class Value:
    """A call answers `value` in place of the state's: `field.230` is field 230's value."""

    call: str
    value: int
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of per-process utilisation that nobody stands behind; `stamp_us` None: of now."""

    pid: int
    sm_percent: int
    stamp_us: int | None = None
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """At every call for the list of compute processes, so many more than at the call before."""

    count: int
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """By which clock samples are stamped; at an instant it is set forward by `jump_ms`."""

    clock: str = "unix"
    jump_ms: int = 0
    jump_at_ms: int = 0


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
    sample_period_ms: int = 0
    """Of the driver's buffer of utilisation; 0: it has none."""
    energy_step_ms: int = 0
    """The energy counter moves so often; 0: at every call."""
    energy_percent: int = 0
    """Of what power adds up to, that the counter counts; 0: all of it."""
    module_mw: int = 0
    """What the rest of its module draws; 0: it is no module."""
    activity: bool = False
    """Whether it tells what its MIG instances do."""
    power_mean_ms: int = 0
    """Power is the mean of so long; 0: an instant."""
    empty_succeeds: bool = False
    """A list of what processes did that has nothing is a success without rows, not "not found"."""
    states: tuple[State, ...] = (State(from_ms=0),)
    processes: tuple[Process, ...] = ()
    partitions: tuple[Partition, ...] = ()
    xids: Mapping[int, int] = field(default_factory=dict)
    """Error number by the instant at which the driver tells it, in milliseconds."""
    values: tuple[Value, ...] = ()
    rows: tuple[Row, ...] = ()
    crowd: Crowd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario(Trouble):
    """A driver and its cards over time."""

    devices: tuple[Device, ...]
    driver: str = "580.95.05"
    library: str = "13.580.95.05"
    cuda: int = 13_000
    reload_ms: int | None = FOREVER
    stamps: Stamps = Stamps()
    order: tuple[int, ...] = ()
    """The devices in the order of their places from `order_ms` on."""
    order_ms: int = 0
    calls: Path | None = None
    """Every call is written there: its name and the device's number, -1 without one."""

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
        yield f"stamps {self.stamps.clock} {self.stamps.jump_ms} {self.stamps.jump_at_ms}"
        if self.calls is not None:
            yield f"calls {self.calls}"
        for number, device in enumerate(self.devices):
            yield from _device_lines(number, device)
        for at_ms, number, xid in sorted(
            (at_ms, number, xid)
            for number, device in enumerate(self.devices)
            for at_ms, xid in device.xids.items()
        ):
            yield f"xid {number} {at_ms} {xid}"
        if self.order:
            yield f"order {self.order_ms} {' '.join(map(str, self.order))}"


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
        ("sample_period_ms", device.sample_period_ms),
        ("energy_step_ms", device.energy_step_ms),
        ("energy_percent", device.energy_percent),
        ("module_mw", device.module_mw),
        ("activity", int(device.activity)),
        ("power_mean_ms", device.power_mean_ms),
        ("empty_succeeds", int(device.empty_succeeds)),
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
    for shown in device.values:
        yield f"value {number} {shown.call} {shown.value} {shown.from_ms} {end(shown.to_ms)}"
    for row in device.rows:
        yield (
            f"row {number} {row.pid} {row.sm_percent} {end(row.stamp_us)}"
            f" {row.from_ms} {end(row.to_ms)}"
        )
    if (crowd := device.crowd) is not None:
        yield f"crowd {number} {crowd.count} {crowd.from_ms} {end(crowd.to_ms)}"
    for part in device.partitions:
        yield (
            f"mig {number} {part.slot} {part.uuid} {part.gpu_instance} {part.compute_instance}"
            f" {part.gpu_slices} {part.compute_slices} {part.memory_mib}"
            f" {part.from_ms} {end(part.to_ms)}"
        )
