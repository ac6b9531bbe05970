"""Who is told of withdrawn certificates: whoever keeps claims that rest on what they certify.

Told once for each certificate, in the withdrawal's own unit of work and before that commits.
"""

from typing import Protocol

from kashi_server.services.certificates_port import CertificatesUnit, StoredCertificate


class WithdrawalWatch(Protocol):
    """Hears of withdrawn certificates."""

    def hold_claims(self, unit: CertificatesUnit, certificate: StoredCertificate) -> None:
        """Lock what rests on it; called before the certificate's month is locked, as payments lock
        claims first and months then."""

    def certificate_withdrawn(
        self, unit: CertificatesUnit, certificate: StoredCertificate, reason: str
    ) -> None:
        """It holds no more. What this raises undoes the withdrawal as well."""
