"""Signing in and what follows: sessions in the database, throttled attempts, an audit trail.

A session's token is 32 random bytes that only the browser holds; the database knows their SHA-256.
It ends after half an hour without use, after twelve hours whatever happens, at sign-out, and when
the account is closed. The form token is another digest of the same secret: it needs no storage, and
a new session makes every old form worthless.

An attempt is counted before its password is looked at, so that guesses sent at once cannot outrun
the throttle; a successful sign-in forgets the attempts of that login from that address.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from kashi_server.errors import Refused
from kashi_server.services.accounts import Account, AccountsPort, AuditEntry, normal_login
from kashi_server.services.passwords import Passwords

TOKEN_BYTES = 32
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """How long sessions live and how often somebody may try.

    Attempts are counted over `window_ms`: of one login from one address, of one login from
    anywhere, and from one address with any login. The middle bound is wide, or anybody could lock
    out anybody.
    """

    idle_ms: int = 30 * _MINUTE_MS
    absolute_ms: int = 12 * 60 * _MINUTE_MS
    touch_ms: int = _MINUTE_MS
    window_ms: int = 15 * _MINUTE_MS
    attempts_of_login_from_address: int = 5
    attempts_of_login: int = 50
    attempts_from_address: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session as stored, with its account."""

    account: Account
    created_utc_ms: int
    seen_utc_ms: int
    ended_utc_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A live session; `token` is the browser's secret, `form_token` goes into its forms."""

    account: Account
    token: str
    form_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCounts:
    """Attempts within the window, this one included."""

    of_login_from_address: int
    of_login: int
    from_address: int


class TooManyAttempts(Refused):
    """Somebody tries too often; wait a quarter of an hour."""


class WrongCredentials(Refused):
    """No such login, another password, or a closed account: which of them is not told."""


class SessionsPort(AccountsPort, Protocol):
    """What storage does for sessions."""

    def count_attempt(self, login: str, address: str, at_utc_ms: int, since: int) -> AttemptCounts:
        """Add an attempt, drop those before `since`, and count what is left."""

    def forget_attempts(self, login: str, address: str) -> None:
        """Drop the attempts of a login from an address."""

    def open_session(
        self, token_sha256: bytes, account_id: int, address: str, at_utc_ms: int
    ) -> None:
        """Store a session."""

    def session(self, token_sha256: bytes) -> SessionRecord | None:
        """A session by the digest of its token."""

    def touch_session(self, token_sha256: bytes, at_utc_ms: int) -> None:
        """Note that it was used."""

    def end_session(self, token_sha256: bytes, at_utc_ms: int) -> None:
        """End it."""


class SessionsUnit(Protocol):
    """A unit of work as sessions need it."""

    @property
    def accounts(self) -> SessionsPort:
        """The repository."""

    def commit(self) -> None:
        """Make it durable."""


class SessionsWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[SessionsUnit]:
        """Open one."""


class SessionKeeping:
    """Signs in, recognises and signs out; clock (UTC ms) and randomness are arguments."""

    def __init__(
        self,
        work: SessionsWork,
        passwords: Passwords,
        clock: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        policy: SessionPolicy | None = None,
    ) -> None:
        self._work = work
        self._passwords = passwords
        self._clock = clock
        self._random_bytes = random_bytes
        self.policy = policy or SessionPolicy()

    def sign_in(self, login: str, password: str, address: str) -> Session:
        """Open a session.

        Raises:
            TooManyAttempts: the throttle is shut; the password was not looked at.
            WrongCredentials: the login, the password or the account's state is wrong.
        """
        # What does not fit a login cannot be one; cut, so that nobody fills the trail.
        login = normal_login(login)[:64]
        account, stored = self._begin_attempt(login, address)
        if not self._passwords.matches(stored, password) or account is None:
            self.record(account, login, address, "sign-in-refused", "wrong-credentials")
            raise WrongCredentials("账号或密码不正确。the login or the password is wrong")
        token = self.new_token()
        with self._work.begin() as unit:
            now = self._clock()
            unit.accounts.open_session(token_digest(token), account.account_id, address, now)
            unit.accounts.forget_attempts(login, address)
            unit.accounts.record(_entry(now, account, login, address, "signed-in", ""))
            unit.commit()
        return Session(account=account, token=token, form_token=form_token_of(token))

    def _begin_attempt(self, login: str, address: str) -> tuple[Account | None, str | None]:
        now = self._clock()
        with self._work.begin() as unit:
            counts = unit.accounts.count_attempt(login, address, now, now - self.policy.window_ms)
            shut = self._is_shut(counts)
            if shut:
                unit.accounts.record(_entry(now, None, login, address, "sign-in-throttled", ""))
            account = unit.accounts.by_login(login)
            if account is not None and account.disabled:
                account = None
            stored = None if account is None else unit.accounts.password_hash(account.account_id)
            unit.commit()
        if shut:
            raise TooManyAttempts(
                "登录尝试次数过多，请 15 分钟后再试。"
                "too many attempts to sign in; wait a quarter of an hour"
            )
        return account, stored

    def _is_shut(self, counts: AttemptCounts) -> bool:
        return (
            counts.of_login_from_address > self.policy.attempts_of_login_from_address
            or counts.of_login > self.policy.attempts_of_login
            or counts.from_address > self.policy.attempts_from_address
        )

    def recognise(self, token: str) -> Session | None:
        """The live session of a token, or None; an expired one is ended on the way."""
        digest = token_digest(token)
        with self._work.begin(writes=False) as unit:
            record = unit.accounts.session(digest)
        if record is None or record.ended_utc_ms is not None or record.account.disabled:
            return None
        now = self._clock()
        if self._is_expired(record, now):
            self._end(digest, record.account, now, "session-expired")
            return None
        if now - record.seen_utc_ms >= self.policy.touch_ms:
            with self._work.begin() as unit:
                unit.accounts.touch_session(digest, now)
                unit.commit()
        return Session(account=record.account, token=token, form_token=form_token_of(token))

    def _is_expired(self, record: SessionRecord, now_utc_ms: int) -> bool:
        return (
            now_utc_ms - record.seen_utc_ms >= self.policy.idle_ms
            or now_utc_ms - record.created_utc_ms >= self.policy.absolute_ms
        )

    def sign_out(self, session: Session, address: str) -> None:
        """End a session for good."""
        self._end(
            token_digest(session.token), session.account, self._clock(), "signed-out", address
        )

    def _end(self, digest: bytes, account: Account, now: int, act: str, address: str = "") -> None:
        with self._work.begin() as unit:
            unit.accounts.end_session(digest, now)
            unit.accounts.record(_entry(now, account, account.login, address, act, ""))
            unit.commit()

    def record(
        self, account: Account | None, login: str, address: str, act: str, subject: str
    ) -> None:
        """Write a line of the audit trail: a denial, a download, a token handed out."""
        with self._work.begin() as unit:
            unit.accounts.record(_entry(self._clock(), account, login, address, act, subject))
            unit.commit()

    def new_token(self) -> str:
        """A fresh secret for a cookie."""
        return urlsafe_b64encode(self._random_bytes(TOKEN_BYTES)).decode()


def token_digest(token: str) -> bytes:
    """What the database keeps of a token."""
    return sha256(b"kashi/session\x00" + token.encode()).digest()


def form_token_of(token: str) -> str:
    """The token of the forms that belong to a cookie's secret."""
    return urlsafe_b64encode(sha256(b"kashi/form\x00" + token.encode()).digest()).decode()


def is_form_token(token: str, given: str) -> bool:
    """Whether a form's token belongs to a cookie's secret; takes the same time either way."""
    return hmac.compare_digest(form_token_of(token).encode(), given.encode())


def _entry(
    now: int, account: Account | None, login: str, address: str, act: str, subject: str
) -> AuditEntry:
    return AuditEntry(
        at_utc_ms=now,
        account_id=None if account is None else account.account_id,
        login=login,
        address=address,
        act=act,
        subject=subject,
    )
