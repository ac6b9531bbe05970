"""Files by their hash, in the server's directory: written whole or not at all, never deleted.

A file of hash `abcdef…` stands as `files/ab/cdef…`. It is written beside its place, synced, renamed
onto it, and the folder is synced: after a crash it is there whole, or not there.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from kashi_server.domain.evidence_file import check_sha256
from kashi_server.errors import StorageError

FOLDER: Final = "files"
_MODE: Final = 0o600


class FileStore:
    """Keeps bytes under their SHA-256 in a folder."""

    def __init__(self, folder: Path) -> None:
        """Over a folder, which is made with the first file."""
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep bytes durably; their SHA-256 in hexadecimal.

        Raises:
            StorageError: the disk will not take them.
        """
        name = sha256(content).hexdigest()
        place = self._place(name)
        try:
            if place.is_file() and place.read_bytes() == content:
                return name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(place, content)
            for folder in (place.parent, self._folder, self._folder.parent):
                _sync(folder)
        except OSError as error:
            raise StorageError(f"无法写入 {place}。{place} cannot be written: {error}") from error
        return name

    def get(self, name: str) -> bytes:
        """The bytes of a hash.

        Raises:
            StorageError: they are missing or cannot be read.
        """
        place = self._place(name)
        try:
            return place.read_bytes()
        except OSError as error:
            raise StorageError(f"无法读取其内容。its bytes cannot be read: {error}") from error

    def _place(self, name: str) -> Path:
        check_sha256(name)
        return self._folder / name[:2] / name[2:]


def stored_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file of a store, as `ab/cdef…` and where it stands, in order; none where there is no
    folder. What a crash left unfinished is not among them."""
    for path in sorted(folder.glob("??/*")):
        if not path.name.startswith("."):
            yield f"{path.parent.name}/{path.name}", path


def _write(place: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
