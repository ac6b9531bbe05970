"""Issuing usage certificates: one an edition of the same statements, and finding them again.

Evidence is gathered while others may write: what it reads lies below the month's cut-off and does
not change. Number, document and rows are then made in one unit of work, so a signature that fails
takes no number with it, and a certificate never stands without its files.
"""

from collections.abc import Sequence
from hmac import compare_digest
from typing import Final

from kashi_server.domain.certificate import (
    CertificateNumber,
    CertificateStatus,
    VerificationCode,
)
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.certificate_content import told_of
from kashi_server.services.certificate_making import CertificateMaking, Issuing
from kashi_server.services.certificate_preparing import Prepared, Preparing
from kashi_server.services.certificate_standing import Standing, record_act
from kashi_server.services.certificates_port import (
    CertificatesUnit,
    CertificatesWork,
    Press,
    StoredCertificate,
)
from kashi_server.services.evidence import EvidenceGathering
from kashi_server.services.expense_port import StatementHead, StoredStatement

__all__ = ["CertificateKeeping", "Issuing"]

REISSUE_ACT: Final = "certificate-reissued"
"""How another edition is called among privileged acts."""


class CertificateKeeping(Standing):
    """Issues certificates, changes how they stand, answers for them."""

    def __init__(
        self, work: CertificatesWork, press: Press, gathering: EvidenceGathering, issuing: Issuing
    ) -> None:
        super().__init__(work, issuing.clock)
        self._gathering = gathering
        self._preparing = Preparing(gathering, issuing.clock)
        self._making = CertificateMaking(press, issuing)

    def issue_month(self, month: Month, actor: str) -> Sequence[StoredCertificate]:
        """Certificates of every statement of a closed month; those already issued are kept.

        Raises:
            Refused: the month is not closed.
        """
        # One statement in memory at a time: a city's month has thousands, a quarter of a MB each.
        return [
            self._issue(self._statement(one.number, one.revision), actor) for one in self.due(month)
        ]

    def due(self, month: Month) -> Sequence[StatementHead]:
        """Which statements of a closed month there are, each in its latest revision, by number.

        Raises:
            Refused: the month is not closed.
        """
        with self._work.begin(writes=False) as unit:
            if unit.expense.close_of(month) is None:
                raise Refused(
                    f"{month} 尚未关账，请先运行 kashi-server close {month}。"
                    f"month {month} is not closed; run: kashi-server close {month}"
                )
            heads = unit.expense.latest_statements(month, month)
        return sorted(heads, key=lambda one: one.number)

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
            raise InvalidValue(
                "重新出具须说明理由，请以 --reason 注明。"
                "issuing again needs a reason; give one with --reason"
            )
        statement = self._statement(statement_number)
        with self._work.begin(writes=False) as unit:
            before = unit.certificates.certificate_of(statement.number, statement.revision)
            prepared = self._preparing.month(unit, statement)
        if before is None:
            return self._issue(statement, actor)
        if before.status is not CertificateStatus.ISSUED:
            raise Refused(
                f"使用证明 {before.number} {before.status.zh}，不能替代。"
                f"certificate {before.number} is {before.status}: it cannot be replaced"
            )
        if told_of(self.file(before.number, "summary")) == told_of(prepared.parts.summary):
            raise Refused(
                f"使用证明 {before.number} 已载明目前所知的全部内容，"
                "无须重新出具。"
                f"certificate {before.number} says everything that is known by now"
            )
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

    def _statement(self, number: str, revision: int | None = None) -> StoredStatement:
        """A statement in a revision, or in its latest."""
        with self._work.begin(writes=False) as unit:
            statement = unit.expense.statement(number, revision)
        if statement is None:
            raise NotFound(f"没有结算单“{number}”，请核对编号。there is no statement '{number}'")
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
                issued = self._making.make(unit, prepared, actor, edition, reason)
                if reason:
                    now = self._clock()
                    record_act(unit, REISSUE_ACT, issued.number, actor, reason, now)
                unit.commit()
        return issued

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
            raise NotFound(
                f"使用证明“{number}”没有 {kind} 文件。there is no {kind} of certificate '{number}'"
            )
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
        raise Refused(
            f"{first} 至 {last} 不是多个月份，请按单月出具。"
            f"{first} to {last} is not several months; certify the month by itself"
        )
    found: list[StoredStatement] = []
    month = first
    while month <= last:
        if unit.expense.close_of(month) is None:
            raise Refused(
                f"{month} 尚未关账，请先运行 kashi-server close {month}。"
                f"month {month} is not closed; run: kashi-server close {month}"
            )
        statement = unit.expense.statement_of(contract_id, month)
        if statement is None:
            raise Refused(
                f"合同 {contract_id} 没有 {month} 的结算单。"
                f"contract {contract_id} has no statement of {month}"
            )
        found.append(statement)
        month = month.next()
    return found


def _standing(issued: StoredCertificate) -> StoredCertificate:
    """Nobody takes a certificate that no longer stands for one that was just issued."""
    if not issued.status.in_force:
        raise Refused(
            f"使用证明 {issued.number} {issued.status.zh}（"
            f"{issued.status_reason}），相同的数据不再出具；请先更正该月，"
            "再就新版本出具。"
            f"certificate {issued.number} is {issued.status} ({issued.status_reason}): the same"
            " figures are not certified again; correct the month, then certify its next revision"
        )
    return issued


def _check_months(unit: CertificatesUnit, prepared: Prepared) -> None:
    for statement in prepared.statements:
        own = unit.certificates.certificate_of(statement.number, statement.revision)
        if own is not None:
            _standing(own)
