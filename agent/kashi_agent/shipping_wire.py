"""The one outbound connection: gRPC over mutual TLS to the metering port."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kashi import limits
from kashi.chain import Head
from kashi.v1 import metering_pb2, metering_pb2_grpc

from kashi_agent.errors import CertificateRefusedError, RefusedError, UnreachableError
from kashi_agent.identity import Host, TlsIdentity
from kashi_agent.shipping import Answer, Result, Verdict

_Answer = TypeVar("_Answer")

REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
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
    """A channel with one host's certificate. A new certificate needs a new one."""

    def __init__(self, host: Host, tls: TlsIdentity) -> None:
        root = x509.load_der_x509_certificate(host.server_root)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=root.public_bytes(serialization.Encoding.PEM),
            private_key=tls.key_pem,
            certificate_chain=tls.chain_pem,
        )
        self._address = host.metering_address
        self._channel = grpc.secure_channel(self._address, credentials, options=_OPTIONS)
        self._service = metering_pb2_grpc.MeteringServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated without types

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Hand over reports, or ask for the head with none."""
        request = metering_pb2.SubmitRequest(reports=reports)
        answer = self._call(
            lambda: self._service.Submit(request, timeout=limits.REPORT_CALL_SECONDS)
        )
        return _answer(answer)

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Exchange the TLS certificate for the next one."""
        request = metering_pb2.RenewRequest(csr=csr)
        answer = self._call(
            lambda: self._service.Renew(request, timeout=limits.REPORT_CALL_SECONDS)
        )
        return tuple(answer.certificate_chain)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _call(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except grpc.RpcError as error:
            code, detail = error.code(), error.details()
            if code is grpc.StatusCode.UNAUTHENTICATED:
                raise CertificateRefusedError(f"{self._address} refused: {detail}") from error
            if code in REFUSALS:
                raise RefusedError(f"{self._address} refused: {detail}") from error
            raise UnreachableError(
                f"{self._address} does not answer ({code.name}): {detail}"
            ) from error


def _answer(message: metering_pb2.SubmitResponse) -> Answer:
    return Answer(
        results=tuple(
            Result(_verdict(result.verdict), result.receipt, result.detail)
            for result in message.results
        ),
        head=Head(message.head.epoch, message.head.sequence, message.head.sha256 or bytes(32)),
        checkpoint=message.checkpoint,
    )


def _verdict(number: int) -> Verdict:
    """A verdict this version does not know stores nothing here: it counts as none."""
    return Verdict(number) if number in set(Verdict) else Verdict.UNSPECIFIED
