"""A second meter process that reads while a call of the first one does not return.

A call that hangs can neither be cancelled nor should its process be killed. What is safe to do
meanwhile depends on how its thread waits, as the kernel tells:

- `S`, a wait that signals can end: the call waits for something of its own process, or for an event
  of one device. Another process loads the library anew and most often reads on. It is started once
  the thread has been seen in this state over `patience_ms`, and never stuck in between.
- `D`, a wait that nothing ends: the driver itself is stuck, with its locks taken. Another process
  would get stuck at its first call and be one more that nobody can end. So none is started; the
  call is waited for.
- `R`, at work: says nothing either way. A call that polls is seen so at times.

There is at most one stand-in, and a stand-in has none of its own: two stuck processes at most.
"""

import subprocess
from collections.abc import Sequence
from typing import Final

WAITS_FOR_AN_EVENT: Final = "S"
AT_WORK: Final = "R"


class StandIn:
    """The process that stands in, if there is one; without a `command` there is to be none."""

    def __init__(self, command: Sequence[str] | None, patience_ms: int) -> None:
        self._command = command
        self._patience_ms = patience_ms
        self._safe_since_ms: int | None = None
        self._started: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether it reads now."""
        return self._started is not None and self._started.poll() is None

    def wanted(self, now_ms: int, thread_state: str) -> bool:
        """Look, tick by tick, at a thread whose call hangs; whether to start now, once a hang."""
        if thread_state != WAITS_FOR_AN_EVENT:
            if thread_state != AT_WORK:
                self._safe_since_ms = None
            return False
        if self._safe_since_ms is None:
            self._safe_since_ms = now_ms
        waited = now_ms - self._safe_since_ms >= self._patience_ms
        return waited and self._started is None and self._command is not None

    def start(self) -> int:
        """Start it; its pid. Only after `wanted`."""
        assert self._command is not None
        self._started = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        return self._started.pid

    def end(self) -> None:
        """Ask it to end. One that hangs too ends when its own call returns."""
        if self.runs and self._started is not None:
            self._started.terminate()
