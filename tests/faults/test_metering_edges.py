"""The metering port at its edges: every bad caller and message is refused quickly and clearly.

Real TLS over loopback. Each refusal must come within five seconds with a status a person can act
on, cost the server no memory to speak of, and leave other hosts alone.
"""

import logging
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fixtures_ingest import (
    Client,
    ReportingHost,
    RunningPort,
    enrol,
    running_port,
    stored_sums,
    wall_clock,
)
from kashi import limits
from kashi.v1 import metering_pb2
from kashi_server.services.authority import Keyring, found, issue_host
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.storage.unit_of_work import Work

HOST = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
DAY_MS = 24 * 3_600_000
GROWTH_BYTES_MAX = 20 << 20


class MovableClock:
    """The wall clock, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        """UTC milliseconds."""
        return wall_clock() + self.ahead_ms


@pytest.fixture
def host(metering: RunningPort) -> ReportingHost:
    """An enrolled host."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(metering.work, host)
    return host


@pytest.fixture
def neighbour(metering: RunningPort) -> Iterator[None]:
    """Another host that must get through after whatever the test did."""
    host = ReportingHost(OTHER, ["GPU-b"])
    enrol(metering.work, host)
    client = metering.client_of(host)
    client.submit(host.report())
    yield
    result = client.submit(host.report()).results[0]
    assert result.verdict == metering_pb2.VERDICT_ACCEPTED


def resident_bytes_peak() -> int:
    """The most memory this process, the server's loop included, has held so far."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


STRANGE_CALLER = """
import sys, grpc
address, root, key, chain, size, packed = sys.argv[1:]
read = lambda path: open(path, "rb").read()
credentials = grpc.ssl_channel_credentials(read(root), read(key), read(chain))
options = [("grpc.max_send_message_length", -1)]
invoke = grpc.secure_channel(address, credentials, options).unary_unary(
    "/kashi.v1.MeteringService/Submit")
compression = grpc.Compression.Gzip if packed == "gzip" else grpc.Compression.NoCompression
try:
    invoke(bytes(int(size)), timeout=30, compression=compression)
except grpc.RpcError as error:
    print(error.code().name, error.details())
"""


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("packed", ["plain", "gzip"])
def test_enormous_message_is_refused_from_its_header(
    metering: RunningPort,
    host: ReportingHost,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    packed: str,
) -> None:
    """200 MiB, plain or as 200 KiB of gzip: RESOURCE_EXHAUSTED, one line, no memory to speak of.

    The caller is a process of its own, so that the memory measured is the server's.
    """
    metering.client_of(host).submit()
    certificate, key = metering.certificate_of(host)
    files = {
        "root": metering.keyring.server_root.public_bytes(Encoding.PEM),
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "chain": metering.chain_pem(certificate),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in files]
    arguments = [f"localhost:{metering.port}", *paths, str(200 << 20), packed]
    before = resident_bytes_peak()

    with caplog.at_level(logging.WARNING):
        done = subprocess.run(
            [sys.executable, "-c", STRANGE_CALLER, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert "RESOURCE_EXHAUSTED" in done.stdout, done
    assert resident_bytes_peak() - before < GROWTH_BYTES_MAX
    assert len([one for one in caplog.records if HOST in one.getMessage()]) == 1


@pytest.mark.usefixtures("neighbour")
def test_message_one_byte_too_large_is_refused(metering: RunningPort, host: ReportingHost) -> None:
    """The limit is exact: 1 MiB passes to be read, one byte more does not."""
    client = metering.client_of(host)

    assert client.refused(bytes(limits.MESSAGE_BYTES_MAX + 1))[0] == "RESOURCE_EXHAUSTED"
    assert client.refused(bytes(limits.MESSAGE_BYTES_MAX))[0] == "INVALID_ARGUMENT"


@pytest.mark.usefixtures("neighbour")
def test_random_bytes_are_refused_or_rejected(metering: RunningPort, host: ReportingHost) -> None:
    """Noise as a request is INVALID_ARGUMENT; noise as a report is rejected and stores nothing."""
    client = metering.client_of(host)
    chance = random.Random(5)
    sound = host.report()
    before = stored_sums(metering.work)

    for size in (1, 10, 1000, 100_000):
        noise = chance.randbytes(size)
        try:
            response = client.submit(noise, sound[: size % len(sound)], chance.randbytes(7))
        except grpc.RpcError as error:
            pytest.fail(f"a report of noise must be rejected, not {error}")
        assert {result.verdict for result in response.results} == {metering_pb2.VERDICT_REJECTED}
        assert client.refused(b"\xff" + noise)[0] == "INVALID_ARGUMENT"
    too_many = metering_pb2.SubmitRequest(reports=[b""] * (limits.REPORTS_PER_CALL_MAX + 1))
    assert client.refused(too_many.SerializeToString())[0] == "INVALID_ARGUMENT"
    assert stored_sums(metering.work) == before


@pytest.mark.usefixtures("neighbour")
def test_refusals_of_one_kind_are_logged_once(
    metering: RunningPort, host: ReportingHost, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller that insists fills no disk: one line a minute, and a counter."""
    client = metering.client_of(host)

    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            client.refused(b"\xff\xff")

    lines = [one for one in caplog.records if HOST in one.getMessage()]
    assert len(lines) == 1
    assert (
        metering.registry.get_sample_value("kashi_refusals_total", {"why": "invalid_argument"}) == 5
    )


@pytest.mark.usefixtures("neighbour")
def test_missing_certificate_is_refused(metering: RunningPort) -> None:
    """Without a client certificate the handshake fails."""
    credentials = grpc.ssl_channel_credentials(
        metering.keyring.server_root.public_bytes(Encoding.PEM)
    )
    with grpc.secure_channel(f"localhost:{metering.port}", credentials) as channel:
        invoke: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/kashi.v1.MeteringService/Submit"
        )
        with pytest.raises(grpc.RpcError) as caught:
            invoke(b"", timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.usefixtures("neighbour")
def test_plain_text_is_refused(metering: RunningPort) -> None:
    """A caller without TLS gets nowhere."""
    with grpc.insecure_channel(f"localhost:{metering.port}") as channel:
        invoke: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/kashi.v1.MeteringService/Submit"
        )
        with pytest.raises(grpc.RpcError) as caught:
            invoke(b"", timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.usefixtures("neighbour")
def test_certificate_of_another_installation_is_refused(
    metering: RunningPort, host: ReportingHost
) -> None:
    """A certificate that another authority issued for the same host fails the handshake."""
    foreign = found("elsewhere", ["localhost"], b"x" * 32, wall_clock(), demo=False).keyring
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue_host(foreign.host_issuer, host.host_id, key.public_key(), wall_clock())

    status, _detail = metering.client(certificate, key).refused()

    assert status == "UNAVAILABLE"


@pytest.mark.usefixtures("neighbour")
def test_certificate_that_the_server_never_stored_is_refused(
    metering: RunningPort, host: ReportingHost
) -> None:
    """A certificate of the right authority with an unknown serial is nobody's."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = metering.keyring.host_issuer
    certificate = issue_host(issuer, host.host_id, key.public_key(), wall_clock())

    status, detail = metering.client(certificate, key).refused()

    assert status == "PERMISSION_DENIED"
    assert "no host of this server" in detail


@pytest.mark.usefixtures("neighbour")
def test_expired_certificate_is_refused_on_a_new_connection(
    metering: RunningPort, host: ReportingHost
) -> None:
    """Yesterday's certificate fails the handshake."""
    status, _detail = metering.client_of(host, wall_clock() - 2 * DAY_MS).refused()

    assert status == "UNAVAILABLE"


def test_expired_certificate_is_refused_on_an_open_connection(work: Work, keyring: Keyring) -> None:
    """A connection that outlives its certificate ends in UNAUTHENTICATED at the next call."""
    clock = MovableClock()
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    with running_port(work, keyring, clock) as running:
        client = running.client_of(host)
        client.submit(host.report())
        clock.ahead_ms = DAY_MS + 1000

        status, detail = client.refused()

    assert status == "UNAUTHENTICATED"
    assert "expired" in detail


def test_revocation_reaches_open_connections_within_five_seconds(
    work: Work, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revoked host's next call is refused once the standing's five seconds are over."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    ahead = [0]
    monkeypatch.setattr("fixtures_ingest.monotonic_clock", lambda: wall_clock() + ahead[0])
    with running_port(work, keyring) as running:
        client = running.client_of(host)
        client.submit(host.report())
        HostKeeping(work, wall_clock).revoke(HOST, "li", "stolen")
        ahead[0] = 5_000

        on_open = client.refused()
        on_new = running.client_of(host).refused()

    assert on_open[0] == on_new[0] == "PERMISSION_DENIED"
    assert "revoked" in on_open[1]


@pytest.mark.usefixtures("neighbour")
def test_replaced_certificate_is_refused(metering: RunningPort, host: ReportingHost) -> None:
    """Once a newer certificate was used, the one before opens nothing."""
    old = metering.client_of(host)
    new = metering.client_of(host)

    new.submit()

    status, detail = old.refused()
    assert status == "PERMISSION_DENIED"
    assert "newer" in detail


def test_wrong_purpose_is_refused(metering: RunningPort) -> None:
    """The server's own TLS certificate is no host's, though its key is real."""
    signer = metering.keyring.server_tls

    status, _detail = metering.client(signer.certificate, signer.key).refused()

    assert status in ("UNAVAILABLE", "UNAUTHENTICATED")


def test_second_call_of_a_host_must_wait(metering: RunningPort, host: ReportingHost) -> None:
    """One call in flight a host: the second is ABORTED, the first is answered."""
    client = metering.client_of(host)
    client.submit()
    request = metering_pb2.SubmitRequest(
        reports=[host.report() for _ in range(64)]
    ).SerializeToString()
    invoke: grpc.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary(
        "/kashi.v1.MeteringService/Submit"
    )

    # The writer stands still while the first call waits for it.
    go_on = threading.Event()
    metering.writer.submit(go_on.wait, 30)
    first = invoke.future(request, timeout=20)
    second = _refused_while_waiting(client, metering)
    go_on.set()

    response = metering_pb2.SubmitResponse.FromString(first.result())
    assert {one.verdict for one in response.results} == {metering_pb2.VERDICT_ACCEPTED}
    assert second == "ABORTED"


def _refused_while_waiting(client: Client, metering: RunningPort) -> str:
    """The status of a second call, made once the first has arrived."""
    deadline = time.monotonic() + 5
    while metering.registry.get_sample_value("kashi_calls_in_flight") != 1:
        assert time.monotonic() < deadline, "the first call never arrived"
    return client.refused()[0]
