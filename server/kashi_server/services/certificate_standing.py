"""What becomes of a certificate: superseded, withdrawn, redeemed; each change dated and logged."""

from collections.abc import Callable, Sequence
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import CertificateNumber, CertificateStatus
from kashi_server.errors import InvalidValue, NotFound, StorageError
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.certificate_watch import WithdrawalWatch
from kashi_server.services.certificates_port import (
    CertificatesUnit,
    CertificatesWork,
    ChangingUnit,
    StatusChange,
    StoredCertificate,
)

LOG_STATUS: Final = "certificate-status"
WITHDRAWAL_ACT: Final = "certificate-withdrawn"
"""How a withdrawal is called among privileged acts."""


class Standing:
    """Changes how certificates stand."""

    def __init__(self, work: CertificatesWork, clock: Callable[[], int]) -> None:
        self._work = work
        self._clock = clock

    def withdraw(
        self, number: str, reason: str, actor: str, watches: Sequence[WithdrawalWatch] = ()
    ) -> StoredCertificate:
        """Withdraw a certificate; it stays on record and says so to everybody who asks.

        Certificates of several months that rest on it are withdrawn with it; `watches` are told.

        Raises:
            InvalidValue: no reason is given, or the number is none.
            NotFound: there is no such certificate.
            Refused: it was superseded or withdrawn before.
        """
        if not reason.strip():
            raise InvalidValue(
                "撤销使用证明须说明理由，请以 --reason 注明。"
                "withdrawing a certificate needs a reason; give one with --reason"
            )
        return self._become(number, CertificateStatus.WITHDRAWN, reason, actor, watches)

    def redeem(self, number: str, reason: str, actor: str) -> StoredCertificate:
        """Mark a certificate as redeemed by a payment that `reason` names.

        Raises:
            NotFound: there is no such certificate.
            Refused: it does not stand.
        """
        return self._become(number, CertificateStatus.REDEEMED, reason, actor)

    def _become(
        self,
        number: str,
        status: CertificateStatus,
        reason: str,
        actor: str,
        watches: Sequence[WithdrawalWatch] = (),
    ) -> StoredCertificate:
        with self._work.begin() as unit:
            found = certificate_of(unit, number)
            for watch in watches:
                watch.hold_claims(unit, found)
            unit.certificates.lock_month(found.month)
            found = certificate_of(unit, number)
            now = self._clock()
            change_status(unit, found, status, reason, actor, now)
            if status is CertificateStatus.WITHDRAWN:
                record_act(unit, WITHDRAWAL_ACT, found.number, actor, reason, now)
                why = f"with {found.number}: {reason}"
                for one in of_several_months(unit, found):
                    unit.certificates.lock_month(one.month)
                    change_status(unit, one, status, why, actor, now)
            for watch in watches:
                watch.certificate_withdrawn(unit, found, reason)
            changed = unit.certificates.certificate(found.number)
            unit.commit()
        if changed is None:
            raise StorageError(
                f"使用证明 {found.number} 已不存在。certificate {found.number} is gone"
            )
        return changed


def record_act(
    unit: CertificatesUnit, act: str, number: str, actor: str, reason: str, utc_ms: int
) -> None:
    """Keep what officers did to a certificate among the privileged acts."""
    done = PrivilegedAct(utc_ms=utc_ms, actor=actor, act=act, reference=number, reason=reason)
    record(unit, done)


def certificate_of(unit: CertificatesUnit, number: str) -> StoredCertificate:
    """A certificate by its number.

    Raises:
        NotFound: there is none; InvalidValue: the number is none.
    """
    canonical = str(CertificateNumber.parse(number))
    found = unit.certificates.certificate(canonical)
    if found is None:
        raise NotFound(f"没有使用证明 {canonical}，请核对编号。there is no certificate {canonical}")
    return found


def of_several_months(unit: CertificatesUnit, own: StoredCertificate) -> list[StoredCertificate]:
    """The certificates in force of several months, of which one is a month's own certificate's."""
    if own.first_month is not None:
        return []
    found = unit.certificates.certifying(own.statement_number, own.statement_revision)
    several = (one for one in found if one.first_month is not None and one.status.in_force)
    # Months are locked in their order, whoever locks several.
    return sorted(several, key=lambda one: (one.month, one.number))


def redeem_within(
    unit: ChangingUnit, number: str, claim_id: str, actor: str, utc_ms: int
) -> StoredCertificate:
    """Mark a certificate as redeemed by a claim, inside the claim's own unit of work.

    Once: a certificate that is redeemed cannot be redeemed again, by this claim or another.

    Raises:
        NotFound: there is no such certificate.
        Refused: it does not stand: superseded, withdrawn, or redeemed before.
    """
    found = unit.certificates.certificate(str(CertificateNumber.parse(number)))
    if found is None:
        raise NotFound(f"没有使用证明 {number}，请核对编号。there is no certificate {number}")
    unit.certificates.lock_month(found.month)
    change_status(unit, found, CertificateStatus.REDEEMED, f"claim {claim_id}", actor, utc_ms)
    return found


def change_status(
    unit: ChangingUnit,
    certificate: StoredCertificate,
    status: CertificateStatus,
    reason: str,
    actor: str,
    utc_ms: int,
) -> None:
    """Change how a certificate stands, and hand the change to the log.

    Raises:
        Refused: it cannot become so.
    """
    # Read again under the lock: what the caller holds may be older than another's change.
    latest = unit.certificates.certificate(certificate.number) or certificate
    change = StatusChange(
        number=certificate.number,
        status=latest.status.become(status),
        reason=reason,
        actor=actor,
        utc_ms=utc_ms,
    )
    unit.certificates.add_change(change)
    unit.log.append_pending(LOG_STATUS, change.number, status_entry(change))


def status_entry(change: StatusChange) -> bytes:
    """What the log keeps of a change."""
    return canonical_bytes(
        {
            "number": change.number,
            "status": str(change.status),
            "reason": change.reason,
            "actor": change.actor,
            "utc_ms": change.utc_ms,
        }
    )
