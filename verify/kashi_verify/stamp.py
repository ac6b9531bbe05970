"""The time-stamp inside a signature (RFC 3161, PAdES B-T): what it stamps, when, and whose it is.

The token stamps the signature's own value. It is checked like everything here: one signer, its
certificate for time-stamping alone, its digest over what it says, its signature by RSA or by an
elliptic curve, and the chain to a root that was given. Without such a root it is whole, and nobody
vouched for its clock.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from asn1crypto import tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kashi_verify.elliptic import UNREADABLE_CERTIFICATE
from kashi_verify.findings import CheckFailed

TIME_STAMPING: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.8")
"""id-kp-timeStamping, RFC 3161 §2.3: critical, and alone."""
CHAIN_MAX: Final = 5
_DIGESTS: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_RSA_BITS_MIN: Final = 2048


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token whose signature holds.

    Attributes:
        at: the authority's time.
        authority: the certificate that signed it.
        certificates: what the token carries, the authority's among them.
    """

    at: datetime
    authority: x509.Certificate
    certificates: tuple[x509.Certificate, ...]


def open_stamp(token: Any, stamped: bytes) -> Stamp:
    """Check a token over the signature value `stamped`.

    Raises:
        CheckFailed: it stamps something else, or its own signature does not hold.
    """
    try:
        return _open(token, stamped)
    except (*UNREADABLE_CERTIFICATE, KeyError, AttributeError, IndexError) as error:
        raise CheckFailed(f"时间戳无法读取。The time-stamp cannot be read: {error}") from error


def _open(token: Any, stamped: bytes) -> Stamp:
    if token["content_type"].native != "signed_data":
        raise CheckFailed("时间戳不是 CMS 签名数据。The time-stamp is not CMS signed data")
    data = token["content"]
    content = data["encap_content_info"]
    if content["content_type"].native != "tst_info" or len(data["signer_infos"]) != 1:
        raise CheckFailed(
            "时间戳不是由一个签名者签的单一令牌。The time-stamp is not one token of one signer"
        )
    said = content["content"].contents
    info = tsp.TSTInfo.load(said, strict=True)
    imprint = info["message_imprint"]
    digest = (imprint["hash_algorithm"]["algorithm"].native, imprint["hashed_message"].native)
    if digest != ("sha256", sha256(stamped).digest()):
        raise CheckFailed(
            "时间戳盖在另一个签名上，不是本文件的签名。"
            "The time-stamp is over another signature than this document's"
        )
    certificates = tuple(
        x509.load_der_x509_certificate(one.chosen.dump()) for one in data["certificates"]
    )
    signer = data["signer_infos"][0]
    authority = _authority(certificates, signer["sid"])
    _check_signed(signer, authority, said)
    return Stamp(info["gen_time"].native, authority, certificates)


def _authority(certificates: Sequence[x509.Certificate], named: Any) -> x509.Certificate:
    if named.name != "issuer_and_serial_number":
        raise CheckFailed(
            "时间戳未以签发者与序列号指明签名者。"
            "The time-stamp does not name its signer by issuer and serial number"
        )
    issuer, serial = named.chosen["issuer"].dump(), named.chosen["serial_number"].native
    for one in certificates:
        if one.serial_number == serial and one.issuer.public_bytes() == issuer:
            return one
    raise CheckFailed(
        "时间戳未带其签名者的证书。The time-stamp does not carry its signer's certificate"
    )


def _check_signed(signer: Any, authority: x509.Certificate, said: bytes) -> None:
    name = signer["digest_algorithm"]["algorithm"].native
    if name not in _DIGESTS:
        raise CheckFailed(
            f"时间戳所签摘要的算法为 {name}。The time-stamp is signed over a digest by {name}"
        )
    algorithm = _DIGESTS[name]()
    attributes = {one["type"].native: one["values"][0] for one in signer["signed_attrs"]}
    computed = hashes.Hash(algorithm)
    computed.update(said)
    if attributes["message_digest"].native != computed.finalize():
        raise CheckFailed(
            "时间戳的摘要与其内容不符。The time-stamp's digest is not of what it says"
        )
    if attributes["content_type"].native != "tst_info":
        raise CheckFailed("时间戳所签内容的类型不对。The time-stamp signs another type of content")
    signed, value = signer["signed_attrs"].untag().dump(), signer["signature"].native
    key = authority.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS_MIN:
            key.verify(value, signed, _padding(signer["signature_algorithm"], name), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, signed, ec.ECDSA(algorithm))
        else:
            raise CheckFailed(
                "时间戳的密钥既不是椭圆曲线，也不是 2048 位 RSA。"
                "The time-stamp's key is neither a curve's nor RSA of 2048 bits"
            )
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise CheckFailed(
            "时间戳的签名验证不通过。The signature of the time-stamp does not verify"
        ) from error


def _padding(signed_by: Any, digest: str) -> padding.AsymmetricPadding:
    """PKCS#1 v1.5, or PSS with one digest throughout (RFC 4056)."""
    if signed_by["algorithm"].native != "rsassa_pss":
        return padding.PKCS1v15()
    said = signed_by["parameters"]
    mask = said["mask_gen_algorithm"]
    named = (said["hash_algorithm"]["algorithm"].native, mask["parameters"]["algorithm"].native)
    if mask["algorithm"].native != "mgf1" or named != (digest, digest):
        raise CheckFailed(
            "时间戳以 PSS 签名，所用摘要不止一种。"
            "The time-stamp is signed by PSS over more than one digest"
        )
    return padding.PSS(padding.MGF1(_DIGESTS[digest]()), said["salt_length"].native)


def check_authority(stamp: Stamp, root: x509.Certificate | None) -> bool:
    """Check that the authority may stamp, and that it leads to a root; False: none was given.

    Raises:
        CheckFailed: its certificate is for something else, was not valid then, or leads elsewhere.
    """
    try:
        usage = stamp.authority.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, *UNREADABLE_CERTIFICATE) as error:
        raise CheckFailed(
            "时间戳的证书未写明用途。The time-stamp's certificate does not state its usage"
        ) from error
    if list(usage.value) != [TIME_STAMPING] or not usage.critical:
        raise CheckFailed(
            "时间戳的证书不是仅用于时间戳。"
            "The time-stamp's certificate is not for time-stamping alone"
        )
    if root is None:
        return False
    one = stamp.authority
    for _link in range(CHAIN_MAX):
        if not one.not_valid_before_utc <= stamp.at <= one.not_valid_after_utc:
            raise CheckFailed(
                f"{one.subject.rfc4514_string()} 在盖戳时无效。"
                f"{one.subject.rfc4514_string()} was not valid at the time stamped"
            )
        if one == root:
            return True
        above = [root, *stamp.certificates]
        issuer = next((other for other in above if other.subject == one.issuer), None)
        if issuer is None or issuer == one:
            break
        _check_issued(one, issuer)
        one = issuer
    raise CheckFailed(
        "时间戳的证书未链接到所给根证书。"
        "The time-stamp's certificate does not lead to the root that was given"
    )


def _check_issued(one: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        one.verify_directly_issued_by(issuer)
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (InvalidSignature, x509.ExtensionNotFound, *UNREADABLE_CERTIFICATE) as error:
        raise CheckFailed(
            "时间戳的一张证书不是由上一级签发。"
            "A certificate of the time-stamp was not issued by the one above"
        ) from error
    if not constraints.ca:
        raise CheckFailed(
            "时间戳的一张证书由无权者签发。"
            "A certificate of the time-stamp was issued by one that may not"
        )
