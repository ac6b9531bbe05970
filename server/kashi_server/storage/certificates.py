"""Usage certificates in the database."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, func, insert, select

from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.confirmation import Confirmation
from kashi_server.domain.interval import Month
from kashi_server.services.certificates_port import StatusChange, StoredCertificate
from kashi_server.services.expense_port import StoredStatement
from kashi_server.storage.certificate_papers import stated_papers
from kashi_server.storage.certificate_reading import CONFIRMED, confirmations_of
from kashi_server.storage.certificate_rows import (
    STORED,
    CertifiedRows,
    stored_certificate,
    with_status,
)
from kashi_server.storage.tables.certificates import (
    certificate_changes,
    certificate_confirmations,
    certificate_files,
    certificate_statements,
    certificates,
)
from kashi_server.storage.tables.expense import closes


class CertificateRepository(CertifiedRows):
    """Speaks through one connection; see `services.certificates_port`."""

    def lock_month(self, month: Month) -> None:
        """Let nobody else issue for a month until the unit ends; SQLite has one writer anyway."""
        query = select(closes.c.month).where(closes.c.month == str(month)).with_for_update()
        self._connection.execute(query).one_or_none()

    def next_serial(self, month: Month) -> int:
        """The serial after the last one of a month."""
        last = select(func.max(certificates.c.serial)).where(certificates.c.month == str(month))
        return (self._connection.execute(last).scalar_one() or 0) + 1

    def add(
        self,
        certificate: StoredCertificate,
        stated: Sequence[StoredStatement],
        files: Mapping[str, bytes],
        actor: str,
    ) -> None:
        """Add a certificate with what it certifies, its files and its first status."""
        first = certificate.first_month
        values: dict[str, object] = {name: getattr(certificate, name) for name in STORED}
        values |= {
            "month": str(certificate.month),
            "first_month": None if first is None else str(first),
        }
        self._connection.execute(insert(certificates).values(values))
        named = [
            {
                "number": certificate.number,
                "month": str(one.month),
                "statement_number": one.number,
                "statement_revision": one.revision,
            }
            for one in stated
        ]
        self._connection.execute(insert(certificate_statements), named)
        rows = [
            {"number": certificate.number, "kind": kind, "content": content}
            for kind, content in files.items()
        ]
        self._connection.execute(insert(certificate_files), rows)
        self.add_change(
            StatusChange(
                number=certificate.number,
                status=certificate.status,
                reason=certificate.status_reason,
                actor=actor,
                utc_ms=certificate.status_utc_ms,
            )
        )

    def add_change(self, change: StatusChange) -> None:
        """Add what became of a certificate."""
        self._connection.execute(
            insert(certificate_changes).values(
                number=change.number,
                status=change.status.value,
                reason=change.reason,
                actor=change.actor,
                utc_ms=change.utc_ms,
            )
        )

    def certificate(self, number: str) -> StoredCertificate | None:
        """A certificate by its number."""
        return self._one(with_status().where(certificates.c.number == number))

    def certificate_of(self, number: str, revision: int) -> StoredCertificate | None:
        """The latest edition of the certificate of a statement revision."""
        editions = (
            with_status()
            .where(
                certificates.c.statement_number == number,
                certificates.c.statement_revision == revision,
            )
            .order_by(None)
            .order_by(certificates.c.edition.desc())
            .limit(1)
        )
        return self._one(editions)

    def stated(
        self, contract_id: str | None, provider_id: str | None, day: date
    ) -> Mapping[str, object]:
        """What papers say of a contract, its parties and its money until a day; by kind."""
        return stated_papers(self._connection, contract_id, provider_id, day)

    def certificate_of_pdf(self, pdf_sha256: str) -> StoredCertificate | None:
        """The certificate whose document hashes to this."""
        return self._one(with_status().where(certificates.c.pdf_sha256 == pdf_sha256))

    def certificates(
        self, *, month: Month | None = None, user_id: str | None = None
    ) -> Sequence[StoredCertificate]:
        """Certificates by number."""
        query = with_status()
        if month is not None:
            query = query.where(certificates.c.month == str(month))
        if user_id is not None:
            query = query.where(certificates.c.user_id == user_id)
        return [stored_certificate(row) for row in self._connection.execute(query)]

    def file(self, number: str, kind: str) -> bytes | None:
        """A certificate's pdf, certificate, summary, lines, statement, evidence or bundle."""
        query = select(certificate_files.c.content).where(
            certificate_files.c.number == number, certificate_files.c.kind == kind
        )
        found = self._connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found)

    def confirmations(self, number: str) -> Sequence[Confirmation]:
        """Who confirmed a certificate, the first first."""
        return confirmations_of(self._connection, number)

    def add_confirmation(self, confirmation: Confirmation) -> None:
        """Add one; each side has one."""
        values = {name: getattr(confirmation, name) for name in CONFIRMED}
        values["side"] = str(confirmation.side)
        self._connection.execute(insert(certificate_confirmations).values(values))

    def history(self, number: str) -> Sequence[StatusChange]:
        """What became of a certificate, oldest first."""
        query = (
            select(certificate_changes)
            .where(certificate_changes.c.number == number)
            .order_by(certificate_changes.c.change_id)
        )
        return [
            StatusChange(
                number=row.number,
                status=CertificateStatus(row.status),
                reason=row.reason,
                actor=row.actor,
                utc_ms=row.utc_ms,
            )
            for row in self._connection.execute(query)
        ]

    def _one(self, query: Select[Any]) -> StoredCertificate | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else stored_certificate(row)
