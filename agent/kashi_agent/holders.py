"""Who a process belongs to, from the host's own /proc: never from what a user can write.

A pid alone names nobody for long: a holder is looked up by pid and start time, and what was found
is kept as long as both stay the same. In order: the container of the process, the system service it
belongs to, its unix user; what is none of these is a process on its own.

Users shape the part of the cgroup tree below `user.slice` themselves, so names found there are not
believed: such a process belongs to its user, whatever it calls its scopes.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.sample import Holder, HolderKind

INITIAL_PID_NAMESPACE: Final = "pid:[4026531836]"
"""The first pid namespace of a host: the kernel fixes its number (PROC_PID_INIT_INO)."""

ROOT_UID: Final = 0

_CONTAINER: Final = re.compile(r"(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A process as it was found: the start time tells whether a pid is still the same process."""

    start_ticks: int | None
    holder: Holder


class HolderBook:
    """Holders by pid, read from one /proc and remembered while the process lives."""

    def __init__(self, proc: Path) -> None:
        self._proc = str(proc)
        self._known: dict[int, _Known] = {}
        self.sees_host_pids = _sees_host_pids(proc)
        """Drivers tell host pids; in another pid namespace they cannot be tied to a process."""

    def holders(self, pids: Iterable[int]) -> frozenset[Holder]:
        """The holders these processes belong to, as of now."""
        return frozenset(map(self._holder, pids))

    def keep_only(self, pids: Collection[int]) -> None:
        """Forget every process that is not among these."""
        for pid in self._known.keys() - pids:
            del self._known[pid]

    def _holder(self, pid: int) -> Holder:
        if not self.sees_host_pids:
            return Holder(HolderKind.PROCESS, str(pid))
        start_ticks = self._start_ticks(pid)
        known = self._known.get(pid)
        if known is not None and start_ticks in (None, known.start_ticks):
            return known.holder  # ended but listed still: the driver has not let go of it yet
        found = _Known(start_ticks=start_ticks, holder=self._look_up(pid, start_ticks))
        self._known[pid] = found
        return found.holder

    def _start_ticks(self, pid: int) -> int | None:
        """When the process began, in clock ticks after boot; None: there is no such process."""
        text = self._read(pid, "stat")
        return start_ticks_of(text) if text else None

    def _look_up(self, pid: int, start_ticks: int | None) -> Holder:
        if start_ticks is None:
            return Holder(HolderKind.PROCESS, f"{pid}@ended")
        uid = uid_of(self._read(pid, "status"))
        return holder_of(
            pid=pid, start_ticks=start_ticks, uid=uid, cgroups=self._read(pid, "cgroup")
        )

    def _read(self, pid: int, name: str) -> str:
        """A file of the process; empty when the process is gone or hidden from us."""
        # Read every second for every process: plain strings and no buffer halve what it costs.
        try:
            with open(f"{self._proc}/{pid}/{name}", "rb", buffering=0) as file:
                return file.read().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""


def start_ticks_of(stat: str) -> int | None:
    """Field 22 of /proc/PID/stat; the command before it may hold spaces and brackets."""
    _, _, rest = stat.rpartition(")")
    fields = rest.split(maxsplit=20)
    return int(fields[19]) if len(fields) > 19 and fields[19].isdigit() else None


def uid_of(status: str) -> int | None:
    """The real user id in /proc/PID/status; None when it does not tell."""
    for line in status.splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[1])
    return None


def holder_of(*, pid: int, start_ticks: int, uid: int | None, cgroups: str) -> Holder:
    """The holder of a process by its cgroups (the text of /proc/PID/cgroup) and its user."""
    trusted = [path for path in _paths(cgroups) if "user.slice" not in path]
    for path in trusted:
        for part in reversed(path):
            if (container := _CONTAINER.fullmatch(part)) is not None:
                return Holder(HolderKind.CONTAINER, container[1])
    for path in trusted:
        if path and path[-1].endswith(".service"):
            return Holder(HolderKind.UNIT, path[-1])
    if uid is not None and uid != ROOT_UID:
        return Holder(HolderKind.USER, str(uid))
    return Holder(HolderKind.PROCESS, f"{pid}@{start_ticks}")


def _paths(cgroups: str) -> list[list[str]]:
    """The paths in /proc/PID/cgroup, cut at their slashes: the unified tree's first."""
    lines = [line.split(":", 2) for line in cgroups.splitlines()]
    paths = [(hierarchy, path) for hierarchy, _, path in (fields for fields in lines if fields[2:])]
    paths.sort(key=lambda entry: entry[0] != "0")
    return [[part for part in path.split("/") if part] for _, path in paths]


def _sees_host_pids(proc: Path) -> bool:
    """Whether this process lives in the host's first pid namespace."""
    try:
        return str((proc / "self/ns/pid").readlink()) == INITIAL_PID_NAMESPACE
    except OSError:
        return False
