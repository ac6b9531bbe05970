"""The press: a certificate printed and signed in one go, with one key and one folder of fonts."""

from dataclasses import dataclass, field

from kashi_server.documents.rendering import Renderer
from kashi_server.documents.signing import DocumentKey, seal_of, sign_pdf
from kashi_server.domain.certificate import Certificate, CertificateParts, Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPress:
    """Prints and signs certificates; see `services.certificates_port.Press`."""

    key: DocumentKey
    renderer: Renderer = field(default_factory=Renderer)

    @property
    def seal(self) -> Seal:
        """Whose signature the documents carry."""
        return seal_of(self.key)

    def document(self, certificate: Certificate, parts: CertificateParts) -> bytes:
        """The signed PDF; it is signed at the time the certificate states."""
        pdf = self.renderer.render(certificate, parts, self.seal)
        return sign_pdf(pdf, self.key, certificate.issued_at)
