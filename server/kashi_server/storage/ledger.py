"""The repository of the ledger."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, case, insert, select, update

from kashi_server.domain.ledger import Account, Movement, Posting, Unit
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.ledger_port import Balance, StoredMovement
from kashi_server.storage.tables.ledger import (
    ledger_accounts,
    ledger_movements,
    ledger_postings,
)
from kashi_server.storage.upserts import insert_into


class LedgerRepository:
    """The ledger in one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, accounts: Sequence[Account]) -> dict[str, int]:
        """Balances of accounts, made where absent, locked in the order of their names.

        Everybody locks in one order, so two movements wait for each other and never both.

        Raises:
            Refused: an account stands there with another unit or floor.
        """
        ordered = sorted(accounts, key=lambda account: account.name)
        rows = [
            {"account": a.name, "unit": str(a.unit), "floored": int(a.floored), "balance": 0}
            for a in ordered
        ]
        self._connection.execute(
            insert_into(self._connection, ledger_accounts).on_conflict_do_nothing(), rows
        )
        query = (
            select(ledger_accounts)
            .where(ledger_accounts.c.account.in_([account.name for account in ordered]))
            .order_by(ledger_accounts.c.account)
            .with_for_update()
        )
        found = {row.account: row for row in self._connection.execute(query)}
        for account in ordered:
            if _account(found[account.name]) != account:
                raise Refused(
                    f"科目 {account.name} 已存在，但单位或下限不同。"
                    f"{account.name} is there with another unit or floor"
                )
        return {name: int(row.balance) for name, row in found.items()}

    def movement(self, key: str) -> StoredMovement | None:
        """The movement of a key."""
        return next(self._stored(ledger_movements.c.key == key), None)

    def add(self, movement: Movement, posted_utc_ms: int) -> None:
        """Add a movement, its postings, and what they make of the balances."""
        movement_id = self._connection.execute(
            insert(ledger_movements)
            .values(
                key=movement.key,
                kind=movement.kind,
                reference=movement.reference,
                officer=movement.officer,
                reason=movement.reason,
                posted_utc_ms=posted_utc_ms,
                sha256=movement.sha256,
            )
            .returning(ledger_movements.c.movement_id)
        ).scalar_one()
        rows = [
            {"movement_id": movement_id, "account": one.account.name, "amount": one.amount}
            for one in movement.postings
        ]
        self._connection.execute(insert(ledger_postings), rows)
        # One statement: others wait for these rows until it is committed.
        changes = {row["account"]: row["amount"] for row in rows}
        self._connection.execute(
            update(ledger_accounts)
            .where(ledger_accounts.c.account.in_(changes))
            .values(
                balance=ledger_accounts.c.balance
                + case(changes, value=ledger_accounts.c.account, else_=0)
            )
        )

    def movements(self) -> Iterator[StoredMovement]:
        """Every movement in order."""
        return self._stored()

    def balances(self, prefix: str = "") -> Sequence[Balance]:
        """Balances of accounts whose names begin so, by name."""
        query = select(ledger_accounts).order_by(ledger_accounts.c.account)
        if prefix:
            query = query.where(ledger_accounts.c.account.startswith(prefix, autoescape=True))
        return [Balance(_account(row), int(row.balance)) for row in self._connection.execute(query)]

    def amounts(self, names: Collection[str]) -> Mapping[str, int]:
        """What accounts of exactly these names hold; those that are not there are left out."""
        query = select(ledger_accounts.c.account, ledger_accounts.c.balance).where(
            ledger_accounts.c.account.in_(sorted(set(names)))
        )
        return {row.account: int(row.balance) for row in self._connection.execute(query)}

    def _stored(self, *conditions: Any) -> Iterator[StoredMovement]:
        query = (
            select(
                ledger_movements,
                ledger_postings.c.amount,
                ledger_accounts.c.account,
                ledger_accounts.c.unit,
                ledger_accounts.c.floored,
            )
            .outerjoin(
                ledger_postings, ledger_postings.c.movement_id == ledger_movements.c.movement_id
            )
            .outerjoin(ledger_accounts, ledger_accounts.c.account == ledger_postings.c.account)
            .where(*conditions)
            .order_by(ledger_movements.c.movement_id, ledger_accounts.c.account)
        )
        rows = self._connection.execute(query)
        for _id, of_movement in groupby(rows, key=lambda row: row.movement_id):
            yield _stored_movement(list(of_movement))


def _account(row: Row[Any]) -> Account:
    return Account(row.account, Unit(row.unit), bool(row.floored))


def _stored_movement(rows: Sequence[Row[Any]]) -> StoredMovement:
    first, fault = rows[0], ""
    movement = None
    try:
        movement = _movement(rows)
    except InvalidValue as error:
        fault = str(error)
    return StoredMovement(
        first.movement_id, first.key, first.posted_utc_ms, bytes(first.sha256), movement, fault
    )


def _movement(rows: Sequence[Row[Any]]) -> Movement:
    first = rows[0]
    return Movement(
        key=first.key,
        kind=first.kind,
        reference=first.reference,
        officer=first.officer,
        reason=first.reason,
        postings=tuple(
            Posting(_account(row), int(row.amount)) for row in rows if row.amount is not None
        ),
    )
