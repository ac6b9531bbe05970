"""Hosts for tests of ingestion: they write, sign and chain reports as the contract says.

Independent of the agent: a `ReportingHost` makes any sequence of sound or broken reports, and keeps
its own plain sums, so that a test can compare with what the server made of them.
"""

import asyncio
import hashlib
import random
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fixtures_identity import START_UTC_MS as CLOCK_UTC_MS
from kashi import signing
from kashi.chain import GENESIS_SHA256
from kashi.v1 import metering_pb2, report_pb2
from kashi_server.domain.usage import Quantities
from kashi_server.ingest.metering import Metering
from kashi_server.ingest.metrics import IngestMetrics
from kashi_server.ingest.refusals import Refusals
from kashi_server.ingest.server import metering_port
from kashi_server.ingest.writer import Writer
from kashi_server.services.authority import Keyring, issue_host, serial_text
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.hosts import (
    CertificateStanding,
    Host,
    HostCertificate,
    HostFacts,
    HostStanding,
    HostState,
)
from kashi_server.services.ingestion import Ingestion
from kashi_server.services.standings import HostStandings
from kashi_server.storage.tables.identity import host_certificates
from kashi_server.storage.unit_of_work import Work
from prometheus_client import CollectorRegistry

HOUR_MS = 3_600_000
START_UTC_MS = CLOCK_UTC_MS // HOUR_MS * HOUR_MS - 240 * HOUR_MS
"""Where hosts begin, on a whole hour, ten days before the server's clock."""

MINUTE_MS = 60_000

MinuteSums = dict[tuple[str, str, int], Quantities]
"""(host, hardware, UTC minute) -> what a host observed."""


@dataclass(slots=True)
class ReportingHost:
    """A host with `hardware_ids`, at `utc_ms` of its own axis."""

    host_id: str
    hardware_ids: list[str]
    utc_ms: int = START_UTC_MS
    seed: int = 0
    meter: int = report_pb2.METER_KIND_NVML
    boot_ms: int = 3_600_000
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    epoch: int = 1
    sequence: int = 0
    segment: int = 1
    previous: bytes = GENESIS_SHA256
    counters: dict[int, list[int]] = field(default_factory=dict)
    chance: random.Random = field(init=False)
    anchor_utc_ms: int = field(init=False)
    segment_start_ms: int = field(init=False)
    boot_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Fix the axis: the boot began an hour before the first report."""
        self.chance = random.Random(f"{self.host_id}/{self.seed}")
        self.anchor_utc_ms = self.utc_ms - self.boot_ms
        self.segment_start_ms = self.boot_ms
        self.boot_id = hashlib.sha256(self.host_id.encode()).digest()[:16]

    @property
    def report_public_key_der(self) -> bytes:
        """The key its reports verify under."""
        return signing.public_key_bytes(self.key.public_key())

    def standing(self, state: HostState = HostState.ACTIVE) -> HostStanding:
        """How it stands, enrolled when it began."""
        return HostStanding(
            host_id=self.host_id,
            report_public_key_der=self.report_public_key_der,
            state=state,
            enrolled_utc_ms=START_UTC_MS - 600_000,
            operator_party_id="91440300000000000X",
        )

    def report(
        self,
        minutes: int = 5,
        *,
        gaps: Sequence[tuple[int, int]] = (),
        change: Callable[[report_pb2.ReportHeader, list[report_pb2.DeviceBlock]], None]
        | None = None,
        only: Collection[str] | None = None,
    ) -> bytes:
        """The next report over some minutes; `gaps` are (offset, length) in every device; `only`
        some of its devices are there then.

        `change` may spoil header and device blocks before they are bound and signed.
        """
        width = minutes * MINUTE_MS
        blocks = [
            self._block(slot, hardware_id, width, gaps)
            for slot, hardware_id in enumerate(self.hardware_ids)
            if only is None or hardware_id in only
        ]
        for block in blocks:
            self._count(block)
        header = self._header(width)
        if change is not None:
            change(header, blocks)
        return self.seal(header, blocks)

    def seal(
        self, header: report_pb2.ReportHeader, blocks: Iterable[report_pb2.DeviceBlock]
    ) -> bytes:
        """Bind blocks, sign, and move on as if the report were sent."""
        sealed = []
        for block in blocks:
            one = report_pb2.Block(
                kind=report_pb2.BLOCK_KIND_DEVICE,
                salt=self.chance.randbytes(16),
                content=block.SerializeToString(),
            )
            sealed.append(one)
            header.blocks.add(
                kind=report_pb2.BLOCK_KIND_DEVICE,
                sha256=signing.block_sha256(one.salt, one.content),
            )
        payload = header.SerializeToString()
        self.epoch, self.sequence = header.epoch, header.sequence
        self.previous = signing.report_sha256(payload)
        self.boot_ms = header.end_boottime_ms
        return report_pb2.Report(
            header=payload,
            signatures=[signing.sign(self.key, signing.REPORT, payload)],
            blocks=sealed,
        ).SerializeToString()

    def open_epoch(self, epoch: int, reason: int = report_pb2.EPOCH_REASON_SPOOL_LOST) -> bytes:
        """The first report of a later epoch."""

        def change(header: report_pb2.ReportHeader, _blocks: list[report_pb2.DeviceBlock]) -> None:
            header.epoch, header.sequence = epoch, 1
            header.epoch_opening.reason = report_pb2.EpochReason.Name(reason)  # type: ignore[assignment]  # the stub allows names only in constructors
            header.epoch_opening.last_epoch = epoch - 1

        return self.report(change=change)

    def _header(self, width: int) -> report_pb2.ReportHeader:
        return report_pb2.ReportHeader(
            host_id=self.host_id,
            boot_id=self.boot_id,
            segment=report_pb2.Segment(
                number=self.segment,
                anchor_utc_ms=self.anchor_utc_ms,
                start_boottime_ms=self.segment_start_ms,
            ),
            epoch=self.epoch,
            sequence=self.sequence + 1,
            previous_sha256=self.previous,
            start_boottime_ms=self.boot_ms,
            end_boottime_ms=self.boot_ms + width,
            sealed_utc_ms=self.anchor_utc_ms + self.boot_ms + width,
            clock=report_pb2.ClockState(
                sync=report_pb2.CLOCK_SYNC_SYNCHRONISED, offset_ms=3, error_us_max=900
            ),
            meters=[
                report_pb2.MeterDescription(
                    kind=report_pb2.MeterKind.Name(self.meter),
                    cadence_ms=1000,
                    library_version="12.580.65.06",
                    driver_version="580.65.06",
                )
            ],
            counters=[
                report_pb2.DeviceCounters(
                    slot=slot,
                    observed_ms=totals[0],
                    gap_ms=totals[1],
                    held_ms=totals[2],
                    active_ms=totals[3],
                    utilised_ns=totals[4],
                    energy_mj=totals[5],
                )
                for slot, totals in sorted(self.counters.items())
            ],
            agent_version="0.1.0",
        )

    def _block(
        self, slot: int, hardware_id: str, width: int, gaps: Sequence[tuple[int, int]]
    ) -> report_pb2.DeviceBlock:
        device = report_pb2.Device(
            vendor=report_pb2.VENDOR_NVIDIA,
            hardware_id=hardware_id,
            model="NVIDIA H100 80GB HBM3",
            serial="165432198765",
            pci_bus_id=f"00000000:{slot + 16:02X}:00.0",
            memory_bytes=85_520_809_984,
            share_numerator=1,
            share_denominator=1,
            meter=report_pb2.MeterKind.Name(self.meter),
        )
        block = report_pb2.DeviceBlock(
            slot=slot,
            device=device,
            start_boottime_ms=self.boot_ms,
            end_boottime_ms=self.boot_ms + width,
            holders=[
                report_pb2.Holder(
                    kind=report_pb2.HOLDER_KIND_CONTAINER,
                    key=hashlib.sha256(hardware_id.encode()).digest()[:16],
                )
            ],
            gaps=[
                report_pb2.Gap(
                    start_offset_ms=start,
                    span_ms=length,
                    reason=report_pb2.GAP_REASON_SAMPLES_MISSING,
                    continuity=report_pb2.Continuity(same_driver=True),
                )
                for start, length in gaps
            ],
        )
        for start, end in self._minutes(width):
            lost = sum(max(0, min(low + length, end) - max(low, start)) for low, length in gaps)
            if lost < end - start:
                block.readings.append(self._reading(start, end - start, end - start - lost))
        return block

    def _minutes(self, width: int) -> Iterable[tuple[int, int]]:
        """Offsets of the minutes of the axis that a block covers, cut to it."""
        start = 0
        while start < width:
            label = self.anchor_utc_ms + self.boot_ms + start
            end = min(width, start + MINUTE_MS - label % MINUTE_MS)
            yield start, end
            start = end

    def _reading(self, start: int, span: int, observed: int) -> report_pb2.Reading:
        active = self.chance.randint(0, observed)
        return report_pb2.Reading(
            start_offset_ms=start,
            span_ms=span,
            observed_ms=observed,
            held_known_ms=observed,
            held_ms=observed,
            utilisation_known_ms=observed,
            active_ms=active,
            utilised_ns=active * self.chance.randint(0, 1000) * 1000,
            energy_known_ms=observed,
            energy_mj=self.chance.randint(4_000_000, 42_000_000),
            memory_used_bytes_max=self.chance.randrange(2_000_000_000, 80_000_000_000, 2 << 20),
            holder_times=[report_pb2.HolderTime(holder=0, held_ms=observed)],
        )

    def _count(self, block: report_pb2.DeviceBlock) -> None:
        totals = self.counters.setdefault(block.slot, [0] * 6)
        totals[1] += sum(gap.span_ms for gap in block.gaps)
        for reading in block.readings:
            totals[0] += reading.observed_ms
            totals[2] += reading.held_ms
            totals[3] += reading.active_ms
            totals[4] += reading.utilised_ns
            totals[5] += reading.energy_mj


def sums_of(wires: Iterable[bytes]) -> MinuteSums:
    """What reports add up to, minute by minute, by the plainest arithmetic."""
    sums: MinuteSums = {}
    for wire in wires:
        message = report_pb2.Report.FromString(wire)
        header = report_pb2.ReportHeader.FromString(message.header)
        for sealed in message.blocks:
            block = report_pb2.DeviceBlock.FromString(sealed.content)
            for reading in block.readings:
                label = header.segment.anchor_utc_ms + block.start_boottime_ms
                minute = (label + reading.start_offset_ms) // MINUTE_MS
                key = (header.host_id, block.device.hardware_id, minute)
                sums[key] = sums.get(key, Quantities()) + Quantities(
                    reading.observed_ms,
                    reading.held_known_ms,
                    reading.held_ms,
                    reading.utilisation_known_ms,
                    reading.active_ms,
                    reading.utilised_ns,
                    reading.unattributed_ms,
                )
    return sums


def stored_sums(work: Work) -> MinuteSums:
    """What the server made of them, through the query that other rooms use."""
    sums: MinuteSums = {}
    with work.begin(writes=False) as unit:
        for hour in unit.facts.device_hours(None, 0, 2**31):
            for minute in range(hour.hour * 60, hour.hour * 60 + 60):
                quantities = hour.minute(minute)
                if quantities != Quantities():
                    sums[hour.host_id, hour.hardware_id, minute] = quantities
    return sums


def enrol(work: Work, host: ReportingHost) -> None:
    """Put a host into the identity tables, as enrolment would."""
    standing = host.standing()
    with work.begin() as unit:
        unit.identity.add_host(
            Host(
                host_id=host.host_id,
                operator_party_id=standing.operator_party_id,
                report_public_key_der=standing.report_public_key_der,
                enrolled_utc_ms=standing.enrolled_utc_ms,
                state=HostState.ACTIVE,
                state_reason="enrolled",
                state_utc_ms=standing.enrolled_utc_ms,
                release_requested_by=None,
                recoveries_used=0,
                recoveries_allowed=5,
                facts=HostFacts(
                    hostname=host.host_id[:8],
                    machine_sha256=hashlib.sha256(host.host_id.encode()).digest(),
                    operating_system="Debian 12",
                    agent_version="0.1.0",
                    architecture="x86_64",
                ),
            )
        )
        unit.commit()


@pytest.fixture
def ingestion(work: Work, keyring: Keyring, clock: Callable[[], int]) -> Ingestion:
    """Ingestion on a fresh database, an ordinary server."""
    return Ingestion(work, keyring.receipt_key, clock, demo=False)


@dataclass(slots=True)
class Door:
    """A metering port on loopback, whoever serves it, with the keys and the database behind it."""

    port: int
    keyring: Keyring
    work: Work

    def client(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> "Client":
        """A caller with this client certificate."""
        pem = Encoding.PEM
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self.keyring.server_root.public_bytes(pem),
            private_key=key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption()),
            certificate_chain=self.chain_pem(certificate),
        )
        return Client(grpc.secure_channel(f"localhost:{self.port}", credentials, CHANNEL_OPTIONS))

    def client_of(self, host: ReportingHost, utc_ms: int | None = None) -> "Client":
        """A caller with a fresh certificate of an enrolled host."""
        return self.client(*self.certificate_of(host, utc_ms))

    def certificate_of(
        self, host: ReportingHost, utc_ms: int | None = None
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A fresh certificate of an enrolled host, stored as its current one, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = wall_clock() if utc_ms is None else utc_ms
        certificate = issue_host(self.keyring.host_issuer, host.host_id, key.public_key(), now)
        add_certificate(self.work, host.host_id, certificate)
        return certificate, key

    def chain_pem(self, certificate: x509.Certificate) -> bytes:
        """A host's certificate with those that lead to the hosts' root."""
        chain = (certificate, *self.keyring.host_issuer.chain)
        return b"".join(one.public_bytes(Encoding.PEM) for one in chain)


@dataclass(slots=True)
class RunningPort(Door):
    """A metering port in an event loop of its own, within the test's process."""

    ingestion: Ingestion
    registry: CollectorRegistry
    writer: Writer


CHANNEL_OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0))


@dataclass(slots=True)
class Client:
    """A channel that sends raw bytes and reads raw bytes."""

    channel: grpc.Channel

    def call(
        self, request: bytes, method: str = "Submit", compression: grpc.Compression | None = None
    ) -> bytes:
        """One call; raises what gRPC raises, within five seconds."""
        invoke: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(
            f"/kashi.v1.MeteringService/{method}"
        )
        return bytes(invoke(request, timeout=5, compression=compression))

    def submit(self, *wires: bytes) -> metering_pb2.SubmitResponse:
        """Submit reports."""
        request = metering_pb2.SubmitRequest(reports=wires).SerializeToString()
        return metering_pb2.SubmitResponse.FromString(self.call(request))

    def refused(self, request: bytes = b"", method: str = "Submit") -> tuple[str, str]:
        """The status and the sentence of a call that must be refused."""
        with pytest.raises(grpc.RpcError) as caught:
            self.call(request, method)
        return caught.value.code().name, str(caught.value.details())


def wall_clock() -> int:
    """UTC milliseconds of this machine: TLS looks at no other clock."""
    return time.time_ns() // 1_000_000


def add_certificate(work: Work, host_id: str, certificate: x509.Certificate) -> None:
    """Store a host's certificate as its current one, the one before as past."""
    with work.begin() as unit:
        unit.connection.execute(
            host_certificates.update()
            .where(host_certificates.c.host_id == host_id)
            .values(standing=CertificateStanding.PAST)
        )
        unit.identity.add_certificate(
            HostCertificate(
                serial=serial_text(certificate),
                host_id=host_id,
                public_key_sha256=signing.sha256(certificate.public_bytes(Encoding.DER)),
                certificate_der=certificate.public_bytes(Encoding.DER),
                issued_utc_ms=0,
                expires_utc_ms=round(certificate.not_valid_after_utc.timestamp()) * 1000,
                standing=CertificateStanding.CURRENT,
            )
        )
        unit.commit()


@contextmanager
def running_port(
    work: Work, keyring: Keyring, clock: Callable[[], int] = wall_clock, *, demo: bool = True
) -> Iterator[RunningPort]:
    """A metering port as the server assembles it, on a port the system chooses."""
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    standings = HostStandings(work, clock, monotonic_clock)
    ingestion = Ingestion(
        work,
        keyring.receipt_key,
        clock,
        demo=demo,
        on_hold=standings.forget,
        monotonic_ms=monotonic_clock,
    )
    writer = Writer(ingestion, standings, metrics)
    enrolment = Enrolment(work, keyring, clock, secrets.token_bytes, lambda: str(uuid.uuid4()))
    refusals = Refusals(metrics, monotonic_clock)
    metering = Metering(writer, standings, enrolment, refusals, metrics, clock, keyring.receipt_key)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        listening = metering_port("localhost:0", keyring, metering)
        port = asyncio.run_coroutine_threadsafe(listening.start(), loop).result(10)
        try:
            yield RunningPort(port, keyring, work, ingestion, registry, writer)
        finally:
            asyncio.run_coroutine_threadsafe(listening.stop(), loop).result(30)
    finally:
        writer.shutdown()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def monotonic_clock() -> int:
    """Milliseconds that never step."""
    return time.monotonic_ns() // 1_000_000


@pytest.fixture
def metering(work: Work, keyring: Keyring) -> Iterator[RunningPort]:
    """A metering port of a demonstration server on a fresh database."""
    with running_port(work, keyring) as running:
        yield running
