"""Accounts of the portal: who may sign in, as what, for which party.

Officers and auditors belong to the programme office and see every party; companies and providers
see what is theirs. Accounts are made from the server's command line; the first one, an officer,
when the server is set up.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.account_officers import check_acting, proof
from kashi_server.services.acts import ActsUnit, PrivilegedAct, record
from kashi_server.services.passwords import Passwords

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{2,63}")
CONSOLE: Final = "console"
"""Who acts where nobody could prove to be an officer."""


class Role(StrEnum):
    """What an account may do."""

    OFFICER = "officer"
    AUDITOR = "auditor"
    COMPANY = "company"
    PROVIDER = "provider"

    @property
    def sees_everything(self) -> bool:
        """Whether the role reads all parties: officers and auditors."""
        return self in (Role.OFFICER, Role.AUDITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account; `party_id` is set for companies and providers and for nobody else."""

    account_id: int
    login: str
    role: Role
    party_id: str | None
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDraft:
    """What is stored for a new account."""

    login: str
    password_hash: str
    role: Role
    party_id: str | None
    created_utc_ms: int

    def __post_init__(self) -> None:
        """Refuse a login that cannot be, and a party where none belongs."""
        if _LOGIN.fullmatch(self.login) is None:
            raise InvalidValue(
                f"“{self.login}”不能作为账号：须为 3 至 64 个字符，"
                "可用 a-z、0-9 和 . _ @ -。"
                f"'{self.login}' is not a login: use 3 to 64 of a-z, 0-9, '.', '_', '@' and '-'"
            )
        if self.role.sees_everything and self.party_id is not None:
            raise InvalidValue(
                f"角色为 {self.role} 的账号不属于任何单位。"
                f"an account of role {self.role} belongs to no party"
            )
        if not self.role.sees_everything and (self.party_id is None or len(self.party_id) != 18):
            raise InvalidValue(
                f"角色为 {self.role} 的账号须注明其单位的 18 位统一社会信用代码。"
                f"an account of role {self.role} needs its party's 18-character code"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit trail: who did what, from where; `login` as it was typed."""

    at_utc_ms: int
    account_id: int | None
    login: str
    address: str
    act: str
    subject: str = ""


class AccountsPort(Protocol):
    """What storage does for accounts."""

    def add(self, draft: AccountDraft) -> Account:
        """Store an account.

        Raises:
            Refused: its login is taken.
        """

    def by_login(self, login: str) -> Account | None:
        """The account of a login."""

    def password_hash(self, account_id: int) -> str:
        """The stored hash of an account's password."""

    def set_password_hash(self, account_id: int, password_hash: str) -> None:
        """Replace it."""

    def disable(self, account_id: int, utc_ms: int) -> None:
        """Close an account."""

    def all(self) -> Sequence[Account]:
        """Every account, by login."""

    def has_officer(self) -> bool:
        """Whether an officer's account exists."""

    def end_sessions_of(self, account_id: int, utc_ms: int) -> int:
        """End every session of an account; how many ended."""

    def record(self, entry: AuditEntry) -> None:
        """Add a line to the audit trail."""


class AccountsUnit(ActsUnit, Protocol):
    """A unit of work as accounts need it."""

    @property
    def accounts(self) -> AccountsPort:
        """The repository."""

    def commit(self) -> None:
        """Make it durable."""


class AccountsWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[AccountsUnit]:
        """Open one."""


class AccountKeeping:
    """Makes and closes accounts; `clock` tells UTC milliseconds."""

    def __init__(self, work: AccountsWork, passwords: Passwords, clock: Callable[[], int]) -> None:
        self._work = work
        self._passwords = passwords
        self._clock = clock

    def create_first_officer(self, login: str, password: str) -> Account:
        """Make the account that everything else begins with.

        Raises:
            InvalidValue: the login or the password cannot be.
            Refused: there already is an officer.
        """
        return self._create(login, password, Role.OFFICER, None, first=True)

    def create(
        self,
        login: str,
        password: str,
        role: Role,
        party_id: str | None,
        *,
        by: tuple[str, ...] = (),
    ) -> Account:
        """Make an account; the audit trail names `by`, the officers who make it.

        Raises:
            InvalidValue: a value cannot be.
            NotFound: one of `by` is no officer here.
            Refused: the login is taken, or an officer's account takes two officers.
        """
        return self._create(login, password, role, party_id, first=False, by=by)

    def _create(
        self,
        login: str,
        password: str,
        role: Role,
        party_id: str | None,
        *,
        first: bool,
        by: tuple[str, ...] = (),
    ) -> Account:
        draft = AccountDraft(
            login=normal_login(login),
            password_hash=self._passwords.hash(password),
            role=role,
            party_id=party_id,
            created_utc_ms=self._clock(),
        )
        with self._work.begin() as unit:
            if first and unit.accounts.has_officer():
                raise Refused(
                    "已有经办人账号，其他账号请由该经办人建立。"
                    "an officer's account exists; add others as that officer"
                )
            by = _acting(unit, draft.login, by, upon_officer=role is Role.OFFICER)
            account = unit.accounts.add(draft)
            made = role if party_id is None else f"{role}:{party_id}"
            self._record(unit, account, "account-created", made, by)
            if not first:
                self._keep_act(unit, account, "account-created", by)
            unit.commit()
        return account

    def check_password(self, login: str, password: str, act: str = "") -> None:
        """Check that somebody at the server's console is who they say.

        Args:
            login: who they say they are.
            password: theirs.
            act: what they prove it for, like `invoices import`: the audit trail names both.

        Raises:
            NotFound: there is no such account, or it is closed.
            Refused: the password is wrong.
        """
        with self._work.begin() as unit:
            account = _existing(unit, login)
            if account.disabled:
                raise NotFound(f"账号“{login}”已停用。the account '{login}' is closed")
            stored = unit.accounts.password_hash(account.account_id)
            matches = self._passwords.matches(stored, password)
            if not matches:
                self._record(unit, account, "sign-in-refused", "wrong-credentials")
            elif act:
                self._record(unit, account, "console-proved", act)
            unit.commit()
        if not matches:
            raise Refused(f"账号 {login} 的密码不正确。the password of {login} is wrong")

    def officers(self) -> frozenset[str]:
        """The logins of officers whose accounts are open."""
        return _open_officers(self.all())

    def check_acting(
        self, login: str, by: Sequence[str], *, role: Role | None = None, own_proves: bool = False
    ) -> None:
        """Refuse those who could not act upon an account, before a password is asked for.

        `role` is that of an account to be made; `own_proves`: its own old password will do, as it
        does for another password. See `account_officers.check_acting`.

        Raises:
            Refused: it takes two officers, and fewer act.
            NotFound: one of them is no officer here.
        """
        with self._work.begin(writes=False) as unit:
            standing = unit.accounts.by_login(normal_login(login))
            known = role if standing is None else standing.role
            upon_officer = known is Role.OFFICER
            _acting(unit, login, by, upon_officer=upon_officer, own_proves=own_proves)

    def set_password(self, login: str, password: str, *, by: tuple[str, ...] = ()) -> None:
        """Replace a password and end the account's sessions; `by` are those who replace it.

        Raises:
            InvalidValue: the password cannot be.
            NotFound: there is no such account, or one of `by` is no officer here.
            Refused: an officer's takes two officers, or its own old password.
        """
        hashed = self._passwords.hash(password)
        with self._work.begin() as unit:
            account = _existing(unit, login)
            upon_officer = account.role is Role.OFFICER
            by = _acting(unit, account.login, by, upon_officer=upon_officer, own_proves=True)
            unit.accounts.set_password_hash(account.account_id, hashed)
            unit.accounts.end_sessions_of(account.account_id, self._clock())
            self._record(unit, account, "password-changed", "", by)
            self._keep_act(unit, account, "password-changed", by)
            unit.commit()

    def disable(self, login: str, *, by: tuple[str, ...] = ()) -> None:
        """Close an account and end its sessions; `by` are the officers who close it.

        Raises:
            NotFound: there is no such account, or one of `by` is no officer here.
            Refused: an officer's account takes two officers.
        """
        with self._work.begin() as unit:
            account = _existing(unit, login)
            by = _acting(unit, account.login, by, upon_officer=account.role is Role.OFFICER)
            unit.accounts.disable(account.account_id, self._clock())
            unit.accounts.end_sessions_of(account.account_id, self._clock())
            self._record(unit, account, "account-disabled", "", by)
            self._keep_act(unit, account, "account-disabled", by)
            unit.commit()

    def all(self) -> Sequence[Account]:
        """Every account, by login."""
        with self._work.begin(writes=False) as unit:
            return unit.accounts.all()

    def _record(
        self,
        unit: AccountsUnit,
        account: Account,
        act: str,
        subject: str,
        by: tuple[str, ...] = (),
    ) -> None:
        """Who did it is in the line: the account itself, or each whom `by` names, upon it."""
        upon = f"{account.login} {subject}".rstrip() if by else subject
        for actor in [_existing(unit, login) for login in by] or [account]:
            unit.accounts.record(
                AuditEntry(
                    at_utc_ms=self._clock(),
                    account_id=actor.account_id,
                    login=actor.login,
                    address=CONSOLE,
                    act=act,
                    subject=upon,
                )
            )

    def _keep_act(
        self, unit: AccountsUnit, account: Account, act: str, by: tuple[str, ...]
    ) -> None:
        """Whoever has an officer's account decides over money: the log says how it changed."""
        if account.role is not Role.OFFICER:
            return
        for actor in by or (CONSOLE,):
            done = PrivilegedAct(
                utc_ms=self._clock(),
                actor=actor,
                act=act,
                reference=account.login,
                reason=proof(account.login, by),
            )
            record(unit, done)


def _acting(
    unit: AccountsUnit,
    login: str,
    by: Sequence[str],
    *,
    upon_officer: bool,
    own_proves: bool = False,
) -> tuple[str, ...]:
    """Those who act upon an account, each once, as far as they may."""
    actors = tuple(dict.fromkeys(normal_login(one) for one in by))
    check_acting(
        _open_officers(unit.accounts.all()),
        normal_login(login),
        actors,
        upon_officer=upon_officer,
        own_proves=own_proves,
    )
    return actors


def _open_officers(accounts: Iterable[Account]) -> frozenset[str]:
    return frozenset(one.login for one in accounts if one.role is Role.OFFICER and not one.disabled)


def normal_login(text: str) -> str:
    """A login as it is stored: without surrounding blanks, in lower case."""
    return text.strip().lower()


def _existing(unit: AccountsUnit, login: str) -> Account:
    account = unit.accounts.by_login(normal_login(login))
    if account is None:
        raise NotFound(
            f"没有账号“{login}”，请用 kashi-server account list 查看。"
            f"there is no account '{login}'; see: kashi-server account list"
        )
    return account
