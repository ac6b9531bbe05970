"""Whoever verifies a certificate reads what fails, and where, in Chinese and in English."""

from pathlib import Path

import kashi_verify
from kashi_verify.flag_wording import FLAGS
from two_languages import messages

FOLDER = Path(kashi_verify.__file__).parent


def test_every_failure_has_a_chinese_half_and_an_english_one() -> None:
    """Chinese first, in one string, for each failure of a step and each file that is not taken."""
    found = list(messages([FOLDER], {"CheckFailed", "Unreadable"}))

    assert len(found) > 200  # the walk itself works
    assert [one for one in found if not one.told_twice] == []


def test_every_flag_is_told_in_both_languages_or_by_its_words_alone() -> None:
    """Where a flag says more than its code's own words, it says it in both languages."""
    found = list(messages([FOLDER], {"flag", "_flag"}))
    english = {f"{code} {words[1]}" for code, words in FLAGS.items()}

    assert len(found) > 10
    assert [one for one in found if not one.told_twice and one.text not in english] == []
