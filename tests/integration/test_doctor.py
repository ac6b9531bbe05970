"""The doctor before real conditions: a real server, real chains, a full disk, a driver that is not
there. Each is recognised by its code, and the next step stands in both languages."""

import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fakes.nvml.library import built_library, compiler, environment
from fakes.nvml.scenario import Device, Error, Scenario
from fixtures_server import KashiServer
from kashi_agent.clock import SystemClock
from kashi_agent.config import AgentConfig
from kashi_agent.doctor.examination import Patient, examine
from kashi_agent.doctor.finding import Finding, Level
from kashi_agent.doctor.machine import look_at_disk
from kashi_agent.doctor.words import WORDS
from kashi_agent.identity import Host, IdentityStore
from kashi_agent.meter_probe import FirstLook
from kashi_agent.tls_probe import tls_trouble
from kashi_agent.wiring import empty_call
from prepared_host import PreparedHost, enrolled_store, prepared_host

from deploy.demo.manual_clock import ManualClock

BUILD = Path(__file__).parents[2] / "build"
MINUTE_MS = 60_000
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KashiServer]:
    """A server that serves on loopback."""
    home = KashiServer(tmp_path_factory.mktemp("doctor") / "server")
    home.init("--organisation", "Test", "--address", "localhost")
    home.start()
    yield home
    home.stop()


def clock_now(ahead_ms: int = 0) -> ManualClock:
    """A clock beside the machine's own."""
    now = SystemClock()
    return ManualClock(
        boottime=now.boottime_ms(), monotonic=now.boottime_ms(), utc=now.utc_ms() + ahead_ms
    )


def found(
    state: Path, *, clock: ManualClock | None = None, look: FirstLook | None = None
) -> dict[str, Finding]:
    """Findings by code; the network is the real one, no meter is started."""
    config = AgentConfig(state_folder=state)
    patient = Patient(
        config=config,
        clock=clock or clock_now(),
        probe=tls_trouble,
        ask=lambda host, store: empty_call(config, host, store),
        look=lambda: look or FirstLook(said="driver: not looked at"),
    )
    return {one.code: one for one in examine(patient)}


def enrolled(server: KashiServer, folder: Path) -> IdentityStore:
    """A host with an identity in the state folder `folder`."""
    return enrolled_store(server, folder / "identity", folder.name, Random(folder.name))


def readdressed(store: IdentityStore, **changes: object) -> None:
    """Have the host believe something else of its server."""
    host: Host = replace(store.host(), **changes)  # type: ignore[arg-type]  # names are checked when it runs
    store.save_host(host)


# The words.


@pytest.mark.parametrize("code", WORDS)
def test_every_finding_has_its_words_and_what_is_wrong_a_step(code: str) -> None:
    """In both languages, with the same values; what is well needs no step."""
    words = WORDS[code]

    assert words.zh != words.en
    assert words.en.isascii() or "µ" in words.en
    assert bool(words.step_zh) == bool(words.step_en) == (words.level is not Level.OK)


# The way to the server.


def test_a_host_that_is_well_is_said_to_be(server: KashiServer, tmp_path: Path) -> None:
    """Ports, certificate, identity: nothing is wrong but that no agent runs."""
    store = enrolled(server, tmp_path / "well")

    codes = found(store.folder.parent)

    wrong = {code for code, one in codes.items() if one.level is Level.FAILURE}
    assert wrong <= {"agent_absent", "meter_trouble", "state_volatile", "pid_namespace_foreign"}
    assert {"port_ok", "certificate_ok", "identity_ok", "spool_ok", "disk_ok"} <= codes.keys()


def test_a_server_that_is_away_is_unreachable(server: KashiServer, tmp_path: Path) -> None:
    """Nobody listens there; a name that nobody knows; an address that does not answer."""
    store = enrolled(server, tmp_path / "away")

    readdressed(store, metering_address="localhost:1")
    assert "nobody_listens" in found(store.folder.parent)
    readdressed(store, metering_address="no.such.invalid:7443")
    assert found(store.folder.parent)["name_unresolved"].values["name"] == "no.such.invalid"


def test_a_port_that_accepts_and_says_nothing_does_not_answer(
    server: KashiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a firewall that swallows packets looks from here."""
    monkeypatch.setattr("kashi_agent.tls_probe.PROBE_SECONDS", 0.3)
    store = enrolled(server, tmp_path / "silent")
    with socket.create_server(("localhost", 0)) as mute:
        readdressed(store, metering_address=f"localhost:{mute.getsockname()[1]}")

        assert "no_answer" in found(store.folder.parent)


@contextmanager
def tls_server(folder: Path, issuer: str, name: str, days: int = 1) -> Iterator[tuple[str, bytes]]:
    """A TLS server with a chain of its own: its address, and its root."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    builder = builder.not_valid_before(now - timedelta(days=3))
    certificate = (
        builder.not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "shown.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listening = http.server.ThreadingHTTPServer(
        ("localhost", 0), http.server.BaseHTTPRequestHandler
    )
    listening.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is the point
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield (
            f"localhost:{listening.server_port}",
            certificate.public_bytes(serialization.Encoding.DER),
        )
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_a_proxy_that_intercepts_tls_is_named(server: KashiServer, tmp_path: Path) -> None:
    """The chain that is shown is not ours: the finding says whose it is."""
    store = enrolled(server, tmp_path / "proxied")
    with tls_server(tmp_path, "Example Corp Inspection CA", "localhost") as (address, _root):
        readdressed(store, metering_address=address)
        codes = found(store.folder.parent)

    assert codes["intercepted"].values["issuer"] == "CN=Example Corp Inspection CA"
    assert "server_trouble" not in codes, "no call is made over a way that is not ours"


def test_a_wrong_name_is_no_interception(server: KashiServer, tmp_path: Path) -> None:
    """The right root, another name."""
    store = enrolled(server, tmp_path / "renamed")
    with tls_server(tmp_path, "Kashi root", "another.example") as (address, root):
        assert _code(store, address, root) == "wrong_name"


def test_a_certificate_out_of_its_dates_is_no_interception(
    server: KashiServer, tmp_path: Path
) -> None:
    """The right root, expired two days ago: the clock is to be looked at first."""
    store = enrolled(server, tmp_path / "dated")
    with tls_server(tmp_path, "Kashi root", "localhost", days=-2) as (address, root):
        assert _code(store, address, root) == "server_certificate_dates"


def _code(store: IdentityStore, address: str, root: bytes) -> str:
    trouble = tls_trouble(address, root)
    assert trouble is not None
    return str(trouble.kind)


def test_a_port_that_speaks_no_tls_is_told(server: KashiServer, tmp_path: Path) -> None:
    """A plain HTTP server where the metering port should be."""
    store = enrolled(server, tmp_path / "plain")
    listening = http.server.ThreadingHTTPServer(
        ("localhost", 0), http.server.BaseHTTPRequestHandler
    )
    listening.handle_error = lambda *_: None  # type: ignore[method-assign]  # it does not understand a handshake
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    readdressed(store, metering_address=f"localhost:{listening.server_port}")
    codes = found(store.folder.parent)
    listening.shutdown()
    thread.join()
    listening.server_close()

    assert "tls_failed" in codes


def test_a_certificate_of_another_server_is_refused_and_why(
    server: KashiServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A host whose TLS certificate another server issued: TLS itself refuses it."""
    other = KashiServer(tmp_path_factory.mktemp("other") / "server")
    other.init("--organisation", "Other", "--address", "localhost")
    other.start()
    try:
        strange = enrolled(other, tmp_path / "strange")
    finally:
        other.stop()
    store = enrolled(server, tmp_path / "mixed")
    shutil.copy(strange.tls_path, store.tls_path)

    refused = found(store.folder.parent)["certificate_refused"]

    assert refused.values["why"]
    assert "kashi-agent" in refused.step_en


def test_a_revoked_host_is_refused_with_the_servers_words(
    server: KashiServer, tmp_path: Path
) -> None:
    """The certificate is good and the server says no: its reason is told."""
    store = enrolled(server, tmp_path / "revoked")
    host_id = store.host().host_id
    server.command("hosts", "revoke", host_id, *server.officer, "--reason", "test")

    refused = found(store.folder.parent)["host_refused"]

    assert "revoked" in refused.values["why"]


def test_a_held_host_learns_it_from_its_receipts(server: KashiServer, tmp_path: Path) -> None:
    """Reports are taken and do not count: the newest receipt says why."""
    well = delivered(server, tmp_path, "counted")
    held = delivered(server, tmp_path, "held", hold=True)

    assert "host_held" not in found(well.folder / "state")
    assert found(held.folder / "state")["host_held"].level is Level.FAILURE


def delivered(
    server: KashiServer, folder: Path, name: str, *, ahead_ms: int = 0, hold: bool = False
) -> PreparedHost:
    """A host that has delivered ten minutes of today, by a clock that may be ahead; `hold`: it was
    held before."""
    host = prepared_host(server, folder / name, seed=name)
    host.agent.close()
    if hold:
        server.command("hosts", "hold", host.host_id, *server.officer, "--reason", "test")
    host.clock.utc = SystemClock().utc_ms() // MINUTE_MS * MINUTE_MS - 10 * MINUTE_MS + ahead_ms
    host.clock.boot = host.random.randbytes(16)
    host.start()
    host.live(10)
    host.ship()
    host.agent.close()
    return host


# The machine.


def test_a_clock_that_is_behind_is_known_by_the_enrolment(
    server: KashiServer, tmp_path: Path
) -> None:
    """It cannot be earlier than when the server enrolled this host."""
    store = enrolled(server, tmp_path / "behind")

    behind = found(store.folder.parent, clock=clock_now(-86_400_000))["clock_behind"]

    assert 86_300 < int(behind.values["seconds"]) <= 86_400


def test_a_clock_that_is_ahead_is_known_by_a_receipt(server: KashiServer, tmp_path: Path) -> None:
    """A report was sealed five minutes later than the server received it."""
    host = delivered(server, tmp_path, "ahead", ahead_ms=300_000)

    ahead = found(host.folder / "state", clock=clock_now(300_000))["clock_ahead"]

    assert 200 < int(ahead.values["seconds"]) <= 300


def test_a_clock_that_is_right_is_neither(server: KashiServer, tmp_path: Path) -> None:
    """Reports take time to arrive; that is no clock's fault."""
    host = delivered(server, tmp_path, "right")

    assert not {"clock_behind", "clock_ahead"} & found(host.folder / "state").keys()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four mebibytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "kashi-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here: run as root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told(small_disk: Path) -> None:
    """Until there is room again."""
    (small_disk / "filler").write_bytes(bytes((4 << 20) - (1 << 18)))
    full = {one.code: one for one in look_at_disk(small_disk)}
    (small_disk / "filler").unlink()
    empty = {one.code for one in look_at_disk(small_disk)}

    assert full["disk_full"].level is Level.FAILURE
    assert str(small_disk) in full["disk_full"].step_zh
    assert "disk_low" in empty
    assert "state_volatile" in empty, "and that file system lives in memory"


def test_a_state_folder_that_a_reboot_takes_is_told_as_what_it_is(
    server: KashiServer, small_disk: Path
) -> None:
    """A failure before and after an enrolment, with a step that keeps the identity; a host of a
    demonstration server may lie there, and is told no more than what a reboot does to it."""
    state = small_disk / "forgets"
    state.mkdir()
    new = found(state)
    store = enrolled(server, state)
    known = found(state)
    readdressed(store, demo=True)
    demo = found(state)

    for codes in (new, known):
        assert codes["state_volatile"].level is Level.FAILURE
        assert "nothing is enrolled anew" in codes["state_volatile"].step_en
        assert "不必重新登记" in codes["state_volatile"].step_zh
    assert "state_volatile" not in demo
    assert demo["state_volatile_demo"].level is Level.OK
    assert str(state) in demo["state_volatile_demo"].zh


def test_a_containers_pid_namespace_is_told(tmp_path: Path) -> None:
    """The whole command in a PID namespace of its own, as a container has."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("no PID namespace can be made here: run as root, with unshare (util-linux)")
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *_doctor(tmp_path)],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
        env=_no_driver(tmp_path),
    )

    codes = {one["code"] for one in json.loads(done.stdout)}
    assert "pid_namespace_foreign" in codes
    assert done.returncode == 1


# The driver, by the real meter.


def _doctor(state: Path) -> list[str]:
    return [sys.executable, "-m", "kashi_agent.cli", "doctor", "--state", str(state), "--json"]


def _no_driver(folder: Path) -> dict[str, str]:
    """An environment in which the library that is found first is none."""
    (folder / "libnvidia-ml.so.1").write_bytes(b"no library")
    return {**os.environ, "LD_LIBRARY_PATH": str(folder)}


def examined(state: Path, environ: dict[str, str]) -> dict[str, dict[str, object]]:
    """What the command finds."""
    done = subprocess.run(
        [*_doctor(state), "--", "--meter", "nvml"],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
        env=environ,
    )
    assert done.returncode == 1, done.stderr
    return {one["code"]: one for one in json.loads(done.stdout)}


def test_a_missing_driver_is_told(tmp_path: Path) -> None:
    """Exit code 1, and what to install."""
    missing = examined(tmp_path, _no_driver(tmp_path))["driver_absent"]

    assert "nvidia-smi" in str(missing["step_zh"])
    assert "nvidia-smi" in str(missing["step_en"])


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ((Error(call="nvmlInitWithFlags", code=9),), "driver_absent"),
        ((Error(call="nvmlInitWithFlags", code=18),), "driver_mismatch"),
        ((Error(call="nvmlInitWithFlags", code=4),), "device_permission"),
        ((Error(call="nvmlDeviceGetUUID", code=4, device=0),), "device_permission"),
        ((), "meter_ok"),
    ],
)
def test_what_the_driver_refuses_is_told(
    tmp_path: Path, errors: tuple[Error, ...], code: str
) -> None:
    """Not loaded, of another version than its library, closed to this user as a whole or by a
    device's file: told apart by what the driver itself answers."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    scenario = tmp_path / "scenario"
    Scenario(devices=(Device(uuid="GPU-0"),), errors=errors).write(
        scenario, start_boottime_ms=SystemClock().boottime_ms()
    )

    codes = examined(tmp_path, environment(built_library(BUILD), scenario, os.environ))

    assert code in codes
