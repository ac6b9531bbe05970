"""P-256 with SHA-256, the one signature everything here carries."""

from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from kashi_verify import wire
from kashi_verify.detail import Detail
from kashi_verify.findings import CheckFailed

UNREADABLE_CERTIFICATE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises on bytes that are no certificate it can read."""

_ECDSA = ec.ECDSA(hashes.SHA256())
_P256_SHA256: Final = 1


def p256(key: object, owner: Detail) -> ec.EllipticCurvePublicKey:
    """A key that must be P-256."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise CheckFailed(f"{owner.zh}的密钥不是 P-256。The key of {owner.en} is not P-256")
    return key


def load_p256(der: bytes, owner: Detail) -> ec.EllipticCurvePublicKey:
    """Read a SubjectPublicKeyInfo that must be P-256."""
    try:
        return p256(load_der_public_key(der), owner)
    except UNREADABLE_CERTIFICATE as error:
        raise CheckFailed(
            f"{owner.zh}的密钥不是 DER 的公钥。The key of {owner.en} is not a public key in DER"
        ) from error


def check_signature(
    key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, what: Detail
) -> None:
    """Check an ECDSA signature in DER.

    Raises:
        CheckFailed: it does not verify; `what` stands in the message.
    """
    try:
        key.verify(signature, message, _ECDSA)
    except InvalidSignature as error:
        raise CheckFailed(
            f"{what.zh}的签名验证不通过。The signature of {what.en} does not verify"
        ) from error


def check_message_signature(
    key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, what: Detail
) -> None:
    """Check a serialised Signature: its algorithm, the hint which key made it, and its value.

    Raises:
        CheckFailed: one of them does not hold.
    """
    fields = wire.read_message(signature)
    if wire.integer(fields, 1) != _P256_SHA256:
        raise CheckFailed(
            f"{what.zh}的签名算法不被接受。{what.en} is signed by an algorithm that is not accepted"
        )
    spelled = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if wire.octets(fields, 2) != sha256(spelled).digest()[:8]:
        raise CheckFailed(
            f"{what.zh}所指的签名密钥是另一个。"
            f"{what.en} names another key as the one that signed it"
        )
    check_signature(key, wire.octets(fields, 3), message, what)
