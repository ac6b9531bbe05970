"""An agent driven by hand: a manual clock, a fake meter of two devices, a server in memory."""

from dataclasses import dataclass, field
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from fixtures_spool import SimulatedDisk, VerdictServer
from kashi_agent.agent import Agent, Signing
from kashi_agent.errors import UnreachableError
from kashi_agent.naming import HolderNaming
from kashi_agent.reporter import INTERVAL_MS
from kashi_agent.sample import (
    Device,
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)
from kashi_agent.spool import Spool

from deploy.demo.manual_clock import ManualClock

HOST_ID = "3f2c1a52-8d5e-4b43-9d33-0b1a2c3d4e5f"
START_UTC_MS = 1_792_800_000_000
UTILISATION_PPM = 250_000
RECEIPTS_BYTES = 1 << 15
CALLS_MAX = 60
DEVICES = tuple(
    Device(vendor=Vendor.NVIDIA, hardware_id=f"GPU-{n}", model="Test H100", meter=MeterKind.NVML)
    for n in range(2)
)
METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
SEEN = Observation(
    utilisation_ppm=UTILISATION_PPM,
    energy_counter_mj=5,
    power_mw=100_000,
    memory_used_bytes=1 << 30,
    holders=frozenset({Holder(HolderKind.USER, "alice")}),
)


@dataclass(slots=True)
class Driven:
    """One host: its disk outlives its agents."""

    disk: SimulatedDisk
    clock: ManualClock
    server: VerdictServer
    report_key: ec.EllipticCurvePrivateKey
    random: Random
    segment_bytes: int = 1 << 16
    reserve_bytes: int = 1 << 12
    interval_ms: int = INTERVAL_MS
    carried: bool = False
    agent: Agent = field(init=False)
    first_sample_ms: int | None = None

    def start(self) -> Agent:
        """A new agent on the same disk."""
        spool = Spool(
            self.disk,
            HOST_ID,
            segment_bytes=self.segment_bytes,
            reserves={
                "reserve": self.reserve_bytes,
                "reserve-sealing": 2 * self.reserve_bytes,
                "reserve-receipts": RECEIPTS_BYTES,
            },
        )
        self.agent = Agent(
            spool=spool,
            clock=self.clock,
            naming=HolderNaming(bytes(32)),
            signing=Signing(
                host_id=HOST_ID, report_key=self.report_key, receipt_key=self.server.receipt_key
            ),
            random=self.random,
            random_bytes=self.random.randbytes,
            interval_ms=self.interval_ms,
            carried=self.carried,
        )
        return self.agent

    def sample(self) -> None:
        """The meter reads once."""
        if self.first_sample_ms is None:
            self.first_sample_ms = self.clock.boottime
        self.agent.metering.observe(
            SampleBatch(
                boottime_ms=self.clock.boottime,
                meter=METER,
                samples=tuple(Sample(device=device, seen=SEEN) for device in DEVICES),
            )
        )

    def live(self, seconds: int) -> None:
        """Measure once a second, write when it is due."""
        for _ in range(seconds):
            self.clock.advance(1_000)
            self.sample()
            if self.agent.recorder.due(self.clock.boottime):
                self.agent.record()

    def kill(self) -> None:
        """kill -9."""
        self.disk.kill()

    def ship(self) -> None:
        """Send everything there is, over losses, with a bound."""
        for _ in range(50):
            try:
                if self.agent.ship(self.server, calls_max=CALLS_MAX) == CALLS_MAX:
                    break
            except UnreachableError:
                continue
            return
        raise AssertionError("shipping does not come to an end")


def driven(seed: int = 1, segment_bytes: int = 1 << 16) -> Driven:
    """A host on a whole hour, its agent started."""
    random = Random(seed)
    key = ec.generate_private_key(ec.SECP256R1())
    host = Driven(
        disk=SimulatedDisk(random),
        clock=ManualClock(boottime=3_600_000, monotonic=3_600_000, utc=START_UTC_MS),
        server=VerdictServer(key.public_key(), HOST_ID),
        report_key=key,
        random=random,
        segment_bytes=segment_bytes,
    )
    host.start()
    return host
