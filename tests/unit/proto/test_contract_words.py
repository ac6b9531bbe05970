"""What breaks the contract is told in Chinese and in English, whoever shows it."""

from pathlib import Path

import kashi
from kashi.errors import ContractError
from two_languages import messages

ERRORS = {ContractError.__name__, *(kind.__name__ for kind in ContractError.__subclasses__())}


def test_every_break_of_the_contract_has_a_chinese_half_and_an_english_one() -> None:
    """Chinese first, in one string."""
    found = list(messages([Path(kashi.__file__).parent], ERRORS))

    assert len(found) > 20  # the walk itself works
    assert [one for one in found if not one.told_twice] == []
