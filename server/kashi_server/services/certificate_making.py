"""Making one certificate within a unit of work: number, document, rows, log, what it supersedes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, NamedTuple

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import (
    CODE_BYTES,
    Certificate,
    CertificateNumber,
    CertificateStatus,
    Issuer,
    TimeStamping,
    VerificationCode,
)
from kashi_server.errors import Refused, StorageError, TimeStampMissing
from kashi_server.services.bundle import Chains, build_bundle
from kashi_server.services.certificate_content import document_entry, head_of, stored_of, whole_of
from kashi_server.services.certificate_preparing import Prepared
from kashi_server.services.certificate_standing import change_status, of_several_months
from kashi_server.services.certificates_port import CertificatesUnit, Press, StoredCertificate

LOG_ISSUED: Final = "certificate"
LOG_DOCUMENT: Final = "certificate-document"


class _Before(NamedTuple):
    """The certificate that a new one supersedes, and its head as the log keeps it."""

    stored: StoredCertificate
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """What every certificate of a server has in common.

    Attributes:
        verify_address: where the portal answers /verify; None where it is not published.
        entropy: random bytes, for verification codes.
        stamp_required: without its time-stamp a certificate is not issued; else it is issued and
            says that the stamp is missing.
    """

    issuer: Issuer
    verify_address: str | None
    chains: Chains
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]
    stamp_required: bool = True


class CertificateMaking:
    """Makes certificates of what was prepared."""

    def __init__(self, press: Press, issuing: Issuing) -> None:
        self._press = press
        self._issuing = issuing

    def make(
        self, unit: CertificatesUnit, prepared: Prepared, actor: str, edition: int, reason: str
    ) -> StoredCertificate:
        """Issue it within a unit of work: number, document, rows, log; what it supersedes.

        Raises:
            Refused: it needs a time-stamp and gets none.
        """
        replaced = _before(unit, prepared, edition)
        certificate, pdf = self._print(self._head(unit, prepared, replaced, edition), prepared)
        head = canonical_bytes(certificate.to_data())
        named = {"certificate.json": head, **prepared.parts.named()}
        files = {
            "pdf": pdf,
            "certificate": whole_of(named),
            "summary": prepared.parts.summary,
            "lines": prepared.parts.lines,
        }
        if prepared.gathered is not None:
            only = prepared.parts.months[0]
            files |= {
                "statement": only.statement,
                "evidence": only.evidence,
                "bundle": build_bundle(
                    named,
                    prepared.gathered,
                    self._issuing.chains,
                    superseded=None if replaced is None else replaced.head,
                ),
            }
        stored = stored_of(certificate, prepared, pdf)
        unit.certificates.add(stored, prepared.statements, files, actor)
        unit.log.append_pending(LOG_ISSUED, stored.number, head)
        document = document_entry(stored.number, pdf, files.get("bundle"))
        unit.log.append_pending(LOG_DOCUMENT, stored.number, document)
        if replaced is not None:
            self._supersede(unit, replaced.stored, stored, actor, reason)
        return stored

    def _supersede(
        self,
        unit: CertificatesUnit,
        before: StoredCertificate,
        stored: StoredCertificate,
        actor: str,
        reason: str,
    ) -> None:
        if before.status is CertificateStatus.ISSUED:
            why = f"superseded by {stored.number}" + (f": {reason}" if reason else "")
            now = self._issuing.clock()
            change_status(unit, before, CertificateStatus.SUPERSEDED, why, actor, now)
        if before.statement_revision < stored.statement_revision:
            self._supersede_several(unit, before, stored, actor)

    def _supersede_several(
        self,
        unit: CertificatesUnit,
        before: StoredCertificate,
        stored: StoredCertificate,
        actor: str,
    ) -> None:
        """What several months come to rests on the revision before: it no longer stands either."""
        why = f"month {stored.month} is corrected by {stored.number}"
        for one in of_several_months(unit, before):
            if one.status is CertificateStatus.ISSUED:
                unit.certificates.lock_month(one.month)
                now = self._issuing.clock()
                change_status(unit, one, CertificateStatus.SUPERSEDED, why, actor, now)

    def _print(self, certificate: Certificate, prepared: Prepared) -> tuple[Certificate, bytes]:
        """The signed document, and the head it was printed with."""
        try:
            return certificate, self._press.document(certificate, prepared.parts)
        except TimeStampMissing as error:
            if self._issuing.stamp_required:
                raise Refused(
                    "未取得时间戳，不出具使用证明；请重试，或将 "
                    "documents.timestamp_required 设为 false。"
                    f"no certificate is issued without its time-stamp: {error}; try again, or let"
                    " documents.timestamp_required be false"
                ) from error
        unstamped = replace(certificate, time_stamping=TimeStamping.UNAVAILABLE)
        return unstamped, self._press.document(unstamped, prepared.parts)

    def _head(
        self,
        unit: CertificatesUnit,
        prepared: Prepared,
        before: _Before | None,
        edition: int,
    ) -> Certificate:
        month = prepared.last.month
        return Certificate(
            number=CertificateNumber(month, unit.certificates.next_serial(month)),
            code=VerificationCode.from_entropy(self._issuing.entropy(CODE_BYTES)),
            issuer=self._issuing.issuer,
            # Whole seconds, as the document says them.
            issued_utc_ms=self._issuing.clock() // 1000 * 1000,
            statement_number=prepared.number,
            statement_revision=prepared.revision,
            statement_sha256=prepared.parts.statement_sha256,
            evidence_sha256=prepared.parts.evidence_sha256,
            verify_address=self._issuing.verify_address,
            supersedes=None if before is None else CertificateNumber.parse(before.stored.number),
            supersedes_sha256=None if before is None else sha256(before.head).hexdigest(),
            demo=any(one.demo for one in prepared.statements),
            edition=edition,
            first_month=prepared.first_month,
            files=prepared.parts.hashes(),
            time_stamping=self._press.time_stamping,
        )


def _before(unit: CertificatesUnit, prepared: Prepared, edition: int) -> _Before | None:
    """The certificate of the edition before, or of the latest earlier revision that has one."""
    revision = prepared.revision if edition > 1 else prepared.revision - 1
    for earlier in range(revision, 0, -1):
        found = unit.certificates.certificate_of(prepared.number, earlier)
        if found is not None:
            return _Before(found, _head_of(unit, found.number))
    return None


def _head_of(unit: CertificatesUnit, number: str) -> bytes:
    whole = unit.certificates.file(number, "certificate")
    if whole is None:
        raise StorageError(
            f"被替代的使用证明 {number} 缺少文件，请运行 kashi-server fsck。"
            f"certificate {number}, which is to be superseded, lacks its data; run: fsck"
        )
    return head_of(whole)
