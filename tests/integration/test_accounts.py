"""Claims about accounts, signing in and sessions."""

import itertools

import pytest
from argon2 import PasswordHasher
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.accounts import AccountKeeping, Role
from kashi_server.services.passwords import Passwords
from kashi_server.services.sessions import (
    Session,
    SessionKeeping,
    TooManyAttempts,
    WrongCredentials,
    is_form_token,
)
from kashi_server.storage.tables.accounts import accounts, sessions
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import select

PASSWORD = "a long enough password"
PARTY = "91440300MA5FMETER1"
MINUTE_MS = 60_000


class Desk:
    """Accounts and sessions on a fresh database, with a clock to turn."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.now_utc_ms = 1_760_000_000_000
        secrets = itertools.count(1)
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.accounts = AccountKeeping(self.work, passwords, lambda: self.now_utc_ms)
        self.sessions = SessionKeeping(
            self.work,
            passwords,
            lambda: self.now_utc_ms,
            lambda size: next(secrets).to_bytes(size, "big"),
        )

    def acts(self) -> list[str]:
        """What the audit trail says was done, in order."""
        with self.work.begin(writes=False) as unit:
            return [entry.act for entry in reversed(unit.accounts.audit(1000))]

    def sign_in(self, password: str = PASSWORD, address: str = "192.0.2.1") -> Session:
        """Sign in as the officer."""
        return self.sessions.sign_in("officer", password, address)


@pytest.fixture
def desk(work: Work) -> Desk:
    """A desk with one officer, on SQLite and on PostgreSQL."""
    made = Desk(work)
    made.accounts.create_first_officer("Officer ", PASSWORD)
    return made


def test_the_first_officer_is_made_once(desk: Desk) -> None:
    """Where an officer exists, a second 'first officer' is refused."""
    with pytest.raises(Refused, match="officer's account exists"):
        desk.accounts.create_first_officer("other", PASSWORD)


def test_the_database_holds_neither_password_nor_token(desk: Desk) -> None:
    """Passwords are argon2id hashes; a session's row does not contain its token."""
    session = desk.sign_in()
    with desk.work.begin(writes=False) as unit:
        stored = unit.connection.execute(select(accounts.c.password_hash)).scalar_one()
        rows = unit.connection.execute(select(sessions)).all()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
    assert len(rows) == 1
    assert session.token not in repr(rows)


@pytest.mark.parametrize(
    ("role", "party_id"),
    [
        (Role.COMPANY, None),
        (Role.PROVIDER, "too short"),
        (Role.OFFICER, PARTY),
        (Role.AUDITOR, PARTY),
    ],
)
def test_party_and_role_belong_together(desk: Desk, role: Role, party_id: str | None) -> None:
    """Companies and providers have a party, officers and auditors none."""
    with pytest.raises(InvalidValue):
        desk.accounts.create("somebody", PASSWORD, role, party_id)


def test_the_trail_names_role_and_party_of_a_new_account(desk: Desk) -> None:
    """An auditor has no party, and nothing stands where one would."""
    desk.accounts.create("reader", PASSWORD, Role.AUDITOR, None)
    desk.accounts.create("tenant", PASSWORD, Role.COMPANY, PARTY)
    with desk.work.begin(writes=False) as unit:
        lines = {entry.login: entry.subject for entry in unit.accounts.audit(1000)}

    assert (lines["reader"], lines["tenant"]) == ("auditor", f"company:{PARTY}")


def test_what_becomes_of_an_officers_account_is_a_privileged_act(desk: Desk) -> None:
    """Each who acts is named, with how it was proved; a tenant's account is none of it."""
    desk.accounts.create("second", PASSWORD, Role.OFFICER, None, by=("officer",))
    desk.accounts.create("tenant", PASSWORD, Role.COMPANY, PARTY, by=("officer",))
    desk.accounts.set_password("second", PASSWORD + "!", by=("second",))
    desk.accounts.disable("second", by=("officer", "second"))
    desk.accounts.set_password("officer", PASSWORD + "!")
    with desk.work.begin(writes=False) as unit:
        acts = [(one.actor, one.act, one.reference, one.reason) for one in unit.identity.acts()]

    assert sorted(acts) == sorted(
        [
            ("officer", "account-created", "second", "proved by one officer alone"),
            ("second", "password-changed", "second", "proved by the account's own old password"),
            ("officer", "account-disabled", "second", "proved by two officers"),
            ("second", "account-disabled", "second", "proved by two officers"),
            ("console", "password-changed", "officer", "nobody proved it by a password"),
        ]
    )


def test_an_officers_account_takes_two_officers_whoever_calls(desk: Desk) -> None:
    """Not the command alone asks for them: to make one, close one or give one another password,
    where two others are; the own old password, and a tenant's account, take one."""
    desk.accounts.create("second", PASSWORD, Role.OFFICER, None, by=("officer",))
    desk.accounts.create("third", PASSWORD, Role.OFFICER, None, by=("officer", "second"))
    if_alone = "经办人账号须由两名不同的经办人办理.*two different officers"
    for by in ((), ("officer",), ("officer", "OFFICER ")):
        with pytest.raises(Refused, match=if_alone):
            desk.accounts.create("fourth", PASSWORD, Role.OFFICER, None, by=by)
        with pytest.raises(Refused, match=if_alone):
            desk.accounts.set_password("third", PASSWORD + "!", by=by)
        with pytest.raises(Refused, match=if_alone):
            desk.accounts.disable("third", by=by)
    desk.accounts.create("tenant", PASSWORD, Role.COMPANY, PARTY, by=("officer",))
    for by in (("officer", "tenant"), ("officer", "ghost")):
        with pytest.raises(NotFound, match="no officer"):
            desk.accounts.create("fourth", PASSWORD, Role.OFFICER, None, by=by)
    assert desk.accounts.officers() == {"officer", "second", "third"}

    desk.accounts.set_password("third", PASSWORD + "!", by=("third",))
    desk.accounts.set_password("tenant", PASSWORD + "!", by=("officer",))
    desk.accounts.create("fourth", PASSWORD, Role.OFFICER, None, by=("officer", "second"))
    desk.accounts.disable("fourth", by=("officer", "third"))
    with pytest.raises(Refused, match=if_alone):
        desk.accounts.set_password("fourth", PASSWORD + "!", by=("officer",))


def test_short_passwords_and_taken_logins_are_refused(desk: Desk) -> None:
    """Eleven characters are too few; a login serves once, whatever its case."""
    with pytest.raises(InvalidValue, match="11 characters"):
        desk.accounts.create("somebody", "x" * 11, Role.COMPANY, PARTY)
    with pytest.raises(Refused, match="taken"):
        desk.accounts.create("OFFICER", PASSWORD, Role.COMPANY, PARTY)


def test_wrong_password_unknown_login_and_closed_account_read_the_same(desk: Desk) -> None:
    """Who may not in learns nothing of why."""
    desk.accounts.create("leaver", PASSWORD, Role.COMPANY, PARTY)
    desk.accounts.disable("leaver")
    said = []
    for login, password in (("officer", "wrong"), ("nobody", PASSWORD), ("leaver", PASSWORD)):
        with pytest.raises(WrongCredentials) as refusal:
            desk.sessions.sign_in(login, password, "192.0.2.1")
        said.append(str(refusal.value))
    assert len(set(said)) == 1
    assert desk.acts().count("sign-in-refused") == 3


def test_a_session_is_recognised_and_every_sign_in_has_its_own(desk: Desk) -> None:
    """Two sign-ins, two tokens; each finds its account, and forms do not cross."""
    first, second = desk.sign_in(), desk.sign_in()
    assert first.token != second.token
    for session in (first, second):
        found = desk.sessions.recognise(session.token)
        assert found is not None
        assert found.account.login == "officer"
    assert is_form_token(first.token, first.form_token)
    assert not is_form_token(first.token, second.form_token)
    assert desk.sessions.recognise("made up") is None


def test_idle_sessions_end_and_use_keeps_them(desk: Desk) -> None:
    """Half an hour without use ends a session; a use in between keeps it."""
    session = desk.sign_in()
    desk.now_utc_ms += 29 * MINUTE_MS
    assert desk.sessions.recognise(session.token) is not None
    desk.now_utc_ms += 29 * MINUTE_MS
    assert desk.sessions.recognise(session.token) is not None
    desk.now_utc_ms += 30 * MINUTE_MS
    assert desk.sessions.recognise(session.token) is None
    desk.now_utc_ms -= 30 * MINUTE_MS
    assert desk.sessions.recognise(session.token) is None, "an ended session came back"


def test_no_session_outlives_twelve_hours(desk: Desk) -> None:
    """However busy, a session ends after its absolute time."""
    session = desk.sign_in()
    for _ in range(12 * 6 - 1):
        desk.now_utc_ms += 10 * MINUTE_MS
        assert desk.sessions.recognise(session.token) is not None
    desk.now_utc_ms += 10 * MINUTE_MS
    assert desk.sessions.recognise(session.token) is None
    assert "session-expired" in desk.acts()


@pytest.mark.parametrize("end", ["sign-out", "disable", "password"])
def test_sessions_can_be_ended(desk: Desk, end: str) -> None:
    """Signing out, closing the account and a new password each end the session."""
    session = desk.sign_in()
    if end == "sign-out":
        desk.sessions.sign_out(session, "192.0.2.1")
    elif end == "disable":
        desk.accounts.disable("officer")
    else:
        desk.accounts.set_password("officer", PASSWORD + "!")
    assert desk.sessions.recognise(session.token) is None


def test_guessing_from_one_address_is_throttled_even_with_the_right_password(desk: Desk) -> None:
    """After five attempts the sixth is refused unread; after the window it works again."""
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            desk.sign_in("wrong")
    with pytest.raises(TooManyAttempts):
        desk.sign_in()
    assert desk.sign_in(address="198.51.100.9").account.login == "officer"
    desk.now_utc_ms += 15 * MINUTE_MS + 1
    assert desk.sign_in().account.login == "officer"
    assert "sign-in-throttled" in desk.acts()


def test_an_address_that_tries_many_logins_is_throttled(desk: Desk) -> None:
    """Spraying logins from one address stops at thirty."""
    for number in range(30):
        with pytest.raises(WrongCredentials):
            desk.sessions.sign_in(f"login{number}", "wrong", "192.0.2.7")
    with pytest.raises(TooManyAttempts):
        desk.sessions.sign_in("officer", PASSWORD, "192.0.2.7")


def test_guessing_one_login_from_many_addresses_is_throttled(desk: Desk) -> None:
    """Fifty attempts at one login, each from an address of its own, shut that login."""
    for number in range(50):
        with pytest.raises(WrongCredentials):
            desk.sign_in("wrong", f"198.51.100.{number}")
    with pytest.raises(TooManyAttempts):
        desk.sign_in(address="203.0.113.1")


def test_success_forgets_the_attempts_before_it(desk: Desk) -> None:
    """Four slips and a success leave five attempts again."""
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(WrongCredentials):
                desk.sign_in("wrong")
        desk.sign_in()


def test_nobody_to_close(desk: Desk) -> None:
    """Closing an account that does not exist says so."""
    with pytest.raises(NotFound, match="no account 'ghost'"):
        desk.accounts.disable("ghost")
