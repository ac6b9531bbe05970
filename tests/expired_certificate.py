"""A host whose TLS certificate is over by everybody's clock: the server's as well as its own."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kashi_agent.identity import IdentityStore


def expire(store: IdentityStore) -> None:
    """Put a certificate of the day before yesterday in the place of the one that is valid; nobody
    looks at who issued what is over."""
    pem = store.tls().key_pem
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([])
    over = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(over - timedelta(days=1))
        .not_valid_after(over)
        .sign(key, hashes.SHA256())
    )
    store.tls_path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
