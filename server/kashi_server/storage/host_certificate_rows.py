"""Hosts' TLS certificates and enrolment tokens in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from kashi_server.services.hosts import (
    Caller,
    CertificateStanding,
    HostCertificate,
    HostStanding,
    HostState,
)
from kashi_server.services.tokens import TokenRecord
from kashi_server.storage.tables.identity import enrolment_tokens, host_certificates, hosts


class HostCertificateRows:
    """The part of `IdentityRepository` that speaks of certificates and tokens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def certificate(self, serial: str) -> HostCertificate | None:
        """A certificate by its serial."""
        query = select(host_certificates).where(host_certificates.c.serial == serial)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _certificate(row)

    def certificate_of_key(self, host_id: str, public_key_sha256: bytes) -> HostCertificate | None:
        """A host's newest certificate over a TLS key."""
        query = (
            select(host_certificates)
            .where(
                host_certificates.c.host_id == host_id,
                host_certificates.c.public_key_sha256 == public_key_sha256,
            )
            # Issued in the same millisecond: what is not past yet is the newer one.
            .order_by(
                host_certificates.c.issued_utc_ms.desc(),
                host_certificates.c.standing == CertificateStanding.PAST.value,
            )
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _certificate(row)

    def certificates_issued(self, host_id: str, since_utc_ms: int) -> int:
        """How many certificates a host was issued since an instant."""
        query = select(func.count()).where(
            host_certificates.c.host_id == host_id,
            host_certificates.c.issued_utc_ms >= since_utc_ms,
        )
        return self._connection.execute(query).scalar_one()

    def add_certificate(self, certificate: HostCertificate) -> None:
        """Store a certificate; a next one takes the place of an unused next one."""
        self._retire(certificate.host_id, certificate.standing)
        self._connection.execute(
            insert(host_certificates).values(
                serial=certificate.serial,
                host_id=certificate.host_id,
                public_key_sha256=certificate.public_key_sha256,
                certificate=certificate.certificate_der,
                issued_utc_ms=certificate.issued_utc_ms,
                expires_utc_ms=certificate.expires_utc_ms,
                standing=certificate.standing.value,
            )
        )

    def callers(self, serials: Sequence[str]) -> Sequence[Caller]:
        """The hosts behind certificates, in one query."""
        query = (
            select(
                host_certificates.c.serial,
                host_certificates.c.expires_utc_ms,
                host_certificates.c.standing,
                hosts.c.host_id,
                hosts.c.report_public_key,
                hosts.c.state,
                hosts.c.enrolled_utc_ms,
                hosts.c.operator_party_id,
            )
            .join(hosts, hosts.c.host_id == host_certificates.c.host_id)
            .where(host_certificates.c.serial.in_(serials))
        )
        return [
            Caller(
                serial=row.serial,
                expires_utc_ms=row.expires_utc_ms,
                certificate_standing=CertificateStanding(row.standing),
                standing=HostStanding(
                    host_id=row.host_id,
                    report_public_key_der=bytes(row.report_public_key),
                    state=HostState(row.state),
                    enrolled_utc_ms=row.enrolled_utc_ms,
                    operator_party_id=row.operator_party_id,
                ),
            )
            for row in self._connection.execute(query)
        ]

    def promote_certificate(self, host_id: str, serial: str) -> None:
        """Make the next certificate the current one; done before, it changes nothing."""
        lock = select(hosts.c.host_id).where(hosts.c.host_id == host_id).with_for_update()
        self._connection.execute(lock)
        found = self.certificate(serial)
        if found is None or found.standing is not CertificateStanding.NEXT:
            return
        self._retire(host_id, CertificateStanding.CURRENT)
        self._connection.execute(
            update(host_certificates)
            .where(host_certificates.c.serial == serial)
            .values(standing=CertificateStanding.CURRENT.value)
        )

    def add_token(self, token: TokenRecord) -> None:
        """Store a token."""
        self._connection.execute(
            insert(enrolment_tokens).values(
                token_sha256=token.token_sha256,
                operator_party_id=token.operator_party_id,
                issued_utc_ms=token.issued_utc_ms,
                issued_by=token.issued_by,
                expires_utc_ms=token.expires_utc_ms,
            )
        )

    def token(self, token_sha256: bytes) -> TokenRecord | None:
        """A token, locked until the unit ends."""
        query = (
            select(enrolment_tokens)
            .where(enrolment_tokens.c.token_sha256 == token_sha256)
            .with_for_update()
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else TokenRecord(**row._asdict())

    def tokens_beginning(self, hint: bytes) -> Sequence[bytes]:
        """SHA-256 of the tokens whose first bytes are these."""
        column = enrolment_tokens.c.token_sha256
        query = select(column).where(column >= hint, column <= hint.ljust(32, b"\xff"))
        return [bytes(found) for found in self._connection.execute(query).scalars()]

    def consume_token(
        self, token_sha256: bytes, host_id: str, tls_key_sha256: bytes, utc_ms: int
    ) -> None:
        """Mark a token as used, by whom and with which TLS key."""
        self._connection.execute(
            update(enrolment_tokens)
            .where(enrolment_tokens.c.token_sha256 == token_sha256)
            .values(host_id=host_id, tls_key_sha256=tls_key_sha256, consumed_utc_ms=utc_ms)
        )

    def _retire(self, host_id: str, standing: CertificateStanding) -> None:
        self._connection.execute(
            update(host_certificates)
            .where(
                host_certificates.c.host_id == host_id,
                host_certificates.c.standing == standing.value,
            )
            .values(standing=CertificateStanding.PAST.value)
        )


def _certificate(row: Row[Any]) -> HostCertificate:
    return HostCertificate(
        serial=row.serial,
        host_id=row.host_id,
        public_key_sha256=row.public_key_sha256,
        certificate_der=row.certificate,
        issued_utc_ms=row.issued_utc_ms,
        expires_utc_ms=row.expires_utc_ms,
        standing=CertificateStanding(row.standing),
    )
