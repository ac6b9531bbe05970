"""How a host shows that the keys it names are its own."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing
from kashi.errors import SignatureError
from kashi.v1.report_pb2 import Signature

from kashi_server.errors import Refused
from kashi_server.services.authority import public_key_of
from kashi_server.services.hosts import Host, HostFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """How a host introduces itself: the token's secret, two keys, and what it says of itself."""

    secret: str
    csr: bytes
    report_public_key: bytes
    possession: Signature
    facts: HostFacts


def proven_tls_key(introduction: Introduction) -> ec.EllipticCurvePublicKey:
    """The TLS key of an introduction, once both keys are shown to be possessed, and differ.

    Raises:
        Refused: they are not.
    """
    tls_key = public_key_of(introduction.csr)
    statement = signing.possession_statement(
        introduction.secret, introduction.csr, introduction.report_public_key
    )
    try:
        report_key = signing.load_public_key(introduction.report_public_key)
        signing.verify(report_key, introduction.possession, signing.POSSESSION, statement)
    except SignatureError as error:
        raise Refused(f"the report key is not shown to be possessed: {error}") from error
    if signing.public_key_bytes(report_key) != introduction.report_public_key:
        raise Refused("the report key is not in its one DER form")
    if report_key == tls_key:
        raise Refused("the report key must not be the TLS key: one lives long, one a day")
    return tls_key


def check_recovery(host: Host, nonce: bytes, csr: bytes, signature: Signature) -> None:
    """Check that a host's report key signed a nonce and a request.

    Raises:
        Refused: it did not.
    """
    key = signing.load_public_key(host.report_public_key_der)
    statement = signing.recovery_statement(nonce, csr)
    try:
        signing.verify(key, signature, signing.RECOVERY, statement)
    except SignatureError as error:
        raise Refused(f"the nonce is not signed by the host's report key: {error}") from error


def key_sha256(key: ec.EllipticCurvePublicKey) -> bytes:
    """By what a TLS key is known."""
    return signing.sha256(signing.public_key_bytes(key))
