"""Which vendor library this process really has, and what else was let into the process.

The path is the one the kernel mapped, never one that was asked for. A library that somebody other
than root could have put there is told as such: the first place on its path that is not root's
alone.
"""

import hashlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kashi_agent.evidence.fact import NOT_FOUND, Fact, text_of, unreadable
from kashi_agent.sample import Absent

VENDOR_LIBRARY: Final = re.compile(r"lib(nvidia-ml|dcmi)\.so(\.|$)")
SEARCH_PATH: Final = "LD_LIBRARY_PATH"
LOADER_VARIABLES: Final = ("LD_PRELOAD", "LD_AUDIT", SEARCH_PATH)
"""What makes the loader take other libraries than the system's."""
ROOT_ALONE: Final = "root-only"
REPLACED: Final = " (deleted)"
"""What the kernel adds to a mapped file that is no longer the one at its path."""

_LIBRARY: Final = ("library_path", "library_sha256", "library_owner")


@dataclass(slots=True, kw_only=True)
class LibraryFacts:
    """Facts of this process; `proc` is its /proc, `root` the root its paths begin at."""

    proc: Path
    root: Path
    _hashed: dict[tuple[int, ...], str] = field(default_factory=dict)

    def collect(self) -> Iterator[Fact]:
        """Every fact, in the order of their names."""
        yield from self._library()
        yield from self._loader()
        preload = text_of(self.root / "etc/ld.so.preload")
        found = "" if preload == NOT_FOUND else preload
        yield Fact(name="ld_so_preload", value=found)

    def _library(self) -> Iterator[Fact]:
        mapped = self._mapped()
        if isinstance(mapped, Absent):
            yield from (Fact(name=name, value=mapped) for name in _LIBRARY)
            return
        path = mapped[0].removesuffix(REPLACED)
        yield Fact(name="library_path", value=" ".join(mapped))
        yield Fact(name="library_sha256", value=self._digest(under(self.root, path)))
        yield Fact(name="library_owner", value=owner_of(self.root, path))

    def _mapped(self) -> list[str] | Absent:
        """Each vendor library that is mapped, as the kernel says it; absent where none is."""
        maps = text_of(self.proc / "self/maps")
        if isinstance(maps, Absent):
            return maps
        paths = {fields[5] for line in maps.splitlines() if len(fields := line.split(None, 5)) == 6}
        found = [path for path in paths if VENDOR_LIBRARY.search(path.rpartition("/")[2])]
        return sorted(found) or NOT_FOUND

    def _digest(self, place: Path) -> str | Absent:
        """SHA-256 of the file; hashed once for each state of it."""
        try:
            found = place.stat()
            key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if key not in self._hashed:
                with place.open("rb") as file:
                    self._hashed = {key: hashlib.file_digest(file, "sha256").hexdigest()}
        except OSError as error:
            return unreadable(error)
        return self._hashed[key]

    def _loader(self) -> Iterator[Fact]:
        """The loader's variables this process began with."""
        try:
            environ = (self.proc / "self/environ").read_bytes()
        except OSError as error:
            absent = unreadable(error)
            yield from (Fact(name=name.lower(), value=absent) for name in LOADER_VARIABLES)
            return
        pairs = (entry.partition(b"=") for entry in environ.split(b"\0"))
        given = {name: value.decode("utf-8", "replace") for name, _, value in pairs}
        for name in LOADER_VARIABLES:
            value = given.get(name.encode(), "")
            if name == SEARCH_PATH:
                value = ":".join(resolved(self.root, one) for one in value.split(":") if one)
            yield Fact(name=name.lower(), value=value)


def owner_of(root: Path, path: str) -> str | Absent:
    """`root-only`, or the first place from the root to the file that another user could change."""
    whole = Path(path)
    try:
        for place in (*reversed(whole.parents), whole):
            found = under(root, str(place)).stat()
            if found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return f"{place} uid {found.st_uid} mode {stat.S_IMODE(found.st_mode):04o}"
    except OSError as error:
        return unreadable(error)
    return ROOT_ALONE


def resolved(root: Path, folder: str) -> str:
    """A folder without links, as the kernel names what is mapped from it."""
    found, base = under(root, folder).resolve(), root.resolve()
    return f"/{found.relative_to(base)}" if found.is_relative_to(base) else str(found)


def under(root: Path, path: str) -> Path:
    """An absolute path as it lies below a root."""
    return root / path.removeprefix("/")
