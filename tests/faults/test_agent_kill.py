"""The real agent process, killed twenty times at random points while a meter reads on.

The meter here is the test's own: it speaks the real protocol over the real socket and remembers
what it said, so the truth is known to the millisecond. The server is a real one.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from fixtures_identity import PARTY
from fixtures_server import KashiServer
from kashi_agent.clock import SystemClock
from kashi_agent.enrolment import EnrolmentToken, enrol, host_facts
from kashi_agent.identity import Host, IdentityStore
from kashi_agent.meter_link import Hello, encode_message
from kashi_agent.meter_socket import connected
from kashi_agent.reading import DeviceMinutes, GapReason
from kashi_agent.sample import (
    Device,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)
from kashi_agent.shipping_wire import GrpcWire
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.unsealing import unseal
from kashi_agent.verification import audit_spool

KILLS = 20
CADENCE_MS = 100
FLUSH_MS = 10_000
SETTLE_SECONDS = 60
RESTART_MS_MAX = 20_000
DEVICES = tuple(
    Device(vendor=Vendor.NVIDIA, hardware_id=f"GPU-{n}", model="Test H100", meter=MeterKind.NVML)
    for n in range(2)
)

Interval = tuple[int, int]


@dataclass(slots=True)
class TruthfulMeter:
    """Reads every 100 ms whether or not an agent listens; `said` is (instant, utilisation)."""

    socket_path: Path
    said: list[tuple[int, int]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(SETTLE_SECONDS)

    def _run(self) -> None:
        clock = SystemClock()
        hello = Hello(pid=os.getpid(), kind=MeterKind.NVML, cadence_ms=CADENCE_MS)
        connection = None
        while not self._stop.wait(CADENCE_MS / 1000):
            if connection is None:
                connection = connected(self.socket_path, lambda _why: None)
                if connection is None:
                    continue
                connection.settimeout(None)
                connection.sendall(encode_message(hello))
            now = clock.boottime_ms()
            # It changes with every reading: any reading lost, doubled or moved shows in the sum.
            utilisation = now * 7_919 % 1_000_001
            try:
                connection.sendall(encode_message(_batch(now, utilisation)))
            except OSError:
                connection.close()
                connection = None
            self.said.append((now, utilisation))
        if connection is not None:
            connection.close()


@dataclass(slots=True)
class RunningAgent:
    """`kashi-agent run`, again and again."""

    settings: Path
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it; does not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kashi_agent.cli", "run", "--config", str(self.settings)],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(SETTLE_SECONDS)

    def stop(self) -> int:
        """SIGTERM, and wait until it has drained; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SETTLE_SECONDS)


@pytest.fixture
def server(server_home: KashiServer) -> KashiServer:
    """A production server on SQLite, serving."""
    server_home.init("--organisation", "Test", "--address", "localhost")
    server_home.start()
    return server_home


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """A Unix socket's path may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="kashi-kill-") as folder:
        yield Path(folder) / "meter.sock"


def test_twenty_kills_lose_only_what_is_said(
    server: KashiServer, socket_path: Path, tmp_path: Path
) -> None:
    """observed + gap = elapsed, observed equals the truth outside gaps, nothing is doubled, every
    gap is at most 10 s and the restart, and the server has it all."""
    store = IdentityStore(tmp_path / "state" / "identity")
    token = EnrolmentToken.parse(server.token(PARTY))
    host, tls = enrol(store, server.address("enrolment"), token, host_facts())
    agent = RunningAgent(_settings(tmp_path, socket_path), tmp_path / "agent.log")
    meter = TruthfulMeter(socket_path)
    meter.start()
    chance = random.Random(20)
    torn_down = []
    agent.start()
    _await_flush(tmp_path / "state")
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.1, 3.5))
        agent.kill()
        killed_ms = SystemClock().boottime_ms()
        agent.start()
        torn_down.append(killed_ms)
    _await_flush(tmp_path / "state")
    code = agent.stop()
    meter.stop()

    assert code == 0, agent.log.read_text(encoding="utf-8")
    spool = Spool(RealDisk(tmp_path / "state" / "spool"), host.host_id)
    spool.look()
    _check_books(spool, meter.said, torn_down)
    _check_server(spool, store, host)
    wire = GrpcWire(host, tls)
    assert wire.submit([]).head.sha256 == spool.sealed.read(spool.sealed.entries()[-1]).sha256
    wire.close()


def _check_books(spool: Spool, said: list[tuple[int, int]], torn_down: list[int]) -> None:
    stretches = [unseal(spool.sealed.read(entry).wire) for entry in spool.sealed.entries()]
    for device in DEVICES:
        parts = [m for s in stretches for m in s.devices if m.device == device]
        assert all(a.end_boottime_ms == b.start_boottime_ms for a, b in pairwise(parts))
        assert {gap.reason for m in parts for gap in m.gaps} <= {
            GapReason.AGENT_DOWN,
            GapReason.METER_DOWN,
        }
        claimed = [interval for m in parts for interval in _claimed(m)]
        utilised = sum(reading.utilised_ns for m in parts for reading in m.readings)
        observed = sum(m.observed_ms for m in parts)
        elapsed = parts[-1].end_boottime_ms - parts[0].start_boottime_ms
        assert observed == sum(end - start for start, end in claimed)
        assert observed + sum(m.gap_ms for m in parts) == elapsed
        assert utilised == sum(_true_utilised(said, interval) for interval in claimed)
        for start, end in _gaps(parts):
            assert _explained(start, end, said, torn_down), (start, end, torn_down)


def _check_server(spool: Spool, store: IdentityStore, host: Host) -> None:
    audit = audit_spool(spool, host.host_id, store.report_key().public_key(), host.receipt_key())
    assert audit.findings == []
    assert audit.receipts >= audit.reports > 0
    assert spool.sealed.acknowledged == spool.sealed.head


def _claimed(minutes: DeviceMinutes) -> list[Interval]:
    """The intervals a stretch says were observed."""
    intervals = []
    position = minutes.start_boottime_ms
    for gap in minutes.gaps:
        if gap.start_boottime_ms > position:
            intervals.append((position, gap.start_boottime_ms))
        position = gap.end_boottime_ms
    if position < minutes.end_boottime_ms:
        intervals.append((position, minutes.end_boottime_ms))
    return intervals


def _true_utilised(said: list[tuple[int, int]], interval: Interval) -> int:
    """What the meter's own words add up to over an interval: each holds until the next."""
    start, end = interval
    total = 0
    for (at, utilisation), (until, _) in pairwise(said):
        total += utilisation * max(0, min(until, end) - max(at, start))
    return total


def _gaps(parts: list[DeviceMinutes]) -> list[Interval]:
    """Gaps of all stretches, those that touch as one."""
    merged: list[Interval] = []
    for minutes in parts:
        for gap in minutes.gaps:
            if merged and merged[-1][1] == gap.start_boottime_ms:
                merged[-1] = (merged[-1][0], gap.end_boottime_ms)
            else:
                merged.append((gap.start_boottime_ms, gap.end_boottime_ms))
    return merged


def _explained(start: int, end: int, said: list[tuple[int, int]], torn_down: list[int]) -> bool:
    """Whether kills that follow each other closely explain a gap, 10 s before each and the restart
    after it: up to the first words of the meter that a living agent took."""
    reached = start
    for killed in torn_down:
        if killed - FLUSH_MS <= reached:
            restarted = next((at for at, _ in said if at > killed + 100), killed)
            reached = max(reached, min(end, restarted + RESTART_MS_MAX))
    return reached >= end and end - start <= len(torn_down) * FLUSH_MS


def _batch(now: int, utilisation: int) -> SampleBatch:
    seen = Observation(
        utilisation_ppm=utilisation,
        energy_counter_mj=now,
        power_mw=250_000,
        memory_used_bytes=1 << 30,
        holders=frozenset(),
    )
    return SampleBatch(
        boottime_ms=now,
        meter=Meter(kind=MeterKind.NVML, cadence_ms=CADENCE_MS),
        samples=tuple(Sample(device=device, seen=seen) for device in DEVICES),
    )


def _settings(folder: Path, socket_path: Path) -> Path:
    path = folder / "agent.toml"
    path.write_text(
        f'[agent]\nstate_folder = "{folder / "state"}"\nmeter_socket = "{socket_path}"\n'
        "report_interval_seconds = 60\nflush_seconds = 3\n",
        encoding="utf-8",
    )
    return path


def _await_flush(state: Path) -> None:
    """Wait until the agent has written its status anew: a flush became durable."""
    status = state / "status.json"
    before = status.stat().st_mtime_ns if status.exists() else 0
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if status.exists() and status.stat().st_mtime_ns > before:
            return
        time.sleep(0.05)
    pytest.fail("no flush became durable in time")
