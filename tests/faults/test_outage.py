"""The server is away for an hour of an injected clock; the daemon's own pace brings all of it back.

The daemon, its socket to the meter, its spool on disk, the wire and the serving process are real.
Only time is not: the daemon's loop is turned by hand, five simulated seconds at a turn, so that its
intervals, its jitter and its backoff play out in seconds.
"""

import os
import selectors
import socket
import tempfile
from collections.abc import Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from fixtures_server import KashiServer
from kashi.v1 import report_pb2
from kashi_agent.agent import Agent
from kashi_agent.carrier import Carrier
from kashi_agent.daemon import Daemon, Pace
from kashi_agent.enrolment import recover
from kashi_agent.errors import UnreachableError
from kashi_agent.meter_link import Hello, encode_message
from kashi_agent.meter_socket import CommandListener, MeterListener
from kashi_agent.meter_watch import MeterView, MeterWatch
from kashi_agent.notify import Notifier
from kashi_agent.released import ReleaseBook
from kashi_agent.sample import Meter, MeterKind, Observation, Sample, SampleBatch
from kashi_agent.shipping import RECEIPTED, Answer
from kashi_agent.shipping_wire import GrpcWire
from kashi_agent.status import AgentStatus, Setting, status_of
from kashi_server.bootstrap import opened
from prepared_host import MINUTE_MS, NOT_TOLD, PreparedHost, prepared_host
from stored_books import books_of, differences, stored_reports

from deploy.demo.manual_clock import ManualClock

STEP_MS = 5_000
INTERVAL_MS = 300_000
CALL_SECONDS = 60
METER = Meter(kind=MeterKind.NVML, cadence_ms=STEP_MS)


@dataclass(slots=True)
class WatchedWire:
    """The real carrier; it notes when which report was taken, on the simulated clock."""

    carrier: Carrier[GrpcWire]
    clock: ManualClock
    failures: int = 0
    taken_utc_ms: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """(epoch, sequence) -> (end of what it speaks of, when the server took it)."""

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Over to the server."""
        try:
            answer = self.carrier.submit(reports)
        except UnreachableError:
            self.failures += 1
            raise
        for wire, result in zip(reports, answer.results, strict=True):
            assert result.verdict in RECEIPTED, result
            header = report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)
            ends_utc_ms = header.segment.anchor_utc_ms + header.end_boottime_ms
            place = (header.epoch, header.sequence)
            self.taken_utc_ms.setdefault(place, (ends_utc_ms, self.clock.utc))
        return answer


@dataclass(slots=True, kw_only=True)
class SimulatedDaemon:
    """A daemon whose loop is turned by hand, and the meter that speaks to it."""

    host: PreparedHost
    wire: WatchedWire
    daemon: Daemon
    selector: selectors.BaseSelector
    meter: socket.socket
    said: list[tuple[int, int]] = field(default_factory=list)
    """(boottime, utilisation) of every reading."""

    def live(self, minutes: int) -> None:
        """Let time pass: a reading and a turn of the loop every five seconds."""
        for _ in range(minutes * MINUTE_MS // STEP_MS):
            self.host.clock.advance(STEP_MS)
            self.meter.sendall(encode_message(self._reading()))
            self.daemon._turn(self.selector)
            if self.daemon._flying is not None:
                # A call takes no simulated time of its own: its answer is there at the next turn.
                futures.wait([self.daemon._flying[1]], timeout=CALL_SECONDS)

    def _reading(self) -> SampleBatch:
        now = self.host.clock.boottime
        utilisation_ppm = now * 7_919 % 1_000_001
        self.said.append((now, utilisation_ppm))
        seen = Observation(
            utilisation_ppm=utilisation_ppm,
            energy_counter_mj=now,
            power_mw=NOT_TOLD,
            memory_used_bytes=1 << 30,
            holders=frozenset(),
        )
        samples = tuple(Sample(device=device, seen=seen) for device in self.host.devices)
        return SampleBatch(boottime_ms=now, meter=METER, samples=samples)

    @property
    def utilised_ns(self) -> int:
        """What the readings add up to, each holding until the next, by plain arithmetic."""
        return STEP_MS * sum(utilisation for _, utilisation in self.said[:-1])


@pytest.fixture
def simulated(pinned: KashiServer, tmp_path: Path) -> Iterator[SimulatedDaemon]:
    """A daemon of an enrolled host, on its injected clock, with its meter connected."""
    host = prepared_host(pinned, tmp_path / "host", seed="outage")
    # Not tmp_path: a Unix socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="kashi-outage-") as short:
        carrier = Carrier(
            store=host.store,
            connect=GrpcWire,
            recover=recover,
            utc_ms=host.clock.utc_ms,
            random=Random(1),
        )
        listener = MeterListener(Path(short) / "meter.sock")
        watch = MeterWatch(
            metering=host.agent.metering,
            clock=host.clock,
            listener=listener,
            commands=CommandListener(Path(short) / "meter.release"),
            book=ReleaseBook(Path(short) / "release.json", host.clock),
        )
        wire = WatchedWire(carrier, host.clock)
        daemon = Daemon(
            agent=host.agent,
            watch=watch,
            wire=wire,
            notifier=Notifier({}),
            publish=lambda view: shown(host.agent, view),
            pace=Pace(interval_ms=INTERVAL_MS, random=Random(2)),
        )
        meter = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with meter, selectors.DefaultSelector() as selector:
            selector.register(watch, selectors.EVENT_READ)
            selector.register(daemon._woken, selectors.EVENT_READ)
            meter.connect(os.fspath(listener.path))
            hello = Hello(pid=os.getpid(), kind=MeterKind.NVML, cadence_ms=STEP_MS)
            meter.sendall(encode_message(hello))
            daemon._turn(selector)
            yield SimulatedDaemon(
                host=host, wire=wire, daemon=daemon, selector=selector, meter=meter
            )
        carrier.close()


def shown(agent: Agent, view: MeterView) -> AgentStatus:
    """What the daemon would write about itself."""
    setting = Setting(
        pid=os.getpid(),
        version="",
        host_id="",
        operator_party_id="",
        metering_address="",
        demo=True,
        started_utc_ms=0,
    )
    return status_of(agent, setting, view, None)


def test_an_hour_without_the_server_delays_nothing_after_it(
    pinned: KashiServer, simulated: SimulatedDaemon
) -> None:
    """Ten minutes with the server, sixty without, forty with it again: every millisecond and every
    nanosecond of utilisation is there once, without a gap; the hour is caught up within ten
    minutes, and what was measured since the server is back never waits for two intervals."""
    host, wire = simulated.host, simulated.wire
    simulated.live(10)
    pinned.kill()
    away_utc_ms = host.clock.utc
    simulated.live(60)
    pinned.start()
    back_utc_ms = host.clock.utc
    simulated.live(40)
    simulated.daemon._drain()

    assert wire.failures >= 10, "the daemon hardly tried"
    missed = [taken for end, taken in wire.taken_utc_ms.values() if away_utc_ms < end < back_utc_ms]
    assert len(missed) >= 11
    assert min(missed) >= back_utc_ms
    assert max(missed) <= back_utc_ms + 2 * INTERVAL_MS
    live = [(end, taken) for end, taken in wire.taken_utc_ms.values() if end >= back_utc_ms]
    assert len(live) >= 7
    assert all(taken - end < 2 * INTERVAL_MS for end, taken in live), live
    with opened(pinned.directory) as inside:
        assert differences(inside) == []
        reports = stored_reports(inside.work, host.host_id)
    assert {one.verdict for one in reports} == {1}
    books = books_of(one.wire for one in reports)
    assert len(books) == len(host.devices)
    for one in books.values():
        one.check()
        assert one.gaps == []
        assert one.elapsed_ms == (len(simulated.said) - 1) * STEP_MS == one.observed_ms
        assert one.utilised_ns == simulated.utilised_ns
