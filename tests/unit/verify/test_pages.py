"""What stands on a page: figures are whole, hashes are hashes whatever they begin with."""

import pytest
from kashi_verify.pages import stands

DIGEST = "14de58cddf867d7113d2bf9a4e04bafd2bc9a0584505daf48d493306cd6e9dce"


@pytest.mark.parametrize("first", ["1", "a"])
@pytest.mark.parametrize("behind", ["2026-09", "报告", ""])
def test_a_hash_stands_whatever_is_beside_it(first: str, behind: str) -> None:
    """Between a label that ends in a digit and a row that begins with one it is found as well."""
    figure = first + DIGEST[1:]

    assert stands(figure, f"SHA-256{figure}{behind}")
    assert not stands(figure, f"SHA-256{figure[:-1]}{behind}")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("12.50元", True),
        ("912.50元", False),
        ("1,12.50元", False),
        ("12.505", False),
        ("¥12.50", True),
    ],
)
def test_a_number_stands_alone(text: str, whole: bool) -> None:
    """12.50 is not in 912.50."""
    assert stands("12.50", text) is whole
