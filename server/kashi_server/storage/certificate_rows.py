"""Rows of certificates: each beside its latest change; and what a certificate is of."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.interval import Month
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.fsck_certified import CertifiedStatement
from kashi_server.services.trail_port import ClaimedLine
from kashi_server.storage.tables.certificates import (
    certificate_changes,
    certificate_statements,
    certificates,
)
from kashi_server.storage.tables.claims import claim_lines, claims
from kashi_server.storage.tables.expense import statements

STORED = (
    "number",
    "serial",
    "code",
    "user_id",
    "provider_id",
    "statement_number",
    "statement_revision",
    "supersedes",
    "issued_utc_ms",
    "demo",
    "statement_sha256",
    "evidence_sha256",
    "pdf_sha256",
    "card_hours",
    "amount_fen",
    "eligible_fen",
    "edition",
    "contract_id",
)


def with_status() -> Select[Any]:
    """Certificates, each beside the latest of its changes."""
    latest = (
        select(func.max(certificate_changes.c.change_id).label("change_id"))
        .group_by(certificate_changes.c.number)
        .subquery()
    )
    return (
        select(
            certificates,
            certificate_changes.c.status,
            certificate_changes.c.reason,
            certificate_changes.c.utc_ms,
        )
        .join(certificate_changes, certificate_changes.c.number == certificates.c.number)
        .join(latest, latest.c.change_id == certificate_changes.c.change_id)
        .order_by(certificates.c.number)
    )


def stored_certificate(row: Row[Any]) -> StoredCertificate:
    """A row of `with_status`."""
    return StoredCertificate(
        month=Month.parse(row.month),
        first_month=None if row.first_month is None else Month.parse(row.first_month),
        status=CertificateStatus(row.status),
        status_reason=row.reason,
        status_utc_ms=row.utc_ms,
        **{name: getattr(row, name) for name in STORED},
    )


class CertifiedRows:
    """The part of `CertificateRepository` that speaks of statements and the claims on them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def certified(self, number: str) -> Sequence[tuple[str, int]]:
        """Number and revision of the statements a certificate is of, in order of their months."""
        query = (
            select(certificate_statements)
            .where(certificate_statements.c.number == number)
            .order_by(certificate_statements.c.month)
        )
        return [
            (row.statement_number, row.statement_revision)
            for row in self._connection.execute(query)
        ]

    def certified_statements(self, number: str) -> Sequence[CertifiedStatement]:
        """The stored statements that rows name for a certificate, by month."""
        columns = certificate_statements.c
        query = (
            select(columns.month, statements.c.number, statements.c.revision, statements.c.sha256)
            .join(
                statements,
                (statements.c.number == columns.statement_number)
                & (statements.c.revision == columns.statement_revision),
            )
            .where(columns.number == number)
            .order_by(columns.month)
        )
        return [
            CertifiedStatement(row.month, row.number, row.revision, bytes(row.sha256).hex())
            for row in self._connection.execute(query)
        ]

    def certifying(self, number: str, revision: int) -> Sequence[StoredCertificate]:
        """Every certificate that is of a statement revision."""
        of_statement = select(certificate_statements.c.number).where(
            certificate_statements.c.statement_number == number,
            certificate_statements.c.statement_revision == revision,
        )
        query = with_status().where(certificates.c.number.in_(of_statement))
        return [stored_certificate(row) for row in self._connection.execute(query)]

    def claims_of_line(self, number: str, revision: int, line: int) -> Sequence[ClaimedLine]:
        """The claims that take a line of a statement."""
        query = (
            select(claims, claim_lines.c.programme_id)
            .join(claim_lines, claim_lines.c.claim_id == claims.c.claim_id)
            .where(
                claim_lines.c.number == number,
                claim_lines.c.revision == revision,
                claim_lines.c.line == line,
            )
            .order_by(claims.c.claim_id)
        )
        return [
            ClaimedLine(
                claim_id=row.claim_id,
                batch_id=row.batch_id,
                programme_id=row.programme_id,
                state=row.state,
                computed_fen=row.computed_fen,
                approved_fen=row.approved_fen,
                disbursed_fen=row.disbursed_fen,
                voucher_number=row.voucher_number,
            )
            for row in self._connection.execute(query)
        ]
