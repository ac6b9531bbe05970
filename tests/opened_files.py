"""What the agent's programs open, told by themselves: Python's audit events of every process.

    hook = OpenedFiles(tmp_path / "opened")
    subprocess.run([...], env=hook.environment(os.environ))
    hook.seen()      # [Opened(event="open", name="/etc/machine-id"), ...]

What a C library opens on its own (the name resolver, OpenSSL, a vendor's library) is no event of
Python's and not among it.
"""

import json
import os
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import kashi
import kashi_agent

HOOK: Final = '''
import json, os, sys, threading

LOG = os.open(f"{FOLDER}/{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
FILES = {"open", "os.listdir", "os.scandir", "ctypes.dlopen"}
SOCKETS = {"socket.connect", "socket.bind"}
BESIDE = threading.local()
OPEN = os.open

def name_of(what):
    if isinstance(what, int):
        return os.readlink(f"/proc/self/fd/{what}")
    if isinstance(what, tuple):
        return f"{what[0]}:{what[1]}"
    return "" if what is None else os.path.join(getattr(BESIDE, "folder", ""), os.fsdecode(what))

def tell(event, arguments):
    if event in FILES or event in SOCKETS:
        what = arguments[event in SOCKETS]
        if event != "open" or not isinstance(what, int):
            os.write(LOG, (json.dumps([event, name_of(what)]) + "\\n").encode())

def opened(path, flags, mode=0o777, *, dir_fd=None):
    """Python tells no event which folder a name is looked up in."""
    BESIDE.folder = "" if dir_fd is None else os.readlink(f"/proc/self/fd/{dir_fd}")
    try:
        return OPEN(path, flags, mode, dir_fd=dir_fd)
    finally:
        BESIDE.folder = ""

os.open = opened
os.supports_dir_fd.add(opened)
sys.addaudithook(tell)
'''

PYTHONS_OWN: Final = ("stdlib", "platstdlib", "purelib", "platlib")


@dataclass(frozen=True, slots=True, order=True)
class Opened:
    """One event: a file opened, a folder listed, a library loaded, a socket bound or connected."""

    event: str
    name: str


class OpenedFiles:
    """Makes Python processes note what they open, below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "seen").mkdir(parents=True)
        hook = f"FOLDER = {str(folder / 'seen')!r}\n{HOOK}"
        (folder / "sitecustomize.py").write_text(hook, encoding="utf-8")

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process that shall note it."""
        path = base.get("PYTHONPATH", "")
        return {**base, "PYTHONPATH": f"{self._folder}{os.pathsep}{path}".rstrip(os.pathsep)}

    @property
    def processes(self) -> int:
        """How many processes noted something."""
        return len(list((self._folder / "seen").iterdir()))

    def seen(self) -> list[Opened]:
        """All of it in order of names, but what Python itself and installed packages are."""
        told = (path.read_bytes() for path in (self._folder / "seen").iterdir())
        lines = (line for content in told for line in content.splitlines())
        seen = {Opened(*json.loads(line)) for line in lines}
        return sorted(one for one in seen if not self._is_pythons(one))

    def _is_pythons(self, one: Opened) -> bool:
        if one.name in ("", os.devnull):
            return True  # the program itself, as a library; what subprocess gives a child to read
        path = Path(one.name).resolve()
        programs = [Path(str(module.__file__)).resolve().parent for module in (kashi, kashi_agent)]
        own = [Path(sysconfig.get_path(name)).resolve() for name in PYTHONS_OWN]
        searched = {Path(one).resolve() for one in sys.path} | {self._folder.resolve()}
        searched |= {program.parent for program in programs}
        return any(path.is_relative_to(folder) for folder in (*own, *programs)) or (
            one.event != "ctypes.dlopen" and path in searched
        )
