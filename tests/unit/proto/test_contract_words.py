"""What breaks the contract is told in Chinese and in English, whoever shows it."""

from pathlib import Path

import kashi
from two_languages import sources

CONTRACT = sources(Path(kashi.__file__).parent)


def test_every_break_of_the_contract_has_a_chinese_half_and_an_english_one() -> None:
    """Chinese first, in one string."""
    found = list(CONTRACT.messages(CONTRACT.errors("ContractError")))

    assert len(found) > 20  # the walk itself works
    assert [one for one in found if not one.told_twice() and not one.wordless] == []
