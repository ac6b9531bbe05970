"""Whoever verifies a certificate reads what fails, and where, in Chinese and in English."""

from pathlib import Path

import kashi_verify
from kashi_verify.flag_wording import FLAGS
from two_languages import Message, sources

VERIFIER = sources(Path(kashi_verify.__file__).parent)


def one_sided(found: list[Message]) -> list[Message]:
    """Those that lack a half; one without a word needs none."""
    return [one for one in found if not one.told_twice() and not one.wordless]


def test_every_failure_has_a_chinese_half_and_an_english_one() -> None:
    """Chinese first, in one string, for each failure of a step and each file that is not taken."""
    found = list(VERIFIER.messages(VERIFIER.errors("CheckFailed", "Unreadable")))

    assert len(found) > 200  # the walk itself works
    assert one_sided(found) == []


def test_every_flag_is_told_in_both_languages_or_by_its_words_alone() -> None:
    """Where a flag says more than its code's own words, it says it in both languages."""
    found = list(VERIFIER.messages({"flag", "_flag"}))
    words = {((code,), english) for code, (_zh, english) in FLAGS.items()}

    assert len(found) > 10
    assert [one for one in one_sided(found) if (one.beside, one.text) not in words] == []
