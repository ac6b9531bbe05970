"""Does a folder survive a reboot: what /proc/self/mountinfo says of the file system it lies on.

A host that forgets its keys and its spool with every boot would be a new host each time, and what
it had not delivered would be gone: it is not enrolled.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.errors import AgentError, VolatileError, cannot_read

MOUNTINFO: Final = Path("/proc/self/mountinfo")

_IN_MEMORY: Final = ("位于内存", "lives in memory")
_LAYER: Final = (
    "是镜像之上的一层，随容器或临场系统消失",
    "is a layer over an image and goes with the container or the live system",
)
VOLATILE: Final = {
    **dict.fromkeys(("tmpfs", "ramfs", "devtmpfs", "rootfs"), _IN_MEMORY),
    **dict.fromkeys(("overlay", "overlayfs", "fuse.fuse-overlayfs", "aufs"), _LAYER),
}
"""File systems that do not survive a reboot, and why, in Chinese and in English."""

IN_MEMORY_DEVICE: Final = re.compile(r"/dev/z?ram[0-9]+(p[0-9]+)?")
"""Block devices that the kernel keeps in memory, whatever file system was made on them."""

_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mounted file system; `source` is what it was mounted from, the path of a disk's device."""

    point: str
    kind: str
    source: str

    @property
    def forgets(self) -> tuple[str, tuple[str, str]] | None:
        """What of it is gone after a reboot, and why, in Chinese and in English; None: it stays."""
        if self.kind in VOLATILE:
            return self.kind, VOLATILE[self.kind]
        if IN_MEMORY_DEVICE.fullmatch(self.source):
            return f"{self.kind} {self.source}", _IN_MEMORY
        return None


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
            raise AgentError(
                f"mountinfo 第 {number} 行与 proc(5) 的说明不符。"
                f"Mountinfo, line {number}: is not as proc(5) describes it"
            )
        mounts.append(Mount(point=_plain(before[4]), kind=after[0], source=_plain(after[1])))
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
        raise AgentError(cannot_read(mountinfo, error)) from error
    mount = mount_of(resolved, mounts)
    if mount is None:
        raise AgentError(
            f"{mountinfo} 中没有 {resolved} 所在的文件系统。"
            f"{mountinfo} names no file system for {resolved}"
        )
    if mount.forgets is not None:
        lost, (zh, en) = mount.forgets
        raise VolatileError(
            f"{resolved} 在重启后会丢失：它在 {lost}（{mount.point}）上，{zh}；请把 "
            f"state_folder 放到磁盘上，或在该处挂载磁盘。{resolved} does not survive a reboot: it "
            f"lies on {lost} ({mount.point}), which {en}; put state_folder on a disk, or "
            "mount one there"
        )


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
