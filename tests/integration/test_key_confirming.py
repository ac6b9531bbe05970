"""Officers confirm and withdraw that a token holds a host's report key: two of them, or nothing."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from claimed_tokens import (
    DOCUMENT,
    PHOTO,
    TOKEN,
    claim_token,
    confirm_key,
    key_confirming,
    withdraw_key,
)
from expense_cases import HOST_A, HOST_B
from expense_facts import add_host
from insider import alter
from kashi_server.domain.key_token import KeyToken
from kashi_server.domain.key_word import KeyStanding, KeyWord, key_standing
from kashi_server.errors import InvalidValue, KashiError, NotFound, Refused
from kashi_server.filestore import FileStore
from kashi_server.services.evidence_files import check_files
from kashi_server.services.evidence_inputs import KEY_WORD_ENTRY
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.key_confirming import Document, KeyConfirming
from kashi_server.storage.tables.identity import privileged_acts
from kashi_server.storage.unit_of_work import Work
from released_hosts import OFFICERS, add_officers
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

Clock = Callable[[], int]
FIRST, SECOND = OFFICERS
ANOTHER_KEY = (
    "UPDATE hosts SET report_public_key = (SELECT entry FROM log_pending LIMIT 1)"
    f" WHERE host_id = '{HOST_A}'"
)
INSERTED_WORD = (
    "INSERT INTO host_key_words SELECT host_id, 3, 'withdrawn', 0, officer, reason, '',"
    " claim_sha256, host_state, 1 FROM host_key_words WHERE ordinal = 1"
)


@pytest.fixture
def keys(work: Work, clock: Clock, tmp_path: Path) -> KeyConfirming:
    """A host that claims a token, one that claims none, and two officers."""
    with work.begin() as unit:
        add_host(unit, HOST_A)
        add_host(unit, HOST_B)
        unit.commit()
    claim_token(work, HOST_A)
    add_officers(work)
    return key_confirming(work, clock, tmp_path / "files")


def words_of(work: Work, host_id: str = HOST_A) -> list[KeyWord]:
    """The words on a host's key."""
    with work.begin(writes=False) as unit:
        return list(unit.identity.key_words(host_id))


def standing(work: Work, host_id: str = HOST_A) -> KeyStanding:
    """How its claim stands."""
    with work.begin(writes=False) as unit:
        host = unit.identity.host(host_id)
        assert host is not None
        return key_standing(host.facts.key_token, unit.identity.key_words(host_id))


def acts_of(work: Work) -> list[tuple[str, str]]:
    """Privileged acts upon the host, with who did them."""
    query = select(privileged_acts).where(privileged_acts.c.reference == HOST_A)
    with work.begin(writes=False) as unit:
        found = unit.connection.execute(query.order_by(privileged_acts.c.act_id))
        return [(row.actor, row.act) for row in found]


def close_account(work: Work, login: str) -> None:
    """Whoever it was is no officer any more."""
    with work.begin() as unit:
        account = unit.accounts.by_login(login)
        assert account is not None
        unit.accounts.disable(account.account_id, 1)
        unit.commit()


def test_two_officers_confirm_and_two_withdraw(
    work: Work, keys: KeyConfirming, tmp_path: Path
) -> None:
    """The claim alone is a claim, one word changes nothing, the second decides; each word is an
    act, its document is kept under its hash, and everything agrees with the log."""
    store = FileStore(tmp_path / "files")
    assert standing(work) is KeyStanding.CLAIMED
    assert keys.confirm(HOST_A, FIRST, "delivery note", DOCUMENT) is False
    half = standing(work)
    assert keys.confirm(HOST_A, SECOND, "photo", PHOTO) is True
    whole = standing(work)
    assert keys.withdraw(HOST_A, SECOND, "token lost") is False
    still = standing(work)
    assert keys.withdraw(HOST_A, FIRST, "token lost") is True

    assert (half, whole, still) == (
        KeyStanding.CLAIMED,
        KeyStanding.CONFIRMED,
        KeyStanding.CONFIRMED,
    )
    assert standing(work) is KeyStanding.WITHDRAWN
    said = words_of(work)
    assert [(one.ordinal, one.completes, one.officer) for one in said] == [
        (1, 0, FIRST),
        (2, 1, SECOND),
        (3, 0, SECOND),
        (4, 3, FIRST),
    ]
    assert [one.evidence_sha256 for one in said] == [
        sha256(DOCUMENT.content).hexdigest(),
        sha256(PHOTO.content).hexdigest(),
        "",
        "",
    ]
    assert store.get(said[0].evidence_sha256) == DOCUMENT.content
    assert acts_of(work) == [
        (FIRST, "host-key-confirm-requested"),
        (SECOND, "host-key-confirmed"),
        (SECOND, "host-key-withdraw-requested"),
        (FIRST, "host-key-withdrawn"),
    ]
    assert check_logged(work) == []
    assert check_files(work, store) == []


def test_the_same_document_seen_by_both_is_one_file(work: Work, keys: KeyConfirming) -> None:
    """It is kept once, and both words name it."""
    assert not keys.confirm(HOST_A, FIRST, "seen", DOCUMENT)
    assert keys.confirm(HOST_A, SECOND, "seen", DOCUMENT)

    with work.begin(writes=False) as unit:
        (kept,) = unit.files.files()
    assert {one.evidence_sha256 for one in words_of(work)} == {kept.file.sha256}
    assert str(kept.subject) == f"host:{HOST_A}"


def test_what_was_withdrawn_may_be_confirmed_anew(work: Work, keys: KeyConfirming) -> None:
    """By two words again."""
    confirm_key(keys, work, HOST_A)
    withdraw_key(keys, HOST_A)
    assert not keys.confirm(HOST_A, SECOND, "found again", DOCUMENT)
    assert standing(work) is KeyStanding.WITHDRAWN
    assert keys.confirm(HOST_A, FIRST, "found again", DOCUMENT)
    assert standing(work) is KeyStanding.CONFIRMED


@pytest.mark.parametrize("again", [FIRST, FIRST.upper(), f" {FIRST} "])
def test_one_officer_is_one_however_it_is_spelled(
    work: Work, keys: KeyConfirming, again: str
) -> None:
    """A login in other letters is the same person, to confirm as to withdraw."""
    assert not keys.confirm(HOST_A, FIRST, "seen", DOCUMENT)
    with pytest.raises(Refused, match="another officer"):
        keys.confirm(HOST_A, again, "seen", DOCUMENT)
    assert keys.confirm(HOST_A, SECOND, "seen", DOCUMENT)
    assert not keys.withdraw(HOST_A, FIRST, "lost")
    with pytest.raises(Refused, match="another officer"):
        keys.withdraw(HOST_A, again, "lost")

    assert standing(work) is KeyStanding.CONFIRMED


@pytest.mark.parametrize("login", ["nobody", SECOND])
def test_who_is_no_officer_has_no_word(work: Work, keys: KeyConfirming, login: str) -> None:
    """Neither as the first nor as the second; nothing of it is kept."""
    close_account(work, SECOND)
    with pytest.raises(Refused, match="no officer here"):
        keys.confirm(HOST_A, login, "seen", DOCUMENT)
    assert not keys.confirm(HOST_A, FIRST, "seen", DOCUMENT)
    with pytest.raises(Refused, match="no officer here"):
        keys.confirm(HOST_A, login, "seen", PHOTO)

    assert len(words_of(work)) == 1
    with work.begin(writes=False) as unit:
        assert len(unit.files.files()) == 1


def test_the_word_of_one_who_left_counts_no_more(work: Work, keys: KeyConfirming) -> None:
    """The first officer's account was closed meanwhile: the next word is the first one, and a third
    officer's decides; the entries alone tell which word was completed."""
    add_officers(work, "officer-c")
    assert not keys.confirm(HOST_A, FIRST, "seen", DOCUMENT)
    close_account(work, FIRST)

    assert not keys.confirm(HOST_A, SECOND, "seen", DOCUMENT)
    assert standing(work) is KeyStanding.CLAIMED
    assert keys.confirm(HOST_A, "officer-c", "seen", DOCUMENT)
    assert [one.completes for one in words_of(work)] == [0, 0, 2]
    assert standing(work) is KeyStanding.CONFIRMED


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (replace(TOKEN, made_inside=False), "made inside"),
        (replace(TOKEN, never_extractable=False), "never could be taken out"),
        (replace(TOKEN, always_sensitive=False), "never was shown in the clear"),
        (replace(TOKEN, serial=" "), "serial number"),
        (replace(TOKEN, serial="0000000000000000"), "serial number"),
    ],
)
def test_a_key_that_may_be_elsewhere_is_not_confirmed(
    work: Work, keys: KeyConfirming, token: KeyToken, said: str
) -> None:
    """What the host did not claim no officer can confirm, whatever the document says."""
    claim_token(work, HOST_B, token)
    with pytest.raises(Refused, match=said):
        keys.confirm(HOST_B, FIRST, "seen", DOCUMENT)

    assert words_of(work, HOST_B) == []


def test_refused_words_keep_nothing(work: Work, keys: KeyConfirming) -> None:
    """No claim, no such host, nothing to withdraw, confirmed already, no reason, no document."""
    with pytest.raises(Refused, match="claimed no key in hardware"):
        keys.confirm(HOST_B, FIRST, "seen", DOCUMENT)
    with pytest.raises(NotFound, match="hosts list"):
        keys.confirm("nowhere", FIRST, "seen", DOCUMENT)
    with pytest.raises(Refused, match="nothing is confirmed"):
        keys.withdraw(HOST_A, FIRST, "lost")
    with pytest.raises(InvalidValue, match="reason"):
        keys.confirm(HOST_A, FIRST, " ", DOCUMENT)
    for odd in (b"", b"\x7fELF\x00"):
        with pytest.raises(InvalidValue):
            keys.confirm(HOST_A, FIRST, "seen", Document(name="note.pdf", content=odd))
    assert words_of(work) == []
    with work.begin(writes=False) as unit:
        assert unit.files.files() == []

    confirm_key(keys, work, HOST_A)
    with pytest.raises(Refused, match="confirmed by two officers already"):
        keys.confirm(HOST_A, FIRST, "seen", DOCUMENT)


def test_a_held_hosts_key_is_confirmed_with_a_word_on_it(
    work: Work, keys: KeyConfirming, clock: Clock
) -> None:
    """Its reports wait for two other words, its key does not: it is confirmed, and each word says
    for good how the host stood, in its row and in the log."""
    assert not keys.confirm(HOST_A, FIRST, "seen", DOCUMENT)
    HostKeeping(work, clock).hold(HOST_A, "officer-a", "odd")
    assert keys.confirm(HOST_A, SECOND, "seen", PHOTO)

    assert standing(work) is KeyStanding.CONFIRMED
    assert [one.host_state for one in words_of(work)] == ["active", "held"]
    assert check_logged(work) == []
    alter(work, "host_key_words", "UPDATE host_key_words SET host_state = 'active'")
    assert any("/2 is" in one for one in check_logged(work))


@pytest.mark.parametrize("said_before", [0, 1])
def test_a_revoked_hosts_key_is_confirmed_no_more(
    work: Work, keys: KeyConfirming, clock: Clock, said_before: int
) -> None:
    """Neither the first word nor the second is taken, and nothing of it is kept."""
    for officer in OFFICERS[:said_before]:
        keys.confirm(HOST_A, officer, "seen", DOCUMENT)
    HostKeeping(work, clock).revoke(HOST_A, "officer-a", "sold")
    with pytest.raises(Refused, match="is revoked"):
        keys.confirm(HOST_A, SECOND, "seen", PHOTO)

    assert len(words_of(work)) == said_before
    assert standing(work) is KeyStanding.CLAIMED
    with work.begin(writes=False) as unit:
        assert len(unit.files.files()) == said_before


def test_what_was_confirmed_outlives_a_revocation_and_can_be_withdrawn(
    work: Work, keys: KeyConfirming, clock: Clock
) -> None:
    """A host that was sold signed in hardware until then; one whose token was lost is taken back,
    and stays so."""
    confirm_key(keys, work, HOST_A)
    HostKeeping(work, clock).revoke(HOST_A, "officer-a", "sold")
    stood = standing(work)
    withdraw_key(keys, HOST_A)

    assert stood is KeyStanding.CONFIRMED
    assert standing(work) is KeyStanding.WITHDRAWN
    assert [one.host_state for one in words_of(work)] == ["active"] * 2 + ["revoked"] * 2
    with pytest.raises(Refused, match="is revoked"):
        keys.confirm(HOST_A, FIRST, "seen", DOCUMENT)
    assert check_logged(work) == []


@pytest.mark.parametrize("pair", [OFFICERS, (FIRST, FIRST)])
def test_two_who_speak_at_once(work: Work, keys: KeyConfirming, pair: tuple[str, str]) -> None:
    """Two officers at the same instant are a first and a second; one officer twice is one."""
    start = threading.Barrier(2)

    def say(officer: str) -> bool | None:
        start.wait()
        try:
            return keys.confirm(HOST_A, officer, "seen", DOCUMENT)
        except KashiError:
            return None

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(say, pair))

    both = pair[0] != pair[1]
    assert sorted(answers, key=str) == ([False, True] if both else [False, None])
    assert [one.completes for one in words_of(work)] == ([0, 1] if both else [0])
    assert standing(work) is (KeyStanding.CONFIRMED if both else KeyStanding.CLAIMED)
    assert check_logged(work) == []


@pytest.mark.parametrize(
    ("table", "statement", "said"),
    [
        ("host_key_words", "UPDATE host_key_words SET officer = 'x' WHERE ordinal = 1", "/1 is"),
        ("host_key_words", "UPDATE host_key_words SET reason = 'x' WHERE ordinal = 2", "/2 is"),
        (
            "host_key_words",
            "UPDATE host_key_words SET act = 'withdrawn', evidence_sha256 = '' WHERE ordinal = 1",
            "/1 is not what",
        ),
        ("host_key_words", "DELETE FROM host_key_words WHERE ordinal = 2", "/2 is in the log"),
        (
            "host_key_words",
            INSERTED_WORD,
            "/3 stands in no log entry",
        ),
        ("host_key_tokens", "UPDATE host_key_tokens SET serial = '1'", "another token than"),
        ("host_key_tokens", "UPDATE host_key_tokens SET model = 'x'", "host-key-token"),
        ("host_key_tokens", "DELETE FROM host_key_tokens", "is in the log and nowhere else"),
        ("hosts", ANOTHER_KEY, "host-key-token"),
    ],
)
def test_altered_rows_are_named(
    work: Work, keys: KeyConfirming, table: str, statement: str, said: str
) -> None:
    """A word, a claim or a key that the log has otherwise is told."""
    confirm_key(keys, work, HOST_A)
    assert check_logged(work) == []
    alter(work, table, statement)

    found = check_logged(work)
    assert any(said in one for one in found), found


def test_a_claim_swapped_in_row_and_log_is_still_named(work: Work, keys: KeyConfirming) -> None:
    """Whoever also appends an entry for the swapped claim: the words speak of the other one."""
    confirm_key(keys, work, HOST_A)
    alter(work, "host_key_tokens", "DELETE FROM host_key_tokens")
    claim_token(work, HOST_A, replace(TOKEN, serial="0099-99"))

    assert [one.partition("。")[2] for one in check_logged(work)] == [
        f"host-key-word {HOST_A}/{ordinal} speaks of another token than the host claimed when it"
        " was enrolled"
        for ordinal in (1, 2)
    ]


def test_one_officer_made_two_in_row_and_log_is_still_named(
    work: Work, keys: KeyConfirming
) -> None:
    """Whoever writes the first officer's name into the second word, and an entry that agrees: the
    word completes nobody else's, it counts for nothing, and fsck says so."""
    confirm_key(keys, work, HOST_A)
    alter(work, "host_key_words", f"UPDATE host_key_words SET officer = '{FIRST}'")
    with work.begin() as unit:
        forged = unit.identity.key_words(HOST_A)[1]
        unit.log.append_pending(KEY_WORD_ENTRY, forged.reference, forged.to_bytes())
        unit.commit()

    assert standing(work) is KeyStanding.CLAIMED
    assert [one.partition("。")[2] for one in check_logged(work)] == [
        f"host-key-word {HOST_A}/2 completes no word of another officer"
    ]


@pytest.mark.parametrize("table", ["host_key_words", "host_key_tokens"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET host_id = 'x'", "DELETE FROM {}"])
def test_rows_are_only_ever_added(work: Work, keys: KeyConfirming, table: str, verb: str) -> None:
    """The database itself refuses another program's change."""
    confirm_key(keys, work, HOST_A)
    with pytest.raises(IntegrityError, match="only ever added"), work.begin() as unit:
        unit.connection.execute(text(verb.format(table)))


def test_a_lost_document_is_named(work: Work, keys: KeyConfirming, tmp_path: Path) -> None:
    """fsck hashes it again."""
    confirm_key(keys, work, HOST_A)
    store = FileStore(tmp_path / "files")
    for path in (tmp_path / "files").rglob("*"):
        if path.is_file():
            path.unlink()

    assert len(check_files(work, store)) == 2
