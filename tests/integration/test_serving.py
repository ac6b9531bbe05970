"""A server as a whole: made, served, enrolled with and spoken to over real loopback ports."""

import json
import re
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import grpc
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fixtures_database import PostgresqlServer
from fixtures_identity import PARTY, Machine
from fixtures_server import OFFICER, PASSWORD, KashiServer
from kashi.chain import NO_HEAD
from kashi.v1 import enrolment_pb2, enrolment_pb2_grpc
from kashi_agent.enrolment import EnrolmentToken, enrol, host_facts, recover
from kashi_agent.errors import RefusedError, UnreachableError
from kashi_agent.identity import Host, IdentityStore, TlsIdentity, tls_request
from kashi_agent.shipping_wire import GrpcWire
from kashi_server.services.authority import Keyring, issue_host
from kashi_server.services.profiles import new_key

EFFECT_SECONDS_MAX = 6.0


def _enrolled(served: KashiServer, folder: Path) -> tuple[IdentityStore, Host, TlsIdentity]:
    store, token = IdentityStore(folder), EnrolmentToken.parse(served.token(PARTY))
    host, tls = enrol(store, served.address("enrolment"), token, host_facts())
    return store, host, tls


def _refused_within_effect(wire: GrpcWire) -> str:
    """What the server says when it refuses this open connection, at most six seconds from now."""
    deadline = time.monotonic() + EFFECT_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            wire.submit([])
        except RefusedError as error:
            return str(error)
    pytest.fail("the connection was still served after six seconds")


def test_host_enrols_submits_and_renews(shared_server: KashiServer, tmp_path: Path) -> None:
    """Token to identity to metering over the agent's own code; the renewed certificate goes on."""
    store, host, tls = _enrolled(shared_server, tmp_path / "agent")
    assert host.operator_party_id == PARTY
    assert host.demo
    assert host.metering_address == shared_server.address("metering")

    wire = GrpcWire(host, tls)
    assert wire.submit([]).head == NO_HEAD
    key = store.next_tls_key()
    renewed = store.save_tls(key, wire.renew(tls_request(key)))
    after = GrpcWire(host, renewed)
    assert after.submit([]).head == NO_HEAD
    after.close()
    assert "replaced" in _refused_within_effect(wire)
    wire.close()


def test_lost_answer_is_repeated_over_the_wire(shared_server: KashiServer) -> None:
    """The same request twice gets the same answer, byte for byte; another machine is refused."""
    token = shared_server.token(PARTY)
    parsed, machine = EnrolmentToken.parse(token), Machine()
    root = x509.load_der_x509_certificate(parsed.server_root).public_bytes(Encoding.PEM)
    with grpc.secure_channel(
        shared_server.address("enrolment"), grpc.ssl_channel_credentials(root)
    ) as channel:
        service = enrolment_pb2_grpc.EnrolmentServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without types
        first = service.Enrol(_request(machine, token), timeout=30)
        second = service.Enrol(_request(machine, token), timeout=30)
        with pytest.raises(grpc.RpcError) as refused:
            service.Enrol(_request(Machine(), token), timeout=30)
        with pytest.raises(grpc.RpcError) as large:
            service.Enrol(enrolment_pb2.EnrolRequest(csr=bytes(17 * 1024)), timeout=30)

    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert large.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "token-reused" in shared_server.command("hosts", "alarms", "--json")


def test_a_claim_of_a_key_in_hardware_comes_over_the_wire(shared_server: KashiServer) -> None:
    """One that cannot be shown is refused in words and consumes nothing; a sound one is listed as
    claimed, with what the token says of itself."""
    token = shared_server.token(PARTY)
    parsed, machine = EnrolmentToken.parse(token), Machine()
    root = x509.load_der_x509_certificate(parsed.server_root).public_bytes(Encoding.PEM)
    request = _request(machine, token)
    request.facts.key_token.CopyFrom(enrolment_pb2.KeyToken(serial="17\n", made_inside=True))
    with grpc.secure_channel(
        shared_server.address("enrolment"), grpc.ssl_channel_credentials(root)
    ) as channel:
        service = enrolment_pb2_grpc.EnrolmentServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without types
        with pytest.raises(grpc.RpcError) as refused:
            service.Enrol(request, timeout=30)
        request.facts.key_token.serial = "17"
        enrolled = service.Enrol(request, timeout=30)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "facts.key_token.serial" in str(refused.value.details())
    listed = json.loads(shared_server.command("hosts", "list", "--json"))
    (host,) = [one for one in listed if one["host_id"] == enrolled.host_id]
    assert host["key_standing"] == "claimed"
    assert (host["key_token"]["serial"], host["key_token"]["made_inside"]) == ("17", True)
    assert host["key_token"]["never_extractable"] is False


def _request(machine: Machine, token: str) -> enrolment_pb2.EnrolRequest:
    introduction = machine.introduction(token)
    return enrolment_pb2.EnrolRequest(
        token=introduction.secret,
        csr=introduction.csr,
        report_public_key=introduction.report_public_key,
        possession=introduction.possession,
        facts=enrolment_pb2.HostFacts(hostname="node-1"),
    )


def test_revocation_reaches_an_open_connection(shared_server: KashiServer, tmp_path: Path) -> None:
    """A revoked host is refused within six seconds on the connection it has, and cannot recover."""
    store, host, tls = _enrolled(shared_server, tmp_path / "agent")
    wire = GrpcWire(host, tls)
    wire.submit([])
    act = (*shared_server.officer, "--reason", "sold")
    shared_server.command("hosts", "revoke", host.host_id, *act)

    assert "revoked" in _refused_within_effect(wire)
    wire.close()
    with pytest.raises(RefusedError, match="revoked"):
        recover(store)


def test_stranger_with_another_authority_is_refused(
    shared_server: KashiServer, tmp_path: Path, keyring: Keyring
) -> None:
    """A certificate of another installation gets no connection, whatever host it names."""
    _, host, own = _enrolled(shared_server, tmp_path / "agent")
    key, now = new_key(), int(time.time() * 1000)
    forged = issue_host(keyring.host_issuer, host.host_id, key.public_key(), now)
    thief = replace(
        own,
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        chain_pem=forged.public_bytes(Encoding.PEM)
        + keyring.host_issuer.certificate.public_bytes(Encoding.PEM),
    )
    wire = GrpcWire(host, thief)

    with pytest.raises(UnreachableError):
        wire.submit([])
    wire.close()


def test_restart_keeps_hosts_and_recovery(served: KashiServer, tmp_path: Path) -> None:
    """A server that was killed knows its hosts; an agent recovers by its report key, counted."""
    store, host, _ = _enrolled(served, tmp_path / "agent")
    served.kill()
    served.start()
    store.save_host(replace(host, enrolment_address=served.address("enrolment")))
    tls = recover(store)
    wire = GrpcWire(replace(host, metering_address=served.address("metering")), tls)

    assert wire.submit([]).head == NO_HEAD
    wire.close()
    listed = json.loads(served.command("hosts", "list", "--json"))
    assert [(one["host_id"], one["recoveries_used"]) for one in listed] == [(host.host_id, 1)]


def test_stopping_is_orderly(served: KashiServer) -> None:
    """Asked to stop, the server exits with 0 and no longer claims ports; metrics were served."""
    url = f"http://127.0.0.1:{served.ports['metrics']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()

    assert "kashi_reports" in text
    assert served.stop() == 0
    assert not (served.directory / "serving.json").exists()


def test_portal_is_served_with_the_rest(shared_server: KashiServer, tmp_path: Path) -> None:
    """The officer signs in to the running portal and finds the host that was just enrolled."""
    _, host, _ = _enrolled(shared_server, tmp_path / "agent")
    origin = f"http://{shared_server.address('portal')}"
    with httpx2.Client(base_url=origin, headers={"origin": origin}) as browser:
        form = browser.get("/sign-in").text
        token = re.search(r'name="form_token" value="([^"]+)"', form)
        assert token is not None
        fields = {"form_token": token[1], "login": OFFICER, "password": PASSWORD, "next": "/"}
        signed_in = browser.post("/sign-in", data=fields)
        hosts = browser.get("/hosts").text

    assert signed_in.status_code == 303
    assert host.host_id in hosts
    assert "演示" in hosts


def test_guessing_is_slowed_down(server_home: KashiServer) -> None:
    """Wrong tokens from one address are refused unread after some tries."""
    server_home.init("--demo")
    server_home.start()
    token = server_home.token(PARTY)
    root = EnrolmentToken.parse(token).server_root
    pem = x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM)
    guess = _request(Machine(), f"kashi1.{'A' * 43}.x")
    codes = []
    with grpc.secure_channel(
        server_home.address("enrolment"), grpc.ssl_channel_credentials(pem)
    ) as channel:
        service = enrolment_pb2_grpc.EnrolmentServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without types
        for _ in range(80):
            with pytest.raises(grpc.RpcError) as refused:
                service.Enrol(guess, timeout=30)
            codes.append(refused.value.code())

    assert codes.count(grpc.StatusCode.PERMISSION_DENIED) in range(60, 64)
    assert codes[-1] is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_one_serving_process_on_sqlite(server_home: KashiServer) -> None:
    """A second serving process on the same SQLite database is refused and says who is there."""
    server_home.init("--demo")
    server_home.start()
    assert server_home.process is not None

    said = server_home.command("serve", expect=3)
    assert f"process {server_home.process.pid} (serve)" in said


def test_taken_port_is_named(server_home: KashiServer, tmp_path: Path) -> None:
    """A port that is taken stops the server at once, with exit code 4 and the field to change."""
    server_home.init("--demo")
    server_home.start()
    taken = server_home.ports["metering"]
    other = KashiServer(tmp_path / "other")
    other.init("--demo")
    settings = other.directory / "server.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{taken}", 1), encoding="utf-8")

    said = other.command("serve", expect=4)
    assert "metering.listen" in said


def test_database_that_forgets_is_not_served(
    server_home: KashiServer, empty_postgresql_url: str, postgresql_server: PostgresqlServer
) -> None:
    """A server whose PostgreSQL may lose commits refuses to start, with exit code 5."""
    server_home.init("--demo", "--database", empty_postgresql_url)
    name = empty_postgresql_url.split("/")[3].split("?")[0]
    postgresql_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")

    said = server_home.command("serve", expect=5)
    assert "synchronous_commit=off" in said


def test_backup_of_a_serving_server_is_restored(server_home: KashiServer, tmp_path: Path) -> None:
    """A backup taken while the server serves makes the same server elsewhere."""
    server_home.init("--demo")
    server_home.start()
    _, host, _ = _enrolled(server_home, tmp_path / "agent")
    server_home.command("backup", str(tmp_path / "one.tar"))
    restored = KashiServer(tmp_path / "restored")
    restored.command("restore", str(tmp_path / "one.tar"))
    listed = json.loads(restored.command("hosts", "list", "--json"))
    keys = "keys/receipts.pem"

    assert [one["host_id"] for one in listed] == [host.host_id]
    assert (restored.directory / keys).read_bytes() == (server_home.directory / keys).read_bytes()
    restored.start()
    assert restored.stop() == 0
