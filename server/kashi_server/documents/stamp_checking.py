"""A time-stamp token, checked before it goes into a document: what does not hold is not kept.

Whoever verifies the document later asks the same: one signer, named by issuer and serial number,
whose certificate the token carries, is for time-stamping alone and valid at the time stamped; its
signature, by RSA (PKCS#1 v1.5 or PSS) or by an elliptic curve, over the digest of what it says.
Whether the authority leads to a root that somebody trusts, only they can tell.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from kashi_server.domain.both_languages import because

_DIGESTS: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_RSA_BITS_MIN: Final = 2048
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError)


def check_token(token: cms.ContentInfo) -> None:
    """Check a token by itself.

    Raises:
        ValueError: it does not hold; the words say what.
    """
    try:
        _check(token["content"])
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise ValueError(
            "时间戳的签名验证不通过。the signature of its stamp does not verify"
        ) from error
    except x509.ExtensionNotFound as error:
        raise ValueError(
            "时间戳机构的证书未写明用途。its certificate does not state its usage"
        ) from error
    except _UNREADABLE as error:
        raise ValueError(because("时间戳无法读取", "its stamp cannot be read", error)) from error


def _check(token: Any) -> None:
    content = token["encap_content_info"]["content"]
    if len(token["signer_infos"]) != 1:
        raise ValueError("时间戳不是由一个签名者签发。its stamp is not of one signer")
    signer = token["signer_infos"][0]
    carried = [x509.load_der_x509_certificate(one.chosen.dump()) for one in token["certificates"]]
    authority = _named(carried, signer["sid"])
    usage = authority.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING] or not usage.critical:
        raise ValueError(
            "时间戳机构的证书并非专用于时间戳。its certificate is not for time-stamping alone"
        )
    at = content.parsed["gen_time"].native
    if not authority.not_valid_before_utc <= at <= authority.not_valid_after_utc:
        raise ValueError(
            f"时间戳机构的证书在其所盖时间 {at.isoformat()} 无效。"
            f"its certificate was not valid at {at.isoformat()}, the time it stamped"
        )
    _check_signed(signer, authority, content.contents)


def _named(carried: Sequence[x509.Certificate], named: Any) -> x509.Certificate:
    if named.name == "issuer_and_serial_number":
        issuer, serial = named.chosen["issuer"].dump(), named.chosen["serial_number"].native
        for one in carried:
            if one.serial_number == serial and one.issuer.public_bytes() == issuer:
                return one
    raise ValueError(
        "时间戳未附带签发它的证书。its stamp does not carry the certificate that signed it"
    )


def _check_signed(signer: Any, authority: x509.Certificate, said: bytes) -> None:
    name = signer["digest_algorithm"]["algorithm"].native
    if name not in _DIGESTS:
        raise ValueError(
            f"时间戳的签名所用摘要算法为 {name}，不被接受。"
            f"its stamp is signed over a digest by {name}"
        )
    attributes = {one["type"].native: one["values"][0].native for one in signer["signed_attrs"]}
    computed = hashes.Hash(_DIGESTS[name]())
    computed.update(said)
    told = (attributes.get("message_digest"), attributes.get("content_type"))
    if told != (computed.finalize(), "tst_info"):
        raise ValueError("时间戳所签的与其所述不符。its stamp signs something else than it says")
    signed, value = signer["signed_attrs"].untag().dump(), signer["signature"].native
    key, digest = authority.public_key(), _DIGESTS[name]()
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(value, signed, ec.ECDSA(digest))
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS_MIN:
        key.verify(value, signed, _padding(signer["signature_algorithm"], name), digest)
    else:
        raise ValueError(
            "时间戳机构的密钥既非椭圆曲线，也非 2048 位以上的 RSA。"
            "its key is neither a curve's nor RSA of 2048 bits"
        )


def _padding(signed_by: Any, digest: str) -> padding.AsymmetricPadding:
    if signed_by["algorithm"].native != "rsassa_pss":
        return padding.PKCS1v15()
    said = signed_by["parameters"]
    mask = said["mask_gen_algorithm"]
    named = (said["hash_algorithm"]["algorithm"].native, mask["parameters"]["algorithm"].native)
    if mask["algorithm"].native != "mgf1" or named != (digest, digest):
        raise ValueError(
            "时间戳的 PSS 签名用了不止一种摘要。"
            "its stamp is signed by PSS over more than one digest"
        )
    return padding.PSS(padding.MGF1(_DIGESTS[digest]()), said["salt_length"].native)
