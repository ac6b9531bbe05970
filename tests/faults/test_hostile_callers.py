"""Hostile callers at the metering port of the real serving process.

What the port answers to each is tested beside it, within one process; here the server is a process
of its own whose memory, log and tables are watched from outside, while another host goes on.
"""

import os
import random
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from fixtures_ingest import (
    Client,
    Door,
    ReportingHost,
    add_certificate,
    enrol,
    stored_sums,
    sums_of,
    wall_clock,
)
from fixtures_server import KashiServer
from google.protobuf.message import DecodeError
from kashi import limits, signing
from kashi.v1 import metering_pb2, report_pb2
from kashi_server.bootstrap import Server, opened
from kashi_server.services.authority import found, issue_host
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.profiles import Purpose, build_leaf, host_name, name
from kashi_server.storage.schema import metadata
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import select

DAY_MS = 24 * 3_600_000
GROWTH_BYTES_MAX = 20 << 20
EFFECT_SECONDS_MAX = 6.0
SETTLE_SECONDS = 30
GROUP = 64
ROUNDS = 4

Tables = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def inside(shared: KashiServer) -> Iterator[Server]:
    """The serving process's directory, opened beside it as its commands do."""
    with opened(shared.directory) as server:
        yield server


@pytest.fixture
def door(shared: KashiServer, inside: Server) -> Door:
    """Its metering port."""
    return Door(shared.ports["metering"], inside.keyring, inside.work)


def host_named(door: Door, name: str) -> ReportingHost:
    """An enrolled host with two cards."""
    digest = signing.sha256(name.encode()).hex()
    host = ReportingHost(
        f"{digest[:8]}-0000-4000-8000-{digest[8:20]}", [f"GPU-{name}-{n}" for n in range(2)]
    )
    enrol(door.work, host)
    return host


@pytest.fixture
def host(door: Door, request: pytest.FixtureRequest) -> ReportingHost:
    """A host of this test's own."""
    return host_named(door, str(request.node.name))


@pytest.fixture
def neighbour(door: Door, request: pytest.FixtureRequest) -> Iterator[None]:
    """Another host, on a connection that it keeps, must get through after whatever happened."""
    other = host_named(door, f"neighbour of {request.node.name}")
    client = door.client_of(other)
    assert accepted(client.submit(other.report())) == [True]
    yield
    assert accepted(client.submit(other.report())) == [True]


def accepted(response: metering_pb2.SubmitResponse) -> list[bool]:
    """Which reports of a call were accepted."""
    return [one.verdict == metering_pb2.VERDICT_ACCEPTED for one in response.results]


def everything(work: Work) -> Tables:
    """Every row of every table."""
    with work.begin(writes=False) as unit:
        return {
            table.name: [tuple(row) for row in unit.connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


def sequenced(work: Work) -> None:
    """Wait until everything committed stands in the log: then nothing moves by itself."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        with work.begin(writes=False) as unit:
            if not [*unit.log.pending_runs(1), *unit.log.pending_entries(1)]:
                return
        assert time.monotonic() < deadline, "the sequencer does not go on"
        time.sleep(0.1)  # another process writes: its tables are all there is to wait on


def forged(host: ReportingHost, thief: ReportingHost, wires: list[bytes]) -> Iterator[bytes]:
    """Reports that the host did not make, made from those it did."""
    chance = random.Random(4)
    first, second = (report_pb2.Report.FromString(wire) for wire in wires[:2])
    for _ in range(40):
        wire = wires[chance.randrange(len(wires))]
        at = chance.randrange(len(wire))
        yield wire[:at] + bytes([wire[at] ^ 1 << chance.randrange(8)]) + wire[at + 1 :]
    for size in (1, len(wires[0]) // 2, len(wires[0]) - 1):
        yield wires[0][:size]
    yield report_pb2.Report(
        header=first.header, signatures=second.signatures, blocks=first.blocks
    ).SerializeToString()
    yield report_pb2.Report(
        header=first.header, signatures=first.signatures, blocks=second.blocks
    ).SerializeToString()
    header = report_pb2.ReportHeader.FromString(second.header)
    header.sequence = host.sequence + 1
    header.previous_sha256 = host.previous
    payload = header.SerializeToString()
    yield report_pb2.Report(
        header=payload,
        signatures=[signing.sign(thief.key, signing.REPORT, payload)],
        blocks=second.blocks,
    ).SerializeToString()


def test_replayed_reordered_and_forged_reports_change_no_row(
    shared: KashiServer, door: Door, host: ReportingHost
) -> None:
    """Reports again, in another order, ahead of their turn, by another host, and with any bit
    turned over: every row of every table is as before, and the true next report is accepted."""
    thief = host_named(door, "thief")
    client, other = door.client_of(host), door.client_of(thief)
    wires = [host.report() for _ in range(6)]
    assert accepted(client.submit(*wires)) == [True] * 6
    other.submit()
    sound = report_pb2.Report.FromString(wires[0])
    following = [host.report(), host.report()]
    fakes = [
        fake
        for fake in forged(host, thief, wires)
        # A bit of an unknown field or of the signature's encoding may leave the report what it was.
        if fake not in wires and report_of(fake) != sound
    ]
    sequenced(door.work)
    before = everything(door.work)

    again = client.submit(*wires, *reversed(wires))
    ahead = client.submit(following[1], wires[3], following[1])
    stolen = other.submit(*wires, *following)
    refused = [one for fake in fakes for one in client.submit(fake).results]

    assert {one.verdict for one in again.results} == {metering_pb2.VERDICT_DUPLICATE}
    assert metering_pb2.VERDICT_ACCEPTED not in {one.verdict for one in ahead.results}
    assert {one.verdict for one in stolen.results} == {metering_pb2.VERDICT_REJECTED}
    assert {one.verdict for one in refused} == {metering_pb2.VERDICT_REJECTED}
    assert everything(door.work) == before
    assert accepted(client.submit(*following)) == [True, True]
    shared.command("fsck")


def report_of(wire: bytes) -> report_pb2.Report | None:
    """The message of some bytes, if they are one."""
    try:
        return report_pb2.Report.FromString(wire)
    except DecodeError:
        return None


def logged(server: KashiServer, since: int, text: str, count: int) -> list[str]:
    """Lines of the server's output with a text, once there are as many as expected."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        lines = [line for line in server.output[since:] if text in line]
        if len(lines) >= count or time.monotonic() > deadline:
            return lines
        time.sleep(0.02)  # the lines come over a pipe, by another thread


def memory_bytes_peak(server: KashiServer) -> int:
    """The most memory that the serving process has held."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.usefixtures("neighbour")
def test_strange_messages_cost_the_server_no_memory(
    shared: KashiServer, door: Door, host: ReportingHost
) -> None:
    """100 MiB plain, 100 MiB of zeros in 100 KiB of gzip, noise as a call, as a report and as TLS,
    each three times: a clear status within five seconds, one line in the log for each kind, and
    the serving process's memory grows by less than 20 MiB."""
    client = door.client_of(host)
    chance = random.Random(5)
    assert accepted(client.submit(host.report())) == [True]
    before, said = memory_bytes_peak(shared), len(shared.output)

    for _ in range(3):
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            status = refusal(client, bytes(100 << 20), compression)
            assert status == "RESOURCE_EXHAUSTED"
        assert refusal(client, bytes(limits.MESSAGE_BYTES_MAX + 1)) == "RESOURCE_EXHAUSTED"
        assert refusal(client, b"\xff" + chance.randbytes(100_000)) == "INVALID_ARGUMENT"
        noise = [chance.randbytes(size) for size in (1, 1_000, 500_000)]
        rejected = {one.verdict for one in client.submit(*noise).results}
        assert rejected == {metering_pb2.VERDICT_REJECTED}
        assert_hung_up(door.port, chance.randbytes(50_000))
        assert_hung_up(door.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert memory_bytes_peak(shared) - before < GROWTH_BYTES_MAX
    for kind in ("resource_exhausted", "invalid_argument"):
        assert len(logged(shared, said, f"{host.host_id}: {kind}", 1)) == 1
    lines = logged(shared, said, host.host_id, 3)
    assert len(lines) == len({line.split(": ", 1)[1] for line in lines}), lines


def refusal(client: Client, request: bytes, compression: grpc.Compression | None = None) -> str:
    """The status of a call that must be refused; a call has five seconds."""
    with pytest.raises(grpc.RpcError) as caught:
        client.call(request, compression=compression)
    return str(caught.value.code().name)


def assert_hung_up(port: int, noise: bytes) -> None:
    """The port closes a connection that speaks no TLS, within five seconds."""
    with socket.create_connection(("localhost", port), timeout=5) as connection:
        try:
            connection.sendall(noise)
            while connection.recv(4096):
                continue
        except ConnectionError:
            return


def certificate_until(
    door: Door, host: ReportingHost, key: ec.EllipticCurvePrivateKey, utc_ms: int
) -> x509.Certificate:
    """A host's certificate of this server, issued a day before it ends."""
    return build_leaf(
        door.keyring.host_issuer,
        Purpose.HOST,
        key.public_key(),
        name(host.host_id, "test"),
        [host_name(host.host_id)],
        (utc_ms - DAY_MS, timedelta(milliseconds=DAY_MS)),
    )


@pytest.mark.usefixtures("neighbour")
def test_strangers_get_no_connection(shared: KashiServer, door: Door, host: ReportingHost) -> None:
    """No certificate, one of another installation, one that has expired: refused within five
    seconds, before a byte of a call is read, and each is one line of the log that says why."""
    said = len(shared.output)
    foreign = found("elsewhere", ["localhost"], b"x" * 32, wall_clock(), demo=False).keyring
    key = ec.generate_private_key(ec.SECP256R1())
    issued = issue_host(foreign.host_issuer, host.host_id, key.public_key(), wall_clock())
    root = door.keyring.server_root.public_bytes(Encoding.PEM)
    bare = grpc.secure_channel(f"localhost:{door.port}", grpc.ssl_channel_credentials(root))
    callers = [
        Client(bare),
        door.client(issued, key),
        door.client(certificate_until(door, host, key, wall_clock() - 1_000), key),
    ]

    for caller in callers:
        started = time.monotonic()
        assert refusal(caller, b"") == "UNAVAILABLE"
        assert time.monotonic() - started < 5
        caller.channel.close()
    lines = logged(shared, said, "Handshake failed", len(callers))
    reasons = ("PEER_DID_NOT_RETURN_A_CERTIFICATE", *["CERTIFICATE_VERIFY_FAILED"] * 2)
    assert len(lines) == len(callers)
    assert all(reason in line for reason, line in zip(reasons, lines, strict=True)), lines


@pytest.mark.usefixtures("neighbour")
def test_certificate_that_expires_ends_its_open_connection(door: Door, host: ReportingHost) -> None:
    """A connection is served while its certificate is valid, and refused within five seconds after
    it has expired: UNAUTHENTICATED, with the word that says why."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Long enough for the first call to be answered on a busy machine before the certificate ends.
    certificate = certificate_until(door, host, key, wall_clock() + 10_000)
    add_certificate(door.work, host.host_id, certificate)
    client = door.client(certificate, key)
    assert accepted(client.submit(host.report())) == [True]
    expires_ms = round(certificate.not_valid_after_utc.timestamp() * 1000)

    status, detail = refused_by(client, expires_ms + 5_000)

    assert status == "UNAUTHENTICATED"
    assert "expired" in detail
    assert wall_clock() >= expires_ms


@pytest.mark.usefixtures("neighbour")
def test_revocation_by_command_reaches_every_connection(
    shared: KashiServer, inside: Server, door: Door, host: ReportingHost
) -> None:
    """A host revoked while it is connected is refused within six seconds on that connection and on
    a new one; the log says so once."""
    client = door.client_of(host)
    assert accepted(client.submit(host.report())) == [True]
    said = len(shared.output)
    HostKeeping(inside.work, wall_clock).revoke(host.host_id, "officer", "stolen")

    status, detail = refused_by(client, wall_clock() + round(EFFECT_SECONDS_MAX * 1000))
    on_new = refusal(door.client_of(host), b"")

    assert (status, on_new) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    assert "revoked" in detail
    assert len(logged(shared, said, host.host_id, 1)) == 1


def refused_by(client: Client, utc_ms: int) -> tuple[str, str]:
    """Status and words of the first refusal; it must come before an instant."""
    while wall_clock() < utc_ms:
        try:
            client.submit()
        except grpc.RpcError as error:
            return error.code().name, str(error.details())
    raise AssertionError("the connection is still served")


def test_one_bad_report_of_sixty_four_hosts_costs_the_others_nothing(
    shared: KashiServer, door: Door
) -> None:
    """Sixty-four hosts submit at once, round after round, and one of them always sends a report
    that does not hold: the other sixty-three are accepted to the last millisecond, and the bad one
    as soon as it sends what it measured. Calls did share units of work."""
    hosts = [host_named(door, f"crowd-{number}") for number in range(GROUP)]
    clients = [door.client_of(host) for host in hosts]
    sent = [[host.report() for _ in range(ROUNDS)] for host in hosts]
    bad = random.Random(6).randrange(GROUP)
    for client in clients:
        client.submit()
    grouped = groups_of_many(shared)
    verdicts: list[list[int]] = [[] for _ in hosts]
    together = threading.Barrier(GROUP)

    def submit(number: int) -> None:
        for wire in sent[number]:
            spoilt = wire[:-20] + os.urandom(20) if number == bad else wire
            together.wait(SETTLE_SECONDS)
            verdicts[number] += [one.verdict for one in clients[number].submit(spoilt).results]

    in_threads(submit)

    for number, answers in enumerate(verdicts):
        sound = metering_pb2.VERDICT_ACCEPTED
        expected = metering_pb2.VERDICT_REJECTED if number == bad else sound
        assert answers == [expected] * ROUNDS
    assert groups_of_many(shared) > grouped, "no two calls shared a unit of work"
    assert accepted(clients[bad].submit(*sent[bad])) == [True] * ROUNDS
    ids = {host.host_id for host in hosts}
    stored = {key: sums for key, sums in stored_sums(door.work).items() if key[0] in ids}
    assert stored == sums_of(wire for wires in sent for wire in wires)


def in_threads(call: Callable[[int], None]) -> None:
    """Run a call once for each host, all at once; the first failure is raised."""
    troubles: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            call(number)
        except BaseException as error:
            troubles.append(error)  # raised again in the test's own thread

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(GROUP)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SETTLE_SECONDS)
    if troubles:
        raise troubles[0]


def groups_of_many(server: KashiServer) -> int:
    """How many groups of two reports or more the server has taken, by its own metrics."""
    url = f"http://127.0.0.1:{server.ports['metrics']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    counts = {}
    for line in lines:
        if line.startswith("kashi_group_reports_bucket"):
            bound, count = line.split('le="')[1].split('"} ')
            counts[bound] = int(float(count))
    return counts["+Inf"] - counts["1.0"]
