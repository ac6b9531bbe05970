"""Signing the certificate: PAdES (ETSI.CAdES.detached), certifying, no change allowed, unseen.

The signature has no visible widget: that would be an untagged annotation and would spoil PDF/UA.
The private key stands behind a port, so that a token (PKCS#11) or an outside seal can take the
place of the software key; pyHanko only builds the container around what the port signs.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final, Protocol

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from kashi_server.domain.certificate import Seal
from kashi_server.errors import InvalidValue

FIELD: Final = "KashiCertificate"
DIGEST: Final = "sha256"
_DER_SIGNATURE_BYTES_MAX: Final = 72


class DocumentKey(Protocol):
    """What signs: a software key, a token, or somebody else's seal."""

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """The key's certificate first, its root last."""
        ...

    def sign_sha256(self, message: bytes) -> bytes:
        """ECDSA P-256 over the SHA-256 of the message, in DER."""
        ...


@dataclass(frozen=True, slots=True)
class SoftwareKey:
    """A P-256 key in this process.

    Its signatures are deterministic (RFC 6979): the same document and the same time of signing
    give the same file.
    """

    key: ec.EllipticCurvePrivateKey
    chain: Sequence[x509.Certificate]

    def __post_init__(self) -> None:
        """Refuse a key of another curve, and a certificate of another key."""
        if self.key.curve.name != "secp256r1":
            raise InvalidValue("documents are signed with a P-256 key")
        if not self.chain or self.chain[0].public_key() != self.key.public_key():
            raise InvalidValue("the first certificate of the chain is not the document key's")

    def sign_sha256(self, message: bytes) -> bytes:
        """ECDSA P-256 over the SHA-256 of the message, in DER."""
        return self.key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def seal_of(key: DocumentKey) -> Seal:
    """How the page names the key that will sign it."""
    certificate = key.chain[0]
    return Seal(
        subject=certificate.subject.rfc4514_string(), serial=f"{certificate.serial_number:x}"
    )


def sign_pdf(pdf: bytes, key: DocumentKey, signed_at: datetime) -> bytes:
    """Certify a PDF: the signature covers the whole file and permits no change after it."""
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm=DIGEST,
        reason="算力使用证明 usage certificate",
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
    )
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    signed = BytesIO()
    asyncio.run(_sign(writer, metadata, _PortSigner(key), signed, signed_at))
    return signed.getvalue()


async def _sign(
    writer: IncrementalPdfFileWriter,
    metadata: signers.PdfSignatureMetadata,
    signer: signers.Signer,
    output: BytesIO,
    signed_at: datetime,
) -> None:
    # The library's own one-call form would take the wall clock for the time of signing; here the
    # same steps run with the time that was handed in.
    session = signers.PdfSigner(metadata, signer=signer).init_signing_session(writer)
    session.system_time = signed_at
    reserved = await session.estimate_signature_container_size(None)
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=reserved)
    prepared, written = document.digest_tbs_document(output=output)
    finished = await document.perform_signature(
        document_digest=prepared.document_digest,
        pdf_cms_signed_attrs=signers.pdf_cms.PdfCMSSignedAttributes(),
    )
    await finished.post_signature_processing(written)


class _PortSigner(signers.Signer):
    """The library's signer over our port."""

    def __init__(self, key: DocumentKey) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call] # the library ships no types
        certificates = [
            asn1_x509.Certificate.load(one.public_bytes(Encoding.DER)) for one in key.chain
        ]
        store.register_multiple(certificates[1:])
        super().__init__(signing_cert=certificates[0], cert_registry=store)
        self._key = key

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,
        dry_run: bool = False,  # the library's signature
    ) -> Any:
        """Sign, or tell how much room a signature takes."""
        if digest_algorithm != DIGEST:
            raise InvalidValue(f"documents are signed with {DIGEST}, not {digest_algorithm}")
        return bytes(_DER_SIGNATURE_BYTES_MAX) if dry_run else self._key.sign_sha256(data)
