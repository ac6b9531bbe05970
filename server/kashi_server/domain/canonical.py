"""Canonical bytes of structured data: what is hashed, signed and compared is written one way.

UTF-8 JSON with sorted keys, no spaces and no escapes beyond what JSON demands; integers only, a
decimal or a fraction travels as text. A float has no one spelling and is refused.
"""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction

from kashi_server.errors import InvalidValue


def canonical_bytes(value: object) -> bytes:
    """The one spelling of a value.

    Raises:
        InvalidValue: something in it has no canonical spelling; the message names its place.
    """
    _check(value, "$")
    text = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def _check(value: object, place: str) -> None:
    match value:
        case None | bool() | int() | str():
            return
        case Mapping():
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise InvalidValue(
                        f"{place}：键 {key!r} 不是文字。{place}: the key {key!r} is not text"
                    )
                _check(inner, f"{place}.{key}")
        case Sequence():
            for index, inner in enumerate(value):
                _check(inner, f"{place}[{index}]")
        case _:
            raise InvalidValue(
                f"{place}：{type(value).__name__} 没有规范写法。"
                f"{place}: {type(value).__name__} has no canonical spelling"
            )


def decimal_text(value: Fraction) -> str:
    """An exact spelling: a plain decimal where one ends, otherwise `numerator/denominator`."""
    twos, fives, rest = 0, 0, value.denominator
    while rest % 2 == 0:
        twos, rest = twos + 1, rest // 2
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    whole, part = divmod(abs(value.numerator) * 10**places // value.denominator, 10**places)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part:0{places}d}" if places else f"{sign}{whole}"
