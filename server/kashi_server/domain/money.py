"""Money: integer fen; prices and ratios as exact fractions; one door to decimals, named roundings.

No float comes in anywhere. A fraction becomes fen in exactly one place, by a rounding with a name.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from kashi_server.domain.canonical import decimal_text
from kashi_server.errors import InvalidValue

FEN_PER_YUAN = 100
FEN_MAX = 10**15
"""Ten trillion yuan: more than any programme holds, far below 64 bits."""

ROUNDING_FEN = "truncate_to_fen"
"""The rounding of a rated line: toward zero, to one fen, once a line."""

DECIMAL_PLACES_MAX = 8

_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,8})?")


def parse_decimal(text: str) -> Fraction:
    """The one door for decimals: plain digits, at most eight places, no exponent, no float.

    Raises:
        InvalidValue: the text is no such decimal.
    """
    if not _DECIMAL.fullmatch(text):
        raise InvalidValue(
            f"“{text}”不是普通的十进制数；请写为 12.50 这样，至多 8 位小数。"
            f"'{text}' is not a plain decimal; write it like 12.50, with at most 8 places"
        )
    return Fraction(Decimal(text))


def parse_yuan(text: str) -> int:
    """Yuan with at most two places, as fen.

    Raises:
        InvalidValue: not a decimal, parts of a fen, or more than the house can count.
    """
    fen = parse_decimal(text) * FEN_PER_YUAN
    if fen.denominator != 1:
        raise InvalidValue(
            f"“{text}”元不足整分；至多写两位小数。"
            f"'{text}' yuan has parts of a fen; give at most two places"
        )
    if abs(fen) > FEN_MAX:
        raise InvalidValue(
            f"“{text}”元超出可计的范围。'{text}' yuan is more than this house can count"
        )
    return fen.numerator


def yuan_text(fen: int) -> str:
    """Fen as yuan with two places: 1234 is `12.34`."""
    whole, part = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole}.{part:02d}"


def price_text(yuan: Fraction) -> str:
    """A price in yuan, exact, with at least two places: `12.50`, `0.333333`."""
    text = decimal_text(yuan)
    if "/" in text:
        return text
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<2}"


def truncate_to_fen(yuan: Fraction) -> int:
    """Yuan to fen, toward zero: what the published rules do where they say anything."""
    fen = yuan * FEN_PER_YUAN
    return fen.numerator // fen.denominator if fen >= 0 else -(-fen.numerator // fen.denominator)


def truncate_to_fen_share(amount_fen: int, part: int, whole: int) -> int:
    """The share part/whole of an amount, cut toward zero to a fen.

    Raises:
        InvalidValue: there is no whole.
    """
    if whole == 0:
        raise InvalidValue("总数为零，无法求其份额。a share of nothing")
    return truncate_to_fen(Fraction(amount_fen * part, whole * FEN_PER_YUAN))


def truncate_times(yuan: Fraction, counts: Iterable[int]) -> list[int]:
    """`truncate_to_fen` of so many times some yuan, for each count; nothing is negative. Without
    fractions of the products: rating does this for every day of every line."""
    fen, whole = yuan.numerator * FEN_PER_YUAN, yuan.denominator
    return [fen * count // whole for count in counts]


def truncate_places(value: Fraction, places: int) -> str:
    """A non-negative fraction as decimal text cut to `places`, for people to read."""
    if value < 0:
        raise InvalidValue(f"{value} 为负数。{value} is negative")
    whole, part = divmod(value.numerator * 10**places // value.denominator, 10**places)
    return f"{whole}.{part:0{places}d}"
