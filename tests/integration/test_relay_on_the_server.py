"""What the server lets a relay do, and what not: over real mutual TLS on loopback."""

import hashlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from fixtures_identity import OTHER_PARTY, Machine
from fixtures_ingest import (
    Client,
    ReportingHost,
    RunningPort,
    add_certificate,
    enrol,
    stored_sums,
    sums_of,
    wall_clock,
)
from kashi import signing
from kashi.v1 import metering_pb2, report_pb2
from kashi_server.services.authority import issue_relay
from kashi_server.services.hosts import Host, HostFacts, HostState, StateChange

RELAY = "99999999-0000-4000-8000-000000000009"
HOST = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
NAMES = ("relay.site.example", "10.0.0.7")


@pytest.fixture
def host(metering: RunningPort) -> ReportingHost:
    """An enrolled host."""
    made = ReportingHost(HOST, ["GPU-a", "GPU-b"])
    enrol(metering.work, made)
    return made


def relay_of(metering: RunningPort, party: str, relay_id: str = RELAY) -> Client:
    """An enrolled relay of a party, and a connection of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = wall_clock()
    with metering.work.begin() as unit:
        unit.identity.add_host(
            Host(
                host_id=relay_id,
                operator_party_id=party,
                report_public_key_der=signing.public_key_bytes(key.public_key()),
                enrolled_utc_ms=now,
                state=HostState.ACTIVE,
                state_reason="enrolled",
                state_utc_ms=now,
                release_requested_by=None,
                recoveries_used=0,
                recoveries_allowed=5,
                facts=HostFacts(
                    hostname="relay",
                    machine_sha256=hashlib.sha256(relay_id.encode()).digest(),
                    operating_system="Debian 12",
                    agent_version="0.1.0",
                    architecture="x86_64",
                ),
                relay_names=NAMES,
            )
        )
        unit.commit()
    certificate = issue_relay(
        metering.keyring.host_issuer, (relay_id, NAMES), key.public_key(), now
    )
    add_certificate(metering.work, relay_id, certificate)
    return metering.client(certificate, key)


@pytest.fixture
def relay(metering: RunningPort, host: ReportingHost) -> Client:
    """A relay of the host's party."""
    return relay_of(metering, host.standing().operator_party_id)


def asked(host_id: str, *wires: bytes) -> bytes:
    """A relay's call."""
    return metering_pb2.SubmitRequest(reports=wires, host_id=host_id).SerializeToString()


def answered(client: Client, host_id: str, *wires: bytes) -> metering_pb2.SubmitResponse:
    """The answer to a relay's call."""
    return metering_pb2.SubmitResponse.FromString(client.call(asked(host_id, *wires)))


def notice_of(
    metering: RunningPort, answer: metering_pb2.SubmitResponse
) -> metering_pb2.NoticePayload:
    """The notice of an answer, its signature checked."""
    signed = metering_pb2.SignedNotice.FromString(answer.notice)
    key = metering.keyring.receipt_key.public_key()
    signing.verify(key, signed.signature, signing.NOTICE, signed.payload)
    return metering_pb2.NoticePayload.FromString(signed.payload)


def test_a_relay_brings_what_hosts_of_its_party_signed(
    metering: RunningPort, host: ReportingHost, relay: Client
) -> None:
    """Counted once whoever brings it; the answer carries receipts and a signed notice."""
    wires = [host.report(5) for _ in range(3)]

    first = answered(relay, HOST, *wires)
    again = metering.client_of(host).submit(*wires)

    assert {r.verdict for r in first.results} == {metering_pb2.VERDICT_ACCEPTED}
    assert {r.verdict for r in again.results} == {metering_pb2.VERDICT_DUPLICATE}
    assert [r.receipt for r in first.results] == [r.receipt for r in again.results]
    notice = notice_of(metering, first)
    assert (notice.host_id, notice.head.sequence, notice.refused[:]) == (HOST, 3, [])
    assert notice.head.sha256 == host.previous
    assert again.notice == b""
    assert stored_sums(metering.work) == sums_of(wires)


def test_a_relay_speaks_for_its_own_partys_hosts_alone(
    metering: RunningPort, host: ReportingHost
) -> None:
    """Another party's relay is refused by a status of its own, and so is one that names itself or a
    stranger; one that names no host is a mistake."""
    foreign = relay_of(metering, OTHER_PARTY)
    wire = host.report()

    assert foreign.refused(asked(HOST, wire))[0] == "NOT_FOUND"
    assert foreign.refused(asked("", wire))[0] == "INVALID_ARGUMENT"
    assert foreign.refused(asked(RELAY, wire))[0] == "NOT_FOUND"
    assert foreign.refused(asked(OTHER, wire))[0] == "NOT_FOUND"
    assert stored_sums(metering.work) == {}


def test_a_host_speaks_for_itself_alone(metering: RunningPort, host: ReportingHost) -> None:
    """Naming another host in the request is refused; naming itself is not."""
    client = metering.client_of(host)

    status, said = client.refused(asked(OTHER, host.report()))

    assert (status, "speaks for itself" in said) == ("INVALID_ARGUMENT", True)
    assert answered(client, HOST).head.sequence == 0


def test_a_relay_cannot_sign_for_a_host(
    metering: RunningPort, host: ReportingHost, relay: Client
) -> None:
    """A report under another key, or of another host of the party, is rejected by name of its
    bytes; nothing is stored."""
    forged = ReportingHost(HOST, ["GPU-a"]).report()
    other = ReportingHost(OTHER, ["GPU-c"])
    enrol(metering.work, other)
    astray = other.report()

    answer = answered(relay, HOST, forged, astray)

    assert [r.verdict for r in answer.results] == [metering_pb2.VERDICT_REJECTED] * 2
    refused = {one.wire_sha256 for one in notice_of(metering, answer).refused}
    assert refused == {signing.sha256(forged), signing.sha256(astray)}
    assert stored_sums(metering.work) == {}


def test_a_relay_cannot_take_names_out(
    metering: RunningPort, host: ReportingHost, relay: Client
) -> None:
    """A block of names may be erased by the office, not on the way: the digest alone would not show
    it."""

    def named(header: report_pb2.ReportHeader, _blocks: list[report_pb2.DeviceBlock]) -> None:
        header.blocks.add(
            kind=report_pb2.BLOCK_KIND_HOLDER_NAMES,
            sha256=signing.block_sha256(bytes(16), NAMES_BLOCK),
        )

    report = report_pb2.Report.FromString(host.report(change=named))
    # The header names the block of names first.
    block = report_pb2.Block(
        kind=report_pb2.BLOCK_KIND_HOLDER_NAMES, salt=bytes(16), content=NAMES_BLOCK
    )
    devices = list(report.blocks)
    del report.blocks[:]
    report.blocks.extend([block, *devices])
    whole = report.SerializeToString()
    report.blocks[0].content = b""
    erased = report.SerializeToString()

    first = answered(relay, HOST, erased).results[0]
    second = answered(relay, HOST, whole).results[0]

    assert first.verdict == metering_pb2.VERDICT_REJECTED
    assert "taken out on the way" in first.detail
    assert second.verdict == metering_pb2.VERDICT_ACCEPTED


NAMES_BLOCK = report_pb2.HolderNameBlock(
    names=[report_pb2.HolderName(key=bytes(16), name="alice")]
).SerializeToString()


@pytest.mark.parametrize("state", [HostState.HELD, HostState.REVOKED])
def test_a_relay_that_an_officer_stopped_brings_nothing(
    metering: RunningPort, host: ReportingHost, relay: Client, state: HostState
) -> None:
    """Held or revoked: refused; the host itself may still call."""
    with metering.work.begin() as unit:
        unit.identity.set_state(
            StateChange(
                host_id=RELAY, utc_ms=wall_clock(), state=state, reason="lost", actor="officer"
            )
        )
        unit.commit()
    wire = host.report()

    status, said = relay.refused(asked(HOST, wire))

    assert status == "PERMISSION_DENIED"
    assert str(state) in said
    assert metering.client_of(host).submit(wire).results[0].receipt


def renewal(host: ReportingHost, csr: bytes, host_id: str = HOST) -> bytes:
    """A host's request for a certificate, as its relay brings it."""
    statement = signing.renewal_statement(host_id, csr)
    return metering_pb2.RenewRequest(
        csr=csr, host_id=host_id, signature=signing.sign(host.key, signing.RENEWAL, statement)
    ).SerializeToString()


def test_a_relay_brings_a_hosts_request_for_a_certificate(
    metering: RunningPort, host: ReportingHost, relay: Client
) -> None:
    """Signed by the report key it is granted, for a month; asked again, it is the same one."""
    request = renewal(host, Machine().csr())

    first = metering_pb2.RenewResponse.FromString(relay.call(request, "Renew"))
    again = metering_pb2.RenewResponse.FromString(relay.call(request, "Renew"))

    leaf = x509.load_der_x509_certificate(first.certificate_chain[0])
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc > timedelta(days=34)
    assert first == again


def test_a_relay_gets_no_certificate_in_a_hosts_name(
    metering: RunningPort, host: ReportingHost, relay: Client
) -> None:
    """Its own signature, none, or one over another host's id are refused."""
    mine = ReportingHost(HOST, [])
    csr = Machine().csr()
    unsigned = metering_pb2.RenewRequest(csr=csr, host_id=HOST).SerializeToString()
    moved = metering_pb2.RenewRequest.FromString(renewal(host, csr, OTHER))
    moved.host_id = HOST

    for request in (renewal(mine, csr), unsigned, moved.SerializeToString()):
        status, said = relay.refused(request, "Renew")
        assert status == "PERMISSION_DENIED"
        assert "not signed by the host's report key" in said
    status, _ = metering.client_of(host).refused(renewal(host, csr, OTHER), "Renew")
    assert status == "INVALID_ARGUMENT"


def test_a_relays_certificate_is_no_servers(metering: RunningPort, relay: Client) -> None:
    """It stands under the hosts' root: whoever trusts the server's root does not know it."""
    assert relay is not None
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = issue_relay(
        metering.keyring.host_issuer, (RELAY, ("localhost",)), key.public_key(), wall_clock()
    )
    roots = {metering.keyring.server_root.subject, metering.keyring.host_root.subject}

    assert len(roots) == 2
    assert leaf.issuer == metering.keyring.host_issuer.certificate.subject
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
    }
