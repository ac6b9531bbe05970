"""The one serving process of a directory: its lock, and where it can be reached.

`serving.lock` is held for as long as the process lives, by the kernel: a process that dies leaves
no lock behind. `serving.json` names the ports; it means something only while the lock is held.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kashi_server.errors import Refused

LOCK: Final = "serving.lock"
PORTS: Final = "serving.json"


@contextmanager
def exclusive(directory: Path, what: str) -> Iterator[None]:
    """Hold the directory for one process.

    Args:
        directory: the server's.
        what: what the process is about to do, in words, for the one that comes second.

    Raises:
        Refused: another process holds it.
    """
    with (directory / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise Refused(
                f"{directory} 正由另一进程使用（{holder}），请先停止该进程。"
                f"cannot {what}: {holder} works in {directory}; stop it first"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()} ({what})")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def announce(directory: Path, ports: Mapping[str, int]) -> None:
    """Tell other commands which ports the serving process listens on."""
    fresh = directory / f"{PORTS}.new"
    fresh.write_text(json.dumps(dict(ports)), encoding="utf-8")
    fresh.replace(directory / PORTS)


def withdraw(directory: Path) -> None:
    """Nobody listens any more."""
    (directory / PORTS).unlink(missing_ok=True)


def running_ports(directory: Path) -> dict[str, int]:
    """Ports of the serving process by family; empty when none serves."""
    try:
        content = json.loads((directory / PORTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {str(family): int(port) for family, port in content.items()}
