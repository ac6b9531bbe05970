"""By what a TLS key is known: one request of a host from another, and which answer is whose."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from kashi import signing

from kashi_agent.errors import RefusedError


def key_of_request(csr: bytes) -> bytes:
    """SHA-256 of the key a PKCS#10 request is for.

    Raises:
        RefusedError: the bytes are none.
    """
    try:
        return _sha256(x509.load_der_x509_csr(csr))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RefusedError("csr 不是 DER 的 PKCS#10。Csr: is not PKCS#10 in DER") from error


def key_of_chain(chain: tuple[bytes, ...]) -> bytes:
    """SHA-256 of the key of a chain's first certificate.

    Raises:
        RefusedError: the first is no certificate.
    """
    try:
        return _sha256(x509.load_der_x509_certificate(chain[0]))
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm) as error:
        raise RefusedError(
            "certificate_chain 的首项不是证书。Certificate_chain: begins with no certificate"
        ) from error


def _sha256(holder: x509.CertificateSigningRequest | x509.Certificate) -> bytes:
    encoded = holder.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return signing.sha256(encoded)
