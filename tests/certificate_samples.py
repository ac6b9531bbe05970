"""Certificates around the sample statements, for tests of the page and of the press."""

import json
from hashlib import sha256

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import (
    Certificate,
    CertificateNumber,
    Issuer,
    Seal,
    VerificationCode,
)
from kashi_server.domain.certificate_parts import CertificateParts, MonthParts
from kashi_server.domain.evidence import Evidence, EvidenceCheckpoint
from kashi_server.domain.statement import Statement
from kashi_server.domain.summary import summary_of
from statement_samples import MONTH

ISSUED_UTC_MS = 1_793_500_000_000
SUPERSEDED_SHA256 = "cd" * 32
SEAL = Seal(subject="CN=Kashi usage certificates,O=Sample", serial="0123456789abcdef")


def sample_certificate(
    statement: Statement, *, supersedes: CertificateNumber | None = None
) -> tuple[Certificate, CertificateParts]:
    """A certificate of a sample statement, without reports behind it."""
    content = statement.to_bytes()
    evidence = Evidence(
        statement_sha256=sha256(content).hexdigest(),
        report_count=0,
        report_root=sha256(b"").digest(),
        hosts=(),
        restored=(),
        checkpoint=EvidenceCheckpoint(
            origin="kashi/v1/log/0011223344556677",
            size=8928,
            root=bytes(range(32)),
            utc_ms=ISSUED_UTC_MS - 3_600_000,
        ),
        server_root_sha256="ab" * 32,
    ).to_bytes()
    parts = sample_parts(content, evidence)
    certificate = Certificate(
        number=CertificateNumber(MONTH, 12),
        code=VerificationCode.from_entropy(bytes(range(10))),
        issuer=Issuer(
            name_zh="深圳示例项目办公室",
            name_en="Sample Programme Office",
            system="Kashi 0.1.0",
        ),
        issued_utc_ms=ISSUED_UTC_MS,
        statement_number=statement.number,
        statement_revision=statement.revision,
        statement_sha256=sha256(content).hexdigest(),
        evidence_sha256=sha256(evidence).hexdigest(),
        verify_address="https://kashi.example/verify",
        supersedes=supersedes,
        supersedes_sha256=None if supersedes is None else SUPERSEDED_SHA256,
        demo=statement.demo,
        files=parts.hashes(),
    )
    return certificate, parts


NOTHING_STATED = dict.fromkeys(
    ("contact", "contract", "declaration", "listings", "money", "project", "site")
)


def sample_parts(statement: bytes, evidence: bytes) -> CertificateParts:
    """The files of a certificate of one month, without reports and without papers."""
    summary = summary_of(
        [json.loads(statement)],
        [sha256(statement).hexdigest()],
        stated=NOTHING_STATED,
        reading=None,
    )
    return CertificateParts(
        months=(MonthParts(month=MONTH, statement=statement, evidence=evidence),),
        summary=canonical_bytes(summary),
        lines=b"\xef\xbb\xbfline\r\n",
    )
