"""Which holder a process's control groups name. Pure: the text of /proc/PID/cgroup in.

The kernel keeps a process's place in the tree, and only root moves it out of what root put it in.
So the outermost name counts: whoever may make groups of their own (a user below `user.slice`, a
container with a tree of its own) makes them further in, and can take nobody else's name.
"""

import re
from collections.abc import Iterator
from typing import Final

from kashi_agent.sample import Holder, HolderKind

USERS: Final = "user.slice"
"""Below it users name their groups themselves."""

_GUEST: Final = re.compile(r"lxc(?:\..+)?|systemd-nspawn@.+\.service|machine-.+\.scope")
"""Groups of system containers, in whose trees another root names what it likes."""

_CONTAINER: Final = re.compile(r"(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?")
"""Docker, containerd, CRI-O, Podman, iSulad; the prefix is the driver's under systemd."""

_POD: Final = re.compile(
    r"(?:[a-z-]+-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})"
    r"(?:\.slice)?(?::[a-z-]+:[0-9a-f]{64})?"
)
"""A kubelet's directory of a pod: by either cgroup driver, of static pods (32 digits), and as
containerd makes it of a systemd path that it takes for a plain one."""

_SLURM_ROOT: Final = re.compile(r"slurm(?:_.+)?")
_SLURM_SCOPE: Final = re.compile(r"(?:.+_)?slurmstepd\.scope")
_SLURM_USER: Final = re.compile(r"uid_[0-9]+")
_SLURM_JOB: Final = re.compile(r"job_([0-9]+)")

_DOORS: Final = re.compile(r"(?:sshd?|crond?|atd|slurmd)(?:@.*)?\.service")
"""Services whose processes are other people's: where no session is registered (as clusters with
adopted sessions want it), a login stays in the group of the service that let it in."""


def holder_of_cgroups(cgroups: str) -> Holder | None:
    """The pod, Slurm job, container or else system service; None when the groups name none.

    With several hierarchies (version 1) each is looked at: a session that was adopted into a job
    stands in the job's groups of the controllers, and in `user.slice` only by systemd's own.
    """
    paths = [_trusted(path) for path in _paths(cgroups)]
    for path in paths:
        for place, part in enumerate(path):
            if (holder := _named(path, place, part)) is not None:
                return holder
    units = (part for path in paths for part in path if part.endswith(".service"))
    unit = next((unit for unit in units if not _DOORS.fullmatch(unit)), None)
    return None if unit is None else Holder(HolderKind.UNIT, unit)


def pod_uid(directory: str) -> str | None:
    """The uid of the pod whose group a directory is, as the API writes it; None: of no pod."""
    match = _POD.fullmatch(directory)
    return None if match is None else match[1].replace("_", "-")


def slurm_job(directory: str) -> str | None:
    """The number of the job whose group a directory is; None: of no job."""
    match = _SLURM_JOB.fullmatch(directory)
    return None if match is None else match[1]


def _named(path: list[str], place: int, part: str) -> Holder | None:
    if (uid := pod_uid(part)) is not None:
        return Holder(HolderKind.POD, uid)
    if (job := _SLURM_JOB.fullmatch(part)) is not None and _is_slurms(path[:place]):
        return Holder(HolderKind.SLURM_JOB, job[1])
    if (container := _CONTAINER.fullmatch(part)) is not None:
        return Holder(HolderKind.CONTAINER, container[1])
    return None


def _is_slurms(above: list[str]) -> bool:
    """Version 1: /slurm/uid_1000/job_7; version 2: /system.slice/slurmstepd.scope/job_7."""
    match above:
        case [root, user]:
            return bool(
                (_SLURM_ROOT.fullmatch(root) and _SLURM_USER.fullmatch(user))
                or _SLURM_SCOPE.fullmatch(user)
            )
        case _:
            return False


def _paths(cgroups: str) -> Iterator[list[str]]:
    """The paths, cut at their slashes: the unified tree's first."""
    # At line feeds alone, which no group's name can hold: other ends of lines it can, and a user
    # would write lines of a hierarchy with them.
    lines = [line.removesuffix(" (deleted)").split(":", 2) for line in cgroups.split("\n")]
    whole = sorted((fields for fields in lines if fields[2:]), key=lambda fields: fields[0] != "0")
    for _, _, path in whole:
        yield [part for part in path.split("/") if part]


def _trusted(path: list[str]) -> list[str]:
    """The part of a path that no user and no guest named."""
    if USERS in path:
        path = path[: path.index(USERS)]
    guest = next((place for place, part in enumerate(path) if _GUEST.fullmatch(part)), len(path))
    return path[: guest + 1]
