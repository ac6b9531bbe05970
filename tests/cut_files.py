"""A power cut at any operation on the files of a folder, for code that writes small files.

Operations are counted: the one with a given number never happens, nor any after it. What then
remains is either all that was done, or only what fsync made durable, names and contents alike.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


class PowerCut(BaseException):
    """The machine stops here; no code of its own runs any more."""


@dataclass(slots=True, kw_only=True)
class CutFiles:
    """The files under `root`; operation number `at` is cut. `done` counts those that happened."""

    root: Path
    at: int
    done: int = 0
    _contents: dict[int, bytes] = field(default_factory=dict)
    _folders: dict[Path, dict[str, int]] = field(default_factory=dict)
    """Names that are durable, and the numbers of the files they are of."""
    _there: set[Path] = field(default_factory=set)
    """Folders that are durable in the one they stand in; one that is not takes all in it along."""

    def __post_init__(self) -> None:
        """What is there already is durable."""
        for path in (self.root, *self.root.rglob("*")):
            if path.is_file():
                self._contents[path.stat().st_ino] = path.read_bytes()
        for folder in (self.root, *self.root.rglob("*/")):
            self._there.add(folder)
            self._make_names_durable(folder)

    @contextmanager
    def armed(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Count and cut as long as the block lasts; the cut ends the block and no more."""
        with patch.context() as patched:
            self._arm(patched)
            try:
                yield
            except PowerCut:
                return

    def lose(self) -> None:
        """Nothing remains but what fsync made durable."""
        for folder in sorted(self.root.rglob("*/")):
            if folder.exists() and folder not in self._there:
                shutil.rmtree(folder)
        for folder, names in self._folders.items():
            if not folder.exists():
                continue
            for path in folder.iterdir():
                if path.is_file():
                    path.unlink()
            for name, number in names.items():
                (folder / name).write_bytes(self._contents.get(number, b""))

    def _arm(self, patched: pytest.MonkeyPatch) -> None:
        really_open, fsync = os.open, self._fsync

        def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            made = flags & os.O_CREAT and self._ours(path) and not os.path.exists(path)
            if flags & os.O_CREAT and self._ours(path):
                self._count()
            descriptor = really_open(path, flags, *rest, **named)
            if made:  # it may have the number of one that was removed
                self._contents.pop(os.fstat(descriptor).st_ino, None)
            return descriptor

        patched.setattr(os, "open", opened)
        patched.setattr(os, "fsync", fsync)
        for name in ("replace", "unlink", "mkdir"):
            patched.setattr(Path, name, self._counted(getattr(Path, name)))

    def _counted(self, really: Any) -> Any:
        def operation(path: Path, *rest: Any, **named: Any) -> Any:
            if self._ours(path):
                self._count()
            return really(path, *rest, **named)

        return operation

    def _fsync(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if not self._ours(path):
            return
        self._count()
        if path.is_dir():
            self._make_names_durable(path)
        else:
            self._contents[os.fstat(descriptor).st_ino] = path.read_bytes()

    def _make_names_durable(self, folder: Path) -> None:
        files = [path for path in folder.iterdir() if path.is_file()]
        self._folders[folder] = {path.name: path.stat().st_ino for path in files}
        for inner in folder.iterdir():
            if inner.is_dir():
                self._there.add(inner)
                self._folders.setdefault(inner, {})

    def _count(self) -> None:
        if self.done >= self.at:
            raise PowerCut
        self.done += 1

    def _ours(self, path: Any) -> bool:
        return self.root in (Path(path), *Path(path).parents)
