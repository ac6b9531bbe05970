"""The CMS container of a PAdES signature: one signer, P-256, nothing unsigned but a time-stamp.

Every field is pinned to the one value a certificate carries, and the whole must be its own DER
spelling: a byte that could be changed without being noticed has no place here.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from asn1crypto import algos, cms, core, tsp
from cryptography import x509

from kashi_verify.chain import der
from kashi_verify.detail import DOCUMENT, SIGNER
from kashi_verify.elliptic import UNREADABLE_CERTIFICATE, check_signature, p256
from kashi_verify.findings import CheckFailed
from kashi_verify.stamp import Stamp, open_stamp

# Importing tsp teaches cms the attribute that names the signing certificate (RFC 5035).
_SIGNING_CERTIFICATES = tsp.SetOfSigningCertificatesV2
_ATTRIBUTES = {
    "content_type",
    "message_digest",
    "signing_certificate_v2",
    "cms_algorithm_protection",
}


@dataclass(frozen=True, slots=True)
class Container:
    """What was read: the signer's certificate and the certificates beside it."""

    signer: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    stamp: Stamp | None = None


def open_container(content: bytes, signed: bytes) -> Container:
    """Check a detached CMS signature over `signed`.

    Raises:
        CheckFailed: it does not verify, or is not built as a certificate's must be.
    """
    try:
        info = cms.ContentInfo.load(content, strict=True)
        if info["content_type"].native != "signed_data":
            raise CheckFailed("签名不是 CMS 签名数据。The signature is not CMS signed data")
        data = info["content"]
        native = data.native
        respelled = info.copy().dump(force=True)
        certificates = [x509.load_der_x509_certificate(one.dump()) for one in data["certificates"]]
        attributes = _attributes(data)
    except (*UNREADABLE_CERTIFICATE, KeyError, RecursionError, OverflowError) as error:
        raise CheckFailed(
            f"签名容器无法读取。The signature's container cannot be read: {error}"
        ) from error
    if respelled != content:
        raise CheckFailed(
            "签名容器不是按 DER 书写。The signature's container is not spelled in DER"
        )
    _check_form(data, native)
    signer_info = data["signer_infos"][0]
    signer = _signer(certificates, signer_info)
    _check_attributes(attributes, signer, signed)
    signed_attributes = signer_info["signed_attrs"].untag().dump()
    key = p256(signer.public_key(), SIGNER)
    value = signer_info["signature"].native
    check_signature(key, value, signed_attributes, DOCUMENT)
    return Container(signer, tuple(certificates), _stamp(signer_info["unsigned_attrs"], value))


def _stamp(unsigned: Any, value: bytes) -> Stamp | None:
    """The time-stamp over the signature's value, the one thing that stands beside it unsigned."""
    if unsigned.native is None:
        return None
    if len(unsigned) != 1 or unsigned[0]["type"].native != "signature_time_stamp_token":
        raise CheckFailed(
            "容器中未签名的部分有时间戳以外的内容。"
            "Something other than one time-stamp stands unsigned in the container"
        )
    if len(unsigned[0]["values"]) != 1:
        raise CheckFailed("时间戳不止一个。There are several time-stamps instead of one")
    return open_stamp(unsigned[0]["values"][0], value)


def _attributes(data: Any) -> dict[str, Any]:
    if len(data["signer_infos"]) != 1:
        raise CheckFailed(
            f"签名者有 {len(data['signer_infos'])} 个，应为一个。"
            f"{len(data['signer_infos'])} signers instead of one"
        )
    found: dict[str, Any] = {}
    for attribute in data["signer_infos"][0]["signed_attrs"]:
        name = attribute["type"].native
        if name in found or len(attribute["values"]) != 1:
            raise CheckFailed(
                f"签名属性 {name} 不止一个。The signed attribute {name} stands more than once"
            )
        if name == "signing_certificate_v2":
            assert isinstance(attribute["values"], _SIGNING_CERTIFICATES)
        found[name] = attribute["values"][0]
    return found


def _check_form(data: Any, native: Any) -> None:
    signer_info = data["signer_infos"][0]
    expected: list[tuple[str, object, object]] = [
        ("version", native["version"], "v1"),
        ("digest algorithms", [_algorithm(one) for one in data["digest_algorithms"]], ["sha256"]),
        ("content type", native["encap_content_info"]["content_type"], "data"),
        ("content", native["encap_content_info"]["content"], None),
        ("revocation lists", native["crls"], None),
        ("signer's version", signer_info["version"].native, "v1"),
        ("signer's id", signer_info["sid"].name, "issuer_and_serial_number"),
        ("digest algorithm", _algorithm(signer_info["digest_algorithm"]), "sha256"),
        ("signature algorithm", _algorithm(signer_info["signature_algorithm"]), "sha256_ecdsa"),
    ]
    for name, found, wanted in expected:
        if found != wanted:
            raise CheckFailed(
                f"签名的 {name} 为 {found}，应为 {wanted}。"
                f"The signature's {name}: {found} instead of {wanted}"
            )


def _algorithm(identifier: Any) -> object:
    parameters = identifier["parameters"]
    if not isinstance(parameters, core.Null | core.Void) and parameters.native is not None:
        return f"{identifier['algorithm'].native} with parameters"
    return identifier["algorithm"].native


def _signer(certificates: list[x509.Certificate], signer_info: Any) -> x509.Certificate:
    named = signer_info["sid"].chosen
    for certificate in certificates:
        same_issuer = certificate.issuer.public_bytes() == named["issuer"].dump()
        if same_issuer and certificate.serial_number == named["serial_number"].native:
            return certificate
    raise CheckFailed("容器中没有签名者的证书。The signer's certificate is not in the container")


def _check_attributes(attributes: dict[str, Any], signer: x509.Certificate, signed: bytes) -> None:
    if set(attributes) - _ATTRIBUTES:
        raise CheckFailed(
            f"有不应出现的签名属性：{sorted(set(attributes) - _ATTRIBUTES)}。"
            f"Unexpected signed attributes: {sorted(set(attributes) - _ATTRIBUTES)}"
        )
    if not {"content_type", "message_digest", "signing_certificate_v2"} <= set(attributes):
        raise CheckFailed(
            "缺少 PAdES 要求的签名属性。A signed attribute that PAdES asks for is missing"
        )
    if attributes["content_type"].native != "data":
        raise CheckFailed("所签内容类型不是 data。The signed content type is not data")
    if attributes["message_digest"].native != sha256(signed).digest():
        raise CheckFailed(
            "文件不是所签的文件：摘要不同。"
            "The file is not the one that was signed: its digest differs"
        )
    if len(attributes["signing_certificate_v2"]["certs"]) < 1:
        raise CheckFailed("签名未指明签名证书。The signature names no signing certificate")
    named = attributes["signing_certificate_v2"]["certs"][0]
    algorithm = named["hash_algorithm"]
    is_sha256 = isinstance(algorithm, algos.DigestAlgorithm) and _algorithm(algorithm) == "sha256"
    if not is_sha256 or named["cert_hash"].native != sha256(der(signer)).digest():
        raise CheckFailed(
            "签名所指的是另一张签名证书。The signature names another signing certificate"
        )
