"""The machine under the agent: its clock, its PID namespace, its disk."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kashi_agent.clock import Clock, ClockSync
from kashi_agent.doctor.finding import Finding
from kashi_agent.doctor.words import finding
from kashi_agent.errors import AgentError, VolatileError
from kashi_agent.mounts import check_survives

LOW_BYTES: Final = 64 << 20
FULL_BYTES: Final = 1 << 20
"""Less than a flush of a large host: to the agent it is full."""
AHEAD_MS: Final = 60_000
"""A report sealed so much later than the server received it: more than two clocks may differ."""


def look_at_clock(clock: Clock) -> Finding:
    """What the kernel says of its clock."""
    discipline = clock.discipline()
    if discipline.sync is ClockSync.SYNCHRONISED:
        return finding("clock_ok", error=str(discipline.error_us_max))
    if discipline.sync is ClockSync.UNKNOWN:
        return finding("clock_unread")
    return finding("clock_free")


def look_at_time(
    clock: Clock, server_utc_ms: int, sealed_utc_ms: int | None = None
) -> Iterator[Finding]:
    """The clock against the server's: `server_utc_ms` is the latest time it is known to have
    told, `sealed_utc_ms` when this host sealed the report that it told it of."""
    behind_ms = server_utc_ms - clock.utc_ms()
    if behind_ms > 0:
        yield finding("clock_behind", seconds=str(-(-behind_ms // 1_000)))
    elif sealed_utc_ms is not None and sealed_utc_ms - server_utc_ms > AHEAD_MS:
        yield finding("clock_ahead", seconds=str((sealed_utc_ms - server_utc_ms) // 1_000))


def look_at_namespace(proc: Path, initial: str) -> Iterator[Finding]:
    """Whether processes can be seen as the driver names them; `initial` is the host's first."""
    try:
        namespace = str((proc / "self/ns/pid").readlink())
    except OSError:
        return  # a kernel without namespaces has nothing else to be in
    if namespace == initial:
        yield finding("pid_namespace_ok")
    else:
        yield finding("pid_namespace_foreign", namespace=namespace)


def look_at_disk(folder: Path, *, demo: bool = False) -> Iterator[Finding]:
    """The state folder and the room on its disk; `demo`: the host belongs to a demonstration
    server, which lets it forget."""
    if not folder.is_dir():
        yield finding("state_missing", folder=str(folder))
        return
    if not os.access(folder, os.W_OK):
        yield finding("state_unwritable", folder=str(folder))
    try:
        check_survives(folder)
    except VolatileError as error:
        code = "state_volatile_demo" if demo else "state_volatile"
        yield finding(code, folder=str(folder), why=str(error))
    except AgentError:
        pass  # nothing can be said of it: enrolling looks closer
    room = os.statvfs(folder)
    free_bytes = room.f_bavail * room.f_frsize
    no_files = room.f_files > 0 and room.f_favail == 0
    free = str(free_bytes >> 20)
    if free_bytes < FULL_BYTES or no_files:
        yield finding("disk_full", folder=str(folder))
    elif free_bytes < LOW_BYTES:
        yield finding("disk_low", folder=str(folder), free=free)
    else:
        yield finding("disk_ok", free=free)
