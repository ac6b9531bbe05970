"""E3 by the log: confirmed keys make a host's lines E3 from the confirmation's place in it on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from claimed_tokens import DOCUMENT, claim_token, confirm_key, key_confirming, withdraw_key
from corrected_months import OFFICERS
from insider import alter, unguard
from kashi_server.domain.correction_cause import Cause, causes_of
from kashi_server.errors import StorageError
from kashi_server.services.authority import Keyring
from kashi_server.services.correcting import Correcting
from kashi_server.services.evidence_inputs import KEY_WORD_ENTRY
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.ingestion import Ingestion
from kashi_server.services.key_confirming import KeyConfirming
from kashi_server.services.log_port import Checkpoint
from kashi_server.storage.tables.log import log_entries
from kashi_server.storage.unit_of_work import Work
from replayed_months import AFTER_MS, HOST, MONTH, OTHER_HOST, Way
from sqlalchemy import select, text

NUMBER = f"KS-{MONTH}-HT-1"


@pytest.fixture
def way(work: Work, keyring: Keyring, ingestion: Ingestion, clock: Callable[[], int]) -> Way:
    """Two hosts that reported for a month; both claim a token."""
    made = Way(work, keyring, ingestion, clock)
    made.send(made.host, 3)
    made.send(made.late, 3)
    for host_id in (HOST, OTHER_HOST):
        claim_token(work, host_id)
    return made


@pytest.fixture
def keys(way: Way, tmp_path: Path) -> KeyConfirming:
    """Officers' words."""
    return key_confirming(way.work, way.clock, tmp_path / "files")


def levels(way: Way, revision: int | None = None) -> dict[str, set[str]]:
    """Levels of the statement's lines, by host."""
    found: dict[str, set[str]] = {}
    for line in statement(way, revision)["lines"]:
        found.setdefault(line["host_id"], set()).add(line["evidence_level"])
    return found


def statement(way: Way, revision: int | None = None) -> dict[str, Any]:
    """The statement as it is stored."""
    with way.work.begin(writes=False) as unit:
        stored = unit.expense.statement(NUMBER, revision)
    assert stored is not None
    said: dict[str, Any] = json.loads(stored.content)
    return said


def correcting(way: Way) -> Correcting:
    """Corrections over the same log."""
    return Correcting(way.work, way.sequence, lambda: AFTER_MS, demo=False)


def again(way: Way, reference: str) -> None:
    """Whoever may append to the log appends an entry of it once more."""
    with way.work.begin() as unit:
        query = select(log_entries.c.entry).where(log_entries.c.reference == reference)
        entry = bytes(unit.connection.execute(query).scalars().first() or b"")
        unit.log.append_pending(KEY_WORD_ENTRY, reference, entry)
        unit.commit()


def test_a_claim_alone_and_one_word_alone_are_no_level(way: Way, keys: KeyConfirming) -> None:
    """Both hosts claim a token, one officer spoke for one of them: every line is an agent's."""
    keys.confirm(HOST, OFFICERS[0], "seen", DOCUMENT)
    way.close()

    assert levels(way) == {HOST: {"E2"}, OTHER_HOST: {"E2"}}
    assert statement(way)["quality"]["evidence_level"] == "E2"


def test_confirmed_before_the_close_is_e3(way: Way, keys: KeyConfirming) -> None:
    """Of the confirmed host alone, for the whole month; the replay gives the same bytes."""
    confirm_key(keys, way.work, HOST)
    way.close()

    assert levels(way) == {HOST: {"E3"}, OTHER_HOST: {"E2"}}
    assert way.differing() == []
    assert check_logged(way.work) == []


def test_what_comes_after_the_close_changes_no_closed_byte(way: Way, keys: KeyConfirming) -> None:
    """Confirmed after a close: the month is replayed to the same bytes, at E2; withdrawn after a
    close: the same, at E3."""
    confirm_key(keys, way.work, HOST)
    way.close()
    confirm_key(keys, way.work, OTHER_HOST)
    withdraw_key(keys, HOST)
    way.sequence()

    assert levels(way) == {HOST: {"E3"}, OTHER_HOST: {"E2"}}
    assert way.differing() == []


def test_a_closed_month_changes_its_levels_by_a_correction(way: Way, keys: KeyConfirming) -> None:
    """The correction finds what was confirmed since and what was withdrawn, though not a fen
    changes; the first revision stays, and both are replayed to their bytes."""
    way.close()
    assert correcting(way).preview(MONTH) is None
    confirm_key(keys, way.work, HOST)
    assert correcting(way).differing() == ((MONTH, 0),)
    way.correct()
    confirmed = levels(way)
    withdraw_key(keys, HOST)
    way.correct()

    assert confirmed == {HOST: {"E3"}, OTHER_HOST: {"E2"}}
    assert levels(way) == {HOST: {"E2"}, OTHER_HOST: {"E2"}}
    assert [levels(way, revision)[HOST] for revision in (1, 2, 3)] == [{"E2"}, {"E3"}, {"E2"}]
    correction = statement(way, 2)["correction"]
    assert (correction["amount_fen"], correction["eligible_fen"]) == (0, 0)
    assert way.differing() == []
    assert check_logged(way.work) == []


def test_the_correction_names_its_cause(way: Way, keys: KeyConfirming) -> None:
    """It is the evidence that changed, nothing else."""
    way.close()
    confirm_key(keys, way.work, HOST)

    found = correcting(way).preview(MONTH)

    assert found is not None
    assert causes_of(NUMBER, found.difference.booked) == (Cause.EVIDENCE,)


def test_a_word_given_while_a_month_is_closed_is_not_passed_over(
    way: Way, keys: KeyConfirming
) -> None:
    """The second officer speaks after the log was sequenced for the close: the close begins again,
    as it does for a report, and has it."""
    plain, heads = way.sequence, list[Checkpoint]()

    def sequenced() -> Checkpoint:
        heads.append(plain())
        if len(heads) == 1:
            confirm_key(keys, way.work, HOST)
        return heads[-1]

    way.sequence = sequenced
    way.close()

    assert levels(way)[HOST] == {"E3"}
    assert way.differing() == []


def test_todays_row_is_not_asked(way: Way, keys: KeyConfirming) -> None:
    """A host's row without a claim, or of a host that claims one now: what is in the log counts."""
    confirm_key(keys, way.work, HOST)
    way.close()
    alter(way.work, "host_key_tokens", "DELETE FROM host_key_tokens")

    assert way.differing() == []
    assert check_logged(way.work) != []


def test_a_row_that_the_log_has_not_counts_for_nothing(way: Way, keys: KeyConfirming) -> None:
    """Two words put into the table alone: no line is E3."""
    confirm_key(keys, way.work, HOST)
    with way.work.begin() as unit:
        unguard(unit, "host_key_words")
        unit.connection.execute(
            text(
                f"INSERT INTO host_key_words SELECT '{OTHER_HOST}', ordinal, act, completes,"
                " officer, reason, evidence_sha256, claim_sha256, host_state, said_utc_ms"
                " FROM host_key_words"
            )
        )
        unit.commit()
    way.close()

    assert levels(way) == {HOST: {"E3"}, OTHER_HOST: {"E2"}}


@pytest.mark.parametrize(
    "statement_text",
    [
        "DELETE FROM host_key_words WHERE ordinal = 4",
        "UPDATE host_key_words SET completes = 0 WHERE ordinal = 4",
        "UPDATE host_key_words SET officer = 'officer-b' WHERE ordinal = 3",
    ],
)
def test_a_word_that_was_altered_stops_the_close(
    way: Way, keys: KeyConfirming, statement_text: str
) -> None:
    """A withdrawal that somebody took out of the table makes no line E3: nothing is rated by it."""
    confirm_key(keys, way.work, HOST)
    withdraw_key(keys, HOST)
    alter(way.work, "host_key_words", statement_text)

    with pytest.raises(StorageError, match="kashi-server fsck"):
        way.close()


def test_an_entry_that_no_officer_gave_stops_the_close(way: Way) -> None:
    """Who writes to the log alone, as ingestion may, makes no line E3."""
    with way.work.begin() as unit:
        unit.log.append_pending(KEY_WORD_ENTRY, f"{OTHER_HOST}/1", b"{}")
        unit.commit()

    with pytest.raises(StorageError, match="not what the log has of it"):
        way.close()


def test_an_entry_that_came_twice_is_one_word(way: Way, keys: KeyConfirming) -> None:
    """The confirmation appended once more behind its withdrawal confirms nothing."""
    confirm_key(keys, way.work, HOST)
    withdraw_key(keys, HOST)
    way.sequence()
    again(way, f"{HOST}/2")
    way.close()

    assert levels(way)[HOST] == {"E2"}


def test_reports_of_before_the_confirmation_count_as_well(way: Way, keys: KeyConfirming) -> None:
    """The key of a host id never changes: what it signed before is signed by the same key."""
    confirm_key(keys, way.work, HOST)
    way.send(way.host, 1)
    way.close()

    assert levels(way)[HOST] == {"E3"}
