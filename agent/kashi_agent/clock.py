"""The clocks of a host: boottime for durations, wall time for labels, and what the kernel says.

Durations come from CLOCK_BOOTTIME, which counts through suspend and is never set. CLOCK_MONOTONIC
stops in suspend: the two together tell how long the machine slept. The wall clock is a label.
"""

import ctypes
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Final, Protocol

_NS_PER_MS: Final = 1_000_000
BOOT_ID_PATH: Final = Path("/proc/sys/kernel/random/boot_id")
LOOK_SPREAD_MS_MAX: Final = 20
LOOK_TRIES_MAX: Final = 5


class ClockSync(IntEnum):
    """Whether the kernel holds its clock to be synchronised; the numbers are the contract's."""

    UNKNOWN = 1
    SYNCHRONISED = 2
    UNSYNCHRONISED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Discipline:
    """What the kernel says of its wall clock; `error_us_max` None: unknown."""

    sync: ClockSync
    error_us_max: int | None = None


class Clock(Protocol):
    """The clocks of one host."""

    def boottime_ms(self) -> int:
        """CLOCK_BOOTTIME."""

    def monotonic_ms(self) -> int:
        """CLOCK_MONOTONIC: stands still while the machine sleeps."""

    def utc_ms(self) -> int:
        """The wall clock."""

    def boot_id(self) -> bytes:
        """The kernel's boot id, 16 bytes."""

    def discipline(self) -> Discipline:
        """Whether the wall clock is synchronised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLook:
    """All clocks at (nearly) one instant."""

    boottime_ms: int
    monotonic_ms: int
    utc_ms: int
    discipline: Discipline


def look_at(clock: Clock) -> ClockLook:
    """Read all clocks at one instant.

    A thread that is preempted between two reads would see a sleep or a step that never was: the
    reads are repeated, a bounded number of times, until they lie within 20 ms; the last one counts.
    """
    discipline = clock.discipline()
    for _ in range(LOOK_TRIES_MAX):
        before = clock.boottime_ms()
        monotonic, utc = clock.monotonic_ms(), clock.utc_ms()
        after = clock.boottime_ms()
        if after - before <= LOOK_SPREAD_MS_MAX:
            break
    return ClockLook(boottime_ms=before, monotonic_ms=monotonic, utc_ms=utc, discipline=discipline)


class SystemClock:
    """This machine's clocks."""

    def __init__(self, boot_id_path: Path = BOOT_ID_PATH) -> None:
        """Read the boot id once: it cannot change while this process lives."""
        self._boot_id = uuid.UUID(boot_id_path.read_text(encoding="ascii").strip()).bytes

    def boottime_ms(self) -> int:
        """CLOCK_BOOTTIME."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NS_PER_MS

    def monotonic_ms(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // _NS_PER_MS

    def utc_ms(self) -> int:
        """CLOCK_REALTIME."""
        return time.clock_gettime_ns(time.CLOCK_REALTIME) // _NS_PER_MS

    def boot_id(self) -> bytes:
        """The kernel's boot id."""
        return self._boot_id

    def discipline(self) -> Discipline:
        """Ask the kernel by adjtimex(2), which needs no privilege to read."""
        return read_discipline()


class _Timeval(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2); the kernel's layout pads by natural alignment."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("constant", "precision", "tolerance")),
        ("time", _Timeval),
        *((name, ctypes.c_long) for name in ("tick", "ppsfreq", "jitter")),
        ("shift", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("stabil", "jitcnt", "calcnt", "errcnt", "stbcnt")),
        ("tai", ctypes.c_int),
        ("spare", ctypes.c_int * 11),
    )


_STA_UNSYNC: Final = 0x0040
_TIME_ERROR: Final = 5


def read_discipline() -> Discipline:
    """What adjtimex(2) says: synchronised or not, and the largest error in microseconds.

    UNKNOWN where the call is missing or refused (some sandboxes filter it).
    """
    timex = _Timex()  # modes 0: read only
    state = _adjtimex()(ctypes.byref(timex))
    if state < 0:
        return Discipline(sync=ClockSync.UNKNOWN)
    return discipline_from(state, timex.status, timex.maxerror)


@cache
def _adjtimex() -> Callable[[object], int]:
    """The call of the C library; one that refuses where there is none."""
    try:
        call: Callable[[object], int] = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return lambda _timex: -1
    return call


def discipline_from(state: int, status: int, maxerror_us: int) -> Discipline:
    """Read the answer of adjtimex(2): return value, status bits and maxerror."""
    if state == _TIME_ERROR or status & _STA_UNSYNC:
        return Discipline(sync=ClockSync.UNSYNCHRONISED, error_us_max=max(0, maxerror_us))
    return Discipline(sync=ClockSync.SYNCHRONISED, error_us_max=max(0, maxerror_us))
