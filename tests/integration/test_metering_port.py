"""The metering port over real mutual TLS on loopback."""

import grpc
import pytest
from fixtures_ingest import ReportingHost, RunningPort, enrol, stored_sums, sums_of
from kashi import signing
from kashi.v1 import metering_pb2

HOST = "11111111-0000-4000-8000-000000000001"


@pytest.fixture
def host(metering: RunningPort) -> ReportingHost:
    """An enrolled host with two devices."""
    host = ReportingHost(HOST, ["GPU-a", "GPU-b"])
    enrol(metering.work, host)
    return host


def test_reports_come_back_as_signed_receipts(metering: RunningPort, host: ReportingHost) -> None:
    """What a host submits is stored, counted, and answered by receipts of the server's key."""
    client = metering.client_of(host)
    wires = [host.report(5) for _ in range(3)]

    response = client.submit(*wires)

    key = metering.keyring.receipt_key.public_key()
    for sequence, result in enumerate(response.results, start=1):
        assert result.verdict == metering_pb2.VERDICT_ACCEPTED
        receipt = metering_pb2.Receipt.FromString(result.receipt)
        signing.verify(key, receipt.signature, signing.RECEIPT, receipt.payload)
        payload = metering_pb2.ReceiptPayload.FromString(receipt.payload)
        assert (payload.host_id, payload.epoch, payload.sequence) == (HOST, 1, sequence)
    assert response.head.sequence == 3
    assert response.head.sha256 == host.previous
    assert stored_sums(metering.work) == sums_of(wires)


def test_empty_request_asks_for_the_head(metering: RunningPort, host: ReportingHost) -> None:
    """A host that lost its cursor learns where the server stands without sending a report."""
    client = metering.client_of(host)
    client.submit(host.report())

    assert client.submit().head.sequence == 1


def test_renewal_gives_the_next_certificate(metering: RunningPort, host: ReportingHost) -> None:
    """A certificate that still holds is exchanged for the next one."""
    from cryptography import x509
    from fixtures_identity import Machine

    client = metering.client_of(host)
    request = metering_pb2.RenewRequest(csr=Machine().csr()).SerializeToString()

    answer = metering_pb2.RenewResponse.FromString(client.call(request, "Renew"))

    leaf = x509.load_der_x509_certificate(answer.certificate_chain[0])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        f"spiffe://kashi/host/{HOST}"
    ]


def test_report_of_another_host_is_rejected(metering: RunningPort, host: ReportingHost) -> None:
    """A host speaks for itself alone: its certificate says who it is, not the header."""
    other = ReportingHost("22222222-0000-4000-8000-000000000002", ["GPU-c"])
    other.key = host.key
    client = metering.client_of(host)

    result = client.submit(other.report()).results[0]

    assert result.verdict == metering_pb2.VERDICT_REJECTED
    assert result.receipt == b""
    assert stored_sums(metering.work) == {}


def test_unknown_method_is_told_so(metering: RunningPort, host: ReportingHost) -> None:
    """A method that the contract does not have is UNIMPLEMENTED, not an internal failure."""
    client = metering.client_of(host)

    assert client.refused(method="Delete")[0] == grpc.StatusCode.UNIMPLEMENTED.name
