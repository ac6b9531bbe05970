"""Issuing usage certificates: exactly one a statement revision, and what becomes of it after.

Evidence is gathered while others may write: what it reads lies below the month's cut-off and does
not change. Number, document and rows are then made in one unit of work, so a signature that fails
takes no number with it, and a certificate never stands without its files.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import (
    CODE_BYTES,
    DOCUMENT_FORMAT,
    Certificate,
    CertificateNumber,
    CertificateParts,
    CertificateStatus,
    Issuer,
    VerificationCode,
)
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, NotFound, Refused, StorageError
from kashi_server.services.bundle import Chains, build_bundle
from kashi_server.services.certificates_port import (
    CertificatesUnit,
    CertificatesWork,
    Press,
    StatusChange,
    StoredCertificate,
)
from kashi_server.services.evidence import EvidenceGathering, Gathered
from kashi_server.services.expense_port import StoredStatement

LOG_ISSUED: Final = "certificate"
LOG_STATUS: Final = "certificate-status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """What every certificate of a server has in common.

    Attributes:
        verify_address: where the portal answers /verify; None where it is not published.
        entropy: random bytes, for verification codes.
    """

    issuer: Issuer
    verify_address: str | None
    chains: Chains
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]


class CertificateKeeping:
    """Issues certificates, withdraws them, answers for them."""

    def __init__(
        self, work: CertificatesWork, press: Press, gathering: EvidenceGathering, issuing: Issuing
    ) -> None:
        self._work = work
        self._press = press
        self._gathering = gathering
        self._issuing = issuing

    def issue_month(self, month: Month, actor: str) -> Sequence[StoredCertificate]:
        """Certificates of every statement of a closed month; those already issued are kept.

        Raises:
            Refused: the month is not closed.
        """
        with self._work.begin(writes=False) as unit:
            if unit.expense.close_of(month) is None:
                raise Refused(f"month {month} is not closed; run: kashi-server close {month}")
            statements = unit.expense.statements(month=month)
        latest = {statement.number: statement for statement in statements}
        return [self._issue(latest[number], actor) for number in sorted(latest)]

    def issue(self, statement_number: str, actor: str) -> StoredCertificate:
        """The certificate of a statement's latest revision; the one there is, if it was issued.

        Raises:
            NotFound: there is no such statement.
        """
        with self._work.begin(writes=False) as unit:
            statement = unit.expense.statement(statement_number)
        if statement is None:
            raise NotFound(f"there is no statement '{statement_number}'")
        return self._issue(statement, actor)

    def _issue(self, statement: StoredStatement, actor: str) -> StoredCertificate:
        with self._work.begin(writes=False) as unit:
            issued = unit.certificates.certificate_of(statement.number, statement.revision)
            if issued is not None:
                return issued
            gathered = self._gathering.gather(unit, statement)
            rules = _rules(unit, statement)
        parts = CertificateParts(
            statement=statement.content, evidence=gathered.evidence.to_bytes(), rules=rules
        )
        with self._work.begin() as unit:
            unit.certificates.lock_month(statement.month)
            issued = unit.certificates.certificate_of(statement.number, statement.revision)
            if issued is None:
                issued = self._make(unit, statement, parts, gathered, actor)
                unit.commit()
        return issued

    def _make(
        self,
        unit: CertificatesUnit,
        statement: StoredStatement,
        parts: CertificateParts,
        gathered: Gathered,
        actor: str,
    ) -> StoredCertificate:
        before = _before(unit, statement)
        certificate = self._head(unit, statement, parts, before)
        head = canonical_bytes(certificate.to_data())
        pdf = self._press.document(certificate, parts)
        named = {"certificate": head, **parts.named()}
        files = {
            "pdf": pdf,
            "certificate": _whole(named),
            "statement": parts.statement,
            "evidence": parts.evidence,
            "bundle": build_bundle(named, gathered, self._issuing.chains),
        }
        stored = _stored(certificate, statement, pdf)
        unit.certificates.add(stored, files, actor)
        unit.log.append_pending(LOG_ISSUED, stored.number, head)
        if before is not None and before.status is CertificateStatus.ISSUED:
            self._change(
                unit, before, CertificateStatus.SUPERSEDED, f"superseded by {stored.number}", actor
            )
        return stored

    def _head(
        self,
        unit: CertificatesUnit,
        statement: StoredStatement,
        parts: CertificateParts,
        before: StoredCertificate | None,
    ) -> Certificate:
        serial = unit.certificates.next_serial(statement.month)
        return Certificate(
            number=CertificateNumber(statement.month, serial),
            code=VerificationCode.from_entropy(self._issuing.entropy(CODE_BYTES)),
            issuer=self._issuing.issuer,
            # Whole seconds, as the document says them.
            issued_utc_ms=self._issuing.clock() // 1000 * 1000,
            statement_number=statement.number,
            statement_revision=statement.revision,
            statement_sha256=statement.sha256.hex(),
            evidence_sha256=sha256(parts.evidence).hexdigest(),
            verify_address=self._issuing.verify_address,
            supersedes=None if before is None else CertificateNumber.parse(before.number),
            demo=statement.demo,
        )

    def withdraw(self, number: str, reason: str, actor: str) -> StoredCertificate:
        """Withdraw a certificate; it stays on record and says so to everybody who asks.

        Raises:
            InvalidValue: no reason is given, or the number is none.
            NotFound: there is no such certificate.
            Refused: it was superseded or withdrawn before.
        """
        if not reason.strip():
            raise InvalidValue("withdrawing a certificate needs a reason; give one with --reason")
        return self._become(number, CertificateStatus.WITHDRAWN, reason, actor)

    def redeem(self, number: str, reason: str, actor: str) -> StoredCertificate:
        """Mark a certificate as redeemed by a payment that `reason` names.

        Raises:
            NotFound: there is no such certificate.
            Refused: it does not stand.
        """
        return self._become(number, CertificateStatus.REDEEMED, reason, actor)

    def _become(
        self, number: str, status: CertificateStatus, reason: str, actor: str
    ) -> StoredCertificate:
        canonical = str(CertificateNumber.parse(number))
        with self._work.begin() as unit:
            found = unit.certificates.certificate(canonical)
            if found is None:
                raise NotFound(f"there is no certificate {canonical}")
            unit.certificates.lock_month(found.month)
            self._change(unit, found, status, reason, actor)
            changed = unit.certificates.certificate(canonical)
            unit.commit()
        if changed is None:
            raise StorageError(f"certificate {canonical} is gone")
        return changed

    def _change(
        self,
        unit: CertificatesUnit,
        certificate: StoredCertificate,
        status: CertificateStatus,
        reason: str,
        actor: str,
    ) -> None:
        change = StatusChange(
            number=certificate.number,
            status=certificate.status.become(status),
            reason=reason,
            actor=actor,
            utc_ms=self._issuing.clock(),
        )
        unit.certificates.add_change(change)
        entry = {
            "number": change.number,
            "status": str(change.status),
            "reason": reason,
            "actor": actor,
            "utc_ms": change.utc_ms,
        }
        unit.log.append_pending(LOG_STATUS, change.number, canonical_bytes(entry))

    def certificates(self, month: Month | None = None) -> Sequence[StoredCertificate]:
        """All certificates, or a month's, by number."""
        with self._work.begin(writes=False) as unit:
            return unit.certificates.certificates(month=month)

    def file(self, number: str, kind: str) -> bytes:
        """A certificate's pdf, certificate, statement, evidence or bundle.

        Raises:
            NotFound: there is none.
        """
        with self._work.begin(writes=False) as unit:
            found = unit.certificates.file(number, kind)
        if found is None:
            raise NotFound(f"there is no {kind} of certificate '{number}'")
        return found

    def look_up(self, number: str, code: str) -> StoredCertificate | None:
        """The certificate that number and code name together; None tells nothing about which."""
        try:
            canonical = str(CertificateNumber.parse(number))
            spelled = str(VerificationCode.parse(code))
        except InvalidValue:
            return None
        with self._work.begin(writes=False) as unit:
            found = unit.certificates.certificate(canonical)
        if found is None or not compare_digest(found.code, spelled):
            return None
        return found


def _rules(unit: CertificatesUnit, statement: StoredStatement) -> bytes | None:
    """The canonical bytes of the rules that the statement names."""
    named = json.loads(statement.content)["programme"]
    if named is None:
        return None
    for version in unit.expense.rules(named["programme_id"]):
        if version.sha256 == named["sha256"]:
            return version.to_bytes()
    raise StorageError(
        f"the rules {named['programme_id']} {named['version']} that statement"
        f" {statement.number} names are not stored"
    )


def _before(unit: CertificatesUnit, statement: StoredStatement) -> StoredCertificate | None:
    """The certificate of the latest earlier revision that has one."""
    for revision in range(statement.revision - 1, 0, -1):
        found = unit.certificates.certificate_of(statement.number, revision)
        if found is not None:
            return found
    return None


def _whole(parts: Mapping[str, bytes]) -> bytes:
    """The whole certificate as one JSON document; each part hashes as its own canonical bytes."""
    data = {name: json.loads(content) for name, content in parts.items()}
    return canonical_bytes({"format": DOCUMENT_FORMAT, **data})


def _stored(certificate: Certificate, statement: StoredStatement, pdf: bytes) -> StoredCertificate:
    supersedes = certificate.supersedes
    return StoredCertificate(
        number=str(certificate.number),
        month=certificate.number.month,
        serial=certificate.number.serial,
        code=str(certificate.code),
        user_id=statement.user_id,
        provider_id=statement.provider_id,
        statement_number=statement.number,
        statement_revision=statement.revision,
        supersedes=None if supersedes is None else str(supersedes),
        issued_utc_ms=certificate.issued_utc_ms,
        demo=certificate.demo,
        statement_sha256=certificate.statement_sha256,
        evidence_sha256=certificate.evidence_sha256,
        pdf_sha256=sha256(pdf).hexdigest(),
        card_hours=statement.card_hours,
        amount_fen=statement.amount_fen,
        eligible_fen=statement.eligible_fen,
        status=CertificateStatus.ISSUED,
        status_reason="",
        status_utc_ms=certificate.issued_utc_ms,
    )
