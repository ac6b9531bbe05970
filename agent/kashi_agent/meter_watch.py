"""What the agent hears of its meter, and what it lets the meter do: read, or leave the devices.

Everything that keeps samples from coming becomes a reason for the gap that follows, and an event.
A meter reads nothing and opens nothing before it was told to; so a release is one answer to its
greeting, and it is confirmed by a process that has never opened the vendor's library.
"""

import logging
import selectors
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kashi_agent.clock import Clock
from kashi_agent.complaints import Complaints
from kashi_agent.errors import MeterError
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import (
    AgentMessage,
    Hello,
    MeterMessage,
    Notice,
    NoticeKind,
    Release,
    Resume,
)
from kashi_agent.meter_socket import (
    AskedConnection,
    CommandListener,
    MeterConnection,
    MeterListener,
)
from kashi_agent.metering import Metering
from kashi_agent.reading import GapReason, HostEventKind
from kashi_agent.released import ReleaseBook
from kashi_agent.sample import SampleBatch

SILENT_MS: Final = 15_000
"""A connected meter that says nothing for so long, and for three of its own cadences, hangs,
whatever it thinks of itself."""

AHEAD_MS_MAX: Final = 1_000
"""How far a sample may lie ahead of our own look at the clock."""

CONFIRM_MS: Final = 10_000
"""How long a meter gets to let the devices go, or to come and say that it has not touched them."""

_GAPS: Final = {
    NoticeKind.HUNG: GapReason.METER_HUNG,
    NoticeKind.DRIVER: GapReason.METER_DOWN,
    NoticeKind.STOPPING: GapReason.METER_DOWN,
}
"""Why no samples come after a notice."""

_EVENTS: Final = {
    NoticeKind.HUNG: HostEventKind.METER_HUNG,
    NoticeKind.DRIVER: HostEventKind.DRIVER,
    NoticeKind.UNIDENTIFIED: HostEventKind.DRIVER,
}
"""What a notice is to whoever reads the report."""

_TROUBLES: Final = (NoticeKind.DRIVER, NoticeKind.HUNG, NoticeKind.UNIDENTIFIED)
"""Notices whose detail is the cause of what is not measured."""

_LEAVING: Final = (NoticeKind.STOPPING, NoticeKind.RELEASED, NoticeKind.RESUMED)
"""Notices after which a meter that goes has not crashed."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class MeterView:
    """What is known of the meter process."""

    state: str = "not connected"
    notice: NoticeKind | None = None
    samples: int = 0
    devices: int = 0
    heard_boottime_ms: int = 0
    silent: bool = False
    released_until_utc_ms: int | None = None
    batch: SampleBatch | None = None
    unidentified: str = ""
    kind: str = ""


class MeterWatch:
    """The meter's connection, the commands about it, and what both mean for the metering."""

    def __init__(
        self,
        *,
        metering: Metering,
        clock: Clock,
        listener: MeterListener,
        commands: CommandListener,
        book: ReleaseBook,
        silent_ms: int = SILENT_MS,
        publish: Callable[[MeterView], object] = lambda _view: None,
    ) -> None:
        """`publish`: shows the view to whoever looks, before a command about it is answered."""
        self._metering = metering
        self._clock = clock
        self._listener = listener
        self._commands = commands
        self._book = book
        self._silent_ms = silent_ms
        self._publish = publish
        self._meter: MeterConnection | None = None
        self._hello: Hello | None = None
        self._command: AskedConnection | None = None
        self._confirm_by_ms = self._now() + CONFIRM_MS if book.stands else None
        self._to_note = True
        self._kernel_sequence = 0
        self._asked = "代理重启之前已要求。before the agent was restarted"
        self._complaints = Complaints(logger)
        self._selector = selectors.EpollSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(commands, selectors.EVENT_READ, self._accept_command)
        self.view = MeterView(heard_boottime_ms=self._now())
        self._show_release()

    def fileno(self) -> int:
        """For selectors: readable when there is something to hear."""
        return self._selector.fileno()

    def turn(self) -> None:
        """Hear what there is, and see what has become late."""
        for key, _ in self._selector.select(0):
            key.data()
        self._watch_silence()
        self._watch_release()

    def close(self) -> None:
        """Hang up on everybody."""
        for end in (self._meter, self._command, self._listener, self._commands, self._selector):
            if end is not None:
                end.close()

    # The meter.

    def _accept(self) -> None:
        connection = self._listener.accept(0)
        if connection is None:
            return
        if self._meter is not None:
            self._lose("已由较新的计量进程取代。a newer meter took its place")
        self._meter = connection
        self._selector.register(connection, selectors.EVENT_READ, self._hear)

    def _hear(self) -> None:
        """Take every message that is there."""
        try:
            while self._meter is not None and (message := self._meter.receive(0)) is not None:
                self.view.heard_boottime_ms = self._now()
                self.view.silent = False
                self._take(message)
        except (MeterError, LinkError) as error:
            self._lose(str(error))

    def _take(self, message: MeterMessage) -> None:
        view = self.view
        match message:
            case SampleBatch(samples=()) if view.notice is not None:
                # The kernel's word on an error, beside a driver that does not answer.
                self._measure(message)
            case SampleBatch():
                self._measure(message)
                view.samples += len(message.samples)
                view.devices, view.kind = len(message.samples), message.meter.kind.name.lower()
                if view.state != "measuring":
                    self._complaints.settle()
                view.state, view.notice, view.batch = "measuring", None, message
            case Hello():
                view.state, view.notice = "connected", None
                self._hello = message
                self._let_read()
            case Notice(kind=kind, detail=detail):
                self._notice(kind, detail)

    def _measure(self, batch: SampleBatch) -> None:
        self._check_time(batch)
        self._metering.observe(batch)
        self._kernel_sequence = batch.kernel_sequence or self._kernel_sequence

    def _let_read(self) -> None:
        """Tell the meter to read, or for how long it must not."""
        if self._book.stands:
            self._tell(Release(duration_ms=max(1, self._book.left_ms)))
        elif self._hello is not None:
            pid, cadence_ms = self._hello.pid, self._hello.cadence_ms
            started = (
                f"进程号 {pid}，每 {cadence_ms} 毫秒采样。pid {pid}, looks every {cadence_ms} ms"
            )
            self._metering.note(HostEventKind.METER_STARTED, started)
            self._tell(Resume(kernel_sequence=self._kernel_sequence))

    def _tell(self, message: AgentMessage) -> None:
        try:
            if self._meter is not None:
                self._meter.send(message)
        except MeterError as error:
            self._lose(str(error))

    def _check_time(self, batch: SampleBatch) -> None:
        """Both processes read one clock: a sample from the future is a mistake, and would settle
        time that has not passed."""
        ahead_ms = batch.boottime_ms - self._now()
        if ahead_ms > AHEAD_MS_MAX:
            what = f"晚于当前 {ahead_ms} 毫秒。It lies {ahead_ms} ms in the future"
            raise LinkError(what, "batch.boottime_ms")

    def _notice(self, kind: NoticeKind, detail: str) -> None:
        if kind is NoticeKind.RELEASED:
            if self._book.stands:  # else nobody asked for it: no word of a meter excuses a gap
                self._confirm(detail)
            return
        self._show(kind, detail)
        if kind is NoticeKind.UNIDENTIFIED:
            self.view.unidentified = detail
        if kind in _TROUBLES and detail:
            what = f"没有在计量。The meter does not measure: {self.view.state}"
            self._complaints.tell(what, self._now())
        if kind in _GAPS:
            self._metering.interrupt(_GAPS[kind])
        if kind in _EVENTS:
            again = "所有设备重新给出标识。all devices tell their id again"
            self._metering.note(_EVENTS[kind], detail or again)
        if kind is NoticeKind.HUNG and self._book.stands:
            self._answer(kind, detail)

    def _show(self, kind: NoticeKind, detail: str) -> None:
        self.view.state = f"{kind}: {detail}" if detail else str(kind)
        self.view.notice = kind

    def _lose(self, why: str) -> None:
        if self._meter is None:
            return
        self._selector.unregister(self._meter)
        self._meter.close()
        self._meter = self._hello = None
        notice, self.view.notice = self.view.notice, None
        self.view.state = f"not connected: {why}"
        if notice not in _LEAVING:
            self._metering.interrupt(GapReason.METER_DOWN)
            self._metering.note(HostEventKind.METER_CRASHED, why)
        # One that begins anew after a failure said why it failed; that it leaves is no news.
        if notice is not NoticeKind.RESUMED:
            self._complaints.tell(f"计量进程已离开。The meter is gone: {why}", self._now())

    def _watch_silence(self) -> None:
        """A meter that is connected and says nothing hangs: the gap says so from its last word."""
        view, hello = self.view, self._hello
        patience_ms = max(self._silent_ms, 3 * hello.cadence_ms) if hello else self._silent_ms
        if self._meter is None or view.silent or self._now() - view.heard_boottime_ms < patience_ms:
            return
        view.silent = True
        if view.state == "measuring" or (view.state == "connected" and not self._book.stands):
            view.state = "silent"
            self._metering.interrupt(GapReason.METER_HUNG)
            silent = "计量进程无声。the meter process is silent"
            self._metering.note(HostEventKind.METER_HUNG, silent)

    # The release.

    def _accept_command(self) -> None:
        """One caller at a time: the newest."""
        connection = self._commands.accept(0)
        if connection is not None:
            self._end_command()
            self._command = connection
            self._selector.register(connection, selectors.EVENT_READ, self._hear_command)

    def _hear_command(self) -> None:
        try:
            message = None if self._command is None else self._command.receive(0)
        except (MeterError, LinkError) as error:
            logger.info("命令无法理解。A command was not understood: %s", error)
            self._end_command()
            return
        match message:
            case Release(duration_ms=duration_ms):
                self._release(duration_ms)
            case Resume():
                self._resume()

    def _release(self, duration_ms: int) -> None:
        assert self._command is not None
        seconds, user = duration_ms // 1000, self._command.peer_uid()
        self._asked = f"{seconds} 秒，由用户 {user} 要求。for {seconds} s, by user {user}"
        self._book.begin(duration_ms)
        self._to_note = True
        self._confirm_by_ms = self._now() + CONFIRM_MS
        self._show_release()
        logger.info("将释放设备。The devices are to be released %s", self._asked)
        self._let_read()
        if self.view.notice is NoticeKind.HUNG:
            self._answer(NoticeKind.HUNG, self.view.state)

    def _confirm(self, detail: str) -> None:
        """The devices are free. The event is noted once a request, however many meters come."""
        self._show(NoticeKind.RELEASED, self._asked)
        self._metering.interrupt(GapReason.RELEASED)
        if self._to_note:
            self._metering.note(HostEventKind.METER_RELEASED, self._asked)
        self._to_note = False
        self._confirm_by_ms = None
        self._answer(NoticeKind.RELEASED, detail)

    def _resume(self) -> None:
        """Take the devices up again."""
        if self._book.stands:
            logger.info("设备恢复计量。The devices are measured again")
            self._book.end()
            self._confirm_by_ms = None
            self._show_release()
            self._end_excuse()
            self._let_read()
        self._answer(NoticeKind.RESUMED, "")

    def _end_excuse(self) -> None:
        """What keeps samples from coming from now on is no release any more."""
        view = self.view
        view.heard_boottime_ms, view.silent = self._now(), False
        if view.notice is NoticeKind.RELEASED:
            view.state, view.notice = "connected", None
        if self._meter is None:
            view.state = "not connected"
            self._metering.interrupt(GapReason.METER_DOWN)

    def _watch_release(self) -> None:
        if self._book.stands and not self._book.left_ms:
            self._resume()
        elif self._confirm_by_ms is not None and self._now() >= self._confirm_by_ms:
            if self._meter is None:
                self._confirm("没有计量进程连接。no meter is connected")
            else:
                self._confirm_by_ms = None
                self._answer(NoticeKind.HUNG, self.view.state)

    def _answer(self, kind: NoticeKind, detail: str) -> None:
        """Show how it went, and tell the command, if one waits."""
        self._publish(self.view)
        try:
            if self._command is not None:
                self._command.send(Notice(boottime_ms=self._now(), kind=kind, detail=detail))
        except MeterError as error:
            logger.info("命令未等到答复。A command did not wait for its answer: %s", error)
        self._end_command()

    def _end_command(self) -> None:
        if self._command is not None:
            self._selector.unregister(self._command)
            self._command.close()
            self._command = None

    def _show_release(self) -> None:
        until = self._clock.utc_ms() + self._book.left_ms
        self.view.released_until_utc_ms = until if self._book.stands else None

    def _now(self) -> int:
        return self._clock.boottime_ms()
