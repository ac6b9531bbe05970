"""The one outbound connection: gRPC over mutual TLS to the metering port."""

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kashi import limits, signing
from kashi.chain import Head
from kashi.v1 import metering_pb2, metering_pb2_grpc

from kashi_agent.errors import (
    CertificateRefusedError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from kashi_agent.identity import Host, TlsIdentity, check_issued
from kashi_agent.shipping import Answer, Result, verdict_of
from kashi_agent.spool.sealed import Position

_Answer = TypeVar("_Answer")

REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
    }
)

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", limits.MESSAGE_BYTES_MAX),
    # Our own backoff decides when to try again; the channel is not to hide an outage behind its.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_retries", 0),
)


class GrpcWire:
    """A channel with one host's certificate. A new certificate needs a new one.

    `proxy`: HOST:PORT of the HTTP proxy to go through, "" for none. Variables of the environment
    name no proxy here: where reports go is a setting, not an accident.
    """

    def __init__(self, host: Host, tls: TlsIdentity, proxy: str = "") -> None:
        root = x509.load_der_x509_certificate(host.server_root)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=root.public_bytes(serialization.Encoding.PEM),
            private_key=tls.key_pem,
            certificate_chain=tls.chain_pem,
        )
        self._address = host.metering_address
        options = (*_OPTIONS, *proxy_options(proxy))
        self._channel = grpc.secure_channel(self._address, credentials, options=options)
        self._service = metering_pb2_grpc.MeteringServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated without types

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Hand over reports, or ask for the head with none."""
        return answer_of(self.send(metering_pb2.SubmitRequest(reports=reports)))

    def send(self, request: metering_pb2.SubmitRequest) -> metering_pb2.SubmitResponse:
        """One call of Submit."""
        answer: metering_pb2.SubmitResponse = self._call(
            lambda: self._service.Submit(request, timeout=limits.REPORT_CALL_SECONDS)
        )
        return answer

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Exchange the TLS certificate for the next one."""
        return self.ask(metering_pb2.RenewRequest(csr=csr))

    def ask(self, request: metering_pb2.RenewRequest) -> tuple[bytes, ...]:
        """One call of Renew."""
        answer = self._call(
            lambda: self._service.Renew(request, timeout=limits.REPORT_CALL_SECONDS)
        )
        return tuple(answer.certificate_chain)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _call(self, call: Callable[[], _Answer]) -> _Answer:
        return called(self._address, call, REFUSALS)


def called(
    address: str, call: Callable[[], _Answer], refusals: Collection[grpc.StatusCode]
) -> _Answer:
    """What a call gives.

    Raises:
        RefusedError: one of `refusals`; NotFoundError: that one.
        CertificateRefusedError: it is none of them, and the certificate is refused.
        UnreachableError: anything else.
    """
    try:
        return call()
    except grpc.RpcError as error:
        code, detail = error.code(), error.details()
        refused = f"{address} 拒绝。{address} refused: {detail}"
        if code in refusals:
            named = code is grpc.StatusCode.NOT_FOUND
            raise (NotFoundError if named else RefusedError)(refused) from error
        if code is grpc.StatusCode.UNAUTHENTICATED:
            raise CertificateRefusedError(refused) from error
        raise UnreachableError(
            f"{address} 没有应答（{code.name}）。{address} does not answer ({code.name}): {detail}"
        ) from error


class RelayWire(GrpcWire):
    """A channel to the relay of this site. What it says is for a `CarriedShipper`.

    `acknowledged`: the newest report with the server's receipt; `report_key` signs what the relay
    asks for in this host's name.
    """

    def __init__(
        self,
        host: Host,
        tls: TlsIdentity,
        *,
        acknowledged: Callable[[], Position],
        report_key: ec.EllipticCurvePrivateKey,
    ) -> None:
        super().__init__(host, tls)
        self._host_id = host.host_id
        self._root = host.server_root
        self._acknowledged = acknowledged
        self._report_key = report_key

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Hand over reports; take receipts for earlier ones."""
        epoch, sequence = self._acknowledged()
        known = metering_pb2.Head(epoch=epoch, sequence=sequence)
        return answer_of(self.send(metering_pb2.SubmitRequest(reports=reports, acknowledged=known)))

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Let the relay ask for the next certificate, and take it once it has come.

        Raises:
            UnreachableError: it has not come yet.
            RefusedError: what came is not from those who issue hosts' certificates.
        """
        chain = self.ask(renewal_request(self._host_id, csr, self._report_key))
        check_issued(chain, self._root)
        return chain


def renewal_request(
    host_id: str, csr: bytes, report_key: ec.EllipticCurvePrivateKey
) -> metering_pb2.RenewRequest:
    """A request for a TLS certificate that somebody else may bring."""
    statement = signing.renewal_statement(host_id, csr)
    return metering_pb2.RenewRequest(
        csr=csr, host_id=host_id, signature=signing.sign(report_key, signing.RENEWAL, statement)
    )


def proxy_options(proxy: str) -> tuple[tuple[str, str | int], ...]:
    """What keeps a channel to the proxy of the settings, and to none of the environment."""
    if not proxy:
        return (("grpc.enable_http_proxy", 0),)
    return (("grpc.http_proxy", f"http://{proxy}"),)


def answer_of(message: metering_pb2.SubmitResponse) -> Answer:
    """A SubmitResponse in plain values."""
    return Answer(
        results=tuple(
            Result(verdict_of(result.verdict), result.receipt, result.detail)
            for result in message.results
        ),
        head=Head(message.head.epoch, message.head.sequence, message.head.sha256 or bytes(32)),
        checkpoint=message.checkpoint,
        receipts=tuple(message.receipts),
        notice=message.notice,
        last_report=message.last_report,
    )
