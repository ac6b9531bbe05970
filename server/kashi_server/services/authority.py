"""The certificate authority of an installation, and the keys its server works with.

`found` makes the three hierarchies once. Their roots are needed again only to make new issuers and
may be carried away; the `Keyring` is what a running server holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from kashi.limits import CARRIED_CERTIFICATE_LIFETIME_MS, CERTIFICATE_LIFETIME_MS

from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.profiles import (
    Purpose,
    Signer,
    build_issuer,
    build_leaf,
    build_root,
    check_chain,
    host_name,
    instant,
    name,
    new_key,
    relay_name,
    server_names,
)

ROOT_DAYS: Final = 7300
ISSUER_DAYS: Final = 3650
SIGNING_DAYS: Final = 1825
SERVER_TLS_DAYS: Final = 365
NONCE_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Every key a running server holds; no root key is among them.

    Attributes:
        host_issuer: issues the hosts' TLS certificates.
        server_issuer: issues the server's own TLS certificate anew when it grows old.
        server_tls: TLS of every port.
        receipt: signs receipts and checkpoints; agents are told this one key.
        document: signs usage certificates.
        nonce_secret: makes recovery nonces that need no storage.
    """

    host_issuer: Signer
    server_issuer: Signer
    server_tls: Signer
    receipt: Signer
    document: Signer
    nonce_secret: bytes

    def __post_init__(self) -> None:
        """Refuse hierarchies that share a root: each must be able to fall alone."""
        roots = {der(one.root) for one in (self.host_issuer, self.server_tls, self.document)}
        if len(roots) != 3:
            raise InvalidValue(
                "主机、服务器与文件须各有根证书。"
                "hosts, server and documents must have separate roots"
            )
        if len(self.nonce_secret) != NONCE_SECRET_BYTES:
            raise InvalidValue(
                f"随机数密钥须为 {NONCE_SECRET_BYTES} 字节。"
                f"the nonce secret must have {NONCE_SECRET_BYTES} bytes"
            )

    @property
    def receipt_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs receipts."""
        return self.receipt.key

    @property
    def receipt_chain(self) -> tuple[x509.Certificate, ...]:
        """Its certificates, its own first, the server root last."""
        return self.receipt.chain

    @property
    def checkpoint_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs checkpoints: the receipts' key under another domain prefix."""
        return self.receipt.key

    @property
    def checkpoint_chain(self) -> tuple[x509.Certificate, ...]:
        """Its certificates, its own first, the server root last."""
        return self.receipt.chain

    @property
    def document_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs usage certificates."""
        return self.document.key

    @property
    def document_chain(self) -> tuple[x509.Certificate, ...]:
        """Its certificates, its own first, the documents root last."""
        return self.document.chain

    @property
    def host_root(self) -> x509.Certificate:
        """What a client certificate must lead to."""
        return self.host_issuer.root

    @property
    def server_root(self) -> x509.Certificate:
        """What an agent trusts; enrolment tokens carry it."""
        return self.server_tls.root


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What `found` makes: the working keys, and the roots that may be carried away."""

    keyring: Keyring
    host_root: Signer
    server_root: Signer
    document_root: Signer


def found(
    organisation: str, addresses: Sequence[str], nonce_secret: bytes, utc_ms: int, *, demo: bool
) -> Foundation:
    """Make the three hierarchies of a new installation.

    Args:
        organisation: who runs the server; stands in every subject.
        addresses: DNS names and IP addresses under which the server is reached.
        nonce_secret: 32 random bytes.
        utc_ms: now.
        demo: a demonstration; every subject says so.
    """
    mark = "Kashi DEMO" if demo else "Kashi"
    host_root, server_root, document_root = (
        build_root(name(f"{mark} {family} root", organisation), utc_ms, ROOT_DAYS)
        for family in ("hosts", "server", "documents")
    )
    host_issuer = build_issuer(
        host_root, name(f"{mark} hosts issuer", organisation), utc_ms, ISSUER_DAYS
    )
    server_issuer = build_issuer(
        server_root, name(f"{mark} server issuer", organisation), utc_ms, ISSUER_DAYS
    )
    document_issuer = build_issuer(
        document_root, name(f"{mark} documents issuer", organisation), utc_ms, ISSUER_DAYS
    )
    receipts = name(f"{mark} receipts and checkpoints", organisation)
    documents = name(f"{mark} usage certificates", organisation)
    return Foundation(
        keyring=Keyring(
            host_issuer=host_issuer,
            server_issuer=server_issuer,
            server_tls=issue_server_tls(server_issuer, organisation, addresses, utc_ms),
            receipt=_issue_signing(server_issuer, Purpose.RECEIPT, receipts, utc_ms),
            document=_issue_signing(document_issuer, Purpose.DOCUMENT, documents, utc_ms),
            nonce_secret=nonce_secret,
        ),
        host_root=host_root,
        server_root=server_root,
        document_root=document_root,
    )


def issue_document_chain(
    root: Signer,
    public_key: ec.EllipticCurvePublicKey,
    organisation: str,
    utc_ms: int,
    *,
    demo: bool,
) -> tuple[x509.Certificate, ...]:
    """Certificates of a document key that is kept elsewhere, on a token; the root last.

    Raises:
        InvalidValue: the key is not P-256.
    """
    if public_key.curve.name != "secp256r1":
        raise InvalidValue("文件须以 P-256 密钥签章。documents are signed with a P-256 key")
    mark = "Kashi DEMO" if demo else "Kashi"
    issuer = build_issuer(root, name(f"{mark} documents issuer", organisation), utc_ms, ISSUER_DAYS)
    subject = name(f"{mark} usage certificates", organisation)
    validity = (utc_ms, timedelta(days=SIGNING_DAYS))
    leaf = build_leaf(issuer, Purpose.DOCUMENT, public_key, subject, [], validity)
    chain = (leaf, *issuer.chain)
    check_chain(Purpose.DOCUMENT, chain, utc_ms)
    return chain


def issue_server_tls(
    issuer: Signer, organisation: str, addresses: Sequence[str], utc_ms: int
) -> Signer:
    """A TLS certificate for all ports of the server, with a fresh key.

    Raises:
        InvalidValue: no address is given, or one is no DNS name.
    """
    if not addresses:
        raise InvalidValue(
            "服务器的 TLS 证书至少需要一个地址。"
            "the server needs at least one address for its TLS certificate"
        )
    key = new_key()
    leaf = build_leaf(
        issuer,
        Purpose.SERVER,
        key.public_key(),
        name(addresses[0], organisation),
        server_names(addresses),
        (utc_ms, timedelta(days=SERVER_TLS_DAYS)),
    )
    chain = (leaf, *issuer.chain)
    check_chain(Purpose.SERVER, chain, utc_ms)
    return Signer(key=key, chain=chain)


def needs_server_tls(certificate: x509.Certificate, addresses: Sequence[str], utc_ms: int) -> bool:
    """Whether a TLS certificate is in its last third, or names other addresses than these."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    third = (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / 3
    old = instant(utc_ms) > certificate.not_valid_after_utc - third
    return old or list(names) != server_names(addresses)


def issue_host(
    issuer: Signer,
    host_id: str,
    public_key: ec.EllipticCurvePublicKey,
    utc_ms: int,
    lifetime_ms: int = CERTIFICATE_LIFETIME_MS,
) -> x509.Certificate:
    """A host's TLS client certificate; the server alone decides what stands in it."""
    validity = (utc_ms, timedelta(milliseconds=lifetime_ms))
    return _issue_member(issuer, Purpose.HOST, public_key, [host_name(host_id)], validity)


def issue_relay(
    issuer: Signer,
    relay: tuple[str, Sequence[str]],
    public_key: ec.EllipticCurvePublicKey,
    utc_ms: int,
) -> x509.Certificate:
    """The TLS certificate of a relay, given as its id and the names under which hosts reach it: a
    client to the server, a server to its hosts.

    Raises:
        InvalidValue: one of the names is no DNS name and no IP address.
    """
    relay_id, names = relay
    validity = (utc_ms, timedelta(milliseconds=CARRIED_CERTIFICATE_LIFETIME_MS))
    try:
        called = [relay_name(relay_id), *server_names(names)]
        return _issue_member(issuer, Purpose.RELAY, public_key, called, validity)
    except ValueError as error:
        raise InvalidValue(
            f"{' '.join(names)} 不能作为中继的名称。"
            f"{' '.join(names)}: are no names of a relay: {error}"
        ) from error


def _issue_member(
    issuer: Signer,
    purpose: Purpose,
    public_key: ec.EllipticCurvePublicKey,
    names: Sequence[x509.GeneralName],
    validity: tuple[int, timedelta],
) -> x509.Certificate:
    organisation = issuer.certificate.subject.get_attributes_for_oid(
        x509.NameOID.ORGANIZATION_NAME
    )[0].value
    own_id = str(names[0].value).rpartition("/")[2]
    subject = name(own_id, str(organisation))
    leaf = build_leaf(issuer, purpose, public_key, subject, names, validity)
    check_chain(purpose, (leaf, *issuer.chain), validity[0])
    return leaf


def public_key_of(csr: bytes) -> ec.EllipticCurvePublicKey:
    """The one thing that is taken from a PKCS#10 request: its key, shown to be possessed.

    Raises:
        Refused: the bytes are no request, the key is not P-256, or the signature does not verify.
    """
    try:
        request = x509.load_der_x509_csr(csr)
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused(
            "证书请求不是 DER 格式的 PKCS#10。the certificate request is not PKCS#10 in DER"
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise Refused("证书请求须含 P-256 密钥。the certificate request must carry a P-256 key")
    if not request.is_signature_valid:
        raise Refused(
            "证书请求未以其所含密钥签名。"
            "the certificate request is not signed by the key it carries"
        )
    return key


def serial_text(certificate: x509.Certificate) -> str:
    """A certificate's serial as it is stored: 40 hexadecimal digits."""
    return f"{certificate.serial_number:040x}"


def der(certificate: x509.Certificate) -> bytes:
    """A certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


def _issue_signing(issuer: Signer, purpose: Purpose, subject: x509.Name, utc_ms: int) -> Signer:
    key = new_key()
    leaf = build_leaf(
        issuer, purpose, key.public_key(), subject, [], (utc_ms, timedelta(days=SIGNING_DAYS))
    )
    chain = (leaf, *issuer.chain)
    check_chain(purpose, chain, utc_ms)
    return Signer(key=key, chain=chain)
