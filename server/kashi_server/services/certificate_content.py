"""What is kept of a certificate: its data as one document, its row, its entry in the log."""

import json
from collections.abc import Mapping
from hashlib import sha256

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import DOCUMENT_FORMAT, Certificate, CertificateStatus
from kashi_server.services.certificate_preparing import Prepared
from kashi_server.services.certificates_port import StoredCertificate


def document_entry(number: str, pdf: bytes, bundle: bytes | None) -> bytes:
    """What the log keeps of a certificate's signed document and its bundle: no head names them."""
    return canonical_bytes(
        {
            "number": number,
            "pdf_sha256": sha256(pdf).hexdigest(),
            "bundle_sha256": None if bundle is None else sha256(bundle).hexdigest(),
        }
    )


def told_of(summary: bytes) -> object:
    """What a summary says, but for the day until which papers were read."""
    told = json.loads(summary)
    money = told["stated"]["money"]
    if money is not None:
        del money["tie_out"]["until_day"]
    return told


def whole_of(files: Mapping[str, bytes]) -> bytes:
    """The whole certificate as one JSON document; each part hashes as its own canonical bytes."""
    data = {
        name.removesuffix(".json"): json.loads(content)
        for name, content in files.items()
        if name.endswith(".json")
    }
    return canonical_bytes({"format": DOCUMENT_FORMAT, **data})


def head_of(whole: bytes) -> bytes:
    """The head in a whole certificate, as it was attached and as the log keeps it."""
    return canonical_bytes(json.loads(whole)["certificate"])


def stored_of(certificate: Certificate, prepared: Prepared, pdf: bytes) -> StoredCertificate:
    """The row of a certificate that was just issued."""
    supersedes, last = certificate.supersedes, prepared.last
    totals = json.loads(prepared.parts.summary)["totals"]
    return StoredCertificate(
        number=str(certificate.number),
        month=certificate.number.month,
        serial=certificate.number.serial,
        code=str(certificate.code),
        user_id=last.user_id,
        provider_id=last.provider_id,
        statement_number=prepared.number,
        statement_revision=prepared.revision,
        supersedes=None if supersedes is None else str(supersedes),
        issued_utc_ms=certificate.issued_utc_ms,
        demo=certificate.demo,
        statement_sha256=certificate.statement_sha256,
        evidence_sha256=certificate.evidence_sha256,
        pdf_sha256=sha256(pdf).hexdigest(),
        card_hours=totals["card_hours"],
        amount_fen=totals["amount_fen"],
        eligible_fen=totals["eligible_fen"],
        edition=certificate.edition,
        first_month=certificate.first_month,
        contract_id=last.contract_id,
        status=CertificateStatus.ISSUED,
        status_reason="",
        status_utc_ms=certificate.issued_utc_ms,
    )
