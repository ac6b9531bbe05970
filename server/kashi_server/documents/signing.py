"""Signing the certificate: PAdES (ETSI.CAdES.detached), certifying, no change allowed, unseen.

The signature has no visible widget: that would be an untagged annotation and would spoil PDF/UA.
The private key stands behind a port, so that a token (PKCS#11, see `token_key`) or an outside seal
can take the place of the software key; pyHanko builds the container around what the port signs, and
puts a time-stamp into it where one is asked for (PAdES B-T, see `time_stamping`).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final, Protocol

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.metadata.model import DocumentMetadata
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from kashi_server.domain.certificate import Seal
from kashi_server.errors import InvalidValue, SigningFailed

FIELD: Final = "KashiCertificate"
DIGEST: Final = "sha256"
STAMP_BYTES_MAX: Final = 16 * 1024
"""Room for a time-stamp with its authority's certificates."""

_DER_SIGNATURE_BYTES_MAX: Final = 72


class DocumentKey(Protocol):
    """What signs: a software key, a token, or somebody else's seal."""

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """The key's certificate first, its root last."""
        ...

    def signer(self) -> AbstractContextManager[signers.Signer]:
        """The library's signer over the key, for one document: ECDSA P-256 with SHA-256.

        Raises:
            SigningFailed: the key cannot be reached.
        """
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
            raise InvalidValue("文书须以 P-256 密钥签名。documents are signed with a P-256 key")
        if not self.chain or self.chain[0].public_key() != self.key.public_key():
            raise InvalidValue(
                "证书链的第一张证书不属于文书密钥。"
                "the first certificate of the chain is not the document key's"
            )

    @contextmanager
    def signer(self) -> Iterator[signers.Signer]:
        """The library's signer over the key."""
        yield _SoftwareSigner(self)

    def sign_sha256(self, message: bytes) -> bytes:
        """ECDSA P-256 over the SHA-256 of the message, in DER."""
        return self.key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def seal_of(key: DocumentKey) -> Seal:
    """How the page names the key that will sign it."""
    certificate = key.chain[0]
    return Seal(
        subject=certificate.subject.rfc4514_string(), serial=f"{certificate.serial_number:x}"
    )


def sign_pdf(
    pdf: bytes, key: DocumentKey, signed_at: datetime, stamper: TimeStamper | None = None
) -> bytes:
    """Certify a PDF: the signature covers the whole file and permits no change after it.

    The finished bytes are checked before anybody gets them.

    Raises:
        SigningFailed: the key cannot be used, or is not the one that its certificate names.
        TimeStampMissing: a stamp was asked for and none was given.
    """
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm=DIGEST,
        reason="算力使用证明 usage certificate",
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
    )
    writer = _DatedWriter(BytesIO(pdf), signed_at)
    signed = BytesIO()
    with key.signer() as signer:
        asyncio.run(
            _sign(writer, signers.PdfSigner(metadata, signer=signer), signed, signed_at, stamper)
        )
    _check_finished(signed, key.chain[0])
    return signed.getvalue()


class _DatedMetadata(DocumentMetadata):
    """Metadata of a document that was changed at a time which is handed in."""

    def __init__(self, changed_at: datetime) -> None:
        self._changed_at = changed_at
        super().__init__()

    def __setattr__(self, name: str, value: object) -> None:
        """Keep that time: the library says "now" as it writes, which is the machine's clock."""
        super().__setattr__(name, self._changed_at if name == "last_modified" else value)


class _DatedWriter(IncrementalPdfFileWriter):
    """The library's writer, with the time of the change handed in."""

    def __init__(self, stream: BytesIO, changed_at: datetime) -> None:
        super().__init__(stream)
        # The library gives no other way to say it; a test reads it back.
        self._meta = _DatedMetadata(changed_at)


def _check_finished(signed: BytesIO, certificate: x509.Certificate) -> None:
    """A token may hold another key than the one its certificate is of: who signed is asked of what
    was signed."""
    embedded = PdfFileReader(signed).embedded_signatures[-1]
    signer, public = embedded.signer_info, certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)  # every document key is on P-256
    attributes = {one["type"].native: one["values"][0].native for one in signer["signed_attrs"]}
    if attributes["message_digest"] != embedded.compute_digest():
        raise SigningFailed(
            "完成的文书不是所签名的那一份。the finished document is not the one that was signed"
        )
    signed_attributes = signer["signed_attrs"].untag().dump()
    try:
        public.verify(signer["signature"].native, signed_attributes, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise SigningFailed(
            f"密钥的签名不能以证书 {certificate.subject.rfc4514_string()} 验证："
            "该证书属于另一密钥；见 documents.certificates。"
            "what the key signed does not verify under its certificate"
            f" {certificate.subject.rfc4514_string()}: the certificate is of another key; see"
            " documents.certificates"
        ) from error


async def _sign(
    writer: IncrementalPdfFileWriter,
    signer: signers.PdfSigner,
    output: BytesIO,
    signed_at: datetime,
    stamper: TimeStamper | None,
) -> None:
    # The library's own one-call form would take the wall clock for the time of signing, and ask the
    # authority for a first stamp only to see how long it is; here the same steps run with the time
    # and the room that are handed in.
    session = signer.init_signing_session(writer)
    session.system_time = signed_at
    reserved = await session.estimate_signature_container_size(None)
    session.timestamper = stamper
    if stamper is not None:
        reserved += 2 * STAMP_BYTES_MAX
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=reserved)
    prepared, written = document.digest_tbs_document(output=output)
    finished = await document.perform_signature(
        document_digest=prepared.document_digest,
        pdf_cms_signed_attrs=signers.pdf_cms.PdfCMSSignedAttributes(),
    )
    await finished.post_signature_processing(written)


def library_certificates(chain: Sequence[x509.Certificate]) -> list[asn1_x509.Certificate]:
    """A chain as the library takes it."""
    return [asn1_x509.Certificate.load(one.public_bytes(Encoding.DER)) for one in chain]


class _SoftwareSigner(signers.Signer):
    """The library's signer over a key in this process."""

    def __init__(self, key: SoftwareKey) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call] # the library ships no types
        certificates = library_certificates(key.chain)
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
            raise InvalidValue(
                f"文书以 {DIGEST} 签名，而不是 {digest_algorithm}。"
                f"documents are signed with {DIGEST}, not {digest_algorithm}"
            )
        return bytes(_DER_SIGNATURE_BYTES_MAX) if dry_run else self._key.sign_sha256(data)
