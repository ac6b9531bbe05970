"""`kashi-meter` as a child of the agent: for development and for one-off readings.

In production the service manager runs it, with rights of its own.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

RESTART_MS: Final = 2_000
STOP_SECONDS: Final = 5


class MeterChild:
    """A meter process that is started again when it ends, and ends by itself when we are gone."""

    def __init__(self, socket_path: Path, options: Sequence[str] = ()) -> None:
        parent = ["--parent-pid", str(os.getpid())]
        self._command = [*_program(), "--socket", str(socket_path), *parent, *options]
        self._running: subprocess.Popen[bytes] | None = None
        self._started_ms = -RESTART_MS

    @property
    def pid(self) -> int | None:
        """The process, while one runs."""
        return None if self._running is None else self._running.pid

    def keep(self, boottime_ms: int) -> None:
        """Start it if it does not run, at most every two seconds."""
        ended = self._running is None or self._running.poll() is not None
        if ended and boottime_ms - self._started_ms >= RESTART_MS:
            self._started_ms = boottime_ms
            self._running = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """Ask it to end; one that hangs in a driver call is left behind, never killed."""
        if self._running is None or self._running.poll() is not None:
            return
        self._running.terminate()
        try:
            self._running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return


def _program() -> list[str]:
    """How to start a meter: in a package it is a program of its own, beside ours."""
    if getattr(sys, "frozen", False):
        return [str(Path(sys.executable).with_name("kashi-meter"))]
    return [sys.executable, "-m", "kashi_agent.meterd"]
