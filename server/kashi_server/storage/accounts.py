"""Accounts, sessions and the audit trail in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kashi_server.errors import Refused
from kashi_server.services.accounts import Account, AccountDraft, AuditEntry, Role
from kashi_server.services.sessions import AttemptCounts, SessionRecord
from kashi_server.storage.tables.accounts import (
    accounts,
    audit_entries,
    sessions,
    sign_in_attempts,
)

_ACCOUNT = (
    accounts.c.account_id,
    accounts.c.login,
    accounts.c.role,
    accounts.c.party_id,
    accounts.c.disabled_utc_ms,
)


class AccountRepository:
    """Speaks through one connection; see `services.accounts` and `services.sessions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, draft: AccountDraft) -> Account:
        """Store an account.

        Raises:
            Refused: its login is taken.
        """
        values = {
            "login": draft.login,
            "password_hash": draft.password_hash,
            "role": draft.role.value,
            "party_id": draft.party_id,
            "created_utc_ms": draft.created_utc_ms,
        }
        try:
            with self._connection.begin_nested():
                query = insert(accounts).values(values).returning(accounts.c.account_id)
                account_id = self._connection.execute(query).scalar_one()
        except IntegrityError as refusal:
            raise Refused(
                f"账号“{draft.login}”已被使用；请另选一个。"
                f"the login '{draft.login}' is taken; choose another"
            ) from refusal
        return Account(
            account_id=account_id, login=draft.login, role=draft.role, party_id=draft.party_id
        )

    def by_login(self, login: str) -> Account | None:
        """The account of a login."""
        row = self._connection.execute(
            select(*_ACCOUNT).where(accounts.c.login == login)
        ).one_or_none()
        return None if row is None else _account(row)

    def password_hash(self, account_id: int) -> str:
        """The stored hash of an account's password."""
        query = select(accounts.c.password_hash).where(accounts.c.account_id == account_id)
        return str(self._connection.execute(query).scalar_one())

    def set_password_hash(self, account_id: int, password_hash: str) -> None:
        """Replace it."""
        self._connection.execute(
            update(accounts)
            .where(accounts.c.account_id == account_id)
            .values(password_hash=password_hash)
        )

    def disable(self, account_id: int, utc_ms: int) -> None:
        """Close an account."""
        self._connection.execute(
            update(accounts)
            .where(accounts.c.account_id == account_id)
            .values(disabled_utc_ms=utc_ms)
        )

    def all(self) -> Sequence[Account]:
        """Every account, by login."""
        rows = self._connection.execute(select(*_ACCOUNT).order_by(accounts.c.login)).all()
        return [_account(row) for row in rows]

    def has_officer(self) -> bool:
        """Whether an officer's account exists."""
        query = select(func.count()).where(accounts.c.role == Role.OFFICER.value)
        return bool(self._connection.execute(query).scalar_one())

    def count_attempt(self, login: str, address: str, at_utc_ms: int, since: int) -> AttemptCounts:
        """Add an attempt, drop those before `since`, and count what is left."""
        attempts = sign_in_attempts.c
        self._connection.execute(delete(sign_in_attempts).where(attempts.at_utc_ms < since))
        self._connection.execute(
            insert(sign_in_attempts).values(login=login, address=address, at_utc_ms=at_utc_ms)
        )
        same_login = attempts.login == login
        same_address = attempts.address == address
        row = self._connection.execute(
            select(
                func.count().filter(same_login & same_address),
                func.count().filter(same_login),
                func.count().filter(same_address),
            ).where(same_login | same_address)
        ).one()
        return AttemptCounts(of_login_from_address=row[0], of_login=row[1], from_address=row[2])

    def forget_attempts(self, login: str, address: str) -> None:
        """Drop the attempts of a login from an address."""
        self._connection.execute(
            delete(sign_in_attempts).where(
                sign_in_attempts.c.login == login, sign_in_attempts.c.address == address
            )
        )

    def open_session(
        self, token_sha256: bytes, account_id: int, address: str, at_utc_ms: int
    ) -> None:
        """Store a session."""
        self._connection.execute(
            insert(sessions).values(
                token_sha256=token_sha256,
                account_id=account_id,
                address=address,
                created_utc_ms=at_utc_ms,
                seen_utc_ms=at_utc_ms,
            )
        )

    def session(self, token_sha256: bytes) -> SessionRecord | None:
        """A session by the digest of its token."""
        query = (
            select(
                *_ACCOUNT,
                sessions.c.created_utc_ms,
                sessions.c.seen_utc_ms,
                sessions.c.ended_utc_ms,
            )
            .join(accounts, accounts.c.account_id == sessions.c.account_id)
            .where(sessions.c.token_sha256 == token_sha256)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return SessionRecord(
            account=_account(row),
            created_utc_ms=row.created_utc_ms,
            seen_utc_ms=row.seen_utc_ms,
            ended_utc_ms=row.ended_utc_ms,
        )

    def touch_session(self, token_sha256: bytes, at_utc_ms: int) -> None:
        """Note that it was used."""
        self._connection.execute(
            update(sessions)
            .where(sessions.c.token_sha256 == token_sha256, sessions.c.ended_utc_ms.is_(None))
            .values(seen_utc_ms=at_utc_ms)
        )

    def end_session(self, token_sha256: bytes, at_utc_ms: int) -> None:
        """End it; the first end stands."""
        self._connection.execute(
            update(sessions)
            .where(sessions.c.token_sha256 == token_sha256, sessions.c.ended_utc_ms.is_(None))
            .values(ended_utc_ms=at_utc_ms)
        )

    def end_sessions_of(self, account_id: int, utc_ms: int) -> int:
        """End every session of an account; how many ended."""
        return self._connection.execute(
            update(sessions)
            .where(sessions.c.account_id == account_id, sessions.c.ended_utc_ms.is_(None))
            .values(ended_utc_ms=utc_ms)
        ).rowcount

    def record(self, entry: AuditEntry) -> None:
        """Add a line to the audit trail."""
        self._connection.execute(
            insert(audit_entries).values(
                at_utc_ms=entry.at_utc_ms,
                account_id=entry.account_id,
                login=entry.login,
                address=entry.address,
                act=entry.act,
                subject=entry.subject,
            )
        )

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """The latest lines of the audit trail, latest first."""
        query = select(audit_entries).order_by(audit_entries.c.entry_id.desc()).limit(limit)
        return [
            AuditEntry(
                at_utc_ms=row.at_utc_ms,
                account_id=row.account_id,
                login=row.login,
                address=row.address,
                act=row.act,
                subject=row.subject,
            )
            for row in self._connection.execute(query)
        ]


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(
        account_id=row.account_id,
        login=row.login,
        role=Role(row.role),
        party_id=row.party_id,
        disabled=row.disabled_utc_ms is not None,
    )
