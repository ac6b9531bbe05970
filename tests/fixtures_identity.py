"""Keys and machines for tests: an installation's authority, and machines that enrol there."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from kashi import signing
from kashi.v1.report_pb2 import Signature
from kashi_server.services.authority import Foundation, Keyring, found
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.hosts import HostFacts
from kashi_server.services.possession import Introduction
from kashi_server.services.profiles import new_key
from kashi_server.storage.unit_of_work import Work

START_UTC_MS = 1_790_000_000_000
"""2026-09-21: the first instant of every test's clock."""

PARTY = "91440300MA5FXTJ26E"
OTHER_PARTY = "91440300MA5GYWK32B"
ADDRESSES = ("localhost", "127.0.0.1", "kashi.example")


class SteppedClock:
    """A clock that moves when it is told to."""

    def __init__(self, now_ms: int = START_UTC_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """UTC milliseconds."""
        return self.now_ms

    def advance(self, span_ms: int) -> None:
        """Let time pass."""
        self.now_ms += span_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine with the two keys an agent makes, and what it does with them."""

    hostname: str = "node-1"
    report_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    tls_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def csr(self, tls_key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
        """A certificate request; a fresh signature each time, as an agent's retry has."""
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "whatever it likes")])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        return builder.sign(tls_key or self.tls_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def introduction(self, token_text: str) -> Introduction:
        """What it sends to be enrolled."""
        secret, csr = token_text.split(".")[1], self.csr()
        public_key = signing.public_key_bytes(self.report_key.public_key())
        statement = signing.possession_statement(secret, csr, public_key)
        return Introduction(
            secret=secret,
            csr=csr,
            report_public_key=public_key,
            possession=signing.sign(self.report_key, signing.POSSESSION, statement),
            facts=HostFacts(
                hostname=self.hostname,
                machine_sha256=signing.sha256(signing.MACHINE, self.hostname.encode()),
                operating_system="Linux 6.1",
                agent_version="0.1.0",
                architecture="x86_64",
            ),
        )

    def recovery(self, nonce: bytes, csr: bytes) -> Signature:
        """Its report key's signature over a nonce and a request."""
        return signing.sign(
            self.report_key, signing.RECOVERY, signing.recovery_statement(nonce, csr)
        )


@pytest.fixture(scope="session")
def foundation() -> Foundation:
    """The three hierarchies of an installation, its working keys and roots."""
    return found("深圳市算力服务中心", ADDRESSES, b"n" * 32, START_UTC_MS, demo=False)


@pytest.fixture(scope="session")
def keyring(foundation: Foundation) -> Keyring:
    """The keys a running server works with."""
    return foundation.keyring


@pytest.fixture
def clock() -> SteppedClock:
    """UTC milliseconds under the test's control."""
    return SteppedClock()


@pytest.fixture
def enrolment(work: Work, keyring: Keyring, clock: Callable[[], int]) -> Enrolment:
    """The enrolment service on the fresh database."""
    return Enrolment(work, keyring, clock, secrets.token_bytes, lambda: str(uuid.uuid4()))
