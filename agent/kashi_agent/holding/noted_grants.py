"""Grants noted in a folder: one file a grant, written and removed by the scheduler's own hooks.

Slurm tells nobody on the host which device a job has: with version 2 of control groups its device
rules are programs that only root can read, with version 1 the kernel shows a list without what was
denied. What slurmd does tell, as root, is its prolog. `deploy/hooks/slurm-grant` is that prolog.

A file is named for the grant (`slurm-8123`, or any name) and lists devices, one a line, by hardware
id or by device file (`nvidia3`). It counts only if root wrote it, into a folder that is root's; one
of Slurm's only while its job has a control group: an epilog that did not run leaves it behind.
"""

import glob
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kashi_agent.holding.cgroups import slurm_job
from kashi_agent.holding.grants import Grant, Grants
from kashi_agent.sample import Holder, HolderKind

FILE_BYTES_MAX: Final = 1 << 16

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SLURM: Final = re.compile(r"slurm-([0-9]+)")


class _Refused(Exception):
    """Why a file or folder is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedGrants:
    """The grants noted in `folder`; `cgroups` is where control groups are, `owner_uid` is root."""

    folder: Path
    cgroups: Path
    owner_uid: int = field(default=0)

    def read(self) -> Grants:
        """All grants; unread where a file is not to be believed, or where Slurm runs jobs here and
        there is no folder; doubtful where a job has no control group (yet, or any more)."""
        try:
            self._check(os.stat(self.folder), self.folder)
            names = sorted(os.listdir(self.folder))
            # A hook writes beside and renames: what begins with a dot is not finished.
            found = [self._grants(name) for name in names if not name.startswith(".")]
        except FileNotFoundError:
            jobs = slurm_jobs(self.cgroups)
            what = (
                f"Slurm 在运行作业，而 {self.folder} 不存在。"
                f"Slurm runs jobs, and {self.folder} is not there"
            )
            return Grants(unread=what if jobs else "")
        except _Refused as refused:
            return Grants(unread=str(refused))
        except OSError as error:
            return Grants(unread=f"{self.folder}: {error.strerror}")
        grants = [grant for noted in found for grant in noted]
        by_slurm = [one for one in grants if one.holder.kind is HolderKind.SLURM_JOB]
        jobs = slurm_jobs(self.cgroups) if by_slurm else set()
        gone = [one for one in by_slurm if one.holder.name not in jobs]
        return Grants(tuple(one for one in grants if one not in gone), doubtful=tuple(gone))

    def _grants(self, name: str) -> list[Grant]:
        path = self.folder / name
        if not _NAME.fullmatch(name):
            raise _Refused(f"{str(path)!a} 不是分配的名称。{str(path)!a} is no grant's name")
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return []  # it ended just now
        with os.fdopen(handle, "rb") as file:
            self._check(os.fstat(handle), path)
            lines = file.read(FILE_BYTES_MAX).decode("ascii", "replace").split()
        job = _SLURM.fullmatch(name)
        holder = (
            Holder(HolderKind.GRANT, name) if job is None else Holder(HolderKind.SLURM_JOB, job[1])
        )
        return [Grant(line, holder) for line in lines]

    def _check(self, found: os.stat_result, path: Path) -> None:
        if found.st_uid != self.owner_uid or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _Refused(
                f"{path} 须属于 root，其他人不可写。"
                f"{path} must be root's, and nobody else's to write"
            )


def slurm_jobs(cgroups: Path) -> set[str]:
    """The numbers of Slurm's jobs that have control groups on this host, of either version."""
    patterns = ("system.slice/*slurmstepd.scope/job_*", "*/slurm*/uid_*/job_*")
    found = (path for pattern in patterns for path in glob.iglob(pattern, root_dir=cgroups))
    jobs = (slurm_job(os.path.basename(path)) for path in found)
    return {job for job in jobs if job is not None}
