"""Who a process belongs to, from the host's own /proc: never from what a user can write.

A pid alone names nobody for long: a holder is looked up by pid and start time, and what was found
is kept as long as both stay the same. In order: the pod, Slurm job or container of the process, the
system service it belongs to, its unix user; what is none of these is a process on its own.
"""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kashi_agent.holding.cgroups import holder_of_cgroups
from kashi_agent.holding.labels import Labels
from kashi_agent.sample import Absent, AbsentReason, Holder, HolderKind

INITIAL_PID_NAMESPACE: Final = "pid:[4026531836]"
"""The first pid namespace of a host: the kernel fixes its number (PROC_PID_INIT_INO)."""

FOREIGN: Final = Absent(AbsentReason.FOREIGN_PID_NAMESPACE)

ROOT_UID: Final = 0

MPS_SERVER: Final = "nvidia-cuda-mps"
"""nvidia-cuda-mps-server, as the kernel cuts it: it holds a device for its clients."""

HIDDEN: Final = "@hidden"
"""Ends the name of a process that cannot be looked up, for /proc shows none of other users."""

LOOK_AGAIN_TICKS: Final = 60
"""A process is looked up anew so often: root can move it to other control groups."""

READ_BYTES: Final = 1 << 14
"""More than any of the files read is long."""


Mark = tuple[int, int]
"""Inode number and time of change of /proc/PID/stat. The kernel makes the inode when the file is
first looked up, and another one for another process of that pid: while both stay, so did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A process as it was found: the start time tells whether a pid is still the same process, and
    the mark of its file whether the start time must be read again."""

    mark: Mark | None
    start_ticks: int | None
    holder: Holder
    serves_others: bool
    tick: int


class HolderBook:
    """Holders by pid, read from one /proc and remembered while the process lives."""

    def __init__(self, proc: Path, labels: Labels | None = None) -> None:
        self._proc = str(proc)
        self._labels = labels
        self._known: dict[int, _Known] = {}
        self._tick = 0
        self.sees_host_pids = _sees_host_pids(proc)
        """Drivers tell host pids; in another pid namespace they cannot be tied to a process."""

    def holders(self, pids: Iterable[int]) -> frozenset[Holder] | Absent:
        """The holders these processes belong to, as of now.

        An MPS server is one only where it stands alone: beside its clients it works for them.
        Absent in a foreign pid namespace, without processes too: not even an empty list can be
        believed there, for the driver may show those of one namespace alone.
        """
        if not self.sees_host_pids:
            return FOREIGN
        known = [self._found(pid) for pid in pids]
        return frozenset(
            [one.holder for one in known if not one.serves_others] or [one.holder for one in known]
        )

    def holder(self, pid: int) -> Holder | Absent:
        """The holder one process belongs to, as of now."""
        return self._found(pid).holder if self.sees_host_pids else FOREIGN

    def keep_only(self, pids: Collection[int]) -> None:
        """A tick is over: forget every process that is not among these."""
        self._tick += 1
        for pid in self._known.keys() - pids:
            del self._known[pid]

    def _found(self, pid: int) -> _Known:
        mark = self._mark(pid)
        known = self._known.get(pid)
        if known is not None:
            if mark is None:
                return known  # ended but listed still: the driver has not let go of it yet
            if mark == known.mark and self._tick - known.tick < LOOK_AGAIN_TICKS:
                return known
        found = self._look_up(pid, mark)
        if known is not None and found.start_ticks == known.start_ticks and not _is_grouped(found):
            # Exiting, it stands in no group any more (version 1), and may be listed for long.
            found = replace(known, tick=self._tick)
        self._known[pid] = found
        return found

    def _mark(self, pid: int) -> Mark | None:
        """Read every second for every process, so no more than that; None: gone, or hidden."""
        try:
            found = os.stat(f"{self._proc}/{pid}/stat")
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    def _look_up(self, pid: int, mark: Mark | None) -> _Known:
        """Read a process through one handle on its folder: what answers is one process or none,
        even if it ends and its pid is given away in between."""
        try:
            folder = os.open(f"{self._proc}/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return self._unknown(pid)
        try:
            # The start time last: if it is there, the process was when the others were read.
            status, cgroups, stat = (
                self._read(name, folder) for name in ("status", "cgroup", "stat")
            )
        finally:
            os.close(folder)
        start_ticks = start_ticks_of(stat)
        if start_ticks is None:
            return self._unknown(pid)
        uid = uid_of(status)
        holder = holder_of(pid=pid, start_ticks=start_ticks, uid=uid, cgroups=cgroups)
        if self._labels is not None:
            label = self._labels.of(holder.kind, holder.name)
            holder = Holder(holder.kind, holder.name, label)
        return _Known(
            # Of before it was read: what was another process's by then is looked up again.
            mark=mark,
            start_ticks=start_ticks,
            holder=holder,
            serves_others=_serves_others(command_of(stat), uid, holder),
            tick=self._tick,
        )

    def _unknown(self, pid: int) -> _Known:
        """A process the driver lists and /proc does not: gone before it was looked at, or, where
        not even the first process can be seen, hidden from this user (hidepid)."""
        seen = bool(self._read(f"{self._proc}/1/stat"))
        name = f"{pid}@ended" if seen else f"{pid}{HIDDEN}"
        return _Known(
            mark=None,
            start_ticks=None,
            holder=Holder(HolderKind.PROCESS, name),
            serves_others=False,
            tick=self._tick,
        )

    def _read(self, path: str, folder: int | None = None) -> str:
        """A file; empty when the process is gone or hidden from us."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return ""
        try:
            return os.read(handle, READ_BYTES).decode("utf-8", "surrogateescape")
        except OSError:
            return ""
        finally:
            os.close(handle)


def start_ticks_of(stat: str) -> int | None:
    """Field 22 of /proc/PID/stat; the command before it may hold spaces and brackets."""
    _, _, rest = stat.rpartition(")")
    fields = rest.split(maxsplit=20)
    return int(fields[19]) if len(fields) > 19 and fields[19].isdigit() else None


def command_of(stat: str) -> str:
    """Field 2 of /proc/PID/stat: the command's name, at most 15 bytes of it."""
    return stat.partition("(")[2].rpartition(")")[0]


def uid_of(status: str) -> int | None:
    """The real user id in /proc/PID/status; None when it does not tell."""
    # At line feeds alone: a program's name stands before, and may hold other ends of lines.
    for line in status.split("\n"):
        if line.startswith("Uid:"):
            return int(line.split()[1])
    return None


def holder_of(*, pid: int, start_ticks: int, uid: int | None, cgroups: str) -> Holder:
    """The holder of a process by its cgroups (the text of /proc/PID/cgroup) and its user."""
    grouped = holder_of_cgroups(cgroups)
    if grouped is not None:
        return grouped
    if uid is not None and uid != ROOT_UID:
        return Holder(HolderKind.USER, str(uid))
    return Holder(HolderKind.PROCESS, f"{pid}@{start_ticks}")


def _serves_others(command: str, uid: int | None, holder: Holder) -> bool:
    """Whether a process is an MPS server: a service's, or root's in a container. Anybody can give
    a process that name; of a user's own, or in a job, the server is the same holder's anyway."""
    trusted = uid == ROOT_UID or holder.kind in (HolderKind.UNIT, HolderKind.PROCESS)
    return command == MPS_SERVER and trusted


def _is_grouped(found: _Known) -> bool:
    """Whether control groups named the holder."""
    return found.holder.kind not in (HolderKind.PROCESS, HolderKind.USER)


def _sees_host_pids(proc: Path) -> bool:
    """Whether this process lives in the host's first pid namespace."""
    try:
        return str((proc / "self/ns/pid").readlink()) == INITIAL_PID_NAMESPACE
    except OSError:
        return False
