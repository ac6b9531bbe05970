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
from kashi_agent.errors import AgentError, KeyTokenError
from kashi_agent.meter_child import MeterChild
from kashi_agent.meter_watch import MeterView, MeterWatch
from kashi_agent.notify import Notifier
from kashi_agent.recorder import SPOOL_REFUSES
from kashi_agent.sample import SampleBatch
from kashi_agent.shipping import Answer, Batch, Wire
from kashi_agent.status import AgentStatus
from kashi_agent.timer_slack import allow_late_timeouts

TICK_SECONDS: Final = 1.0
SHIP_JITTER_MS: Final = 20_000
SEALED_A_TICK_MAX: Final = 16
"""Reports sealed at once: a backlog is worked off in pieces, samples come in between."""

KEY_RETRY_MS: Final = 30_000
"""Between two tries to have a key token sign that does not: nobody else is asked."""

DRAIN_SECONDS: Final = 5.0
UNSEALED: Final = f"{SPOOL_REFUSES}封存的报告。The spool takes no sealed report"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often what happens; `random` spreads hosts."""

    interval_ms: int
    tick_seconds: float = TICK_SECONDS
    random: Random = field(default_factory=Random)


@dataclass(slots=True, kw_only=True)
class Daemon:
    """Runs an agent until it is told to stop."""

    agent: Agent
    watch: MeterWatch
    wire: Wire
    notifier: Notifier
    publish: Callable[[MeterView], AgentStatus]
    pace: Pace
    child: MeterChild | None = None
    show: Callable[[SampleBatch], None] = lambda _batch: None
    _shown: SampleBatch | None = None
    _network: ThreadPoolExecutor = field(init=False)
    _flying: tuple[Batch, Future[Answer]] | None = None
    _ship_at_ms: int = 0
    _wake: socket.socket = field(init=False)
    _woken: socket.socket = field(init=False)
    _stopping: bool = False
    _ready_told: bool = False
    _complaints: Complaints = field(default_factory=lambda: Complaints(logger))
    _unsigned: Complaints = field(default_factory=lambda: Complaints(logger))

    def __post_init__(self) -> None:
        """Make ready the thread that waits for the network, and the bell that wakes the loop."""
        self._network = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix="wire", initializer=allow_late_timeouts
        )
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)

    def stop(self) -> None:
        """Ask the loop to end; safe in a signal handler and in another thread."""
        self._stopping = True
        self._ring()

    def run(self) -> None:
        """Run until `stop`; then write and seal what is left and try once to deliver it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.watch, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping:
                self._turn(selector)
        self._drain()

    def handle_signals(self) -> None:
        """End on SIGTERM and SIGINT. Only in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def _turn(self, selector: selectors.BaseSelector) -> None:
        if self.child is not None:
            self.child.keep(self._now())
        selector.select(self.pace.tick_seconds)
        self._quiet()
        self.watch.turn()
        self._show_batch()
        self._write()
        self._land()
        self._launch()

    def _show_batch(self) -> None:
        """For the eye: what is not shown costs nothing but a look."""
        batch = self.watch.view.batch
        if batch is not None and batch is not self._shown:
            self._shown = batch
            self.show(batch)

    def _write(self) -> None:
        if not self.agent.recorder.due(self._now()):
            return
        durable = self.agent.record()
        status = self.publish(self.watch.view)
        if durable:
            self._complaints.settle()
        else:
            self._complaints.tell(self.agent.recorder.last_trouble, self._now())
        # A disk that refuses is no reason to be killed: what waits in memory would be lost with it.
        tell = self.notifier.alive if self._ready_told else self.notifier.ready
        tell(status.line)
        self._ready_told = True

    def _launch(self) -> None:
        """Send the next batch, if it is time and none is on its way."""
        if self._flying is not None or self._now() < self._ship_at_ms:
            return
        try:
            batch = self.agent.shipper.prepare(SEALED_A_TICK_MAX)
        except KeyTokenError as error:  # what is measured waits in the journal for a signature
            self._unsigned.tell(str(error), self._now())
            self._ship_at_ms = self._now() + KEY_RETRY_MS
            return
        except (OSError, ValueError) as error:  # whatever cannot be sealed: metering goes on
            self._retry(AgentError(f"{UNSEALED}: {error}"))
            return
        if batch is None:
            self.agent.spool.free()
            self._ship_at_ms = self._next_interval_ms()
            return
        flying = self._network.submit(self.wire.submit, batch.wires)
        flying.add_done_callback(lambda _: self._ring())
        self._flying = (batch, flying)

    def _land(self) -> None:
        """Take the answer that has come."""
        if self._flying is None or not self._flying[1].done():
            return
        (batch, flying), self._flying = self._flying, None
        try:
            self.agent.shipper.absorb(batch, flying.result(), self.agent.clock.utc_ms())
        except (AgentError, OSError) as error:
            self._retry(error)

    def _retry(self, error: Exception) -> None:
        delay_s = self.agent.shipper.failed(error)
        self._ship_at_ms = self._now() + int(delay_s * 1000)
        logger.warning("%s（%.1f 秒后重试 trying again）", error, delay_s)

    def _next_interval_ms(self) -> int:
        """Some seconds into the next interval of the label, so that hosts do not come at once."""
        clock, interval_ms = self.agent.clock, self.pace.interval_ms
        passed_ms = clock.utc_ms() % interval_ms
        spread_ms = min(SHIP_JITTER_MS, interval_ms // 4)
        jitter_ms = self.pace.random.randrange(spread_ms // 4, spread_ms)
        return self._now() + interval_ms - passed_ms + jitter_ms

    def _drain(self) -> None:
        self.notifier.stopping()
        if self.child is not None:
            self.child.stop()
        if self._flying is not None:
            self._finish_flight()
        try:
            self.agent.finish()
            batch = self.agent.shipper.prepare() if self.agent.shipper.knows_server else None
            if batch is not None:
                self._flying = (batch, self._network.submit(self.wire.submit, batch.wires))
                self._finish_flight()
        except (KeyTokenError, OSError, ValueError) as error:
            logger.warning("%s: %s", UNSEALED, error)
        self._network.shutdown(wait=False, cancel_futures=True)
        self.publish(self.watch.view)
        self.watch.close()
        self._wake.close()
        self._woken.close()
        self.agent.close()

    def _finish_flight(self) -> None:
        assert self._flying is not None
        (batch, flying), self._flying = self._flying, None
        try:
            answer = flying.result(timeout=DRAIN_SECONDS)
            self.agent.shipper.absorb(batch, answer, self.agent.clock.utc_ms())
        except (AgentError, OSError) as error:
            self.agent.shipper.failed(error)
            logger.warning("结束前未能送达。Not delivered before the end: %s", error)

    def _now(self) -> int:
        return self.agent.clock.boottime_ms()

    def _ring(self) -> None:
        with suppress(OSError):  # it is ringing already, or the loop has ended
            self._wake.send(b"\0")

    def _quiet(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                continue
