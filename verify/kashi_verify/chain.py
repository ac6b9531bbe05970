"""Chains of X.509 certificates: signer first, root last, checked link by link without a network."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from kashi_verify.detail import Detail
from kashi_verify.elliptic import UNREADABLE_CERTIFICATE, p256
from kashi_verify.findings import CheckFailed

DOCUMENT_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""id-kp-documentSigning, RFC 9336."""
CHAIN_MAX: Final = 5


def der(certificate: x509.Certificate) -> bytes:
    """A certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


def load_pem(content: bytes) -> list[x509.Certificate]:
    """Certificates of a PEM file, in its order.

    Raises:
        CheckFailed: it holds none.
    """
    try:
        return x509.load_pem_x509_certificates(content)
    except UNREADABLE_CERTIFICATE as error:
        raise CheckFailed(f"没有 PEM 证书。No certificates in PEM: {error}") from error


def order_chain(
    signer: x509.Certificate, others: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Order certificates from the signer to the root; every one of them must have its place.

    Raises:
        CheckFailed: one is foreign to the chain, or it is too long.
    """
    chain, rest = [signer], [one for one in others if one != signer]
    while rest and len(chain) <= CHAIN_MAX:
        above = next((one for one in rest if one.subject == chain[-1].issuer), None)
        if above is None:
            break
        chain.append(above)
        rest.remove(above)
    if rest:
        raise CheckFailed(
            f"有 {len(rest)} 张证书不在签名者的证书链中。"
            f"{len(rest)} certificates do not belong to the signer's chain"
        )
    return chain


def check_chain(chain: Sequence[x509.Certificate], at: datetime, what: Detail) -> None:
    """Check names, signatures, validity at an instant and the right to issue, link by link.

    Raises:
        CheckFailed: a link does not hold.
    """
    for place, certificate in enumerate(chain):
        name = certificate.subject.rfc4514_string()
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise CheckFailed(
                f"{what.zh}：{name} 在 {at.isoformat()} 无效。"
                f"{what.en}: {name} was not valid at {at.isoformat()}"
            )
        issuer = chain[min(place + 1, len(chain) - 1)]
        p256(certificate.public_key(), Detail(name, name))
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, *UNREADABLE_CERTIFICATE) as error:
            raise CheckFailed(
                f"{what.zh}：{name} 不是由上一级签发。"
                f"{what.en}: {name} was not issued by the one above it"
            ) from error
        if place > 0:
            _check_issuer(certificate, place - 1, what)


def _check_issuer(certificate: x509.Certificate, below: int, what: Detail) -> None:
    name = certificate.subject.rfc4514_string()
    try:
        extensions = certificate.extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, *UNREADABLE_CERTIFICATE) as error:
        raise CheckFailed(
            f"{what.zh}：{name} 未写明可以签发证书。"
            f"{what.en}: {name} does not say that it may issue"
        ) from error
    if not constraints.ca or not usage.key_cert_sign:
        raise CheckFailed(
            f"{what.zh}：{name} 不得签发证书。{what.en}: {name} may not issue certificates"
        )
    if constraints.path_length is not None and constraints.path_length < below:
        raise CheckFailed(
            f"{what.zh}：{name} 不得居于 {below} 级签发者之上。"
            f"{what.en}: {name} may not stand above {below} issuers"
        )


def check_signer_usage(signer: x509.Certificate, what: Detail, *, documents: bool) -> None:
    """Check that a leaf may sign: no issuer itself, digital signature, for documents their usage.

    Raises:
        CheckFailed: it may not.
    """
    try:
        usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
        constraints = signer.extensions.get_extension_for_class(x509.BasicConstraints).value
        extended = (
            signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            if documents
            else None
        )
    except (x509.ExtensionNotFound, *UNREADABLE_CERTIFICATE) as error:
        raise CheckFailed(
            f"{what.zh}：签名证书未写明用途。"
            f"{what.en}: the signing certificate does not state its usage"
        ) from error
    if constraints.ca or not usage.digital_signature:
        raise CheckFailed(
            f"{what.zh}：签名证书不得用于签名。"
            f"{what.en}: the signing certificate is not for signatures"
        )
    if extended is None:
        return
    if not usage.content_commitment or list(extended) != [DOCUMENT_SIGNING]:
        raise CheckFailed(
            f"{what.zh}：签名证书不得用于文件。"
            f"{what.en}: the signing certificate is not for documents"
        )
