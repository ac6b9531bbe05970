"""Which bytes are signed, and how: P-256 with SHA-256 over a domain prefix and exact bytes.

The prefix ends in a newline and says what kind of statement follows, so that a signature over one
kind can never pass for another. Nothing is re-serialised to verify: the bytes that were signed are
the bytes that are kept. A signature is malleable (r, n - s), an identity is not: reports are known
by the hash of the signed bytes, never by their signature.
"""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kashi.errors import SignatureError
from kashi.v1 import report_pb2

REPORT: Final = b"kashi/v1/report\n"
BLOCK: Final = b"kashi/v1/block\n"
RECEIPT: Final = b"kashi/v1/receipt\n"
CHECKPOINT: Final = b"kashi/v1/checkpoint\n"
POSSESSION: Final = b"kashi/v1/possession\n"
RECOVERY: Final = b"kashi/v1/recovery\n"
RENEWAL: Final = b"kashi/v1/renewal\n"
ENROLMENT: Final = b"kashi/v1/enrolment\n"
REQUEST: Final = b"kashi/v1/request\n"
NOTICE: Final = b"kashi/v1/notice\n"
MACHINE: Final = b"kashi/v1/machine\n"

SALT_BYTES: Final = 16

_ECDSA = ec.ECDSA(hashes.SHA256())


def sha256(*parts: bytes) -> bytes:
    """SHA-256 over the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def public_key_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo in DER."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def load_public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    """Read a P-256 public key.

    Raises:
        SignatureError: it is something else.
    """
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignatureError("不是 DER 的公钥。It is not a public key in DER") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise SignatureError("不是 P-256 公钥。It is not a P-256 public key")
    return key


def key_id(key: ec.EllipticCurvePublicKey) -> bytes:
    """First 8 bytes of the SHA-256 of the key: a hint which key to try, never an authority."""
    return sha256(public_key_bytes(key))[:8]


def sign(key: ec.EllipticCurvePrivateKey, prefix: bytes, statement: bytes) -> report_pb2.Signature:
    """Sign a statement of the kind the prefix names."""
    return report_pb2.Signature(
        algorithm=report_pb2.SIGNATURE_ALGORITHM_P256_SHA256,
        key_id=key_id(key.public_key()),
        value=key.sign(prefix + statement, _ECDSA),
    )


def verify(
    key: ec.EllipticCurvePublicKey,
    signature: report_pb2.Signature,
    prefix: bytes,
    statement: bytes,
) -> None:
    """Check a signature over a statement of the kind the prefix names.

    Raises:
        SignatureError: the algorithm is not P-256 with SHA-256, or the signature does not verify.
    """
    if signature.algorithm != report_pb2.SIGNATURE_ALGORITHM_P256_SHA256:
        number = signature.algorithm
        raise SignatureError(
            f"不接受签名算法 {number}。Signature algorithm {number} is not accepted"
        )
    try:
        key.verify(signature.value, prefix + statement, _ECDSA)
    except InvalidSignature as error:
        raise SignatureError("签名验证不通过。The signature does not verify") from error


def report_sha256(header: bytes) -> bytes:
    """Hash that names a report: over the prefix and the signed header."""
    return sha256(REPORT, header)


def block_sha256(salt: bytes, content: bytes) -> bytes:
    """Digest that binds a block to its header."""
    return sha256(BLOCK, salt, content)


def possession_statement(token: str, csr: bytes, report_public_key: bytes) -> bytes:
    """What a report key signs at enrolment to show that the host holds it."""
    return sha256(token.encode()) + sha256(csr) + report_public_key


def renewal_statement(host_id: str, csr: bytes) -> bytes:
    """What a report key signs for a TLS certificate that somebody else asks for in its name."""
    return sha256(host_id.encode()) + sha256(csr)


def request_proof(token_sha256: bytes, request: bytes) -> bytes:
    """What shows that the maker of a carried request to be enrolled holds a token."""
    return hmac.digest(token_sha256, REQUEST + request, "sha256")


def recovery_statement(nonce: bytes, csr: bytes) -> bytes:
    """What a report key signs to get a new TLS certificate."""
    return sha256(nonce) + sha256(csr)
