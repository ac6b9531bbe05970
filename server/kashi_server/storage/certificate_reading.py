"""Issued certificates as pages show them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, select

from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.confirmation import Confirmation, Side
from kashi_server.domain.interval import Month
from kashi_server.services.rows import CertificateRow, PartyName
from kashi_server.storage.tables.certificates import (
    certificate_changes,
    certificate_confirmations,
    certificate_files,
    certificate_statements,
    certificates,
)
from kashi_server.storage.tables.expense import statements

_LATEST = (
    select(certificate_changes.c.number, func.max(certificate_changes.c.change_id).label("id"))
    .group_by(certificate_changes.c.number)
    .subquery()
)
_NEXT = certificates.alias("next")
_ROWS: Select[Any] = (
    select(
        certificates,
        certificate_changes.c.status,
        certificate_changes.c.reason,
        _NEXT.c.number.label("superseded_by"),
    )
    .join(_LATEST, _LATEST.c.number == certificates.c.number)
    .join(certificate_changes, certificate_changes.c.change_id == _LATEST.c.id)
    .outerjoin(_NEXT, _NEXT.c.supersedes == certificates.c.number)
)


def certificates_of(
    connection: Connection, user_id: str | None, name: Callable[[str], PartyName]
) -> Sequence[CertificateRow]:
    """The certificates of a user, or all, latest first."""
    query = _ROWS.order_by(certificates.c.issued_utc_ms.desc(), certificates.c.number.desc())
    if user_id is not None:
        query = query.where(certificates.c.user_id == user_id)
    return [_row(row, name) for row in connection.execute(query)]


def certificate_of_number(
    connection: Connection, number: str, name: Callable[[str], PartyName]
) -> CertificateRow | None:
    """A certificate by its number."""
    row = connection.execute(_ROWS.where(certificates.c.number == number)).one_or_none()
    return None if row is None else _with_more(connection, _row(row, name))


def certificate_of_pdf(
    connection: Connection, pdf_sha256: str, name: Callable[[str], PartyName]
) -> CertificateRow | None:
    """The certificate whose document has these bytes."""
    row = connection.execute(_ROWS.where(certificates.c.pdf_sha256 == pdf_sha256)).one_or_none()
    return None if row is None else _with_more(connection, _row(row, name))


def certificate_file(connection: Connection, number: str, kind: str) -> bytes | None:
    """The bytes of a certificate's file."""
    query = select(certificate_files.c.content).where(
        certificate_files.c.number == number, certificate_files.c.kind == kind
    )
    content = connection.execute(query).scalar_one_or_none()
    return None if content is None else bytes(content)


CONFIRMED: Final = ("number", "side", "party_id", "actor", "pdf_sha256", "utc_ms")


def confirmations_of(connection: Connection, number: str) -> list[Confirmation]:
    """Who confirmed a certificate, the first first."""
    query = (
        select(certificate_confirmations)
        .where(certificate_confirmations.c.number == number)
        .order_by(certificate_confirmations.c.utc_ms, certificate_confirmations.c.side.desc())
    )
    return [
        Confirmation(**(row._asdict() | {"side": Side(row.side)}))
        for row in connection.execute(query)
    ]


def _with_more(connection: Connection, row: CertificateRow) -> CertificateRow:
    """A certificate's row with what only its own page shows."""
    # Of several months any may have been corrected: each stands among what is certified.
    newer = (
        select(func.max(statements.c.revision))
        .join(
            certificate_statements,
            certificate_statements.c.statement_number == statements.c.number,
        )
        .where(
            certificate_statements.c.number == row.number,
            statements.c.revision > certificate_statements.c.statement_revision,
        )
    )
    latest = connection.execute(newer).scalar_one()
    kinds = select(certificate_files.c.kind).where(certificate_files.c.number == row.number)
    return replace(
        row,
        confirmations=tuple(confirmations_of(connection, row.number)),
        newer_revision=latest,
        kinds=frozenset(connection.execute(kinds).scalars()),
    )


def _row(row: Row[*tuple[Any, ...]], name: Callable[[str], PartyName]) -> CertificateRow:
    return CertificateRow(
        number=row.number,
        code=row.code,
        status=CertificateStatus(row.status),
        status_reason=row.reason,
        issued_utc_ms=row.issued_utc_ms,
        statement_number=row.statement_number,
        statement_revision=row.statement_revision,
        user=name(row.user_id),
        month=Month.parse(row.month),
        card_hours=Fraction(row.card_hours),
        amount_fen=row.amount_fen,
        eligible_fen=row.eligible_fen,
        pdf_sha256=row.pdf_sha256,
        statement_sha256=row.statement_sha256,
        supersedes=row.supersedes,
        superseded_by=row.superseded_by,
        demo=row.demo,
        provider_id=row.provider_id,
        edition=row.edition,
        first_month=None if row.first_month is None else Month.parse(row.first_month),
    )
