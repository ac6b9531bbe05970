"""Issuing usage certificates: one an edition of the same statements, and finding them again.

Evidence is gathered while others may write: what it reads lies below the month's cut-off and does
not change. Number, document and rows are then made in one unit of work, so a signature that fails
takes no number with it, and a certificate never stands without its files.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import (
    CODE_BYTES,
    DOCUMENT_FORMAT,
    Certificate,
    CertificateNumber,
    CertificateStatus,
    Issuer,
    TimeStamping,
    VerificationCode,
)
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, NotFound, Refused, TimeStampMissing
from kashi_server.services.bundle import Chains, build_bundle
from kashi_server.services.certificate_preparing import Prepared, Preparing
from kashi_server.services.certificate_standing import Standing, change_status, of_several_months
from kashi_server.services.certificates_port import (
    CertificatesUnit,
    CertificatesWork,
    Press,
    StoredCertificate,
)
from kashi_server.services.evidence import EvidenceGathering
from kashi_server.services.expense_port import StoredStatement

LOG_ISSUED: Final = "certificate"
LOG_DOCUMENT: Final = "certificate-document"


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


class CertificateKeeping(Standing):
    """Issues certificates, changes how they stand, answers for them."""

    def __init__(
        self, work: CertificatesWork, press: Press, gathering: EvidenceGathering, issuing: Issuing
    ) -> None:
        super().__init__(work, issuing.clock)
        self._press = press
        self._gathering = gathering
        self._preparing = Preparing(gathering, issuing.clock)
        self._issuing = issuing

    def issue_month(self, month: Month, actor: str) -> Sequence[StoredCertificate]:
        """Certificates of every statement of a closed month; those already issued are kept.

        Raises:
            Refused: the month is not closed.
        """
        return [self._issue(one, actor) for one in self.due(month)]

    def due(self, month: Month) -> Sequence[StoredStatement]:
        """The latest revision of every statement of a closed month, by number.

        Raises:
            Refused: the month is not closed.
        """
        with self._work.begin(writes=False) as unit:
            if unit.expense.close_of(month) is None:
                raise Refused(f"month {month} is not closed; run: kashi-server close {month}")
            statements = unit.expense.statements(month=month)
        latest = {statement.number: statement for statement in statements}
        return [latest[number] for number in sorted(latest)]

    def issue(self, statement_number: str, actor: str) -> StoredCertificate:
        """The certificate of a statement's latest revision; the one there is, if it was issued.

        Raises:
            NotFound: there is no such statement.
            Refused: it was withdrawn: what it says is not certified again.
        """
        return _standing(self._issue(self._statement(statement_number), actor))

    def reissue(self, statement_number: str, actor: str, reason: str) -> StoredCertificate:
        """The next edition of a statement's certificate, with the papers known by now.

        Raises:
            NotFound: there is no such statement.
            Refused: nothing that it prints has changed, or the one before no longer stands.
        """
        if not reason.strip():
            raise InvalidValue("issuing again needs a reason; give one with --reason")
        statement = self._statement(statement_number)
        with self._work.begin(writes=False) as unit:
            before = unit.certificates.certificate_of(statement.number, statement.revision)
            prepared = self._preparing.month(unit, statement)
        if before is None:
            return self._issue(statement, actor)
        if before.status is not CertificateStatus.ISSUED:
            raise Refused(f"certificate {before.number} is {before.status}: it cannot be replaced")
        if _told(self.file(before.number, "summary")) == _told(prepared.parts.summary):
            raise Refused(f"certificate {before.number} says everything that is known by now")
        return self._store(prepared, actor, edition=before.edition + 1, reason=reason)

    def issue_period(
        self, contract_id: str, first: Month, last: Month, actor: str
    ) -> StoredCertificate:
        """One certificate of a contract's closed months, first to last; the one there is, if so.

        Raises:
            Refused: a month is open, was left out, has no statement of the contract, or its own
                certificate no longer stands; or that of the months together was withdrawn.
        """
        with self._work.begin(writes=False) as unit:
            statements = _of_contract(unit, contract_id, first, last)
        for statement in statements:
            _standing(self._issue(statement, actor))
        with self._work.begin(writes=False) as unit:
            prepared = self._preparing.period(unit, statements)
        return _standing(self._store(prepared, actor))

    def _statement(self, number: str) -> StoredStatement:
        with self._work.begin(writes=False) as unit:
            statement = unit.expense.statement(number)
        if statement is None:
            raise NotFound(f"there is no statement '{number}'")
        return statement

    def _issue(self, statement: StoredStatement, actor: str) -> StoredCertificate:
        with self._work.begin(writes=False) as unit:
            issued = unit.certificates.certificate_of(statement.number, statement.revision)
            if issued is not None:
                return issued
            prepared = self._preparing.month(unit, statement)
        return self._store(prepared, actor)

    def _store(
        self, prepared: Prepared, actor: str, *, edition: int = 1, reason: str = ""
    ) -> StoredCertificate:
        with self._work.begin() as unit:
            for statement in prepared.statements:
                unit.certificates.lock_month(statement.month)
            if len(prepared.statements) > 1:
                _check_months(unit, prepared)
            issued = unit.certificates.certificate_of(prepared.number, prepared.revision)
            if issued is None or issued.edition < edition:
                issued = self._make(unit, prepared, actor, edition, reason)
                unit.commit()
        return issued

    def _make(
        self, unit: CertificatesUnit, prepared: Prepared, actor: str, edition: int, reason: str
    ) -> StoredCertificate:
        before = _before(unit, prepared, edition)
        certificate, pdf = self._print(self._head(unit, prepared, before, edition), prepared)
        head = canonical_bytes(certificate.to_data())
        named = {"certificate.json": head, **prepared.parts.named()}
        files = {
            "pdf": pdf,
            "certificate": _whole(named),
            "summary": prepared.parts.summary,
            "lines": prepared.parts.lines,
        }
        if prepared.gathered is not None:
            only = prepared.parts.months[0]
            files |= {
                "statement": only.statement,
                "evidence": only.evidence,
                "bundle": build_bundle(named, prepared.gathered, self._issuing.chains),
            }
        stored = _stored(certificate, prepared, pdf)
        unit.certificates.add(stored, prepared.statements, files, actor)
        unit.log.append_pending(LOG_ISSUED, stored.number, head)
        document = document_entry(stored.number, pdf, files.get("bundle"))
        unit.log.append_pending(LOG_DOCUMENT, stored.number, document)
        if before is not None and before.status is CertificateStatus.ISSUED:
            why = f"superseded by {stored.number}" + (f": {reason}" if reason else "")
            now = self._issuing.clock()
            change_status(unit, before, CertificateStatus.SUPERSEDED, why, actor, now)
        if before is not None and before.statement_revision < stored.statement_revision:
            self._supersede_several(unit, before, stored, actor)
        return stored

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
                    f"no certificate is issued without its time-stamp: {error}; try again, or let"
                    " documents.timestamp_required be false"
                ) from error
        unstamped = replace(certificate, time_stamping=TimeStamping.UNAVAILABLE)
        return unstamped, self._press.document(unstamped, prepared.parts)

    def _head(
        self,
        unit: CertificatesUnit,
        prepared: Prepared,
        before: StoredCertificate | None,
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
            supersedes=None if before is None else CertificateNumber.parse(before.number),
            demo=any(one.demo for one in prepared.statements),
            edition=edition,
            first_month=prepared.first_month,
            files=prepared.parts.hashes(),
            time_stamping=self._press.time_stamping,
        )

    def certificates(self, month: Month | None = None) -> Sequence[StoredCertificate]:
        """All certificates, or a month's, by number."""
        with self._work.begin(writes=False) as unit:
            return unit.certificates.certificates(month=month)

    def file(self, number: str, kind: str) -> bytes:
        """A certificate's pdf, certificate, summary, lines, statement, evidence or bundle.

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


def _of_contract(
    unit: CertificatesUnit, contract_id: str, first: Month, last: Month
) -> list[StoredStatement]:
    """The latest statements of a contract's months."""
    if not first < last:
        raise Refused(f"{first} to {last} is not several months; certify the month by itself")
    found: list[StoredStatement] = []
    month = first
    while month <= last:
        if unit.expense.close_of(month) is None:
            raise Refused(f"month {month} is not closed; run: kashi-server close {month}")
        of_month = [
            one for one in unit.expense.statements(month=month) if one.contract_id == contract_id
        ]
        if not of_month:
            raise Refused(f"contract {contract_id} has no statement of {month}")
        found.append(max(of_month, key=lambda one: one.revision))
        month = month.next()
    return found


def document_entry(number: str, pdf: bytes, bundle: bytes | None) -> bytes:
    """What the log keeps of a certificate's signed document and its bundle: no head names them."""
    return canonical_bytes(
        {
            "number": number,
            "pdf_sha256": sha256(pdf).hexdigest(),
            "bundle_sha256": None if bundle is None else sha256(bundle).hexdigest(),
        }
    )


def _told(summary: bytes) -> object:
    """What a summary says, but for the day until which papers were read."""
    told = json.loads(summary)
    money = told["stated"]["money"]
    if money is not None:
        del money["tie_out"]["until_day"]
    return told


def _standing(issued: StoredCertificate) -> StoredCertificate:
    """Nobody takes a certificate that no longer stands for one that was just issued."""
    if not issued.status.in_force:
        raise Refused(
            f"certificate {issued.number} is {issued.status} ({issued.status_reason}): the same"
            " figures are not certified again; correct the month, then certify its next revision"
        )
    return issued


def _check_months(unit: CertificatesUnit, prepared: Prepared) -> None:
    for statement in prepared.statements:
        own = unit.certificates.certificate_of(statement.number, statement.revision)
        if own is not None:
            _standing(own)


def _before(unit: CertificatesUnit, prepared: Prepared, edition: int) -> StoredCertificate | None:
    """The certificate of the edition before, or of the latest earlier revision that has one."""
    revision = prepared.revision if edition > 1 else prepared.revision - 1
    for earlier in range(revision, 0, -1):
        found = unit.certificates.certificate_of(prepared.number, earlier)
        if found is not None:
            return found
    return None


def _whole(files: Mapping[str, bytes]) -> bytes:
    """The whole certificate as one JSON document; each part hashes as its own canonical bytes."""
    data = {
        name.removesuffix(".json"): json.loads(content)
        for name, content in files.items()
        if name.endswith(".json")
    }
    return canonical_bytes({"format": DOCUMENT_FORMAT, **data})


def _stored(certificate: Certificate, prepared: Prepared, pdf: bytes) -> StoredCertificate:
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
