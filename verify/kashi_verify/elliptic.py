"""P-256 with SHA-256, the one signature everything here carries."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kashi_verify.findings import CheckFailed

_ECDSA = ec.ECDSA(hashes.SHA256())


def p256(key: object, owner: str) -> ec.EllipticCurvePublicKey:
    """A key that must be P-256."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise CheckFailed(f"the key of {owner} is not P-256")
    return key


def load_p256(der: bytes, owner: str) -> ec.EllipticCurvePublicKey:
    """Read a SubjectPublicKeyInfo that must be P-256."""
    try:
        return p256(load_der_public_key(der), owner)
    except (ValueError, TypeError) as error:
        raise CheckFailed(f"the key of {owner} is not a public key in DER") from error


def check_signature(
    key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, what: str
) -> None:
    """Check an ECDSA signature in DER.

    Raises:
        CheckFailed: it does not verify; `what` stands in the message.
    """
    try:
        key.verify(signature, message, _ECDSA)
    except InvalidSignature as error:
        raise CheckFailed(f"the signature of {what} does not verify") from error
