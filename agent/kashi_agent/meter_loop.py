"""The meter process's main loop: a tick on a fixed grid, one reading a tick, sent to the agent.

The grid is CLOCK_BOOTTIME cut at multiples of the cadence, so ticks do not drift and two meters of
a host tick together. A tick that finds the last reading still under way is left out; what follows
from it is the integrator's matter, which sees samples far apart. While no agent listens nothing is
read: there would be nobody to count it. Before an agent has said so, nothing is even opened.

The loop ends with an outcome and never by the driver. A new process begins after a failure of the
driver, after a call that hung, and for a release: the vendor's library cannot be loaded anew within
this one, and only a process that never opened it has surely let the devices go. While a call is
under way the loop does not end, whoever asks: to leave would be to kill the thread in the driver.
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
from kashi_agent.both_languages import together
from kashi_agent.errors import MeterError
from kashi_agent.meter_link import AgentMessage, Hello, Notice, NoticeKind, Resume
from kashi_agent.sample import MeterKind, SampleBatch
from kashi_agent.stand_in import StandIn
from kashi_agent.vendor_thread import Answer, VendorThread
from kashi_agent.xids import XidWatch

HUNG_MS: Final = 5_000
"""A call into the vendor's library that takes longer hangs, unless told otherwise."""

RETRY_MS: Final = 5_000
"""After the driver refused, a new process tries again so much later, unless told otherwise."""

WAKE_BYTES: Final = 4_096
"""Wake-ups taken at once: one byte a signal or an answer."""

STAND_IN_MS: Final = 30_000
"""A call that hangs for so long, and safely, has another process read beside it."""

LEAVE_MS: Final = 5_000
"""How long a stand-in gets to end before its place is taken again."""

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
    """What the process was told on its command line.

    `parent_pid`: it ends with that process. `stands_in`: that process is a meter whose call hangs.
    """

    kind: MeterKind
    socket_path: Path
    cadence_ms: int
    retry_ms: int
    hung_ms: int
    pid: int
    parent_pid: int | None = None
    stands_in: bool = False


class MeterLoop:
    """Everything between the vendor's thread and the agent's socket.

    `open_reader` opens the vendor's library (in the vendor's thread), `clock` gives CLOCK_BOOTTIME
    in milliseconds, `wake` is the reading end of the pair whose other end signals and answers use,
    `greeted` is told of every agent that begins to listen, `xids` reads the kernel's log beside the
    vendor's library.
    """

    def __init__(
        self,
        settings: MeterSettings,
        open_reader: Callable[[], Reader],
        clock: Callable[[], int],
        wake: socket.socket,
        vendor: VendorThread,
        stand_in: StandIn,
        greeted: Callable[[], None],
        xids: XidWatch,
    ) -> None:
        self._settings = settings
        self._open_reader = open_reader
        self._clock = clock
        self._wake = wake
        self._vendor = vendor
        self._stand_in = stand_in
        self._greeted = greeted
        self._xids = xids
        self._agent = AgentLine(settings.socket_path)
        self._may_read = False
        self._touched = False
        """The vendor's library was loaded, or an attempt made: from then on only the end of the
        process gives the devices back for sure (DCMI cannot even be asked to)."""
        self._reader: Reader | None = None
        self._asked_ms = 0
        self._hung = False
        self._standing: Notice | None = None
        self._unidentified: tuple[str, ...] = ()
        self._outcome: Outcome | None = None
        self._end_ms = 0

    def stop(self) -> None:
        """End the loop as soon as no call is under way; may be called from a signal handler."""
        if self._outcome is not Outcome.STOPPED:
            self._outcome, self._end_ms = Outcome.STOPPED, self._clock()

    @property
    def told_to_stop(self) -> bool:
        """Whether `stop` was called, be it after the loop ended."""
        return self._outcome is Outcome.STOPPED

    def run(self) -> Outcome:
        """Tick until told to stop, or until a new process must begin."""
        next_ms = self._clock()
        while (outcome := self._ended()) is None:
            now_ms = self._clock()
            if now_ms >= next_ms:
                self._tick(now_ms)
                next_ms = (now_ms // self._settings.cadence_ms + 1) * self._settings.cadence_ms
            self._wait(next_ms - self._clock())
        stopping = outcome is Outcome.STOPPED
        self._notify(NoticeKind.STOPPING if stopping else NoticeKind.RESUMED, "")
        self._vendor.end()
        self._agent.close()
        return outcome

    def _ended(self) -> Outcome | None:
        """The outcome, once nothing of the vendor's is open, nothing is under way and nobody
        stands in."""
        if self._outcome is None or self._vendor.busy:
            return None
        if self._reader is not None:
            self._ask(self._reader.close)
            self._reader = None
            return None
        now_ms = self._clock()
        if self._stand_in.runs:
            self._stand_in.end()
            if now_ms < self._end_ms + LEAVE_MS:
                return None
        return self._outcome if now_ms >= self._end_ms else None

    def _begin_anew(self, at_ms: int) -> None:
        """Have a new process begin at an instant, unless this one is to end altogether."""
        if self._outcome is not Outcome.STOPPED:
            self._outcome, self._end_ms = Outcome.RESTART, at_ms

    def _tick(self, now_ms: int) -> None:
        """Ask for a reading, if somebody listens and nothing is under way."""
        if self._settings.parent_pid not in (None, os.getppid()):
            # The process that started this one has gone. The next agent brings a meter of its own,
            # and two would push each other off the socket.
            self.stop()
        elsewhere = self._stand_in.runs or self._outcome is Outcome.STOPPED
        if self._agent.connection is None and not elsewhere and self._agent.connect():
            self._greet()
        if self._vendor.busy:
            self._look_for_hang(now_ms)
        elif self._agent.connection is not None and self._may_read and self._outcome is None:
            self._touched = True
            self._ask(self._open_reader if self._reader is None else self._reader.read)

    def _wait(self, span_ms: int) -> None:
        """Sleep until the next tick, an answer, a command or a signal."""
        agent = self._agent.connection
        sockets = [end for end in (self._wake, agent) if end is not None]
        readable, _, _ = select.select(sockets, [], [], max(0, span_ms) / 1000)
        if self._wake in readable:
            self._wake.recv(WAKE_BYTES)
            answer = self._vendor.answer()
            if answer is not None:
                self._take_answer(answer)
        if agent in readable:
            for message in self._agent.received():
                self._obey(message)

    # Between this process and the vendor's library.

    def _ask(self, call: Callable[[], object]) -> None:
        """Have a call made in the vendor's thread."""
        self._asked_ms = self._clock()
        self._vendor.ask(call)

    def _take_answer(self, answer: Answer) -> None:
        """A batch goes to the agent, an opened reader is kept, a refusal is told of."""
        hung, self._hung = self._hung, False
        if hung:
            self._standing, took_ms = None, self._clock() - self._asked_ms
            self._notify(NoticeKind.ANSWERED, f"用时 {took_ms} 毫秒。after {took_ms} ms")
        if isinstance(answer.error, MeterError):
            self._driver_failed(str(answer.error))
        elif answer.error is not None:
            raise answer.error
        elif isinstance(answer.value, SampleBatch):
            if hung:
                # What it read is of an instant long gone, and nobody knows what the library is now.
                self._begin_anew(self._clock())
            elif self._outcome is None:
                self._agent.send(self._xids.added(answer.value))
                self._tell_unidentified()
        elif answer.value is not None:
            self._opened(answer.value)

    def _opened(self, value: object) -> None:
        """Keep what `open_reader` gave, and read at once. It may take long: that is no reason to
        do it again, unless somebody stands in by now."""
        reader: Reader = value  # type: ignore[assignment]  # the vendor thread carries any value
        self._reader = reader
        kind = self._settings.kind
        said = "回放负载，非实测：%s。Playing a workload, not measuring: %s"
        if kind is not MeterKind.REPLAY:
            said = "开始读取：%s。Reading by %s"
        logger.info(said, kind.name.lower(), kind.name.lower())
        if self._stand_in.runs:
            self._begin_anew(self._clock())
        self._tick(self._clock())

    def _look_for_hang(self, now_ms: int) -> None:
        """Tell once that a call does not return; have somebody stand in where that is safe."""
        if now_ms - self._asked_ms < self._settings.hung_ms:
            return
        if not self._hung:
            self._hung = True
            self._standing = self._notify(NoticeKind.HUNG, self._vendor.whereabouts())
        self._tell_xids(now_ms)
        if self._stand_in.wanted(now_ms, self._vendor.kernel_state()):
            said = "有调用未返回，由进程 %d 代读。A call hangs; that process stands in"
            logger.warning(said, self._stand_in.start())
            self._notify(NoticeKind.RESUMED, "由另一进程代读。another process stands in")
            self._agent.close()

    def _driver_failed(self, detail: str) -> None:
        """Tell why, and have a new process begin a little later."""
        logger.warning("驱动失效。The driver failed: %s", detail)
        if self._outcome is None:
            self._standing = self._notify(NoticeKind.DRIVER, detail)
            self._tell_xids(self._clock())
            self._begin_anew(self._clock() + self._settings.retry_ms)

    def _tell_xids(self, now_ms: int) -> None:
        """Tell what the kernel says of errors while the library says nothing."""
        batch = self._xids.alone(now_ms)
        if batch is not None and not self._stand_in.runs:
            self._agent.send(batch)

    def _tell_unidentified(self) -> None:
        """Tell of devices the driver counts but cannot name, whenever that changes."""
        unidentified = () if self._reader is None else self._reader.unidentified
        if unidentified != self._unidentified:
            self._unidentified = unidentified
            self._notify(NoticeKind.UNIDENTIFIED, together(unidentified))

    # Between this process and the agent.

    def _greet(self) -> None:
        """Tell an agent that opened who speaks and how things stand; it says whether to read."""
        settings = self._settings
        self._agent.send(
            Hello(pid=settings.pid, kind=settings.kind, cadence_ms=settings.cadence_ms)
        )
        if self._standing is not None:
            self._agent.send(self._standing)
        self._unidentified = ()
        self._may_read = False
        self._greeted()

    def _notify(self, kind: NoticeKind, detail: str) -> Notice:
        notice = Notice(boottime_ms=self._clock(), kind=kind, detail=detail)
        self._agent.send(notice)
        return notice

    def _obey(self, message: AgentMessage) -> None:
        """Read, or let the devices go and leave them alone until told to read."""
        self._may_read = isinstance(message, Resume)
        if isinstance(message, Resume):
            self._xids.resume(message.kernel_sequence)
            self._tick(self._clock())
        elif self._touched:
            self._begin_anew(self._clock())
        elif self._settings.stands_in:
            pid = self._settings.parent_pid
            detail = (
                f"进程 {pid} 在等待对驱动的调用。process {pid} waits for a call into the driver"
            )
            self._notify(NoticeKind.HUNG, detail)
        else:
            self._notify(NoticeKind.RELEASED, "")
