"""The press: a certificate printed, signed and stamped in one go, with one key and one font."""

from dataclasses import dataclass, field

from pyhanko.sign.timestamps import TimeStamper

from kashi_server.documents.rendering import Renderer
from kashi_server.documents.signing import DocumentKey, seal_of, sign_pdf
from kashi_server.domain.certificate import Certificate, Seal, TimeStamping
from kashi_server.domain.certificate_parts import CertificateParts


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPress:
    """Prints and signs certificates; see `services.certificates_port.Press`."""

    key: DocumentKey
    renderer: Renderer = field(default_factory=Renderer)
    stamper: TimeStamper | None = None

    @property
    def seal(self) -> Seal:
        """Whose signature the documents carry."""
        return seal_of(self.key)

    @property
    def time_stamping(self) -> TimeStamping:
        """Whether documents carry a time-stamp."""
        return TimeStamping.NONE if self.stamper is None else TimeStamping.RFC3161

    def document(self, certificate: Certificate, parts: CertificateParts) -> bytes:
        """The signed PDF; it is signed at the time the certificate states.

        Raises:
            TimeStampMissing: its head says that it is stamped, and no stamp was given.
            SigningFailed: the key cannot be used.
        """
        pdf = self.renderer.render(certificate, parts, self.seal)
        stamped = certificate.time_stamping is TimeStamping.RFC3161
        return sign_pdf(pdf, self.key, certificate.issued_at, self.stamper if stamped else None)
