"""A host with a past: hours that the real agent code measured on an injected clock.

Its folder is then handed to the real agent process. What each minute was is known here, minute by
minute, without any of the code that measures.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fixtures_identity import PARTY
from fixtures_server import OFFICER, KashiServer
from kashi_agent.agent import Agent, Signing
from kashi_agent.enrolment import EnrolmentToken, HostFacts, enrol
from kashi_agent.identity import IdentityStore
from kashi_agent.naming import HolderNaming
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Meter,
    MeterKind,
    Observation,
    SampleBatch,
    Vendor,
)
from kashi_agent.shipping_wire import GrpcWire
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_server.bootstrap import opened

from deploy.demo.manual_clock import ManualClock

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
NOT_TOLD = Absent(AbsentReason.NOT_SUPPORTED)

MinuteTruth = dict[tuple[str, int], tuple[int, int]]
"""(hardware id, UTC minute) -> observed milliseconds and utilised nanoseconds."""


def issued_token(server: KashiServer) -> EnrolmentToken:
    """A fresh token of an enrolment by which any machine may come; no command is run for it."""
    with opened(server.directory) as inside:
        issued = inside.enrolment.issue_token(PARTY, OFFICER, HOUR_MS)
    return EnrolmentToken.parse(issued.text)


def enrolled_store(server: KashiServer, folder: Path, name: str, random: Random) -> IdentityStore:
    """Enrol a machine over the wire."""
    store = IdentityStore(folder)
    facts = HostFacts(
        hostname=name,
        machine_sha256=random.randbytes(32),
        operating_system="test",
        architecture="test",
    )
    enrol(store, server.address("enrolment"), issued_token(server), facts)
    return store


@dataclass(slots=True, kw_only=True)
class PreparedHost:
    """A host whose agent is driven by hand, two days before the wall clock's now."""

    folder: Path
    store: IdentityStore
    clock: ManualClock
    random: Random
    devices: tuple[Device, ...]
    interval_ms: int = 60_000
    carried: bool = False
    truth: MinuteTruth = field(default_factory=dict)
    agent: Agent = field(init=False)

    @property
    def host_id(self) -> str:
        """Its identity."""
        return self.store.host().host_id

    def start(self) -> None:
        """An agent on the host's folder."""
        host = self.store.host()
        self.agent = Agent(
            spool=Spool(RealDisk(self.folder / "state" / "spool"), host.host_id),
            clock=self.clock,
            naming=HolderNaming(self.store.holder_salt()),
            signing=Signing(
                host_id=host.host_id,
                report_key=self.store.report_key(),
                receipt_key=host.receipt_key(),
            ),
            random=self.random,
            random_bytes=self.random.randbytes,
            interval_ms=self.interval_ms,
            carried=self.carried,
        )

    def live(self, minutes: int) -> None:
        """Measure whole minutes; utilisation differs from minute to minute and card to card."""
        for _ in range(minutes):
            start = self.clock.boottime
            minute = self.clock.utc // MINUTE_MS
            self.clock.advance(MINUTE_MS)
            metering = self.agent.metering
            metering.observe(SampleBatch(boottime_ms=self.clock.boottime, meter=METER, samples=()))
            for place, device in enumerate(self.devices):
                utilisation_ppm = minute * (7_919 + place) % 1_000_001
                metering.integrator.observe_span(
                    device, start, self.clock.boottime, _seen(utilisation_ppm, minute)
                )
                known = (MINUTE_MS, MINUTE_MS * utilisation_ppm)
                self.truth[device.hardware_id, minute] = known
            assert self.agent.record()

    def ship(self) -> None:
        """Deliver everything there is to seal."""
        wire = GrpcWire(self.store.host(), self.store.tls())
        try:
            self.agent.ship(wire)
        finally:
            wire.close()

    def seal(self) -> None:
        """Seal what is whole, durable, and do not send it: as a crash between the two leaves it."""
        assert self.agent.shipper.knows_server
        assert self.agent.shipper.prepare() is not None

    def wires(self) -> list[bytes]:
        """Every report that it keeps, in the order of sealing."""
        sealed = self.agent.spool.sealed
        return [sealed.read(entry).wire for entry in sealed.entries()]


def booted_clock(utc_ms: int, random: Random) -> ManualClock:
    """A clock at this time, an hour after some boot."""
    boot = random.randbytes(16)
    return ManualClock(boottime=HOUR_MS, monotonic=HOUR_MS, utc=utc_ms, boot=boot)


def two_days_before(utc_ms: int) -> int:
    """The whole hour before: a host that starts there has days to tell of."""
    return (utc_ms - 2 * DAY_MS) // HOUR_MS * HOUR_MS


def cards_named(seed: str, count: int) -> tuple[Device, ...]:
    """Cards of one model, their ids told by the seed."""
    return tuple(
        Device(
            vendor=Vendor.NVIDIA,
            hardware_id=f"GPU-{seed}-{n}",
            model="Test H100",
            meter=MeterKind.NVML,
        )
        for n in range(count)
    )


def prepared_host(server: KashiServer, folder: Path, *, seed: str, cards: int = 2) -> PreparedHost:
    """A freshly enrolled host on a whole hour, its agent started."""
    random = Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    store = enrolled_store(server, folder / "state" / "identity", seed, random)
    host = PreparedHost(
        folder=folder,
        store=store,
        clock=booted_clock(two_days_before(store.host().enrolled_utc_ms), random),
        random=random,
        devices=cards_named(seed, cards),
    )
    host.start()
    return host


def _seen(utilisation_ppm: int, minute: int) -> Observation:
    return Observation(
        utilisation_ppm=utilisation_ppm,
        energy_counter_mj=minute,
        power_mw=NOT_TOLD,
        memory_used_bytes=1 << 30,
        holders=frozenset(),
    )
