"""Payments of companies to providers in the database."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from kashi_server.domain.payment import Covered, Payment
from kashi_server.services.papers_port import PaymentReturn, StoredPayment
from kashi_server.storage.invoices import advisory_lock, refusal
from kashi_server.storage.tables.papers import payment_covers, payment_returns, payments


class PaymentRepository:
    """Speaks through one connection; see `services.papers_port`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, payer_id: str, reference: str) -> None:
        """Keep others from changing this payment until the unit ends."""
        advisory_lock(self._connection, "payment", payer_id, reference)

    def payment(self, payer_id: str, reference: str) -> StoredPayment | None:
        """One payment."""
        query = select(payments).where(
            payments.c.payer_id == payer_id, payments.c.reference == reference
        )
        found = self._stored(query)
        return found[0] if found else None

    def payments(self, party_id: str | None = None) -> Sequence[StoredPayment]:
        """Payments by day, payer and reference; of all parties, or those one paid or got."""
        columns = payments.c
        query = select(payments).order_by(columns.paid_on, columns.payer_id, columns.reference)
        if party_id is not None:
            query = query.where(or_(columns.payer_id == party_id, columns.payee_id == party_id))
        return self._stored(query)

    def covered_fen(self, number: str, party_id: str | None = None) -> int:
        """How much of an invoice is paid, less what went back; by all, or by or to one party."""
        columns = payments.c
        query = (
            select(func.coalesce(func.sum(counted_fen()), 0))
            .join_from(
                payment_covers,
                payments,
                and_(
                    columns.payer_id == payment_covers.c.payer_id,
                    columns.reference == payment_covers.c.reference,
                ),
            )
            .where(payment_covers.c.number == number)
        )
        if party_id is not None:
            query = query.where(or_(columns.payer_id == party_id, columns.payee_id == party_id))
        return int(self._connection.execute(query).scalar_one())

    def add(self, payment: Payment, added_by: str, utc_ms: int) -> None:
        """Add a payment."""
        self._connection.execute(
            insert(payments).values(
                payer_id=payment.payer_id,
                reference=payment.reference,
                payee_id=payment.payee_id,
                paid_on=payment.paid_on.isoformat(),
                amount_fen=payment.amount_fen,
                document=payment.document,
                added_by=added_by,
                added_utc_ms=utc_ms,
            )
        )

    def cover(self, payment: Payment, covered: Covered) -> None:
        """Say what it covers.

        Raises:
            Refused: the payment or the invoice does not reach so far.
        """
        statement = insert(payment_covers).values(
            payer_id=payment.payer_id,
            reference=payment.reference,
            number=covered.number,
            amount_fen=covered.amount_fen,
        )
        try:
            self._connection.execute(statement)
        except IntegrityError as error:
            raise refusal(error) from error

    def give_back(self, made: PaymentReturn) -> int:
        """Add what no longer counts; its id.

        Raises:
            Refused: less was covered.
        """
        statement = (
            insert(payment_returns)
            .values(
                payer_id=made.payer_id,
                reference=made.reference,
                number=made.number,
                amount_fen=made.amount_fen,
                document=made.document,
                decided_by=made.decided_by,
                told_utc_ms=made.told_utc_ms,
            )
            .returning(payment_returns.c.return_id)
        )
        try:
            return int(self._connection.execute(statement).scalar_one())
        except IntegrityError as error:
            raise refusal(error) from error

    def _stored(self, query: Select[Any]) -> list[StoredPayment]:
        rows = self._connection.execute(query).all()
        columns = payment_covers.c
        of_payers = (
            select(payment_covers)
            .where(columns.payer_id.in_({row.payer_id for row in rows}))
            .order_by(columns.payer_id, columns.reference, columns.number)
        )
        covers: dict[tuple[str, str], list[Covered]] = {}
        for row in self._connection.execute(of_payers):
            covered = Covered(number=row.number, amount_fen=row.amount_fen)
            covers.setdefault((row.payer_id, row.reference), []).append(covered)
        returns = self._returns({row.payer_id for row in rows})
        return [
            StoredPayment(
                payment=Payment(
                    payer_id=row.payer_id,
                    reference=row.reference,
                    payee_id=row.payee_id,
                    paid_on=date.fromisoformat(row.paid_on),
                    amount_fen=row.amount_fen,
                    document=row.document,
                ),
                covers=tuple(covers.get((row.payer_id, row.reference), ())),
                added_by=row.added_by,
                added_utc_ms=row.added_utc_ms,
                returns=tuple(returns.get((row.payer_id, row.reference), ())),
            )
            for row in rows
        ]

    def _returns(self, payer_ids: Collection[str]) -> dict[tuple[str, str], list[PaymentReturn]]:
        columns = payment_returns.c
        query = (
            select(payment_returns)
            .where(columns.payer_id.in_(payer_ids))
            .order_by(columns.return_id)
        )
        found: dict[tuple[str, str], list[PaymentReturn]] = {}
        for row in self._connection.execute(query):
            made = PaymentReturn(
                payer_id=row.payer_id,
                reference=row.reference,
                number=row.number,
                amount_fen=row.amount_fen,
                document=row.document,
                decided_by=row.decided_by,
                told_utc_ms=row.told_utc_ms,
                return_id=row.return_id,
            )
            found.setdefault((row.payer_id, row.reference), []).append(made)
        return found


def counted_fen() -> ColumnElement[int]:
    """Of a row of `payment_covers` what still counts: less what went back."""
    returned = (
        select(func.coalesce(func.sum(payment_returns.c.amount_fen), 0))
        .where(
            payment_returns.c.payer_id == payment_covers.c.payer_id,
            payment_returns.c.reference == payment_covers.c.reference,
            payment_returns.c.number == payment_covers.c.number,
        )
        .scalar_subquery()
    )
    return payment_covers.c.amount_fen - returned
