"""The two gRPC ports, assembled: metering behind mutual TLS, enrolment behind the server's own."""

from collections.abc import Callable, Sequence
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from kashi import limits
from kashi.v1 import enrolment_pb2_grpc

from kashi_server.errors import ConfigurationError
from kashi_server.ingest.enrolment import MESSAGE_BYTES_MAX as ENROLMENT_BYTES_MAX
from kashi_server.ingest.enrolment import EnrolmentServicer
from kashi_server.ingest.metering import Metering
from kashi_server.services.authority import Keyring
from kashi_server.services.profiles import Signer

CONNECTION_AGE_MS_MAX: Final = 30 * 60_000
"""A connection ends after this and the handshake is made anew."""

METADATA_BYTES_MAX: Final = 8 * 1024
GRACE_SECONDS: Final = 10.0

_OPTIONS: Final = (
    ("grpc.max_connection_age_ms", CONNECTION_AGE_MS_MAX),
    ("grpc.max_connection_age_grace_ms", limits.REPORT_CALL_SECONDS * 1000),
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.max_concurrent_streams", 8),
    ("grpc.so_reuseport", 0),
)


class GrpcPort:
    """A gRPC server on one address.

    Args:
        family: how errors name it: "metering" or "enrolment".
        address: host:port; port 0 lets the system choose.
        credentials: its TLS.
        message_bytes_max: larger messages are refused from their header.
        register: adds what it serves.
    """

    def __init__(
        self,
        family: str,
        address: str,
        credentials: grpc.ServerCredentials,
        message_bytes_max: int,
        register: Callable[[grpc.aio.Server], None],
    ) -> None:
        self._family = family
        self._address = address
        self._credentials = credentials
        self._options = (*_OPTIONS, ("grpc.max_receive_message_length", message_bytes_max))
        self._register = register
        self._server: grpc.aio.Server | None = None

    async def start(self) -> int:
        """Listen; the port that was bound.

        Raises:
            ConfigurationError: the address is taken or is not this machine's.
        """
        server = grpc.aio.server(options=self._options)
        self._register(server)
        try:
            port = server.add_secure_port(self._address, self._credentials)
        except RuntimeError as error:
            raise ConfigurationError(
                f"{self._family} 端口无法监听 {self._address}，请修改 server.toml 中的 "
                f"{self._family}.listen。"
                f"the {self._family} port cannot listen on {self._address}; set"
                f" {self._family}.listen in server.toml"
            ) from error
        await server.start()
        self._server = server
        return port

    async def stop(self) -> None:
        """Refuse new calls, let those in flight finish, close."""
        if self._server is not None:
            await self._server.stop(GRACE_SECONDS)


def metering_port(address: str, keyring: Keyring, metering: Metering) -> GrpcPort:
    """The metering port: only hosts with a certificate of this installation get through."""
    credentials = grpc.ssl_server_credentials(
        [_key_and_chain(keyring.server_tls)],
        root_certificates=_pem([keyring.host_root]),
        require_client_auth=True,
    )

    def register(server: grpc.aio.Server) -> None:
        server.add_generic_rpc_handlers([metering.handler()])

    return GrpcPort("metering", address, credentials, limits.MESSAGE_BYTES_MAX, register)


def enrolment_port(address: str, keyring: Keyring, servicer: EnrolmentServicer) -> GrpcPort:
    """The enrolment port: the server shows who it is, callers show a token or a report key."""
    credentials = grpc.ssl_server_credentials([_key_and_chain(keyring.server_tls)])

    def register(server: grpc.aio.Server) -> None:
        enrolment_pb2_grpc.add_EnrolmentServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]  # generated code carries no types

    return GrpcPort("enrolment", address, credentials, ENROLMENT_BYTES_MAX, register)


def _key_and_chain(signer: Signer) -> tuple[bytes, bytes]:
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key, _pem(signer.chain)


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
