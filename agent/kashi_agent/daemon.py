"""The agent process: samples in from the meter's socket, reports out over the wire.

One thread owns everything; a second one only waits for the network, so that no outage and no
backlog delays a sample. The loop runs at its own pace: it wakes for samples, for answers and for
signals, writes what is due, and tells the service manager after each write how it went: durable,
or refused by the disk with its reason. A loop that stands still tells nothing, and is killed.
"""

import logging
import selectors
import signal
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

from kashi_agent.agent import Agent
from kashi_agent.complaints import Complaints
from kashi_agent.errors import AgentError
from kashi_agent.meter_child import MeterChild
from kashi_agent.meter_watch import MeterView, MeterWatch
from kashi_agent.notify import Notifier
from kashi_agent.sample import SampleBatch
from kashi_agent.shipping import Answer, Batch, Wire
from kashi_agent.status import AgentStatus
from kashi_agent.timer_slack import allow_late_timeouts

TICK_SECONDS: Final = 1.0
SHIP_JITTER_MS: Final = 20_000
SEALED_A_TICK_MAX: Final = 16
"""Reports sealed at once: a backlog is worked off in pieces, samples come in between."""

DRAIN_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often what happens; `random` spreads hosts."""

    interval_ms: int
    tick_seconds: float = TICK_SECONDS
    random: Random = field(default_factory=Random)


class Daemon:
    """Runs an agent until it is told to stop."""

    def __init__(
        self,
        *,
        agent: Agent,
        watch: MeterWatch,
        wire: Wire,
        notifier: Notifier,
        publish: Callable[[MeterView], AgentStatus],
        pace: Pace,
        child: MeterChild | None = None,
        show: Callable[[SampleBatch], None] = lambda _batch: None,
    ) -> None:
        self._show = show
        self._shown: SampleBatch | None = None
        self._agent = agent
        self._watch = watch
        self._wire = wire
        self._notifier = notifier
        self._publish = publish
        self._pace = pace
        self._child = child
        self._network = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix="wire", initializer=allow_late_timeouts
        )
        self._flying: tuple[Batch, Future[Answer]] | None = None
        self._ship_at_ms = agent.clock.boottime_ms()
        self._wake, self._woken = socket.socketpair()
        self._stopping = False
        self._ready_told = False
        self._complaints = Complaints(logger)
        for end in (self._wake, self._woken):
            end.setblocking(False)

    def stop(self) -> None:
        """Ask the loop to end; safe in a signal handler and in another thread."""
        self._stopping = True
        self._ring()

    def run(self) -> None:
        """Run until `stop`; then write and seal what is left and try once to deliver it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._watch, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping:
                self._turn(selector)
        self._drain()

    def handle_signals(self) -> None:
        """End on SIGTERM and SIGINT. Only in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def _turn(self, selector: selectors.BaseSelector) -> None:
        if self._child is not None:
            self._child.keep(self._now())
        selector.select(self._pace.tick_seconds)
        self._quiet()
        self._watch.turn()
        self._show_batch()
        self._write()
        self._land()
        self._launch()

    def _show_batch(self) -> None:
        """For the eye: what is not shown costs nothing but a look."""
        batch = self._watch.view.batch
        if batch is not None and batch is not self._shown:
            self._shown = batch
            self._show(batch)

    def _write(self) -> None:
        if not self._agent.recorder.due(self._now()):
            return
        durable = self._agent.record()
        status = self._publish(self._watch.view)
        if durable:
            self._complaints.settle()
        else:
            self._complaints.tell(self._agent.recorder.last_trouble, self._now())
        # A disk that refuses is no reason to be killed: what waits in memory would be lost with it.
        tell = self._notifier.alive if self._ready_told else self._notifier.ready
        tell(status.line)
        self._ready_told = True

    def _launch(self) -> None:
        """Send the next batch, if it is time and none is on its way."""
        if self._flying is not None or self._now() < self._ship_at_ms:
            return
        try:
            batch = self._agent.shipper.prepare(SEALED_A_TICK_MAX)
        except OSError as error:
            self._retry(AgentError(f"the spool takes no sealed report: {error}"))
            return
        if batch is None:
            self._agent.spool.free()
            self._ship_at_ms = self._next_interval_ms()
            return
        flying = self._network.submit(self._wire.submit, batch.wires)
        flying.add_done_callback(lambda _: self._ring())
        self._flying = (batch, flying)

    def _land(self) -> None:
        """Take the answer that has come."""
        if self._flying is None or not self._flying[1].done():
            return
        (batch, flying), self._flying = self._flying, None
        try:
            self._agent.shipper.absorb(batch, flying.result(), self._agent.clock.utc_ms())
        except (AgentError, OSError) as error:
            self._retry(error)

    def _retry(self, error: Exception) -> None:
        delay_s = self._agent.shipper.failed(error)
        self._ship_at_ms = self._now() + int(delay_s * 1000)
        logger.warning("%s; trying again in %.1f s", error, delay_s)

    def _next_interval_ms(self) -> int:
        """Some seconds into the next interval of the label, so that hosts do not come at once."""
        clock, interval_ms = self._agent.clock, self._pace.interval_ms
        passed_ms = clock.utc_ms() % interval_ms
        spread_ms = min(SHIP_JITTER_MS, interval_ms // 4)
        jitter_ms = self._pace.random.randrange(spread_ms // 4, spread_ms)
        return self._now() + interval_ms - passed_ms + jitter_ms

    def _drain(self) -> None:
        self._notifier.stopping()
        if self._child is not None:
            self._child.stop()
        if self._flying is not None:
            self._finish_flight()
        try:
            self._agent.finish()
            batch = self._agent.shipper.prepare() if self._agent.shipper.knows_server else None
            if batch is not None:
                self._flying = (batch, self._network.submit(self._wire.submit, batch.wires))
                self._finish_flight()
        except OSError as error:
            logger.warning("the spool takes no sealed report: %s", error)
        self._network.shutdown(wait=False, cancel_futures=True)
        self._publish(self._watch.view)
        self._watch.close()
        self._wake.close()
        self._woken.close()
        self._agent.close()

    def _finish_flight(self) -> None:
        assert self._flying is not None
        (batch, flying), self._flying = self._flying, None
        try:
            answer = flying.result(timeout=DRAIN_SECONDS)
            self._agent.shipper.absorb(batch, answer, self._agent.clock.utc_ms())
        except (AgentError, OSError) as error:
            self._agent.shipper.failed(error)
            logger.warning("not delivered before the end: %s", error)

    def _now(self) -> int:
        return self._agent.clock.boottime_ms()

    def _ring(self) -> None:
        with suppress(OSError):  # it is ringing already, or the loop has ended
            self._wake.send(b"\0")

    def _quiet(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                continue
