"""Exact numbers as texts: digits, perhaps a decimal part or a denominator, and nothing else.

The library's fractions read more: an exponent of a few characters that fills the memory, and a
denominator of zero.
"""

import re
from fractions import Fraction
from typing import Any, Final

from kashi_verify.findings import CheckFailed

_EXACT: Final = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400}|/[1-9][0-9]{0,399})?")


def exact(said: Any) -> Fraction:
    """The number that a text, or a whole number, says.

    Raises:
        CheckFailed: it is spelled in another way.
    """
    if isinstance(said, int):
        return Fraction(said)
    if not isinstance(said, str) or _EXACT.fullmatch(said) is None:
        raise CheckFailed(
            f"“{str(said)[:40]}”不是规范书写的精确数。"
            f"'{str(said)[:40]}' is not an exact number, plainly spelled"
        )
    return Fraction(said)
