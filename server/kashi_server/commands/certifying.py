"""What issues certificates on an opened server, and saves their files; wired for the commands."""

import secrets
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kashi_server.bootstrap import Server
from kashi_server.domain.certificate import Issuer
from kashi_server.log.tree import Tree
from kashi_server.presence import running_ports
from kashi_server.services.authority import der
from kashi_server.services.bundle import Chains
from kashi_server.services.certificates import CertificateKeeping, Issuing
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.evidence import EvidenceGathering

ENDINGS: Final = {
    "pdf": ".pdf",
    "certificate": ".json",
    "bundle": ".zip",
    "lines": ".csv",
}
"""The files a holder gets, by kind; the statement and the evidence travel inside the first three.
Of several months there is no bundle: each month's own certificate has its."""


def certificate_keeping(server: Server) -> CertificateKeeping:
    """What issues and keeps certificates on an opened server."""
    # The compiler and the signing library take their time to load: only who issues waits for them.
    from kashi_server.commands.pressing import press_of

    keyring, config = server.keyring, server.config
    return CertificateKeeping(
        server.work,
        press_of(config, keyring),
        EvidenceGathering(der(keyring.receipt_chain[-1]), Tree),
        Issuing(
            issuer=Issuer(
                name_zh=config.organisation,
                name_en="",
                system=f"Kashi {version('kashi-server')}" + (" (demo)" if config.demo else ""),
            ),
            verify_address=verify_address(server),
            chains=_chains_of(server),
            clock=server.clock,
            entropy=secrets.token_bytes,
            stamp_required=config.documents.timestamp_required,
        ),
    )


def verify_address(server: Server) -> str | None:
    """Where the portal answers /verify; None while nobody knows the port the system will choose."""
    port = server.config.portal.port or running_ports(server.directory).get("portal", 0)
    if not port:
        return None
    scheme = "https" if server.config.portal_tls else "http"
    return f"{scheme}://{server.reached('portal', port)}/verify"


def save_files(server: Server, found: Sequence[StoredCertificate], folder: Path) -> None:
    """Save each certificate's PDF, JSON and bundle, and once the documents root."""
    folder.mkdir(parents=True, exist_ok=True)
    keeping = certificate_keeping(server)
    for one in found:
        for kind, ending in ENDINGS.items():
            if kind != "bundle" or one.first_month is None:
                (folder / f"{one.number}{ending}").write_bytes(keeping.file(one.number, kind))
    root = document_chain(server)[-1].public_bytes(Encoding.PEM)
    (folder / "documents-root.pem").write_bytes(root)


def document_chain(server: Server) -> Sequence[x509.Certificate]:
    """The certificates of the key that signs documents, its own first, its root last."""
    token = server.config.documents.token
    if token is None:
        return server.keyring.document_chain
    from kashi_server.documents.token_key import read_chain

    return read_chain(token.certificates)


def _chains_of(server: Server) -> Chains:
    server_pem, documents_pem = (
        b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        for chain in (server.keyring.receipt_chain, document_chain(server))
    )
    return Chains(server_pem=server_pem, documents_pem=documents_pem)
