"""What scenarios of every fake driver share: time, faults, and exact sums over intervals.

Times are milliseconds of the scenario's own clock, spans are half-open, and sums are exact integer
arithmetic without any of the code that is tested against them.
"""

import mmap
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar

FOREVER = None
"""The end of a span that does not end."""

PPM_PER_PERCENT = 10_000


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
    """A call does not return before the span is over.

    `deep`: no signal ends its wait. `session`: it hangs only in processes that loaded the library
    before the span began.
    """

    call: str
    device: int | None = None
    from_ms: int = 0
    to_ms: int | None = FOREVER
    deep: bool = False
    session: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A device that dropped out: counted still, but every call on it answers that it is lost."""

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


class Script(Protocol):
    """A scenario that can be written: by CLOCK_BOOTTIME, or under a test's control."""

    def write(self, path: Path, *, start_boottime_ms: int) -> Path:
        """Write the file for a scenario that runs by CLOCK_BOOTTIME from an instant on."""

    def write_controlled(self, path: Path, control: Path) -> Path:
        """Write the file for a scenario whose time a `Control` sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble(ABC):
    """What every scenario may have besides its devices: faults and latencies."""

    errors: tuple[Error, ...] = ()
    hangs: tuple[Hang, ...] = ()
    losses: tuple[Lost, ...] = ()
    latencies: tuple[Latency, ...] = ()
    opens: tuple[Path, ...] = ()
    """Device files that the library holds open until the process ends."""

    def write(self, path: Path, *, start_boottime_ms: int) -> Path:
        """Write the file for a scenario that runs by CLOCK_BOOTTIME from an instant on."""
        return self._write(path, f"start_boottime_ms {start_boottime_ms}")

    def write_controlled(self, path: Path, control: Path) -> Path:
        """Write the file for a scenario whose time a `Control` sets."""
        return self._write(path, f"control {control}")

    @abstractmethod
    def lines(self) -> Iterable[str]:
        """What the scenario says of its devices, a statement each."""

    def _write(self, path: Path, clock: str) -> Path:
        statements = [clock, *self.lines(), *self._trouble_lines()]
        path.write_text("\n".join(statements) + "\n", encoding="utf-8")
        return path

    def _trouble_lines(self) -> Iterable[str]:
        yield from (f"opens {path}" for path in self.opens)
        for latency in self.latencies:
            manner = "spin" if latency.spin else "sleep"
            yield f"latency {manner} {latency.microseconds} {latency.call}"
        for error in self.errors:
            yield (
                f"error {_number(error.device)} {error.call} {error.code}"
                f" {error.from_ms} {end(error.to_ms)}"
            )
        for hang in self.hangs:
            manner = " deep" if hang.deep else " session" if hang.session else ""
            yield (
                f"hang {_number(hang.device)} {hang.call} {hang.from_ms} {end(hang.to_ms)}{manner}"
            )
        for lost in self.losses:
            yield f"lost {lost.device} {lost.from_ms} {end(lost.to_ms)}"


class FromInstant(Protocol):
    """Something that holds from an instant on."""

    @property
    def from_ms(self) -> int:
        """Its first instant."""


class WithinSpan(FromInstant, Protocol):
    """Something that holds over a span."""

    @property
    def to_ms(self) -> int | None:
        """Its end; None: it does not end."""


State = TypeVar("State", bound=FromInstant)


def pieces(states: Sequence[State], from_ms: int, to_ms: int) -> Iterator[tuple[int, State]]:
    """Each state with the milliseconds it lasts within [from, to)."""
    ends = [state.from_ms for state in states[1:]] + [to_ms]
    for state, until in zip(states, ends, strict=True):
        span = min(until, to_ms) - max(state.from_ms, from_ms)
        if span > 0:
            yield span, state


def union_ms(spans: Iterable[WithinSpan], from_ms: int, to_ms: int) -> int:
    """Milliseconds of [from, to) in which at least one of the spans holds."""
    total, reached = 0, from_ms
    for span in sorted(spans, key=lambda span: span.from_ms):
        begin = max(span.from_ms, reached)
        until = to_ms if span.to_ms is None else min(span.to_ms, to_ms)
        if until > begin:
            total += until - begin
            reached = until
    return total


def end(value: int | None) -> str:
    """An integer, or the file's word for none."""
    return "-" if value is None else str(value)


def _number(device: int | None) -> str:
    """A device's number, or the file's word for all."""
    return "*" if device is None else str(device)
