"""The agent against a real server: enrolment by command, certificates through their whole life, and
a reason in words whenever the way is barred."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from driven_host import DEVICES, METER, SEEN
from expired_certificate import expire
from fixtures_identity import PARTY
from fixtures_server import KashiServer
from kashi_agent.carrier import Carrier
from kashi_agent.cli import main
from kashi_agent.config import AgentConfig
from kashi_agent.enrolment import EnrolmentToken, enrol, host_facts, recover
from kashi_agent.errors import RefusedError, UnreachableError
from kashi_agent.identity import IdentityStore
from kashi_agent.sample import Sample, SampleBatch
from kashi_agent.shipping_wire import GrpcWire
from kashi_agent.tls_probe import probe_tls
from kashi_agent.wiring import member, real_agent, real_carrier

from deploy.demo.manual_clock import ManualClock

HOUR_MS = 3_600_000
EFFECT_SECONDS_MAX = 6.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KashiServer]:
    """One demonstration server on SQLite for all tests here."""
    made = KashiServer(tmp_path_factory.mktemp("way") / "server")
    made.init("--demo")
    made.start()
    yield made
    if made.process is not None:
        made.kill()


@pytest.fixture
def store(server: KashiServer, tmp_path: Path) -> IdentityStore:
    """A host enrolled by code."""
    made = IdentityStore(tmp_path / "state" / "identity")
    token = EnrolmentToken.parse(server.token(PARTY))
    enrol(made, server.address("enrolment"), token, host_facts())
    return made


def now_utc_ms() -> int:
    """The machine's wall clock."""
    return time.time_ns() // 1_000_000


def carrier(store: IdentityStore, *, ahead_ms: int = 0) -> Carrier[GrpcWire]:
    """A carrier whose clock runs ahead of the server's."""
    return Carrier(
        store=store,
        connect=GrpcWire,
        recover=recover,
        utc_ms=lambda: now_utc_ms() + ahead_ms,
        random=Random(1),
    )


def submit_until(way: Carrier[GrpcWire], deadline: float) -> None:
    """Call again and again."""
    while time.monotonic() < deadline:
        way.submit([])


def test_a_host_is_enrolled_measures_and_explains_itself_by_commands(
    server: KashiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """enrol, then an agent's work, then show, verify, status and doctor with their exit codes."""
    state = tmp_path / "state"
    token = tmp_path / "token"
    token.write_text(server.token(PARTY), encoding="utf-8")
    address = server.address("enrolment")
    enrolling = ["enrol", "--state", str(state), "--server", address, "--token-file", str(token)]

    assert main([*enrolling, "--yes"]) == 0
    said = capsys.readouterr().out
    assert "Sent every 300 s" in said
    assert "Never read" in said
    assert main([*enrolling, "--yes"]) == 1
    assert "enrolled already" in capsys.readouterr().err

    _measure_and_ship(AgentConfig(state_folder=state))

    assert main(["verify", "--state", str(state), "--json"]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert audit["findings"] == []
    assert audit["reports"] == audit["receipts"] >= 1
    assert main(["show", "--state", str(state), "--sent", "1", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert {b["content"]["device"]["hardware_id"] for b in report["blocks"]} == {
        device.hardware_id for device in DEVICES
    }
    assert main(["show", "--state", str(state)]) == 0
    assert DEVICES[0].hardware_id in capsys.readouterr().out
    assert main(["status", "--state", str(state)]) == 1
    assert "has not run here" in capsys.readouterr().err
    assert main(["doctor", "--state", str(state), "--json"]) == 1
    findings = {f["code"]: f["level"] for f in json.loads(capsys.readouterr().out)}
    assert findings["port_ok"] == findings["spool_ok"] == findings["certificate_ok"] == "ok"
    assert findings["agent_absent"] == "failure"


def _measure_and_ship(config: AgentConfig) -> None:
    """Twelve minutes of two devices on a clock of their own, through the real wire."""
    clock = ManualClock(boottime=HOUR_MS, monotonic=HOUR_MS, utc=now_utc_ms() - 900_000)
    known = member(config)
    agent = real_agent(config, known, clock)
    for _ in range(12 * 60 // 4):
        clock.advance(4_000)
        samples = tuple(Sample(device=device, seen=SEEN) for device in DEVICES)
        agent.metering.observe(
            SampleBatch(boottime_ms=clock.boottime, meter=METER, samples=samples)
        )
        agent.record()
    way = real_carrier(known, clock)
    agent.ship(way)
    way.close()
    agent.close()


def test_an_expired_certificate_is_recovered_by_the_report_key(store: IdentityStore) -> None:
    """After an outage longer than the certificate the host needs nobody's help."""
    expire(store)
    old = store.tls().not_after
    way = carrier(store)

    assert way.submit([]).results == ()

    assert way.recoveries == 1
    assert store.tls().not_after > old
    way.close()


def test_a_clock_past_the_certificates_end_asks_for_no_recovery(store: IdentityStore) -> None:
    """The server, by its own clock, goes on taking it: a few recoveries are all that a host has."""
    way = carrier(store, ahead_ms=25 * HOUR_MS)

    for _ in range(3):
        assert way.submit([]).results == ()

    assert (way.recoveries, way.renewals) == (0, 1)
    way.close()


def test_a_certificate_is_renewed_at_a_third_of_its_life(store: IdentityStore) -> None:
    """The renewed one is used at once; the old one is kept until it is there."""
    before = store.tls().chain_pem
    way = carrier(store, ahead_ms=10 * HOUR_MS)

    way.submit([])
    way.submit([])

    assert way.renewals == 1  # its clock stays ahead: by the new certificate it knows by how much
    assert way.recoveries == 0
    assert store.tls().chain_pem != before
    way.close()


def test_a_lost_certificate_is_recovered(store: IdentityStore) -> None:
    """Key and certificate gone or damaged: the report key gets others."""
    store.tls_path.write_bytes(b"damaged")
    way = carrier(store)

    way.submit([])

    assert way.recoveries == 1
    way.close()


def test_a_revoked_host_is_told_so(server: KashiServer, store: IdentityStore) -> None:
    """Refused within five seconds, on an open connection too; the report key does not help."""
    way = carrier(store)
    way.submit([])
    host_id = store.host().host_id
    server.command("hosts", "revoke", host_id, *server.officer, "--reason", "test")

    with pytest.raises(RefusedError, match="revoked"):
        submit_until(way, time.monotonic() + EFFECT_SECONDS_MAX)

    assert way.recoveries == 0
    way.close()


def test_a_barred_way_is_explained(server: KashiServer, store: IdentityStore) -> None:
    """Nobody there, another server's root, a stranger's certificate: each in words."""
    host = store.host()
    port = host.metering_address.rpartition(":")[2]

    assert probe_tls(host.metering_address, host.server_root, store.tls_path) == ""
    assert "Nobody listens" in probe_tls("localhost:1", host.server_root)
    assert "cannot be resolved" in probe_tls(f"no.such.invalid:{port}", host.server_root)
    stranger = (server.directory / "roots").rglob("*host*")
    other = next(path for path in stranger if path.suffix in (".pem", ".crt"))
    foreign = x509.load_pem_x509_certificate(other.read_bytes()).public_bytes(Encoding.DER)
    assert "does not hold" in probe_tls(host.metering_address, foreign, store.tls_path)
    assert "refuses this host's certificate" in probe_tls(
        host.metering_address, host.server_root, None
    )


def test_a_server_that_is_away_is_unreachable(store: IdentityStore) -> None:
    """Nothing is lost; the reason is in words."""
    host = store.host()
    content = (store.folder / "host.json").read_text(encoding="utf-8")
    away = content.replace(host.metering_address, "localhost:1")
    (store.folder / "host.json").write_text(away, encoding="utf-8")
    way = carrier(store)

    with pytest.raises(UnreachableError, match="Nobody listens at localhost:1"):
        way.submit([])
    way.close()


def test_a_token_of_another_server_enrols_nobody(
    server: KashiServer, store: IdentityStore, tmp_path: Path
) -> None:
    """The root in the token decides: a server that cannot show a certificate under it is none."""
    token = EnrolmentToken.parse(server.token(PARTY))
    foreign = EnrolmentToken(secret=token.secret, server_root=store.host().receipt_chain[0])
    fresh = IdentityStore(tmp_path / "fresh")

    with pytest.raises(UnreachableError):
        enrol(fresh, server.address("enrolment"), foreign, host_facts())

    assert not fresh.enrolled
    assert os.stat(fresh.folder / "report.key").st_mode & 0o777 == 0o600
