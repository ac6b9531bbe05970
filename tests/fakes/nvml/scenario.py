"""Scenarios of the fake NVML driver: written for the C library, and their truth.

The truth is computed here from the scenario alone, by exact integer arithmetic over half-open
intervals, without any of the code that is tested against it. Times are milliseconds of the
scenario's own clock, utilisation is in whole percent as the driver tells it.
"""

import mmap
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

FOREVER = None
"""The end of a span that does not end."""

PPM_PER_PERCENT = 10_000


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
class Error:
    """A call answers `code` during a span; `device` None: whatever the device, and without one."""

    call: str
    code: int
    device: int | None = None
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """A call does not return before the span is over."""

    call: str
    device: int | None = None
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A device that fell off the bus: counted still, but every call on it says GPU_IS_LOST."""

    device: int
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long a call takes; `spin` burns the time, as most of a real driver call does."""

    microseconds: int
    call: str = "*"
    spin: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a device did between two instants, exactly."""

    span_ms: int
    held_ms: int
    active_ms: int
    utilised_ns: int
    energy_uj: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A driver and its cards over time."""

    devices: tuple[Device, ...]
    driver: str = "580.95.05"
    library: str = "13.580.95.05"
    cuda: int = 13_000
    reload_ms: int | None = FOREVER
    errors: tuple[Error, ...] = ()
    hangs: tuple[Hang, ...] = ()
    losses: tuple[Lost, ...] = ()
    latencies: tuple[Latency, ...] = ()

    def write(self, path: Path, *, start_boottime_ms: int) -> Path:
        """Write the file for a scenario that runs by CLOCK_BOOTTIME from an instant on."""
        return self._write(path, f"start_boottime_ms {start_boottime_ms}")

    def write_controlled(self, path: Path, control: Path) -> Path:
        """Write the file for a scenario whose time a `Control` sets."""
        return self._write(path, f"control {control}")

    def truth(self, device: int, from_ms: int, to_ms: int) -> Truth:
        """What the device did in [from, to), by interval arithmetic over states and processes."""
        card = self.devices[device]
        pieces = list(_pieces(card.states, from_ms, to_ms))
        return Truth(
            span_ms=to_ms - from_ms,
            held_ms=_union_ms(card.processes, from_ms, to_ms),
            active_ms=sum(span for span, state in pieces if state.gpu_percent > 0),
            utilised_ns=sum(span * state.gpu_percent * PPM_PER_PERCENT for span, state in pieces),
            energy_uj=sum(span * state.power_mw for span, state in pieces),
        )

    def _write(self, path: Path, clock: str) -> Path:
        path.write_text("\n".join([clock, *self._lines()]) + "\n", encoding="utf-8")
        return path

    def _lines(self) -> Iterable[str]:
        yield f"driver {self.driver}"
        yield f"library {self.library}"
        yield f"cuda {self.cuda}"
        yield f"reload {_end(self.reload_ms)}"
        for latency in self.latencies:
            manner = "spin" if latency.spin else "sleep"
            yield f"latency {manner} {latency.microseconds} {latency.call}"
        for number, device in enumerate(self.devices):
            yield from _device_lines(number, device)
        for at_ms, number, xid in sorted(
            (at_ms, number, xid)
            for number, device in enumerate(self.devices)
            for at_ms, xid in device.xids.items()
        ):
            yield f"xid {number} {at_ms} {xid}"
        for error in self.errors:
            yield (
                f"error {_number(error.device)} {error.call} {error.code}"
                f" {error.from_ms} {_end(error.to_ms)}"
            )
        for hang in self.hangs:
            yield f"hang {_number(hang.device)} {hang.call} {hang.from_ms} {_end(hang.to_ms)}"
        for lost in self.losses:
            yield f"lost {lost.device} {lost.from_ms} {_end(lost.to_ms)}"


class Control:
    """The clock of a scenario that a test steps by hand; the file holds one 64-bit integer."""

    def __init__(self, path: Path, now_ms: int = 0) -> None:
        self.path = path
        path.write_bytes(struct.pack("=q", now_ms))
        with path.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), 8)

    @property
    def now_ms(self) -> int:
        """The scenario's time."""
        return int(struct.unpack("=q", self._mapped[:8])[0])

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        self._mapped[:8] = struct.pack("=q", value)

    def close(self) -> None:
        """Let the file go."""
        self._mapped.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
            f"process {number} {process.pid} {process.kind} {_end(process.used_bytes)}"
            f" {process.from_ms} {_end(process.to_ms)} {process.sm_percent}"
            f" {_end(process.gpu_instance)}"
        )
    for part in device.partitions:
        yield (
            f"mig {number} {part.slot} {part.uuid} {part.gpu_instance} {part.compute_instance}"
            f" {part.gpu_slices} {part.compute_slices} {part.memory_mib}"
            f" {part.from_ms} {_end(part.to_ms)}"
        )


def _end(value: int | None) -> str:
    """An integer, or the file's word for none."""
    return "-" if value is None else str(value)


def _number(device: int | None) -> str:
    """A device's number, or the file's word for all."""
    return "*" if device is None else str(device)


def _pieces(states: tuple[State, ...], from_ms: int, to_ms: int) -> Iterable[tuple[int, State]]:
    """Each state with the milliseconds it lasts within [from, to)."""
    ends = [state.from_ms for state in states[1:]] + [to_ms]
    for state, end in zip(states, ends, strict=True):
        span = min(end, to_ms) - max(state.from_ms, from_ms)
        if span > 0:
            yield span, state


def _union_ms(processes: Iterable[Process], from_ms: int, to_ms: int) -> int:
    """Milliseconds of [from, to) in which at least one process is listed."""
    total, reached = 0, from_ms
    for process in sorted(processes, key=lambda process: process.from_ms):
        begin = max(process.from_ms, reached)
        end = to_ms if process.to_ms is None else min(process.to_ms, to_ms)
        if end > begin:
            total += end - begin
            reached = end
    return total
