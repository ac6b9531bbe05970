"""A clean Debian machine in a folder: its own files, users and packages, this kernel and loopback.

    root = CleanRoot(folder)
    root.run("dpkg", "--install", "/tmp/kashi-agent.deb")
    running = root.start("kashi-agent", "run", user="kashi-agent")

What is mounted for a command is gone with it. Needs root and mmdebstrap; see `root_archive`.
"""

import ctypes
import fcntl
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PR_SET_MDWE: Final = 65
PR_MDWE_REFUSE_EXEC_GAIN: Final = 1
RUN_SECONDS_MAX: Final = 120
SOURCES: Final = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
LEFT_OUT: Final = tuple(
    f"--dpkgopt=path-exclude=/usr/share/{folder}/*"
    for folder in ("man", "locale", "doc", "zoneinfo")
)
"""What no test looks at."""

ENTER: Final = """
mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit 99
user=$1
shift
exec chroot --userspec="$user" "$0" "$@"
"""


@dataclass(frozen=True, slots=True)
class CleanRoot:
    """The machine's root folder."""

    folder: Path

    def start(
        self, *command: str, user: str = "root", environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Start a command in it; its process is the command's own."""
        for inside in ("proc", "dev"):
            (self.folder / inside).mkdir(exist_ok=True)
        private = ("unshare", "--mount", "--propagation", "private")
        # Another program sets the limit, not this one's fork: gRPC's threads do not survive that.
        limited = (sys.executable, __file__)
        return subprocess.Popen(
            [*limited, *private, "sh", "-c", ENTER, str(self.folder), f"{user}:{user}", *command],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG": "C.UTF-8",
                "COLUMNS": "200",
                **(environment or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *command: str,
        user: str = "root",
        given: str = "",
        environment: Mapping[str, str] | None = None,
        expect: int = 0,
    ) -> str:
        """Run a command in it with `given` on its standard input; its output.

        Where it is expected to fail, also what it complained of.
        """
        with self.start(*command, user=user, environment=environment) as process:
            try:
                said, complained = process.communicate(given, RUN_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert process.returncode == expect, f"{command}: {process.returncode}\n{said}{complained}"
        return said if expect == 0 else said + complained

    def files(self) -> frozenset[str]:
        """Every path in it."""
        return frozenset(str(p.relative_to(self.folder)) for p in self.folder.rglob("*"))


def _no_writable_code() -> None:
    """As the units' MemoryDenyWriteExecute: no memory is both written and run, ever after."""
    # A kernel before 6.3 refuses; the tests then say nothing of it.
    ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)


def root_archive(archive: Path, *packages: str) -> Path:
    """Debian's essential packages with `useradd` and those named, made once into an archive."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    archive.parent.mkdir(parents=True, exist_ok=True)
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            fresh = archive.with_suffix(".part.tar")
            sources = [str(path) for path in SOURCES if path.exists()][:1]
            made = ("mmdebstrap", "--quiet", "--mode=root", "--variant=essential")
            included = f"--include={','.join(('passwd', *packages))}"
            subprocess.run(
                [*made, included, *LEFT_OUT, release, str(fresh), *sources],
                check=True,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
            fresh.rename(archive)
    return archive


def unpacked_root(archive: Path, folder: Path) -> CleanRoot:
    """A machine of one's own, which knows its own name."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
    (folder / "etc/hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")
    return CleanRoot(folder)


if __name__ == "__main__":
    _no_writable_code()
    os.execvp(sys.argv[1], sys.argv[1:])
