"""Does a folder survive a reboot: what /proc/self/mountinfo says of the file system it lies on.

A host that forgets its keys and its spool with every boot would be a new host each time, and what
it had not delivered would be gone: it is not enrolled.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.errors import AgentError, VolatileError

MOUNTINFO: Final = Path("/proc/self/mountinfo")

VOLATILE: Final = {
    "tmpfs": "lives in memory",
    "ramfs": "lives in memory",
    "devtmpfs": "lives in memory",
    "rootfs": "lives in memory",
    "overlay": "is a layer over an image and goes with the container or the live system",
    "overlayfs": "is a layer over an image and goes with the live system",
    "fuse.fuse-overlayfs": "is a layer over an image and goes with the container",
    "aufs": "is a layer over an image and goes with the live system",
}
"""File systems that do not survive a reboot, and why."""

_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mounted file system."""

    point: str
    kind: str


def parse_mounts(text: str) -> list[Mount]:
    """Read mountinfo as proc(5) describes it, in the order of mounting.

    Raises:
        AgentError: a line has no separator.
    """
    mounts = []
    for number, line in enumerate(text.splitlines(), start=1):
        left, separator, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if not separator or len(before) < 6 or len(after) < 2:
            raise AgentError(f"mountinfo, line {number}: is not as proc(5) describes it")
        mounts.append(Mount(point=_plain(before[4]), kind=after[0]))
    return mounts


def mount_of(folder: Path, mounts: list[Mount]) -> Mount | None:
    """The file system an absolute path lies on: the deepest mount, of those the last."""
    found: Mount | None = None
    for mount in mounts:
        if folder.is_relative_to(mount.point) and (
            found is None or len(mount.point) >= len(found.point)
        ):
            found = mount
    return found


def check_survives(folder: Path, mountinfo: Path = MOUNTINFO) -> None:
    """Refuse a folder that is gone after a reboot.

    Raises:
        VolatileError: it is; the message says why and what to do.
        AgentError: nothing can be said of it.
    """
    resolved = folder.resolve()
    try:
        mounts = parse_mounts(mountinfo.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError as error:
        raise AgentError(f"{mountinfo} cannot be read: {error.strerror}") from error
    mount = mount_of(resolved, mounts)
    if mount is None:
        raise AgentError(f"{mountinfo} names no file system for {resolved}")
    if mount.kind in VOLATILE:
        raise VolatileError(
            f"{resolved} does not survive a reboot: it lies on {mount.kind} ({mount.point}), which "
            f"{VOLATILE[mount.kind]}; put state_folder on a disk, or mount one there. "
            "状态目录在重启后会丢失，请放到磁盘上"
        )


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
