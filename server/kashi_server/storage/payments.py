"""Payments of companies to providers in the database."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from kashi_server.domain.payment import Covered, Payment
from kashi_server.services.papers_port import StoredPayment
from kashi_server.storage.invoices import advisory_lock, refusal
from kashi_server.storage.tables.papers import payment_covers, payments


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

    def covered_fen(self, number: str) -> int:
        """How much of an invoice is paid."""
        query = select(func.coalesce(func.sum(payment_covers.c.amount_fen), 0)).where(
            payment_covers.c.number == number
        )
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
            )
            for row in rows
        ]
