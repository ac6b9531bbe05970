"""The relay's port and its way out: certificates, renewals, proxies; against a real server."""

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
from connect_proxy import ConnectProxy
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fixtures_identity import OTHER_PARTY, PARTY
from fixtures_server import KashiServer
from kashi.carry import CarryFile, write_carry_file
from kashi.v1 import carry_pb2, metering_pb2, metering_pb2_grpc, report_pb2
from kashi_agent.carrier import Carrier
from kashi_agent.enrolment import EnrolmentToken, enrol
from kashi_agent.errors import AgentError, RefusedError, UnreachableError
from kashi_agent.identity import IdentityStore, tls_request
from kashi_agent.relay import carrying
from kashi_agent.relay.forwarding import Forwarder
from kashi_agent.relay.port import RelayPort, RelayService
from kashi_agent.relay.store import RelayStore
from kashi_agent.shipping_wire import GrpcWire
from kashi_agent.wiring import Member, forget_proxies, real_carrier
from kashi_server.bootstrap import opened
from relayed_host import WALL, RelayedHost, enrolled_by_file, facts_of, relayed_host

DEAD = "http://127.0.0.1:9"


@dataclass(slots=True)
class Relay:
    """A relay's parts in this process."""

    identity: IdentityStore
    store: RelayStore
    port: RelayPort
    forwarder: Forwarder
    carrier: Carrier[GrpcWire]

    @property
    def address(self) -> str:
        """Where hosts reach it."""
        return f"localhost:{self.port.port}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KashiServer]:
    """One demonstration server on SQLite for all tests here."""
    made = KashiServer(tmp_path_factory.mktemp("way") / "server")
    made.init("--demo")
    made.start()
    yield made
    if made.process is not None:
        made.kill()


def identity_of(server: KashiServer, folder: Path, name: str) -> IdentityStore:
    """A relay's identity, over the wire."""
    identity = IdentityStore(folder / name / "identity")
    token = EnrolmentToken.parse(server.token(PARTY))
    address = server.address("enrolment")
    enrol(identity, address, token, facts_of(name, Random(name)), relay_names=("localhost",))
    return identity


@pytest.fixture
def relay(server: KashiServer, tmp_path: Path) -> Iterator[Relay]:
    """An enrolled relay that listens; it forwards when it is told to."""
    identity = identity_of(server, tmp_path, "relay")
    store = RelayStore(tmp_path / "relay" / "relay.db")
    carrier = real_carrier(Member(store=identity, host=identity.host()), WALL)
    forwarder = Forwarder(
        store=store,
        carrier=carrier,
        receipt_key=identity.host().receipt_key(),
        now_ms=lambda: time.monotonic_ns() // 1_000_000,
        random=Random(1),
    )
    port = RelayPort("localhost:0", identity, RelayService(store, WALL.utc_ms, lambda: None))
    yield Relay(identity, store, port, forwarder, carrier)
    port.close()
    carrier.close()
    store.close()


@pytest.fixture
def host(server: KashiServer, tmp_path: Path) -> Iterator[RelayedHost]:
    """A host enrolled by file."""
    (store,) = enrolled_by_file(server, tmp_path, ["node-1"])
    made = relayed_host(store, seed="node-1")
    yield made
    made.agent.close()


def test_a_host_ships_fetches_and_renews_through_the_relay(relay: Relay, host: RelayedHost) -> None:
    """Reports and receipts; then the certificate, asked for in the host's name and signed by its
    report key, comes with a later call and is for a month again."""
    way = host.way(relay.address)
    assert isinstance(way, Carrier)
    host.live(3)
    host.ship_by(way)
    relay.forwarder.forward()
    host.fetch(way)
    before = host.store.tls()

    way._share = 0.0  # as if a third of its life had passed
    host.fetch(way)
    assert way.renewals == 0, "nobody has asked the server yet"
    relay.forwarder.forward()
    host.fetch(way)
    way.close()

    after = host.store.tls()
    assert host.delivered
    assert way.renewals == 1
    assert after.key_pem != before.key_pem
    assert after.hosts_root == before.hosts_root
    assert (after.not_after - after.not_before).days >= 34


def test_a_relay_believes_no_host_for_what_it_says(relay: Relay, host: RelayedHost) -> None:
    """No certificate, a relay's own, another host's report, another host's request: refused."""
    tls, root = host.store.tls(), host.store.tls().hosts_root
    there = replace(host.store.host(), metering_address=relay.address, server_root=root)
    own = GrpcWire(there, relay.identity.tls())
    wire = GrpcWire(there, tls)
    host.live(2)
    known = host.way(relay.address)
    host.ship_by(known)
    known.close()
    (report, *_) = host.wires()

    with pytest.raises(RefusedError, match="certificate names no host"):
        own.submit([])
    with pytest.raises(RefusedError, match="are not a report"):
        wire.submit([b"\xff"])
    with pytest.raises(RefusedError, match="names another host"):
        wire.ask(metering_pb2.RenewRequest(csr=tls_request(host.store.next_tls_key())))
    with pytest.raises(RefusedError, match="PKCS#10"):
        wire.ask(metering_pb2.RenewRequest(csr=b"x", host_id=there.host_id))
    assert wire.submit([report]).results
    own.close()
    wire.close()
    stranger = grpc.secure_channel(
        relay.address, grpc.ssl_channel_credentials(root_certificates=_pem(tls.chain_pem))
    )
    call = metering_pb2_grpc.MeteringServiceStub(stranger)  # type: ignore[no-untyped-call]  # generated without types
    with pytest.raises(grpc.RpcError):
        call.Submit(metering_pb2.SubmitRequest(), timeout=5)
    stranger.close()


def _pem(chain_pem: bytes) -> bytes:
    """The last certificate of a chain."""
    return b"-----BEGIN CERTIFICATE-----" + chain_pem.rpartition(b"-----BEGIN CERTIFICATE-----")[2]


def test_another_hosts_report_is_not_taken(
    server: KashiServer, relay: Relay, host: RelayedHost, tmp_path: Path
) -> None:
    """A host hands over its own reports alone."""
    (store,) = enrolled_by_file(server, tmp_path, ["node-2"])
    other = relayed_host(store, seed="node-2")
    other.live(2)
    way = other.way(relay.address)
    other.ship_by(way)
    way.close()
    thief = host.way(relay.address)

    with pytest.raises(RefusedError, match=r"header\.host_id"):
        thief.submit(other.wires())
    thief.close()
    other.agent.close()


def test_no_host_takes_a_host_for_its_relay(relay: Relay, host: RelayedHost) -> None:
    """A host's certificate has no name to be reached under and is for clients alone."""
    service = RelayService(relay.store, WALL.utc_ms, lambda: None)
    impostor = RelayPort("localhost:0", host.store, service)
    way = host.way(f"localhost:{impostor.port}")

    with pytest.raises(UnreachableError, match="certificate"):
        way.submit([])
    way.close()
    impostor.close()


def test_a_relay_shows_its_new_certificate_at_once(relay: Relay, host: RelayedHost) -> None:
    """Renewed on the way to the server, it is what the next handshake sees."""
    relay.carrier._share = 0.0
    relay.carrier.perform(lambda wire: wire.send(_empty(host.host_id)))
    assert relay.carrier.renewals == 1
    found: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("localhost", relay.port.port), timeout=10) as plain,
        context.wrap_socket(plain) as channel,
    ):
        shown = channel.getpeercert(binary_form=True)
        assert shown is not None
        found.append(shown)

    assert ssl.DER_cert_to_PEM_cert(found[0]).encode() in relay.identity.tls().chain_pem


def _empty(host_id: str) -> metering_pb2.SubmitRequest:
    return metering_pb2.SubmitRequest(host_id=host_id)


def test_a_host_the_server_refuses_keeps_no_other_waiting(
    server: KashiServer, relay: Relay, host: RelayedHost, tmp_path: Path
) -> None:
    """A revoked host's reports stay, with the reason; the other host's go through."""
    (store,) = enrolled_by_file(server, tmp_path, ["revoked"])
    revoked = relayed_host(store, seed="revoked")
    for one in (revoked, host):
        one.live(2)
        way = one.way(relay.address)
        one.ship_by(way)
        way.close()
    server.command("hosts", "revoke", revoked.host_id, *server.officer, "--reason", "sold")

    relay.forwarder.forward()

    by_id = {standing.host_id: standing for standing in relay.store.standings()}
    assert by_id[host.host_id].waiting_reports == 0
    assert by_id[revoked.host_id].waiting_reports > 0
    assert "revoked" in by_id[revoked.host_id].trouble
    revoked.agent.close()


def test_a_host_of_another_party_is_no_hosts_of_this_relay(
    server: KashiServer, relay: Relay, host: RelayedHost, tmp_path: Path
) -> None:
    """Its certificate is the server's, so the relay cannot know: the server says so, what was kept
    goes, and the host hears why. The relay's own hosts are served on."""
    (store,) = enrolled_by_file(server, tmp_path, ["foreign"], party=OTHER_PARTY)
    foreign = relayed_host(store, seed="foreign")
    for one in (foreign, host):
        one.live(2)
        way = one.way(relay.address)
        one.ship_by(way)
        way.close()

    relay.forwarder.forward()
    foreign.live(2)
    way = foreign.way(relay.address)
    with pytest.raises(RefusedError, match="not of the party that operates this relay"):
        foreign.ship_by(way)
    way.close()

    by_id = {standing.host_id: standing for standing in relay.store.standings()}
    stranger, own = by_id[foreign.host_id], by_id[host.host_id]
    assert (stranger.waiting_reports, stranger.stranger, stranger.known) == (0, True, False)
    assert "not of the party" in stranger.trouble
    assert (own.waiting_reports, own.stranger, own.known) == (0, False, True)
    assert foreign.agent.spool.sealed.acknowledged == (0, 0)
    foreign.agent.close()


def test_a_relay_that_is_full_for_a_host_says_so(
    relay: Relay, host: RelayedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the call is kept, and the host keeps everything."""
    monkeypatch.setattr("kashi_agent.relay.store.REPORTS_PER_HOST_MAX", 1)
    host.live(4)
    way = host.way(relay.address)

    with pytest.raises(UnreachableError, match="wait already"):
        host.ship_by(way)
    way.close()
    assert [standing.waiting_reports for standing in relay.store.standings()] == [0]


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 254, "relay/../", "a,b", "*"])
def test_a_relay_is_called_by_dns_names_and_addresses_alone(
    server: KashiServer, tmp_path: Path, name: str
) -> None:
    """What is neither is refused and named, and the token is not used up."""
    identity = IdentityStore(tmp_path / "identity")
    token = EnrolmentToken.parse(server.token(PARTY))
    address, facts = server.address("enrolment"), facts_of("relay", Random(name))

    with pytest.raises(RefusedError, match="relay_names"):
        enrol(identity, address, token, facts, relay_names=("localhost", name))
    enrol(identity, address, token, facts, relay_names=("localhost", "10.0.0.7", "::1"))


def test_a_relay_is_listed_as_what_it_is(server: KashiServer, relay: Relay) -> None:
    """The officer's list names its kind; among the hosts that measure it does not stand."""
    own = relay.identity.host().host_id

    listed = {h["host_id"]: h for h in json.loads(server.command("hosts", "list", "--json"))}
    with opened(server.directory) as inside, inside.portal_work.begin(writes=False) as unit:
        shown = {row.host_id for row in unit.views.hosts(unit.views.sight(None))}

    assert (listed[own]["kind"], listed[own]["relay_names"]) == ("relay", ["localhost"])
    assert own not in shown


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    """A proxy that works."""
    made = ConnectProxy()
    yield made
    made.close()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names a proxy where nobody listens."""
    for name in ("https_proxy", "http_proxy", "grpc_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)


def test_proxy_variables_of_the_environment_are_ignored(
    server: KashiServer, tmp_path: Path, environment: None
) -> None:
    """With every variable set to a dead end, enrolment, calls and recovery reach the server."""
    identity = identity_of(server, tmp_path, "direct")
    carrier = real_carrier(Member(store=identity, host=identity.host()), WALL)

    with pytest.raises(RefusedError, match="is not enrolled"):
        carrier.perform(lambda wire: wire.send(_empty("nobody")))
    carrier.recover()
    carrier.close()

    assert not [name for name in os.environ if name.lower().endswith("_proxy")]
    forget_proxies({})


def test_the_proxy_of_the_settings_is_used_whatever_the_environment_exempts(
    server: KashiServer,
    tmp_path: Path,
    proxy: ConnectProxy,
    environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Calls and recovery go through it, and no_proxy exempts nothing."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("no_grpc_proxy", "localhost")
    identity = identity_of(server, tmp_path, "proxied")
    carrier = real_carrier(Member(store=identity, host=identity.host()), WALL, proxy.address)

    with pytest.raises(RefusedError, match="is not enrolled"):
        carrier.perform(lambda wire: wire.send(_empty("nobody")))
    carrier.recover()
    carrier.close()

    assert proxy.targets == [server.address("metering"), server.address("enrolment")]


def test_a_proxy_that_is_gone_is_told(server: KashiServer, tmp_path: Path) -> None:
    """No way around it is taken."""
    identity = identity_of(server, tmp_path, "stuck")
    carrier = real_carrier(
        Member(store=identity, host=identity.host()), WALL, DEAD.removeprefix("http://")
    )

    with pytest.raises(UnreachableError):
        carrier.perform(lambda wire: wire.send(_empty("nobody")))
    carrier.close()


def test_a_port_that_is_taken_is_one_sentence(relay: Relay) -> None:
    """And names the setting."""
    service = RelayService(relay.store, WALL.utc_ms, lambda: None)

    with pytest.raises(AgentError, match=r"listen：.* is taken"):
        RelayPort(relay.address, relay.identity, service)


def test_a_relay_without_work_keeps_its_certificate_valid(relay: Relay) -> None:
    """No host has anything to forward: the certificate is renewed when it is time all the same, or
    a site at rest could lock its hosts out for good."""
    relay.forwarder.forward()
    assert relay.carrier.renewals == 0

    relay.carrier._share = 0.0  # as if a third of its life had passed
    relay.forwarder.forward()

    assert relay.carrier.renewals == 1


def test_a_forwarder_ends_when_it_is_told_to(relay: Relay, server: KashiServer) -> None:
    """However long it would wait."""
    wake, stopping = threading.Event(), threading.Event()
    thread = threading.Thread(target=relay.forwarder.run, args=(wake, stopping))
    thread.start()
    stopping.set()
    wake.set()
    thread.join(10)

    assert not thread.is_alive()


def test_numbers_that_no_store_holds_are_refused(relay: Relay, host: RelayedHost) -> None:
    """A report or a head numbered beyond all is a refusal in words, not a fault of the relay."""
    wire = GrpcWire(replace(host.store.host(), **_through(relay, host)), host.store.tls())
    header = report_pb2.ReportHeader(host_id=host.host_id, epoch=1, sequence=2**64 - 1)
    report = report_pb2.Report(header=header.SerializeToString()).SerializeToString()
    beyond = metering_pb2.Head(epoch=2**64 - 1, sequence=1)

    with pytest.raises(RefusedError, match=r"header\.sequence"):
        wire.submit([report])
    with pytest.raises(RefusedError, match="acknowledged"):
        wire.send(metering_pb2.SubmitRequest(acknowledged=beyond))
    wire.close()


def _through(relay: Relay, host: RelayedHost) -> dict[str, Any]:
    """What makes a host call the relay instead of its server."""
    return {"metering_address": relay.address, "server_root": host.store.tls().hosts_root}


def test_a_request_for_a_key_of_no_curve_stops_at_the_relay(
    relay: Relay, host: RelayedHost
) -> None:
    """It is refused in words: forwarded, it would stand before every other host's reports."""
    wire = GrpcWire(replace(host.store.host(), **_through(relay, host)), host.store.tls())
    csr = tls_request(host.store.next_tls_key()).replace(P256, NO_CURVE)

    with pytest.raises(RefusedError, match="PKCS#10"):
        wire.ask(metering_pb2.RenewRequest(csr=csr, host_id=host.host_id))
    wire.close()


P256 = bytes.fromhex("06082a8648ce3d030107")
NO_CURVE = bytes.fromhex("06082a8648ce3d030177")


def test_a_host_at_which_the_server_fails_keeps_no_other_waiting(
    server: KashiServer, relay: Relay, host: RelayedHost, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whatever two hosts do to make the server give no answer, the third one's reports go through
    with the next round, and the failure is told still."""
    stores = enrolled_by_file(server, tmp_path, ["poison-1", "poison-2"])
    poison = [relayed_host(store, seed=store.host().host_id) for store in stores]
    for one in (*poison, host):
        one.live(2)
        way = one.way(relay.address)
        one.ship_by(way)
        way.close()
    ids = {one.host_id for one in poison}
    send = GrpcWire.send

    def fails(self: GrpcWire, request: metering_pb2.SubmitRequest) -> metering_pb2.SubmitResponse:
        if request.host_id in ids:
            raise UnreachableError("does not answer (INTERNAL)")
        return send(self, request)

    monkeypatch.setattr(GrpcWire, "send", fails)
    for _ in range(3):
        with pytest.raises(UnreachableError):
            relay.forwarder.forward()

    waiting = {standing.host_id: standing.waiting_reports for standing in relay.store.standings()}
    assert waiting[host.host_id] == 0
    assert all(waiting[one] > 0 for one in ids)
    monkeypatch.setattr(GrpcWire, "send", send)
    relay.forwarder.forward()
    assert {standing.waiting_reports for standing in relay.store.standings()} == {0}
    for one in poison:
        one.agent.close()


def test_a_relay_passes_all_its_hosts_on_over_one_connection(
    server: KashiServer, relay: Relay, proxy: ConnectProxy, tmp_path: Path
) -> None:
    """Three hosts, twice, and the certificate of one of them: the site opens one way out."""
    stores = enrolled_by_file(server, tmp_path, ["first", "second", "third"])
    hosts = [relayed_host(store, seed=f"one way {n}") for n, store in enumerate(stores)]
    known = Member(store=relay.identity, host=relay.identity.host())
    carrier = real_carrier(known, WALL, proxy.address)
    forwarder = replace(relay.forwarder, carrier=carrier)
    for _ in range(2):
        for host in hosts:
            host.live(2)
            way = host.way(relay.address)
            host.ship_by(way)
            way.close()
        assert forwarder.forward() >= 3
    carrier.close()

    assert {one.waiting_reports for one in relay.store.standings()} == {0}
    assert proxy.targets == [server.address("metering")]
    for host in hosts:
        host.agent.close()


def test_a_carry_file_is_dated_and_says_whose_it_is(
    relay: Relay, host: RelayedHost, tmp_path: Path
) -> None:
    """By the second, in UTC, wherever its relay stands; the next one has a name of its own."""
    host.live(2)
    way = host.way(relay.address)
    host.ship_by(way)
    way.close()
    at = datetime(2026, 11, 23, 4, 5, 6, tzinfo=timezone(timedelta(hours=8)))
    stick = tmp_path / "stick"
    stick.mkdir()

    first = carrying.export(stick, relay.store, relay.identity, at)
    second = carrying.export(stick, relay.store, relay.identity, at + timedelta(seconds=1))

    own = relay.identity.host().host_id
    assert first == stick / f"kashi-relay-{own[:8]}-20261122T200506Z.reports"
    assert second == stick / f"kashi-relay-{own[:8]}-20261122T200507Z.reports"
    opening = CarryFile(first, carry_pb2.CARRY_KIND_REPORTS).opening
    assert (opening.made_by, opening.made_utc_ms) == (own, int(at.timestamp()) * 1_000)


@pytest.mark.parametrize("name", ["checkpoint", "chain", "escape"])
def test_a_file_with_anything_in_it_is_refused_in_words(
    relay: Relay, host: RelayedHost, tmp_path: Path, name: str
) -> None:
    """Bytes that are no checkpoint, a chain of a strange key, control characters for a name."""
    rubbish = {
        "checkpoint": _answer(host.host_id, _signed_answer(relay, host)),
        "chain": _chain(host),
        "escape": _answer("\x1b[2K", metering_pb2.SubmitResponse()),
    }[name]
    file = tmp_path / "f.receipts"
    opening = carry_pb2.CarryOpening(kind=carry_pb2.CARRY_KIND_RECEIPTS)
    write_carry_file(file, opening, [rubbish])

    count, (refusal,) = carrying.take(file, relay.store, relay.identity)

    assert count == 0
    assert "record 1: " in refusal
    assert refusal.isprintable()


def _answer(host_id: str, answer: metering_pb2.SubmitResponse) -> carry_pb2.CarryRecord:
    return carry_pb2.CarryRecord(answer=carry_pb2.CarriedAnswer(host_id=host_id, answer=answer))


def _signed_answer(relay: Relay, host: RelayedHost) -> metering_pb2.SubmitResponse:
    """The server's own answer, its checkpoint replaced on the way."""
    request = _empty(host.host_id)
    answer = relay.carrier.perform(lambda wire: wire.send(request))
    answer.checkpoint = b"\xff"
    return answer


def _chain(host: RelayedHost) -> carry_pb2.CarryRecord:
    """A chain whose issuer's key is of no curve."""
    pem = host.store.tls().chain_pem
    ders = [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]
    strange = [ders[0], *(der.replace(P256, NO_CURVE) for der in ders[1:])]
    answer = metering_pb2.RenewResponse(certificate_chain=strange)
    return carry_pb2.CarryRecord(
        certificate=carry_pb2.CarriedCertificate(host_id=host.host_id, answer=answer)
    )
