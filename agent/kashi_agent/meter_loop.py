"""The meter process's main loop: a tick on a fixed grid, one reading a tick, sent to the agent.

The grid is CLOCK_BOOTTIME cut at multiples of the cadence, so ticks do not drift and two meters of
a host tick together. A tick that finds the last reading still under way is left out; what follows
from it is the integrator's matter, which sees samples far apart. While no agent listens nothing is
read: there would be nobody to count it.

The loop ends with an outcome and never by the driver: after a failure of the driver, and after a
release, a new process must begin, for the vendor's library cannot be loaded anew within this one.
"""

import logging
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from kashi_agent.agent_line import AgentLine
from kashi_agent.errors import MeterError
from kashi_agent.meter_link import AgentMessage, Hello, Notice, NoticeKind, Release
from kashi_agent.sample import MeterKind, SampleBatch
from kashi_agent.vendor_thread import Answer, VendorThread

HUNG_MS: Final = 5_000
"""A call into the vendor's library that takes longer hangs, unless told otherwise."""

RETRY_MS: Final = 5_000
"""After the driver refused, a new process tries again so much later, unless told otherwise."""

WAKE_BYTES: Final = 4_096
"""Wake-ups taken at once: one byte a signal or an answer."""

CLOSE_SECONDS: Final = 2
"""How long the vendor's library gets to let the devices go."""

logger = logging.getLogger(__name__)


class Reader(Protocol):
    """An open meter."""

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Devices that never told their id, in words."""

    def read(self) -> SampleBatch:
        """All devices, now. MeterError when the vendor's driver as a whole is gone."""

    def close(self) -> None:
        """Let the devices go."""


class Outcome(Enum):
    """Why the loop ended."""

    STOPPED = "stopped"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSettings:
    """What the process was told on its command line; `parent_pid`: it ends with that process."""

    kind: MeterKind
    socket_path: Path
    cadence_ms: int
    retry_ms: int
    hung_ms: int
    pid: int
    parent_pid: int | None = None


class MeterLoop:
    """Everything between the vendor's thread and the agent's socket.

    `open_reader` opens the vendor's library (in the vendor's thread), `clock` gives CLOCK_BOOTTIME
    in milliseconds, `wake` is the reading end of the pair whose other end signals and answers use.
    """

    def __init__(
        self,
        settings: MeterSettings,
        open_reader: Callable[[], Reader],
        clock: Callable[[], int],
        wake: socket.socket,
        vendor: VendorThread,
    ) -> None:
        self._settings = settings
        self._open_reader = open_reader
        self._clock = clock
        self._wake = wake
        self._vendor = vendor
        self._agent = AgentLine(settings.socket_path)
        self._reader: Reader | None = None
        self._asked_ms = 0
        self._hung = False
        self._restart_ms: int | None = None
        self._standing: Notice | None = None
        self._unidentified: tuple[str, ...] = ()
        self._stop = False

    def stop(self) -> None:
        """End the loop soon; may be called from a signal handler."""
        self._stop = True

    def run(self) -> Outcome:
        """Tick until told to stop, or until a new process must begin."""
        next_ms = self._clock()
        while not self._stop:
            now_ms = self._clock()
            if self._restart_ms is not None and now_ms >= self._restart_ms:
                return self._end(NoticeKind.RESUMED, Outcome.RESTART)
            if now_ms >= next_ms:
                self._tick(now_ms)
                next_ms = (now_ms // self._settings.cadence_ms + 1) * self._settings.cadence_ms
            self._wait(next_ms - self._clock())
        return self._end(NoticeKind.STOPPING, Outcome.STOPPED)

    def _tick(self, now_ms: int) -> None:
        """Ask for a reading, if somebody listens and nothing is under way."""
        if self._settings.parent_pid not in (None, os.getppid()):
            # The agent that started this one was killed; the next brings a meter of its own, and
            # two would push each other off the socket.
            self._stop = True
            return
        if self._agent.socket is None and self._agent.connect():
            self._greet()
        if self._agent.socket is None or self._restart_ms is not None:
            return
        if self._vendor.busy:
            self._look_for_hang(now_ms)
            return
        self._asked_ms = now_ms
        self._vendor.ask(self._open_reader if self._reader is None else self._reader.read)

    def _wait(self, span_ms: int) -> None:
        """Sleep until the next tick, an answer, a command or a signal."""
        sockets = [end for end in (self._wake, self._agent.socket) if end is not None]
        readable, _, _ = select.select(sockets, [], [], max(0, span_ms) / 1000)
        if self._wake in readable:
            self._wake.recv(WAKE_BYTES)
            answer = self._vendor.answer()
            if answer is not None:
                self._take_answer(answer)
        if self._agent.socket in readable:
            for message in self._agent.received():
                self._obey(message)

    # Between this process and the vendor's library.

    def _take_answer(self, answer: Answer) -> None:
        """A batch goes to the agent, an opened reader is kept, a refusal is told of."""
        if self._hung:
            self._hung = False
            self._notify(NoticeKind.ANSWERED, f"after {self._clock() - self._asked_ms} ms")
        if isinstance(answer.error, MeterError):
            self._driver_failed(str(answer.error))
        elif answer.error is not None:
            raise answer.error
        elif isinstance(answer.value, SampleBatch):
            self._agent.send(answer.value)
            self._tell_unidentified()
        elif self._reader is None:
            self._reader = self._opened(answer.value)
            self._tick(self._clock())

    def _opened(self, value: object) -> Reader:
        """What `open_reader` gave."""
        reader: Reader = value  # type: ignore[assignment]  # the vendor thread carries any value
        logger.info("reading by %s", self._settings.kind.name.lower())
        return reader

    def _look_for_hang(self, now_ms: int) -> None:
        """Tell once that a call does not return."""
        if not self._hung and now_ms - self._asked_ms >= self._settings.hung_ms:
            self._hung = True
            self._notify(NoticeKind.HUNG, self._vendor.whereabouts())

    def _driver_failed(self, detail: str) -> None:
        """Tell why, and have a new process begin a little later."""
        logger.warning("the driver failed: %s", detail)
        self._standing = self._notify(NoticeKind.DRIVER, detail)
        self._restart_ms = self._clock() + self._settings.retry_ms

    def _tell_unidentified(self) -> None:
        """Tell of devices the driver counts but cannot name, whenever that changes."""
        unidentified = () if self._reader is None else self._reader.unidentified
        if unidentified != self._unidentified:
            self._unidentified = unidentified
            self._notify(NoticeKind.UNIDENTIFIED, "; ".join(unidentified))

    # Between this process and the agent.

    def _greet(self) -> None:
        """Tell an agent that opened who speaks and how things stand."""
        settings = self._settings
        self._agent.send(
            Hello(pid=settings.pid, kind=settings.kind, cadence_ms=settings.cadence_ms)
        )
        if self._standing is not None:
            self._agent.send(self._standing)
        self._unidentified = ()

    def _notify(self, kind: NoticeKind, detail: str) -> Notice:
        notice = Notice(boottime_ms=self._clock(), kind=kind, detail=detail)
        self._agent.send(notice)
        return notice

    def _obey(self, message: AgentMessage) -> None:
        """Release the devices, or take them up again."""
        if isinstance(message, Release):
            self._let_go()
            self._standing = self._notify(NoticeKind.RELEASED, f"for {message.duration_ms} ms")
            self._restart_ms = self._clock() + message.duration_ms
        elif self._restart_ms is not None:
            self._restart_ms = self._clock()

    def _let_go(self) -> None:
        """Close the vendor's library, unless a call is stuck in it."""
        if self._vendor.busy:
            self._vendor.answer(CLOSE_SECONDS)
        if self._reader is not None and not self._vendor.busy:
            self._vendor.ask(self._reader.close)
            self._vendor.answer(CLOSE_SECONDS)
        self._reader = None

    def _end(self, kind: NoticeKind, outcome: Outcome) -> Outcome:
        """Let the devices go and say goodbye."""
        self._let_go()
        self._notify(kind, "")
        self._vendor.end()
        self._agent.close()
        return outcome
