"""The spool's door to the file system: a small port, and the real thing behind it.

Everything the spool asks of a disk stands here, so that a simulated one can tear writes, lose what
was never synchronised, flip bits and run full. Names are plain file names in one folder.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from kashi_agent.durable import FILE_MODE, foreign_owner, make_folder
from kashi_agent.errors import DiskFullError, LockedError, SpoolError, cannot_write

BLOCK_BYTES = 4096
"""The least a disk gives back or refuses."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Disk(Protocol):
    """One folder of a file system. Every method may raise OSError, and those that write
    DiskFullError; a failed `append` leaves the file as it was."""

    def names(self) -> list[str]:
        """Names of the files in the folder, sorted."""

    def size(self, name: str) -> int:
        """Length of a file in bytes."""

    def read(self, name: str, offset: int = 0, length: int = -1) -> bytes:
        """Bytes of a file from an offset; all of them when `length` is negative. What the medium
        no longer gives back reads as zeros: no frame's checksum takes them for content."""

    def append(self, name: str, content: bytes) -> None:
        """Write at the end in one call, creating the file.

        Raises:
            DiskFullError: there is no room; the file is as long as before.
        """

    def overwrite(self, name: str, offset: int, content: bytes) -> None:
        """Write at an offset of a file, creating it."""

    def truncate(self, name: str, size: int) -> None:
        """Cut a file."""

    def sync(self, name: str) -> None:
        """Make a file's content durable (fsync)."""

    def sync_folder(self) -> None:
        """Make creations, renames and removals durable (fsync of the folder)."""

    def rename(self, old: str, new: str) -> None:
        """Replace `new` by `old` in one step."""

    def remove(self, name: str) -> None:
        """Remove a file; it may be absent."""

    def reserve(self, name: str, size: int) -> None:
        """Make a file whose space is really taken."""

    def lock(self) -> None:
        """Become the only writer until `close`.

        Raises:
            LockedError: somebody else is.
        """

    def close(self) -> None:
        """Let go of files and of the lock."""


class RealDisk:
    """A folder of the file system, created for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._appending: tuple[str, int] | None = None
        self._lock: int | None = None

    def names(self) -> list[str]:
        """Names of the files in the folder, sorted; none while it does not exist."""
        if not self._folder.is_dir():
            if self._folder.exists():
                raise SpoolError(
                    f"{self._folder} 不是目录，请移走。{self._folder} is not a folder: move it away"
                )
            return []
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_file())

    def size(self, name: str) -> int:
        """Length of a file in bytes."""
        return (self._folder / name).stat().st_size

    def read(self, name: str, offset: int = 0, length: int = -1) -> bytes:
        """Bytes of a file from an offset, zeros for blocks that cannot be read."""
        with self._opened(name, os.O_RDONLY) as descriptor:
            end = os.fstat(descriptor).st_size
            end = end if length < 0 else min(end, offset + length)
            try:
                return os.pread(descriptor, max(0, end - offset), offset)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
            places = range(offset, end, BLOCK_BYTES)
            return b"".join(_block(descriptor, at, min(BLOCK_BYTES, end - at)) for at in places)

    def append(self, name: str, content: bytes) -> None:
        """Write at the end in one call; what a full disk took half of is cut off again."""
        with self._full_named(name):
            descriptor = self._descriptor(name)
            size = os.fstat(descriptor).st_size
            written = os.write(descriptor, content)
        if written != len(content):
            os.ftruncate(descriptor, size)
            path, size = self._folder / name, len(content)
            raise DiskFullError(
                f"{path}：{size} 字节只写入 {written}。{path}: {written} of {size} bytes fit"
            )

    def overwrite(self, name: str, offset: int, content: bytes) -> None:
        """Write at an offset of a file, creating it."""
        with self._full_named(name), self._opened(name, os.O_WRONLY | os.O_CREAT) as descriptor:
            os.pwrite(descriptor, content, offset)

    def truncate(self, name: str, size: int) -> None:
        """Cut a file."""
        os.truncate(self._folder / name, size)

    def sync(self, name: str) -> None:
        """Make a file's content durable."""
        with self._full_named(name):
            os.fsync(self._descriptor(name))

    def sync_folder(self) -> None:
        """Make creations, renames and removals durable."""
        with self._opened(".", os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            os.fsync(descriptor)

    def rename(self, old: str, new: str) -> None:
        """Replace `new` by `old` in one step."""
        self._forget(old)
        self._forget(new)
        (self._folder / old).replace(self._folder / new)

    def remove(self, name: str) -> None:
        """Remove a file; it may be absent."""
        self._forget(name)
        (self._folder / name).unlink(missing_ok=True)

    def reserve(self, name: str, size: int) -> None:
        """Make a file whose space is really taken."""
        with self._full_named(name), self._opened(name, os.O_WRONLY | os.O_CREAT) as descriptor:
            os.posix_fallocate(descriptor, 0, size)

    def lock(self) -> None:
        """Become the only writer, by flock on a file beside the segments.

        Raises:
            LockedError: somebody else is.
            SpoolError: the folder is another user's; nothing is written.
        """
        foreign = foreign_owner(self._folder, self._folder.parent)
        if foreign and "lock" not in self.names():
            raise SpoolError(foreign)
        make_folder(self._folder)
        descriptor = self._open("lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise LockedError(
                f"{self._folder} 正由另一个 kashi-agent 使用；请先停止它（systemctl stop "
                f"kashi-agent），或另指定状态目录。{self._folder}: another kashi-agent works here; "
                "stop it first (systemctl stop kashi-agent) or give another state folder"
            ) from error
        if foreign:
            os.close(descriptor)
            raise SpoolError(foreign)
        self._lock = descriptor

    def close(self) -> None:
        """Let go of files and of the lock."""
        self._forget()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _descriptor(self, name: str) -> int:
        if self._appending is not None and self._appending[0] == name:
            return self._appending[1]
        self._forget()
        descriptor = self._open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._appending = (name, descriptor)
        return descriptor

    def _open(self, name: str, flags: int) -> int:
        return os.open(self._folder / name, flags | os.O_CLOEXEC, FILE_MODE)

    @contextmanager
    def _opened(self, name: str, flags: int) -> Iterator[int]:
        descriptor = self._open(name, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _full_named(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise DiskFullError(cannot_write(self._folder / name, error)) from error
            raise

    def _forget(self, name: str | None = None) -> None:
        """Close the file appended to last, if it is this one; None: whichever it is."""
        if self._appending is not None and name in (None, self._appending[0]):
            os.close(self._appending[1])
            self._appending = None


def _block(descriptor: int, offset: int, length: int) -> bytes:
    try:
        return os.pread(descriptor, length, offset)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return bytes(length)
