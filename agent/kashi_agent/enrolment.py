"""The client of the enrolment port: enrol with a token, recover by the report key.

Both talk to a server whose root came with the token: nothing on the network is trusted on first
use. Both may be repeated: keys are on disk before the server hears of them, and the server answers
the same keys with the same identity.
"""

import base64
import binascii
import hashlib
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kashi import limits, signing
from kashi.v1 import enrolment_pb2, enrolment_pb2_grpc

from kashi_agent import VERSION
from kashi_agent.errors import AgentError, RefusedError
from kashi_agent.identity import Host, IdentityStore, TlsIdentity, tls_request
from kashi_agent.shipping_wire import REFUSALS, called, proxy_options

TOKEN_PREFIX = "kashi1"
MACHINE_ID_PATH = Path("/etc/machine-id")

_Answer = TypeVar("_Answer")

_REFUSALS = REFUSALS | {
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.ABORTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentToken:
    """A token as an officer hands it out: a secret, and the root to know the server by."""

    secret: str
    server_root: bytes

    @classmethod
    def parse(cls, text: str) -> "EnrolmentToken":
        """Read `kashi1.<secret>.<root in DER, base64url>`.

        Raises:
            AgentError: it is none, or was cut when it was copied.
        """
        parts = text.strip().split(".")
        if len(parts) != 3 or parts[0] != TOKEN_PREFIX or not parts[1] or not text.isascii():
            raise AgentError(
                "这不是登记令牌：令牌以 kashi1. 开头，分三段；请从门户完整复制。"
                "This is not an enrolment token: it begins with kashi1. and has three parts; "
                "copy it whole from the portal"
            )
        try:
            root = base64.urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4))
            x509.load_der_x509_certificate(root)
        except (binascii.Error, ValueError) as error:
            raise AgentError(
                "登记令牌在途中损坏，请从门户完整复制。"
                "The enrolment token was damaged on the way; copy it whole from the portal"
            ) from error
        return cls(secret=parts[1], server_root=root)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What this host says of itself."""

    hostname: str
    machine_sha256: bytes
    operating_system: str
    architecture: str


def host_facts(machine_id_path: Path = MACHINE_ID_PATH) -> HostFacts:
    """Ask this machine. The machine id is hashed: it tells machines apart and names none."""
    machine = machine_id_path.read_bytes().strip() if machine_id_path.exists() else b""
    limit = limits.TEXT_CHARACTERS_MAX
    return HostFacts(
        hostname=platform.node()[:limit],
        machine_sha256=hashlib.sha256(signing.MACHINE + machine).digest() if machine else b"",
        operating_system=f"{platform.system()} {platform.release()}"[:limit],
        architecture=platform.machine()[:limit],
    )


def enrol(
    store: IdentityStore,
    address: str,
    token: EnrolmentToken,
    facts: HostFacts,
    *,
    proxy: str = "",
    relay_names: tuple[str, ...] = (),
) -> tuple[Host, TlsIdentity]:
    """Give this host its identity. May be repeated until it succeeds.

    `relay_names`: it becomes a relay that hosts reach under these names.

    1. The keys are made, or found, on disk; the report key in a key token where one holds it.
    2. The report key signs the token, the request and itself.
    3. The receipt certificate must lead to the root in the token.
    4. The TLS certificate is kept, then what the server told: `host.json` is there last, and the
       keys that were sent stay until it is, so that an enrolment cut short goes on.

    Raises:
        RefusedError: the server refused, or what it sent does not hold.
        UnreachableError: it does not answer.
    """
    request = introduction(store, token.secret, facts, relay_names)
    with _service(address, token.server_root, proxy) as service:
        answer = _call(address, lambda: service.Enrol(request, timeout=limits.REPORT_CALL_SECONDS))
    return settle(store, address, token.server_root, answer)


def introduction(
    store: IdentityStore, secret: str, facts: HostFacts, relay_names: tuple[str, ...] = ()
) -> enrolment_pb2.EnrolRequest:
    """What this host says to be enrolled; the keys are on disk before anybody hears of them."""
    report_key, tls_key = store.report_key(), store.next_tls_key()
    csr = tls_request(tls_key)
    public_key = signing.public_key_bytes(report_key.public_key())
    statement = signing.possession_statement(secret, csr, public_key)
    key_token = store.key_token()
    return enrolment_pb2.EnrolRequest(
        token=secret,
        csr=csr,
        report_public_key=public_key,
        possession=signing.sign(report_key, signing.POSSESSION, statement),
        facts=enrolment_pb2.HostFacts(
            agent_version=VERSION,
            key_token=None if key_token is None else enrolment_pb2.KeyToken(**asdict(key_token)),
            **asdict(facts),
        ),
        relay_names=relay_names,
    )


def settle(
    store: IdentityStore, address: str, root: bytes, answer: enrolment_pb2.EnrolResponse
) -> tuple[Host, TlsIdentity]:
    """Keep what the server told, `host.json` last; only then may the key that was asked with go.

    Raises:
        RefusedError: the receipt certificate does not lead to the root, or the TLS certificate is
            for another key.
    """
    host = Host(
        host_id=answer.host_id,
        operator_party_id=answer.operator_party_id,
        enrolment_address=address,
        metering_address=answer.metering_address,
        enrolled_utc_ms=answer.enrolled_utc_ms,
        demo=answer.demo,
        server_root=root,
        receipt_chain=tuple(answer.receipt_certificate_chain),
    )
    host.receipt_key()
    tls = store.save_tls(store.next_tls_key(), tuple(answer.certificate_chain))
    store.holder_salt()
    store.save_host(host)
    store.forget_asked()
    return host, tls


def recover(store: IdentityStore, proxy: str = "") -> TlsIdentity:
    """Get a new TLS certificate for the report key, after any outage.

    Raises:
        RefusedError: the server refused: this host was revoked, or recovered too often.
        UnreachableError: it does not answer.
    """
    host = store.host()
    if not host.enrolment_address:
        raise RefusedError(
            f"{store.folder} 中的连接证书被拒绝或已到期，而本机以文件登记；请这样申请下一张："
            f"kashi-agent enrol --request FILE。The TLS certificate in {store.folder} is refused "
            "or has expired, and this host was enrolled by file; ask for the next one so: "
            "kashi-agent enrol --request FILE"
        )
    report_key, tls_key = store.report_key(), store.next_tls_key()
    csr = tls_request(tls_key)
    address, seconds = host.enrolment_address, limits.REPORT_CALL_SECONDS
    with _service(address, host.server_root, proxy) as service:
        ask = enrolment_pb2.ChallengeRequest(host_id=host.host_id)
        nonce = _call(address, lambda: service.Challenge(ask, timeout=seconds)).nonce
        statement = signing.recovery_statement(nonce, csr)
        request = enrolment_pb2.RecoverRequest(
            host_id=host.host_id,
            csr=csr,
            nonce=nonce,
            signature=signing.sign(report_key, signing.RECOVERY, statement),
        )
        answer = _call(address, lambda: service.Recover(request, timeout=seconds))
    return store.save_tls(tls_key, tuple(answer.certificate_chain))


@contextmanager
def _service(
    address: str, root: bytes, proxy: str
) -> Iterator[enrolment_pb2_grpc.EnrolmentServiceStub]:
    pem = x509.load_der_x509_certificate(root).public_bytes(serialization.Encoding.PEM)
    credentials = grpc.ssl_channel_credentials(root_certificates=pem)
    with grpc.secure_channel(address, credentials, options=proxy_options(proxy)) as channel:
        yield enrolment_pb2_grpc.EnrolmentServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without types


def _call(address: str, call: Callable[[], _Answer]) -> _Answer:
    return called(address, call, _REFUSALS)
