"""What claims hold of devices' minutes and invoices' parts, in the database.

Minutes are a device's by whichever of its ids they are told (`domain.same_hardware`): a partition
that one statement has by its UUID alone and another with its share and profile is one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, func, insert, or_, select
from sqlalchemy.exc import DBAPIError

from kashi_server.domain.attestation import SITE_PREFIX
from kashi_server.domain.both_languages import because
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.errors import Refused
from kashi_server.services.claims_port import HeldLine, HeldPart
from kashi_server.storage.tables.certificates import (
    certificate_changes,
    certificate_statements,
    certificates,
)
from kashi_server.storage.tables.claims import claim_invoices, claim_lines
from kashi_server.storage.tables.expense import rated_lines, statements

_LINE_ORDER = ("hardware_key", "start_minute", "number")


class ClaimHoldings:
    """Holds and lets go; speaks through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hold_lines(self, lines: Sequence[HeldLine]) -> None:
        """Hold minutes of devices.

        Raises:
            Refused: another claim of the programme holds some of them; it is named.
        """
        # In one order, so that two claims that want the same devices wait and never both.
        ordered = sorted(lines, key=lambda one: tuple(getattr(one, name) for name in _LINE_ORDER))
        for line in ordered:
            if (other := self._holder_of(line)) is not None:
                raise Refused(
                    f"结算单 {line.number} 第 {line.line} 行已由同一项目的申报 {other} 申报："
                    "同一卡时只兑现一次。"
                    f"line {line.line} of statement {line.number} is claimed already by claim"
                    f" {other} of the same programme: a card-hour is redeemed once"
                )
        self._insert(
            claim_lines,
            ordered,
            "同一项目中一个卡时只兑现一次。a card-hour is redeemed once in a programme",
        )

    def _holder_of(self, line: HeldLine) -> str | None:
        query = (
            select(claim_lines.c.claim_id)
            .where(
                claim_lines.c.programme_id == line.programme_id,
                claim_lines.c.hardware_key == line.hardware_key,
                claim_lines.c.start_minute < line.end_minute,
                line.start_minute < claim_lines.c.end_minute,
            )
            .limit(1)
        )
        return self._connection.execute(query).scalar_one_or_none()

    def hold_parts(self, parts: Sequence[HeldPart]) -> None:
        """Hold parts of invoices.

        Raises:
            Refused: the programme's claims hold the rest of one; they are named.
        """
        ordered = sorted(parts, key=lambda one: (one.number, one.contract_id, one.part))
        for part in ordered:
            held = self._holders_of(part)
            left_fen = part.part_fen - sum(fen for _claim_id, fen in held)
            if part.amount_fen > left_fen:
                names = ", ".join(sorted({claim_id for claim_id, _fen in held}))
                others = names or "nobody"
                raise Refused(
                    f"发票 {part.number} 的合同部分 {part.part}：申报 {part.amount_fen} 分，"
                    f"而 {part.part_fen} 分中只余 {max(0, left_fen)} 分；占用者为 {names or '无'}。"
                    f"invoice {part.number}, part {part.part}: {part.amount_fen} fen are claimed,"
                    f" {max(0, left_fen)} fen of {part.part_fen} are left; held by {others}"
                )
        self._insert(
            claim_invoices,
            ordered,
            "同一项目中一份发票只申报一次。an invoice is claimed once in a programme",
        )

    def _holders_of(self, part: HeldPart) -> list[tuple[str, int]]:
        query = (
            select(claim_invoices.c.claim_id, func.sum(claim_invoices.c.amount_fen).label("fen"))
            .where(
                claim_invoices.c.programme_id == part.programme_id,
                claim_invoices.c.number == part.number,
                claim_invoices.c.contract_id == part.contract_id,
                claim_invoices.c.part == part.part,
            )
            .group_by(claim_invoices.c.claim_id)
        )
        return [(row.claim_id, int(row.fen)) for row in self._connection.execute(query)]

    def _insert(self, table: Any, held: Iterable[Any], why: str) -> None:
        rows = [{column.name: getattr(one, column.name) for column in table.c} for one in held]
        if not rows:
            return
        try:
            self._connection.execute(insert(table), rows)
        except DBAPIError as error:
            # Somebody was faster between the look and the write; the guard saw it.
            if "overlap" not in str(error) and "take more" not in str(error):
                raise
            raise Refused(
                because("另一申报刚刚占用", "another claim took it meanwhile", why)
            ) from error

    def let_go(self, claim_id: str, use_serial: int | None = None) -> None:
        """Hold nothing any more, or nothing of one use."""
        for table in (claim_lines, claim_invoices):
            here = table.c.claim_id == claim_id
            if use_serial is not None:
                here = and_(here, table.c.use_serial == use_serial)
            self._connection.execute(delete(table).where(here))

    def held_lines(self, claim_id: str) -> Sequence[HeldLine]:
        """Minutes that a claim holds."""
        query = (
            select(claim_lines)
            .where(claim_lines.c.claim_id == claim_id)
            .order_by(claim_lines.c.number, claim_lines.c.revision, claim_lines.c.line)
        )
        return [_held_line(row) for row in self._connection.execute(query)]

    def held_parts(self, claim_id: str) -> Sequence[HeldPart]:
        """Invoice parts that a claim holds."""
        query = (
            select(claim_invoices)
            .where(claim_invoices.c.claim_id == claim_id)
            .order_by(*(claim_invoices.c[name] for name in ("number", "contract_id", "part")))
            .order_by(claim_invoices.c.use_serial)
        )
        return [
            HeldPart(**{column.name: getattr(row, column.name) for column in claim_invoices.c})
            for row in self._connection.execute(query)
        ]

    def sharing(self, claim_id: str) -> Sequence[str]:
        """Claims of other programmes that hold minutes or invoices that this one holds."""
        ours, theirs = claim_lines.alias(), claim_lines.alias()
        minutes = select(theirs.c.claim_id).join(
            ours,
            and_(
                ours.c.hardware_key == theirs.c.hardware_key,
                ours.c.programme_id != theirs.c.programme_id,
                ours.c.start_minute < theirs.c.end_minute,
                theirs.c.start_minute < ours.c.end_minute,
            ),
        )
        mine, others = claim_invoices.alias(), claim_invoices.alias()
        papers = select(others.c.claim_id).join(
            mine,
            and_(
                mine.c.number == others.c.number,
                mine.c.contract_id == others.c.contract_id,
                mine.c.part == others.c.part,
                mine.c.programme_id != others.c.programme_id,
            ),
        )
        query = minutes.where(ours.c.claim_id == claim_id).union(
            papers.where(mine.c.claim_id == claim_id)
        )
        return sorted(self._connection.execute(query).scalars())

    def holding_invoice(self, number: str) -> Sequence[str]:
        """Claims that hold a part of an invoice."""
        query = select(claim_invoices.c.claim_id).where(claim_invoices.c.number == number)
        return sorted(set(self._connection.execute(query).scalars()))

    def holding_statement(self, number: str) -> Sequence[str]:
        """Claims that hold lines of a statement."""
        query = select(claim_lines.c.claim_id).where(claim_lines.c.number == number)
        return sorted(set(self._connection.execute(query).scalars()))

    def lines_of(self, statement: StatementRevision) -> Sequence[HeldLine]:
        """The eligible rated lines of a statement revision; of no claim yet."""
        query = (
            select(rated_lines)
            # The key of a line begins with its user, whom the statement tells.
            .join(
                statements,
                and_(
                    statements.c.user_id == rated_lines.c.user_id,
                    statements.c.number == rated_lines.c.number,
                    statements.c.revision == rated_lines.c.revision,
                ),
            )
            .where(
                statements.c.number == statement.number,
                statements.c.revision == statement.revision,
                rated_lines.c.eligible.is_(True),
            )
            .order_by(rated_lines.c.line)
        )
        return [
            HeldLine(
                claim_id="",
                number=row.number,
                revision=row.revision,
                line=row.line,
                programme_id="",
                hardware_id=row.hardware_id,
                hardware_key=_key(row.hardware_id, row.host_id),
                start_minute=row.start_minute,
                end_minute=row.end_minute,
            )
            for row in self._connection.execute(query)
        ]

    def certified(self, statement: StatementRevision) -> str | None:
        """Number of the certificate in force of a statement revision: its month's own before one of
        several months, the latest of each.
        """
        changes = certificate_changes.alias()
        latest = (
            select(func.max(changes.c.change_id))
            .where(changes.c.number == certificates.c.number)
            .correlate(certificates)
            .scalar_subquery()
        )
        among = select(certificate_statements.c.number).where(
            certificate_statements.c.statement_number == statement.number,
            certificate_statements.c.statement_revision == statement.revision,
        )
        query = (
            select(certificates.c.number)
            .join(certificate_changes, certificate_changes.c.number == certificates.c.number)
            .where(
                certificate_changes.c.change_id == latest,
                certificate_changes.c.status.in_(_IN_FORCE),
                or_(
                    and_(
                        certificates.c.statement_number == statement.number,
                        certificates.c.statement_revision == statement.revision,
                    ),
                    certificates.c.number.in_(among),
                ),
            )
            .order_by(
                case((certificates.c.first_month.is_(None), 0), else_=1),
                certificates.c.issued_utc_ms.desc(),
                certificates.c.number.desc(),
            )
            .limit(1)
        )
        return self._connection.execute(query).scalar_one_or_none()


_IN_FORCE = (CertificateStatus.ISSUED.value, CertificateStatus.REDEEMED.value)


def _key(hardware_id: str, host_id: str) -> str:
    """What the minutes of a rated line are compared by. A site's name for a unit of its own has a
    dot wherever the site likes one; it is no partition's id."""
    return hardware_id.lower() if host_id.startswith(SITE_PREFIX) else hardware_key(hardware_id)


def _held_line(row: Row[Any]) -> HeldLine:
    return HeldLine(**{column.name: getattr(row, column.name) for column in claim_lines.c})
