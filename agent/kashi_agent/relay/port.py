"""The relay's port: the metering service as its hosts know it, behind mutual TLS.

A host shows the certificate the server gave it; the relay shows its own, which stands under the
same root. What is answered says what is kept here, and brings what the server has signed.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kashi import limits
from kashi.errors import ContractError
from kashi.v1 import metering_pb2, metering_pb2_grpc

from kashi_agent.errors import AgentError, DiskFullError, RefusedError, SpoolError
from kashi_agent.identity import IdentityStore, TlsIdentity
from kashi_agent.relay.parcel import Parcel, check_numbers, parcel_of
from kashi_agent.relay.store import RelayStore
from kashi_agent.relay.strangers import StrangerError
from kashi_agent.relay.tls_key import key_of_request

HOST_URI_PREFIX: Final = "spiffe://kashi/host/"
CALLS_MAX: Final = 64
CONNECTION_AGE_MS_MAX: Final = 30 * 60_000
"""A connection ends after this and the handshake, with the dates of both certificates, is made
anew."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_connection_age_ms", CONNECTION_AGE_MS_MAX),
    ("grpc.max_connection_age_grace_ms", limits.REPORT_CALL_SECONDS * 1000),
    ("grpc.so_reuseport", 0),
)


class RelayService(metering_pb2_grpc.MeteringServiceServicer):
    """Answers hosts. `kept` is told whenever there is something new to forward."""

    def __init__(
        self, store: RelayStore, utc_ms: Callable[[], int], kept: Callable[[], None]
    ) -> None:
        self._store = store
        self._utc_ms = utc_ms
        self._kept = kept

    def Submit(  # noqa: N802 - named by the contract
        self, request: metering_pb2.SubmitRequest, context: grpc.ServicerContext
    ) -> metering_pb2.SubmitResponse:
        """Keep reports; hand back receipts, the newest notice and the checkpoint."""
        host_id = _caller(context)
        known = request.acknowledged
        with _refusing(context):
            parcels = _parcels(request, host_id)
            check_numbers("acknowledged", known.epoch, known.sequence)
            acknowledged = (known.epoch, known.sequence)
            handed = self._store.take(host_id, parcels, acknowledged, self._utc_ms())
        if parcels:
            self._kept()
        relayed = metering_pb2.SubmitResult(verdict=metering_pb2.VERDICT_RELAYED)
        return metering_pb2.SubmitResponse(
            results=[relayed] * len(parcels),
            head=metering_pb2.Head(epoch=handed.held[0], sequence=handed.held[1]),
            checkpoint=handed.checkpoint,
            receipts=handed.receipts,
            notice=handed.notice,
            last_report=handed.last_report,
        )

    def Renew(  # noqa: N802 - named by the contract
        self, request: metering_pb2.RenewRequest, context: grpc.ServicerContext
    ) -> metering_pb2.RenewResponse:
        """Keep a request for a certificate, or hand over the answer that has come."""
        host_id = _caller(context)
        with _refusing(context):
            key = _key(request, host_id)
            asked = request.SerializeToString()
            answer = self._store.ask(host_id, asked, key, self._utc_ms())
        if not answer:
            self._kept()
            waits = (
                "申请正送往服务器，请稍后再取。The request is on its way to the server; ask again"
            )
            context.abort(grpc.StatusCode.UNAVAILABLE, waits)
        return metering_pb2.RenewResponse.FromString(answer)


class RelayPort:
    """Listens for hosts; shows a new certificate from the moment it is on disk."""

    def __init__(self, address: str, identity: IdentityStore, service: RelayService) -> None:
        """Listen.

        Raises:
            AgentError: the address is taken or is not this machine's.
        """
        self._identity = identity
        self._tls = identity.tls()
        self._shown = _configuration(self._tls)
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=4, thread_name_prefix="relay"),
            options=_OPTIONS,
            maximum_concurrent_rpcs=CALLS_MAX,
        )
        metering_pb2_grpc.add_MeteringServiceServicer_to_server(service, self._server)  # type: ignore[no-untyped-call]  # generated without types
        credentials = grpc.dynamic_ssl_server_credentials(
            self._shown, self._newer, require_client_authentication=True
        )
        try:
            self.port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise AgentError(
                f"listen：{address} 已被占用，或不属于本机；请在 relay.toml 中另选。"
                f"Listen: {address} is taken or is not this machine's; choose another in relay.toml"
            ) from error
        self._server.start()

    def close(self) -> None:
        """Let calls in flight finish, then hang up."""
        self._server.stop(grace=5).wait()

    def _newer(self) -> grpc.ServerCertificateConfiguration:
        """What to show from the next handshake on."""
        try:
            tls = self._identity.tls()
        except AgentError:
            return self._shown  # the old one holds until another can be read
        if tls.chain_pem != self._tls.chain_pem:
            self._tls, self._shown = tls, _configuration(tls)
        return self._shown


def _configuration(tls: TlsIdentity) -> grpc.ServerCertificateConfiguration:
    root = x509.load_der_x509_certificate(tls.hosts_root)
    return grpc.ssl_server_certificate_configuration(
        [(tls.key_pem, tls.chain_pem)],
        root_certificates=root.public_bytes(serialization.Encoding.PEM),
    )


def _caller(context: Any) -> str:
    """The host that calls, from its certificate and from nothing it says."""
    pem = next(iter(context.auth_context().get("x509_pem_cert", ())), b"")
    host_id = host_named(pem)
    if not host_id:
        unnamed = "证书中没有主机。The certificate names no host"
        context.abort(grpc.StatusCode.PERMISSION_DENIED, unnamed)
    return host_id


def host_named(pem: bytes) -> str:
    """The host a certificate was issued to; "" if it is no host's."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        host_id = uri.removeprefix(HOST_URI_PREFIX)
        known = uri == HOST_URI_PREFIX + host_id and str(uuid.UUID(host_id)) == host_id
    except (ValueError, x509.ExtensionNotFound):
        return ""
    return host_id if known else ""


def _parcels(request: metering_pb2.SubmitRequest, host_id: str) -> list[Parcel]:
    if len(request.reports) > limits.REPORTS_PER_CALL_MAX:
        count, most = len(request.reports), limits.REPORTS_PER_CALL_MAX
        raise RefusedError(
            f"reports：一次 {count} 份，最多 {most}。Reports: {count} in one call, at most {most}"
        )
    return [parcel_of(wire, host_id) for wire in request.reports]


def _key(request: metering_pb2.RenewRequest, host_id: str) -> bytes:
    if request.host_id != host_id:
        raise RefusedError(
            "host_id 与证书中的主机不同。Host_id: names another host than the certificate"
        )
    return key_of_request(request.csr)


@contextmanager
def _refusing(context: Any) -> Iterator[None]:
    """What goes wrong inside becomes a status and a sentence for the host."""
    try:
        yield
    except StrangerError as error:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
    except (ContractError, RefusedError) as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except DiskFullError as error:
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
    except SpoolError as error:
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
