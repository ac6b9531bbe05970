"""Money: fen, exact fractions, one door for decimals and named roundings."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.money import (
    parse_decimal,
    parse_yuan,
    price_text,
    truncate_places,
    truncate_to_fen,
    yuan_text,
)
from kashi_server.errors import InvalidValue


@pytest.mark.parametrize(
    "text",
    ["", "1e3", "1,5", ".5", "1.", "00.5", "+1", "NaN", "inf", " 1", "1_000", "0.123456789", "１"],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    """One spelling comes in; no exponent, no float's leftovers, no other digits."""
    with pytest.raises(InvalidValue):
        parse_decimal(text)


@given(st.integers(-(10**13), 10**13))
def test_yuan_read_back_what_was_written(fen: int) -> None:
    """Fen to text and back is exact."""
    assert parse_yuan(yuan_text(fen)) == fen


def test_parts_of_a_fen_are_refused() -> None:
    """12.345 yuan is not an amount."""
    with pytest.raises(InvalidValue, match="parts of a fen"):
        parse_yuan("12.345")


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        (Fraction(2, 3), 66),
        (Fraction(-2, 3), -66),
        (Fraction("499999.999"), 49_999_999),
        (Fraction(5), 500),
    ],
)
def test_truncation_goes_toward_zero(yuan: Fraction, fen: int) -> None:
    """A reversal cancels exactly what it reverses."""
    assert truncate_to_fen(yuan) == fen


def test_a_published_figure_comes_out_by_truncation() -> None:
    """Nanning: 200 000 x 305/729 x 30 % is published as 2.5102 (10 000 yuan): cut, not rounded."""
    settled = truncate_places(Fraction(200_000 * 305, 729) / 10_000, 4)
    voucher = truncate_places(parse_decimal(settled) * parse_decimal("0.30"), 4)

    assert (settled, voucher) == ("8.3676", "2.5102")


def test_a_price_is_spelled_with_two_places_at_least() -> None:
    """12.5 is 12.50; finer prices keep their places."""
    assert [price_text(parse_decimal(text)) for text in ("12.5", "9", "0.3333")] == [
        "12.50",
        "9.00",
        "0.3333",
    ]
