"""What follows from officers' words on a host's key, and from a host's claim."""

from dataclasses import replace

import pytest
from claimed_tokens import TOKEN
from kashi_server.domain.evidence_level import KeyCustody
from kashi_server.domain.key_token import KeyToken, claim_bytes, claimed_together
from kashi_server.domain.key_word import (
    ALONE,
    KeyAct,
    KeyStanding,
    KeyWord,
    custody_by_host,
    key_standing,
    waiting,
)

HOST = "11111111-0000-4000-8000-000000000001"


def word(
    ordinal: int,
    officer: str,
    completes: int = ALONE,
    act: KeyAct = KeyAct.CONFIRMED,
    host_id: str = HOST,
) -> KeyWord:
    """One word; its document is of no matter here."""
    return KeyWord(
        host_id=host_id,
        ordinal=ordinal,
        act=act,
        completes=completes,
        officer=officer,
        reason="seen",
        evidence_sha256="0" * 64 if act is KeyAct.CONFIRMED else "",
        claim_sha256="1" * 64,
        host_state="active",
        utc_ms=ordinal,
    )


CONFIRMED = (word(1, "a"), word(2, "b", 1))
WITHDRAWN = (
    *CONFIRMED,
    word(3, "b", act=KeyAct.WITHDRAWN),
    word(4, "c", 3, act=KeyAct.WITHDRAWN),
)


@pytest.mark.parametrize(
    ("words", "held"),
    [
        ((), False),
        (CONFIRMED[:1], False),
        (CONFIRMED, True),
        (tuple(reversed(CONFIRMED)), True),
        (WITHDRAWN[:3], True),
        (WITHDRAWN, False),
        ((*WITHDRAWN, word(5, "a")), False),
        ((*WITHDRAWN, word(5, "a"), word(6, "b", 5)), True),
        # The same officer twice, a word that is not there, a word of the other kind: no decision.
        ((word(1, "a"), word(2, "a", 1)), False),
        ((word(2, "b", 1),), False),
        ((*CONFIRMED, word(3, "c", 2, act=KeyAct.WITHDRAWN)), True),
    ],
)
def test_two_officers_decide_and_the_last_decision_holds(
    words: tuple[KeyWord, ...], held: bool
) -> None:
    """In whatever order words are read; one word alone changes nothing, whichever way."""
    assert custody_by_host(words) == ({HOST: KeyCustody.HARDWARE} if held else {})


def test_a_word_speaks_of_its_host_alone() -> None:
    """Two hosts' words are told apart: half of one and half of the other decide nothing."""
    other = replace(CONFIRMED[1], host_id="22222222-0000-4000-8000-000000000002")

    assert custody_by_host((CONFIRMED[0], other)) == {}
    assert set(custody_by_host((*CONFIRMED, other))) == {HOST}


def test_what_waits_is_of_officers_who_still_are() -> None:
    """Since the last decision, and of nobody who left."""
    assert [one.ordinal for one in waiting(WITHDRAWN[:3], {"a", "b", "c"})] == [3]
    assert waiting(WITHDRAWN[:3], {"a", "c"}) == []
    assert waiting(WITHDRAWN, {"a", "b", "c"}) == []


def test_a_claim_stands_by_words_alone() -> None:
    """Without a token it is a file, whatever words there are; with one a claim until confirmed."""
    assert key_standing(None, CONFIRMED) is KeyStanding.FILE
    assert key_standing(TOKEN, ()) is KeyStanding.CLAIMED
    assert key_standing(TOKEN, CONFIRMED[:1]) is KeyStanding.CLAIMED
    assert key_standing(TOKEN, CONFIRMED) is KeyStanding.CONFIRMED
    assert key_standing(TOKEN, WITHDRAWN) is KeyStanding.WITHDRAWN


@pytest.mark.parametrize("name", ["made_inside", "never_extractable", "always_sensitive"])
def test_a_key_that_was_outside_is_not_claimed_to_be_inside(name: str) -> None:
    """Each of the three is asked for."""
    assert TOKEN.unclaimed() == ()
    lacking = KeyToken(**{**TOKEN.to_data(), name: False})  # type: ignore[arg-type]  # a flag
    assert len(lacking.unclaimed()) == 1


ZEROS = ("0", "0000000000000000", "00:00-00 00", " 0 ")


@pytest.mark.parametrize("serial", ["", "  ", "--", "\u3164", "\u2800", *ZEROS])
def test_a_token_without_a_number_is_no_particular_one(serial: str) -> None:
    """No document can be held against it; a letter that nobody sees is no number, nor are the
    zeros that a TPM tells; and what nobody knows is not the same as what nobody knows."""
    ((_zh, en),) = replace(TOKEN, serial=serial).unclaimed()
    assert "serial" in en
    unknown = replace(TOKEN, serial=serial)
    others = [replace(TOKEN, serial=one) for one in (serial, "", "0", "000")]
    named = dict(zip("abcde", (TOKEN, unknown, *others), strict=False))
    assert claimed_together(named) == {}


@pytest.mark.parametrize("serial", ["0042-17", "004217", " 0042 17", "0042‐17"])
def test_one_number_is_one_however_it_is_spelled(serial: str) -> None:
    """Marks and blanks make no second token, nor do another maker and model."""
    other = replace(TOKEN, manufacturer="Another", model="X", serial=serial)
    another, none = replace(other, serial="0042-18"), None
    together = claimed_together({"a": TOKEN, "b": other, "c": another, "d": none, "e": TOKEN})
    assert together == {"a": ("b", "e"), "b": ("a", "e"), "e": ("a", "b")}


def test_a_claim_is_of_one_key_in_one_token() -> None:
    """Another host, key or property makes another claim, so words on one do not fit the other."""
    said = claim_bytes(HOST, "aa", TOKEN)

    others = [
        claim_bytes("22222222-0000-4000-8000-000000000002", "aa", TOKEN),
        claim_bytes(HOST, "bb", TOKEN),
        *(
            claim_bytes(HOST, "aa", replace(TOKEN, **change))
            for change in (
                {"serial": "0042-18"},
                {"manufacturer": "Another"},
                {"model": "ET-1"},
                {"made_inside": False},
            )
        ),
    ]
    assert len({said, *others}) == len(others) + 1
