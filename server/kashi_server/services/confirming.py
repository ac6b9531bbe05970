"""Both parties' confirmation of a certificate: user and provider, each once, dated and logged.

Who confirms holds the document: its number and code together name it. The signed PDF never changes;
the confirmation names it by its hash and stands beside it, on the verification page and in the log.
A provider confirms what the user handed over and is shown nothing it does not hold.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from hmac import compare_digest
from typing import Final, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import (
    CertificateNumber,
    CertificateStatus,
    VerificationCode,
)
from kashi_server.domain.confirmation import Confirmation, Side
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.certificates_port import PendingPort, StoredCertificate

LOG_CONFIRMED: Final = "certificate-confirmation"
_STANDING: Final = (CertificateStatus.ISSUED, CertificateStatus.REDEEMED)


class ConfirmationsPort(Protocol):
    """What confirming asks of the repository of certificates."""

    def lock_month(self, month: Month) -> None:
        """Let nobody else issue for a month until the unit ends."""

    def certificate(self, number: str) -> StoredCertificate | None:
        """A certificate by its number."""

    def confirmations(self, number: str) -> Sequence[Confirmation]:
        """Who confirmed a certificate, the first first."""

    def add_confirmation(self, confirmation: Confirmation) -> None:
        """Add one; each side has one."""


class ConfirmingUnit(Protocol):
    """A unit of work as confirming needs it."""

    @property
    def certificates(self) -> ConfirmationsPort:
        """Certificates."""

    @property
    def log(self) -> PendingPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class ConfirmingWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ConfirmingUnit]:
        """Open one."""


class Confirming:
    """Takes confirmations."""

    def __init__(self, work: ConfirmingWork, clock: Callable[[], int]) -> None:
        self._work = work
        self._clock = clock

    def confirm(self, number: str, code: str, party_id: str, actor: str) -> Confirmation:
        """Confirm a certificate for a party; what its side confirmed before is given again.

        Args:
            number: of the certificate, as printed.
            code: its verification code.
            party_id: whose account confirms.
            actor: the account's login.

        Raises:
            NotFound: number and code name no certificate, or it is none of this party's.
            Refused: it was superseded or withdrawn.
        """
        with self._work.begin() as unit:
            found = _held(unit, number, code)
            side = _side(found, party_id)
            unit.certificates.lock_month(found.month)
            before = unit.certificates.confirmations(found.number)
            given = next((one for one in before if one.side is side), None)
            if given is not None:
                return given
            # Read again under the lock: it may have been withdrawn meanwhile.
            latest = unit.certificates.certificate(found.number) or found
            if latest.status not in _STANDING:
                raise Refused(
                    f"使用证明 {found.number} {latest.status.zh}，无须确认。"
                    f"certificate {found.number} is {latest.status}: nothing to confirm"
                )
            confirmation = Confirmation(
                number=found.number,
                side=side,
                party_id=party_id,
                actor=actor,
                pdf_sha256=found.pdf_sha256,
                utc_ms=self._clock(),
            )
            unit.certificates.add_confirmation(confirmation)
            entry = canonical_bytes(confirmation.to_data())
            unit.log.append_pending(LOG_CONFIRMED, f"{found.number}/{side}", entry)
            unit.commit()
        return confirmation


def _held(unit: ConfirmingUnit, number: str, code: str) -> StoredCertificate:
    try:
        canonical = str(CertificateNumber.parse(number))
        spelled = str(VerificationCode.parse(code))
    except InvalidValue:
        raise NotFound(_NOBODY) from None
    found = unit.certificates.certificate(canonical)
    if found is None or not compare_digest(found.code, spelled):
        raise NotFound(_NOBODY)
    return found


def _side(certificate: StoredCertificate, party_id: str) -> Side:
    if party_id == certificate.user_id:
        return Side.USER
    if party_id == certificate.provider_id:
        return Side.PROVIDER
    raise NotFound(_NOBODY)


_NOBODY: Final = (
    "编号与核验码不对应本单位的任何使用证明，两者见证明首页。"
    "number and code name no certificate of this party; both stand on its first page"
)
