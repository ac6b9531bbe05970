"""Days of a host of eight devices in minutes: the real agent on real files and an injected clock.

The server is in memory, checks every signature and chain link, and forgets what it has receipted:
what grows here is the agent.
"""

import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from driven_host import DEVICES, HOST_ID, START_UTC_MS
from fixtures_spool import VerdictServer
from kashi_agent.agent import Agent, Signing
from kashi_agent.errors import AgentError
from kashi_agent.naming import HolderNaming
from kashi_agent.sample import (
    Device,
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
)
from kashi_agent.shipping import Answer
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.unsealing import unseal

from deploy.demo.manual_clock import ManualClock

CARDS = 8
MINUTE_MS = 60_000
MINUTES_A_DAY = 1_440
REPORTS_A_CALL = 16
"""As many as the daemon seals at a time."""

LIVE_REPORTS = 4
"""Of what was measured while a backlog drained: so many reports are looked at."""

METER = Meter(kind=MeterKind.NVML, cadence_ms=MINUTE_MS)
CARDS_OF_THE_HOST = tuple(
    Device(
        vendor=DEVICES[0].vendor,
        hardware_id=f"GPU-{n:08x}-0000-4000-8000-000000000000",
        model="Test H100",
        meter=MeterKind.NVML,
    )
    for n in range(CARDS)
)


@dataclass(frozen=True, slots=True)
class DayCost:
    """What one simulated day cost: processor time, Python memory held at its end (0: not traced),
    private memory of the process, files, and what the journal and the reports take on disk."""

    cpu_s: float
    traced_bytes: int
    pss_bytes: int
    files: int
    disk_bytes: int


class ForgetfulServer(VerdictServer):
    """Keeps its head, and what came just before it."""

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Take reports as the other does."""
        answer = super().submit(reports)
        del self.stored[:-2]
        self.now_utc_ms += 300_000
        return answer


@dataclass(slots=True)
class LongHost:
    """A host of eight devices in a folder."""

    folder: Path
    write_every: int = 1
    reachable: bool = True
    minute: int = 0
    server: ForgetfulServer = field(init=False)
    clock: ManualClock = field(init=False)
    agent: Agent = field(init=False)

    def __post_init__(self) -> None:
        """Keys, server, clock and agent."""
        random = Random(30)
        key = ec.generate_private_key(ec.SECP256R1())
        self.server = ForgetfulServer(key.public_key(), HOST_ID)
        self.clock = ManualClock(boottime=3_600_000, monotonic=3_600_000, utc=START_UTC_MS)
        self.agent = Agent(
            spool=Spool(RealDisk(self.folder), HOST_ID),
            clock=self.clock,
            naming=HolderNaming(bytes(32)),
            signing=Signing(host_id=HOST_ID, report_key=key, receipt_key=self.server.receipt_key),
            random=random,
            random_bytes=random.randbytes,
        )

    def days(self, count: int) -> Iterator[DayCost]:
        """Live on, a day at a time."""
        for _ in range(count):
            began = time.process_time()
            for _ in range(MINUTES_A_DAY):
                self._live_a_minute()
            yield self._cost(time.process_time() - began)

    def catch_up(self) -> float:
        """Seconds until the server has everything."""
        self.reachable = True
        began = time.monotonic()
        self.agent.ship(self.server)
        return time.monotonic() - began

    def observe_a_minute(self) -> None:
        """Time passes, and the meter reads; nothing is written."""
        self.clock.advance(MINUTE_MS)
        self._observe()

    def _observe(self) -> None:
        self.minute += 1
        self.agent.metering.observe(
            SampleBatch(
                boottime_ms=self.clock.boottime,
                meter=METER,
                samples=tuple(self._sample(device) for device in CARDS_OF_THE_HOST),
            )
        )

    def ship(self) -> None:
        """Send what there is, as the daemon does: what goes wrong is tried again later."""
        self.server.faults = [] if self.reachable else ["lose_request"]
        try:
            self.agent.ship(self.server)
        except (AgentError, OSError) as error:
            self.agent.shipper.failed(error)

    def drain(self, call_ms: int) -> int:
        """Catch up by calls that take so long each, while the meter goes on reading; how old the
        beginning of a report of that time was at most when the server had it, in milliseconds."""
        self.reachable, self.server.faults = True, []
        back_ms = read_ms = self.clock.boottime
        ages_ms: list[int] = []
        while len(ages_ms) < LIVE_REPORTS:
            batch = self.agent.shipper.prepare(REPORTS_A_CALL)
            self.clock.advance(call_ms)
            if self.clock.boottime - read_ms >= MINUTE_MS:
                read_ms = self.clock.boottime
                self._observe()
                assert self.agent.record()
            if batch is None:
                continue  # no interval is over yet
            self.agent.shipper.absorb(batch, self.server.submit(batch.wires), self.clock.utc)
            begun_ms = (unseal(wire).start_boottime_ms for wire in batch.wires)
            ages_ms += [self.clock.boottime - start for start in begun_ms if start >= back_ms]
        return max(ages_ms)

    def _live_a_minute(self) -> None:
        self.observe_a_minute()
        if self.minute % self.write_every == 0:
            assert self.agent.record()
        if self.minute % 5 == 0:
            self.ship()

    def _sample(self, device: Device) -> Sample:
        user = Holder(HolderKind.USER, f"user{self.minute // 97 % 40}")
        return Sample(
            device=device,
            seen=Observation(
                utilisation_ppm=self.minute * 7_919 % 1_000_001,
                energy_counter_mj=self.minute * 30_000_000,
                power_mw=500_000,
                memory_used_bytes=(self.minute * 7_919 % 80) << 30,
                holders=frozenset({user}),
            ),
        )

    def _cost(self, cpu_s: float) -> DayCost:
        files = list(self.folder.iterdir())
        return DayCost(
            cpu_s=cpu_s,
            traced_bytes=tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0,
            pss_bytes=pss_bytes(),
            files=len(files),
            disk_bytes=sum(f.stat().st_size for f in files if not f.name.startswith("reserve")),
        )


def pss_bytes() -> int:
    """Memory of this process, shared pages divided among those who share them."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("/proc/self/smaps_rollup tells no Pss")


def growth_mb_a_day(values: list[int], warm_up: int) -> float:
    """Growth a day from the end of the warm-up to the last day."""
    days = len(values) - 1 - warm_up
    return (values[-1] - values[warm_up]) / days / 1e6
