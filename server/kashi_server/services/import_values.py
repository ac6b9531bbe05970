"""How a value of an import file is read, or refused in a sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

from kashi_server.domain.contract import check_token
from kashi_server.domain.contract_terms import check_item, check_text
from kashi_server.domain.interval import minute_of
from kashi_server.domain.money import parse_decimal, parse_yuan
from kashi_server.domain.party import check_credit_code
from kashi_server.domain.tariff import Basis, PriceUnit
from kashi_server.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a table; `read` gives its value or raises InvalidValue."""

    read: Callable[[Any], Any]
    required: bool = True


def text(value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(f"{value!r} 不是文本。{value!r} is not text")
    return value.strip()


def credit_code(value: object) -> str:
    """A 统一社会信用代码."""
    return check_credit_code(text(value))


def token(value: object) -> str:
    """An identifier people chose."""
    return check_token(text(value), "the identifier")


def day(value: object) -> date:
    """A calendar day, written bare: 2026-08-20."""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise InvalidValue(
            f"{value!r} 不是日期，请直接写作 2026-08-20。"
            f"{value!r} is not a day; write it bare, like 2026-08-20"
        )
    return value


def minute(value: object) -> int:
    """An instant on a whole minute, with its offset: 2026-10-01T00:00:00+08:00."""
    if not isinstance(value, datetime):
        raise InvalidValue(
            f"{value!r} 不是时刻，请直接写作 2026-10-01T00:00:00+08:00。"
            f"{value!r} is not an instant; write it bare, like 2026-10-01T00:00:00+08:00"
        )
    if value.utcoffset() not in (timedelta(0), timedelta(hours=8)):
        raise InvalidValue(
            f"{value.isoformat()}：请注明时区 +08:00 或 Z。"
            f"{value.isoformat()}: give the offset, +08:00 or Z"
        )
    return minute_of(value)


def truth(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidValue(f"{value!r} 须为 true 或 false。{value!r} is neither true nor false")
    return value


def decimal(value: object) -> Fraction:
    """A decimal as text: a bare 12.50 would be a float, which money never is."""
    if not isinstance(value, str):
        raise InvalidValue(
            f'{value!r}：小数须写作文本，如 "12.50"。'
            f'{value!r}: write the decimal as text, like "12.50"'
        )
    return parse_decimal(value)


def line(value: object) -> str:
    """One short line that people wrote: a number of a paper, a batch's name."""
    return check_text(text(value), "the text")


def item(value: object) -> str:
    """What expense is for, in the words of the rules."""
    return check_item(text(value))


def yuan(value: object) -> int:
    """Yuan as text with at most two places, as fen: "780000.00"."""
    if not isinstance(value, str):
        raise InvalidValue(
            f'{value!r}：金额须写作文本，如 "780000.00"。'
            f'{value!r}: write the amount as text, like "780000.00"'
        )
    return parse_yuan(value)


def count(value: object) -> int:
    """A whole number above zero."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidValue(
            f"{value!r} 不是大于零的整数。{value!r} is not a whole number above zero"
        )
    return value


def hourly(value: object) -> Basis:
    """What a price by the hour bills; a rent stands in a table of its own."""
    basis = one_of(Basis)(value)
    if basis is Basis.FLAT_RENT:
        raise InvalidValue(
            "固定租金按月写在 [[rent]] 中。a flat rent stands in [[rent]], by the month"
        )
    assert isinstance(basis, Basis)
    return basis


def rent_unit(value: object) -> PriceUnit:
    """Whether a rent is of each device or of the whole contract."""
    units = {"device": PriceUnit.DEVICE_MONTH, "contract": PriceUnit.CONTRACT_MONTH}
    found = units.get(text(value))
    if found is None:
        raise InvalidValue(
            f"{value!r} 不在 {', '.join(units)} 之中。{value!r} is none of {', '.join(units)}"
        )
    return found


def one_of(kind: type[StrEnum]) -> Callable[[Any], Any]:
    """A word of an enumeration."""

    def read(value: object) -> StrEnum:
        try:
            return kind(text(value))
        except ValueError as error:
            words = ", ".join(kind)
            raise InvalidValue(
                f"{value!r} 不在 {words} 之中。{value!r} is none of {words}"
            ) from error

    return read
