"""Issuing hosts' TLS certificates, and giving a lost one again."""

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.limits import CARRIED_CERTIFICATE_LIFETIME_MS, CERTIFICATE_LIFETIME_MS

from kashi_server.errors import Refused
from kashi_server.services.authority import der, issue_host, issue_relay, serial_text
from kashi_server.services.enrolment_port import EnrolmentPort
from kashi_server.services.hosts import CertificateStanding, Host, HostCertificate
from kashi_server.services.possession import key_sha256
from kashi_server.services.profiles import Signer

CERTIFICATES_PER_DAY_MAX: Final = 48
"""Certificates one host may be issued in 24 hours; it needs three."""

DAY_MS: Final = 86_400_000


class HostCertificates:
    """Issues certificates under the hosts' issuer; `clock` tells UTC milliseconds."""

    def __init__(self, issuer: Signer, clock: Callable[[], int]) -> None:
        self._issuer = issuer
        self._clock = clock

    def first(
        self,
        identity: EnrolmentPort,
        host: Host,
        tls_key: ec.EllipticCurvePublicKey,
        *,
        carried: bool = False,
    ) -> HostCertificate:
        """The certificate of a host or relay that was just enrolled; a longer one if the answer
        is carried to it."""
        certificate = self._issue(host, tls_key, CertificateStanding.CURRENT, carried)
        identity.add_certificate(certificate)
        return certificate

    def following(
        self,
        identity: EnrolmentPort,
        host: Host,
        tls_key: ec.EllipticCurvePublicKey,
        *,
        carried: bool = False,
    ) -> HostCertificate:
        """The next certificate; the current one stays good until it is first used.

        Raises:
            Refused: the host asks too often.
        """
        issued = identity.certificates_issued(host.host_id, self._clock() - DAY_MS)
        if issued >= CERTIFICATES_PER_DAY_MAX:
            raise Refused(
                f"本主机 24 小时内已签发 {issued} 张证书，请稍候。"
                f"this host was issued {issued} certificates in 24 hours; wait"
            )
        certificate = self._issue(host, tls_key, CertificateStanding.NEXT, carried)
        identity.add_certificate(certificate)
        return certificate

    def still_good(
        self, identity: EnrolmentPort, host_id: str, tls_key: ec.EllipticCurvePublicKey
    ) -> HostCertificate | None:
        """What was issued to this key before and can be given again, its answer being lost."""
        found = identity.certificate_of_key(host_id, key_sha256(tls_key))
        if found is None or found.standing is CertificateStanding.PAST:
            return None
        return found if self._clock() < found.expires_utc_ms else None

    def chain(self, certificate: HostCertificate) -> tuple[bytes, ...]:
        """A certificate with its issuers in DER, the root last."""
        return (certificate.certificate_der, *(der(issuer) for issuer in self._issuer.chain))

    def _issue(
        self,
        host: Host,
        tls_key: ec.EllipticCurvePublicKey,
        standing: CertificateStanding,
        carried: bool,
    ) -> HostCertificate:
        now, lifetime_ms = self._clock(), CERTIFICATE_LIFETIME_MS
        if carried or host.relay_names:
            lifetime_ms = CARRIED_CERTIFICATE_LIFETIME_MS
        if host.relay_names:
            issued = issue_relay(self._issuer, (host.host_id, host.relay_names), tls_key, now)
        else:
            issued = issue_host(self._issuer, host.host_id, tls_key, now, lifetime_ms)
        return HostCertificate(
            serial=serial_text(issued),
            host_id=host.host_id,
            public_key_sha256=key_sha256(tls_key),
            certificate_der=der(issued),
            issued_utc_ms=now,
            expires_utc_ms=now + lifetime_ms,
            standing=standing,
        )
