"""A host set back to a snapshot, against a real server: what was counted before is not counted
again, and that does not cost what is measured since.

The host lives two hours ago on a clock of its own, so that a quarter of an hour takes no time.
"""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from driven_host import METER, SEEN
from fixtures_identity import PARTY
from fixtures_server import KashiServer
from kashi.v1 import metering_pb2, report_pb2
from kashi_agent.agent import Agent
from kashi_agent.clock import ManualClock
from kashi_agent.config import AgentConfig
from kashi_agent.enrolment import EnrolmentToken, enrol, host_facts
from kashi_agent.identity import IdentityStore
from kashi_agent.sample import Device, MeterKind, Sample, SampleBatch, Vendor
from kashi_agent.unsealing import unseal
from kashi_agent.wiring import Member, member, real_agent, real_carrier

INTERVAL_S = 300
STEP_S = 4
DEVICE = Device(
    vendor=Vendor.NVIDIA, hardware_id="GPU-apart", model="Test H100", meter=MeterKind.NVML
)


@dataclass(slots=True)
class Pair:
    """A host on a clock of its own, two hours ago, and the server it reports to."""

    server: KashiServer
    config: AgentConfig
    known: Member
    clock: ManualClock
    agent: Agent = field(init=False)

    def start(self) -> None:
        """A new agent on the same state."""
        self.agent = real_agent(self.config, self.known, self.clock)

    def live(self, seconds: int) -> None:
        """Measure every four seconds, write when it is due."""
        for _ in range(seconds // STEP_S):
            self.clock.advance(STEP_S * 1000)
            sample = Sample(device=DEVICE, seen=SEEN)
            batch = SampleBatch(boottime_ms=self.clock.boottime, meter=METER, samples=(sample,))
            self.agent.metering.observe(batch)
            if self.agent.recorder.due(self.clock.boottime):
                self.agent.record()

    def ship(self) -> None:
        """Deliver everything over mutual TLS."""
        way = real_carrier(self.known, self.clock)
        try:
            self.agent.ship(way)
        finally:
            way.close()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the server's database says."""
        with sqlite3.connect(self.server.directory / "kashi.sqlite") as database:
            return list(database.execute(query))

    def verdicts(self) -> list[tuple[object, ...]]:
        """Epoch, sequence, verdict and reason of all stored reports, in order."""
        return self.rows("SELECT epoch, sequence, verdict, reason FROM reports ORDER BY 1, 2")


@pytest.fixture
def pair(server_home: KashiServer, tmp_path: Path) -> Iterator[Pair]:
    """A demonstration server (it counts time before enrolment), and a host that delivered."""
    server_home.init("--demo")
    server_home.start()
    config = AgentConfig(state_folder=tmp_path / "state")
    store = IdentityStore(config.identity_folder)
    token = EnrolmentToken.parse(server_home.token(PARTY))
    enrol(store, server_home.address("enrolment"), token, host_facts())
    begin_utc_ms = (time.time_ns() // 1_000_000 - 7_200_000) // 300_000 * 300_000
    clock = ManualClock(boottime=3_600_000, monotonic=3_600_000, utc=begin_utc_ms)
    made = Pair(server=server_home, config=config, known=member(config), clock=clock)
    made.start()
    made.live(2 * INTERVAL_S + 20)
    made.ship()
    yield made
    made.agent.close()


def kept(pair: Pair) -> list[tuple[int, int]]:
    """Spans of the chain's reports as the host keeps them, in order."""
    sealed = pair.agent.spool.sealed
    stretches = [unseal(sealed.read(e).wire) for e in sealed.entries() if not e.abandoned]
    return [(stretch.start_boottime_ms, stretch.end_boottime_ms) for stretch in stretches]


def test_a_host_set_back_to_a_snapshot(pair: Pair) -> None:
    """No number is used twice; what was counted is not counted again; what is new counts."""
    snapshot = pair.config.state_folder.parent / "snapshot"
    shutil.copytree(pair.config.spool_folder, snapshot)
    pair.live(3 * INTERVAL_S)
    pair.ship()
    delivered_ms = kept(pair)[-1][1]
    pair.agent.close()
    shutil.rmtree(pair.config.spool_folder)
    snapshot.rename(pair.config.spool_folder)
    pair.clock.advance(30_000)
    pair.start()
    began_ms = pair.clock.boottime
    pair.live(2 * INTERVAL_S)
    pair.ship()

    opened = pair.rows("SELECT reason, last_epoch, last_sequence FROM epochs WHERE epoch = 2")
    assert opened == [(report_pb2.EPOCH_REASON_ROLLED_BACK, 1, 2)]
    second = [row for row in pair.verdicts() if row[0] == 2]
    spans = kept(pair)[-len(second) :]
    doubted = (
        metering_pb2.VERDICT_QUARANTINED,
        metering_pb2.QUARANTINE_REASON_OVERLAP,
    )
    for row, (start, end) in zip(second, spans, strict=True):
        assert start >= began_ms or end <= began_ms
        assert (row[2:] == doubted) == (start < delivered_ms), (row, start, end, delivered_ms)
    assert spans[-1][1] > began_ms
