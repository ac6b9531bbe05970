"""What each X.509 certificate of the house looks like, and the check that it came out so.

Three hierarchies that never meet: hosts, server (TLS of every port, receipts and checkpoints),
documents. Each has a root that may live offline and an issuer that works online. All keys are
P-256; serials carry 159 random bits; validity begins five minutes early for clocks that run late.
Profiles follow RFC 5280; a host's name is its URI, as SPIFFE has it.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from kashi_server.errors import InvalidValue

BACKDATE: Final = timedelta(minutes=5)
HOST_URI_PREFIX: Final = "spiffe://kashi/host/"
RELAY_URI_PREFIX: Final = "spiffe://kashi/relay/"
DOCUMENT_SIGNING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""id-kp-documentSigning of RFC 9336."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Purpose(StrEnum):
    """What a leaf certificate is for."""

    HOST = "host"
    RELAY = "relay"
    SERVER = "server"
    RECEIPT = "receipt"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key with its certificates: its own first, its root last."""

    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]

    def __post_init__(self) -> None:
        """Refuse a key that is not the certificate's."""
        if not self.chain or self.chain[0].public_key() != self.key.public_key():
            raise InvalidValue(
                "私钥与其证书不相符。the private key does not belong to its certificate"
            )

    @property
    def certificate(self) -> x509.Certificate:
        """The key's own certificate."""
        return self.chain[0]

    @property
    def root(self) -> x509.Certificate:
        """The root of its hierarchy."""
        return self.chain[-1]


def instant(utc_ms: int) -> datetime:
    """The instant of UTC milliseconds, cut to the second as X.509 keeps it."""
    return _EPOCH + timedelta(seconds=utc_ms // 1000)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def name(common_name: str, organisation: str) -> x509.Name:
    """A subject of this installation; X.520 bounds both parts to 64 characters."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def build_root(subject: x509.Name, utc_ms: int, days: int) -> Signer:
    """A self-signed root of a hierarchy with one level of issuers."""
    key = new_key()
    builder = _begin(subject, subject, key.public_key(), utc_ms, timedelta(days=days))
    builder = _authority(builder, path_length=1)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    )
    return Signer(key=key, chain=(builder.sign(key, hashes.SHA256()),))


def build_issuer(root: Signer, subject: x509.Name, utc_ms: int, days: int) -> Signer:
    """An online issuer below a root; it may issue leaves and nothing else."""
    key = new_key()
    builder = _begin(
        subject, root.certificate.subject, key.public_key(), utc_ms, timedelta(days=days)
    )
    builder = _authority(builder, path_length=0)
    return Signer(key=key, chain=(_sign(builder, root), *root.chain))


def build_leaf(
    issuer: Signer,
    purpose: Purpose,
    public_key: ec.EllipticCurvePublicKey,
    subject: x509.Name,
    alternative_names: Sequence[x509.GeneralName],
    validity: tuple[int, timedelta],
) -> x509.Certificate:
    """A leaf certificate. `validity` is the UTC milliseconds it starts from and its length."""
    utc_ms, lifetime = validity
    builder = _begin(subject, issuer.certificate.subject, public_key, utc_ms, lifetime)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    ).add_extension(_leaf_key_usage(purpose), critical=True)
    usages = _EXTENDED_USAGE.get(purpose)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if alternative_names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternative_names), critical=False
        )
    return _sign(builder, issuer)


def host_name(host_id: str) -> x509.GeneralName:
    """The URI by which a host is known."""
    return x509.UniformResourceIdentifier(HOST_URI_PREFIX + host_id)


def relay_name(relay_id: str) -> x509.GeneralName:
    """The URI by which a relay is known."""
    return x509.UniformResourceIdentifier(RELAY_URI_PREFIX + relay_id)


def server_names(addresses: Sequence[str]) -> list[x509.GeneralName]:
    """Alternative names for a server reached under DNS names and IP addresses."""
    names: list[x509.GeneralName] = []
    for address in addresses:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        except ValueError:
            names.append(x509.DNSName(address))
    return names


def check_chain(purpose: Purpose, chain: Sequence[x509.Certificate], utc_ms: int) -> None:
    """Verify a chain the way a relying party would: leaf first, root last.

    Raises:
        InvalidValue: it does not verify at this instant, or is not for this purpose.
    """
    leaf, *between, root = chain
    builder = PolicyBuilder().store(Store([root])).time(instant(utc_ms)).max_chain_depth(1)
    if purpose not in (Purpose.HOST, Purpose.RELAY, Purpose.SERVER):
        builder = builder.extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
    try:
        if purpose is Purpose.SERVER:
            builder.build_server_verifier(_any_server_name(leaf)).verify(leaf, between)
        else:
            builder.build_client_verifier().verify(leaf, between)
    except VerificationError as error:
        raise InvalidValue(
            f"{purpose} 证书未通过验证。the {purpose} certificate does not verify: {error}"
        ) from error


def _any_server_name(leaf: x509.Certificate) -> x509.DNSName | x509.IPAddress:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for found in names:
        if isinstance(found, x509.DNSName | x509.IPAddress):
            return found
    raise InvalidValue("服务器证书未写明服务器名称。the server certificate names no server")


_EXTENDED_USAGE: Final = {
    Purpose.HOST: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    # To the server a client, to the hosts of its site a server: under the hosts' root, which no
    # host trusts for anything but a relay it was told of.
    Purpose.RELAY: (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
    Purpose.SERVER: (ExtendedKeyUsageOID.SERVER_AUTH,),
    Purpose.DOCUMENT: (DOCUMENT_SIGNING,),
}


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    utc_ms: int,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    start = instant(utc_ms)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - BACKDATE)
        .not_valid_after(start + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _authority(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(usage, critical=True)


def _leaf_key_usage(purpose: Purpose) -> x509.KeyUsage:
    # A document's signature is a commitment to its content; the others only prove who speaks.
    return _key_usage(digital_signature=True, content_commitment=purpose is Purpose.DOCUMENT)


def _key_usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(builder: x509.CertificateBuilder, issuer: Signer) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return builder.add_extension(identifier, critical=False).sign(issuer.key, hashes.SHA256())
