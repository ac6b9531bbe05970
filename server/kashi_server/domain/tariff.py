"""Tariff: effective-dated prices per card-hour, with the quantity they bill.

A price is known by its key, contract x model. Prices of one key never overlap; a change begins on a
whole minute, and usage is priced at the minute it happened. A price that has begun may only be
end-dated: history is not rewritten, it is corrected.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from kashi_server.domain.contract import check_token
from kashi_server.domain.interval import Interval, instant_of
from kashi_server.domain.money import DECIMAL_PLACES_MAX
from kashi_server.errors import InvalidValue, Refused

PRICE_YUAN_MAX = 100_000


class Basis(StrEnum):
    """The quantity a price bills. Idle rented time counts under `leased_observed`."""

    LEASED_OBSERVED = "leased_observed"
    HELD = "held"
    UTILISED = "utilised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Yuan per card-hour of one model under one contract, in [interval) of UTC minutes."""

    price_id: str
    contract_id: str
    model: str
    yuan: Fraction
    basis: Basis
    interval: Interval

    def __post_init__(self) -> None:
        """Refuse a price below zero, absurd, or of nothing."""
        check_token(self.price_id, "price_id")
        check_token(self.contract_id, "contract_id")
        if not self.model:
            raise InvalidValue(f"price {self.price_id} names no model")
        if not 0 <= self.yuan <= PRICE_YUAN_MAX:
            raise InvalidValue(
                f"price {self.price_id}: {self.yuan} yuan per card-hour is outside"
                f" 0..{PRICE_YUAN_MAX}"
            )
        if (self.yuan * 10**DECIMAL_PLACES_MAX).denominator != 1:
            raise InvalidValue(f"price {self.price_id}: {self.yuan} yuan is no plain decimal")

    @property
    def key(self) -> tuple[str, str]:
        """Contract and model."""
        return self.contract_id, self.model


def check_price(price: Price, others: Iterable[Price]) -> None:
    """Refuse a second price of one key at one time; one of the same id is passed over.

    Raises:
        InvalidValue: they overlap; the message names the other one.
    """
    for other in others:
        if other.price_id == price.price_id or other.key != price.key:
            continue
        common = other.interval.overlap(price.interval)
        if common is not None:
            raise InvalidValue(
                f"price {price.price_id} overlaps {other.price_id} from"
                f" {instant_of(common.start).isoformat()}; end the earlier one first"
            )


def check_revision(old: Price, new: Price, now_minute: int) -> None:
    """Refuse a change of a price that has begun, other than an end that lies ahead.

    Raises:
        Refused: history would change.
    """
    if old == new or old.interval.start > now_minute:
        return
    fixed = (old.key, old.yuan, old.basis, old.interval.start)
    if (new.key, new.yuan, new.basis, new.interval.start) != fixed:
        raise Refused(
            f"price {old.price_id} has begun; only its end may be set, so end it and add a new one"
        )
    for end in (old.interval.end, new.interval.end):
        if end is not None and end < now_minute:
            raise Refused(
                f"price {old.price_id} cannot end differently at {instant_of(end).isoformat()},"
                " which has passed"
            )


class Tariff:
    """Prices, looked up by key and minute."""

    def __init__(self, prices: Iterable[Price]) -> None:
        by_key: dict[tuple[str, str], list[Price]] = {}
        for price in prices:
            by_key.setdefault(price.key, []).append(price)
        self._by_key = {
            key: tuple(sorted(found, key=lambda price: price.interval.start))
            for key, found in by_key.items()
        }
        self._starts = {
            key: [price.interval.start for price in found] for key, found in self._by_key.items()
        }

    def of(self, contract_id: str, model: str) -> Sequence[Price]:
        """Every price of a key, by start."""
        return self._by_key.get((contract_id, model), ())

    def at(self, contract_id: str, models: Iterable[str], minute: int) -> Price | None:
        """The price at a minute; of several models the first that has one."""
        for model in models:
            key = contract_id, model
            place = bisect_right(self._starts.get(key, []), minute) - 1
            if place >= 0 and minute in self._by_key[key][place].interval:
                return self._by_key[key][place]
        return None
