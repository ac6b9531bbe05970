"""Tariff: effective-dated prices and monthly rents, with the quantity they bill.

A price is known by its key, contract x model (x profile, of a partition). Prices of one key never
overlap; a change begins on a whole minute, and usage is priced at the minute it happened. A price
that has begun may only be end-dated: history is not rewritten, it is corrected.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from kashi_server.domain.contract import check_token
from kashi_server.domain.interval import Interval, instant_of
from kashi_server.domain.money import DECIMAL_PLACES_MAX
from kashi_server.errors import InvalidValue, Refused

PRICE_YUAN_MAX = 100_000
RENT_YUAN_MAX = 100_000_000
DEVICES_MAX = 100_000


class Basis(StrEnum):
    """The quantity a price bills. Idle rented time counts under `leased_observed`."""

    LEASED_OBSERVED = "leased_observed"
    HELD = "held"
    UTILISED = "utilised"
    FLAT_RENT = "flat_rent"
    """Leased days, as far as they were observed at all: see `domain.rent`."""


class PriceUnit(StrEnum):
    """What the yuan of a price are for."""

    CARD_HOUR = "card_hour"
    PARTITION_HOUR = "partition_hour"
    """One partition of the named profile for an hour, whatever its share of the card."""
    DEVICE_MONTH = "device_month"
    CONTRACT_MONTH = "contract_month"
    """All devices of the contract together."""

    @property
    def monthly(self) -> bool:
        """Whether it is a flat rent."""
        return self in (PriceUnit.DEVICE_MONTH, PriceUnit.CONTRACT_MONTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Yuan per unit of one model under one contract, in [interval) of UTC minutes.

    Attributes:
        model: empty for the rent of a whole contract, which covers all its devices.
        profile: of a price by the partition: the profile's name, like `1g.10gb` or `2/8`.
        devices: of the rent of a contract: among how many devices at least it is divided, so that
            a device that is not there takes its part of the rent away; None: among those leased.
    """

    price_id: str
    contract_id: str
    model: str
    yuan: Fraction
    basis: Basis
    interval: Interval
    unit: PriceUnit = PriceUnit.CARD_HOUR
    profile: str = ""
    devices: int | None = None

    def __post_init__(self) -> None:
        """Refuse a price below zero, absurd, or of nothing."""
        check_token(self.price_id, "price_id")
        check_token(self.contract_id, "contract_id")
        self._check_unit()
        yuan_max = RENT_YUAN_MAX if self.unit.monthly else PRICE_YUAN_MAX
        if not 0 <= self.yuan <= yuan_max:
            per = "month" if self.unit.monthly else "card-hour"
            raise InvalidValue(
                f"单价 {self.price_id}：每 {per} {self.yuan} 元，超出 0 至 {yuan_max}。"
                f"price {self.price_id}: {self.yuan} yuan per {per} is outside 0..{yuan_max}"
            )
        places = 2 if self.unit.monthly else DECIMAL_PLACES_MAX
        if (self.yuan * 10**places).denominator != 1:
            raise InvalidValue(
                f"单价 {self.price_id}：{self.yuan} 元不是至多 {places} 位小数的十进制数。"
                f"price {self.price_id}: {self.yuan} yuan is no plain decimal of {places} places"
            )

    def _check_unit(self) -> None:
        whole_contract = self.unit is PriceUnit.CONTRACT_MONTH
        if self.unit.monthly != (self.basis is Basis.FLAT_RENT):
            raise InvalidValue(
                f"单价 {self.price_id}：月租按 flat_rent 计费，按小时的单价按用量计费。"
                f"price {self.price_id}: a rent bills flat_rent, a price by the hour what was used"
            )
        if bool(self.model) == whole_contract:
            raise InvalidValue(
                f"单价 {self.price_id} 写了型号，却属于整份合同。"
                f"price {self.price_id} names a model, and is of the whole contract"
                if whole_contract
                else f"单价 {self.price_id} 未写型号。price {self.price_id} names no model"
            )
        if bool(self.profile) != (self.unit is PriceUnit.PARTITION_HOUR):
            raise InvalidValue(
                f"单价 {self.price_id}：只有分区的单价才有 profile。"
                f"price {self.price_id}: a profile belongs to a partition's price"
            )
        if self.devices is not None and not (whole_contract and 1 <= self.devices <= DEVICES_MAX):
            raise InvalidValue(
                f"单价 {self.price_id}：只有整份合同的租金才写设备数，为 1 至 {DEVICES_MAX}。"
                f"price {self.price_id}: devices are of the rent of a contract, 1 to {DEVICES_MAX}"
            )

    @property
    def key(self) -> tuple[str, str, str]:
        """Contract, model and profile."""
        return self.contract_id, self.model, self.profile


def check_price(price: Price, others: Collection[Price]) -> None:
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
                f"单价 {price.price_id} 自 {instant_of(common.start).isoformat()} 起"
                f"与 {other.price_id} 重叠；请先结束在前者。"
                f"price {price.price_id} overlaps {other.price_id}"
                f" from {instant_of(common.start).isoformat()}; end the earlier one first"
            )
    _check_alone(price, others)


def _check_alone(price: Price, others: Iterable[Price]) -> None:
    """The rent of a whole contract pays for all of it: nothing else of it has a price then."""
    for other in others:
        if other.contract_id != price.contract_id or other.price_id == price.price_id:
            continue
        whole = PriceUnit.CONTRACT_MONTH in (price.unit, other.unit)
        common = other.interval.overlap(price.interval) if whole else None
        if common is not None:
            raise InvalidValue(
                f"单价 {price.price_id} 自 {instant_of(common.start).isoformat()} 起"
                f"与 {other.price_id} 重叠：整份合同的租金已涵盖全部；请先结束在前者。"
                f"price {price.price_id} overlaps {other.price_id} from"
                f" {instant_of(common.start).isoformat()}: the rent of a contract pays for all of"
                " it; end the earlier one first"
            )


def check_revision(old: Price, new: Price, now_minute: int) -> None:
    """Refuse a change of a price that has begun, other than an end that lies ahead.

    Raises:
        Refused: history would change.
    """
    if old == new or old.interval.start > now_minute:
        return
    if replace(new, interval=old.interval) != old or new.interval.start != old.interval.start:
        raise Refused(
            f"单价 {old.price_id} 已生效，只可设定结束时间；请结束它并另增新价。"
            f"price {old.price_id} has begun; only its end may be set,"
            " so end it and add a new one"
        )
    for end in (old.interval.end, new.interval.end):
        if end is not None and end < now_minute:
            raise Refused(
                f"单价 {old.price_id} 的结束时间不能改到已过去的 {instant_of(end).isoformat()}。"
                f"price {old.price_id} cannot end differently at"
                f" {instant_of(end).isoformat()},"
                " which has passed"
            )


class Tariff:
    """Prices, looked up by key and minute."""

    def __init__(self, prices: Iterable[Price]) -> None:
        by_key: dict[tuple[str, str, str], list[Price]] = {}
        by_model: dict[tuple[str, str], list[Price]] = {}
        for price in prices:
            by_key.setdefault(price.key, []).append(price)
            by_model.setdefault((price.contract_id, price.model), []).append(price)
        self._by_model = {
            key: tuple(sorted(found, key=lambda price: price.interval.start))
            for key, found in by_model.items()
        }
        self._by_key = {
            key: tuple(sorted(found, key=lambda price: price.interval.start))
            for key, found in by_key.items()
        }
        self._starts = {
            key: [price.interval.start for price in found] for key, found in self._by_key.items()
        }

    def of(self, contract_id: str, model: str) -> Sequence[Price]:
        """Every price of a contract and model, by start; model "": rents of the whole contract."""
        return self._by_model.get((contract_id, model), ())

    def at(
        self, contract_id: str, models: Sequence[str], minute: int, *, whole: bool = False
    ) -> Price | None:
        """The price at a minute.

        Args:
            contract_id: the contract.
            models: the device's own, and of a partition its card's behind it. Before its card's
                price comes that of its profile, which its own model ends with.
            minute: the minute.
            whole: look for the rent of the whole contract as well.
        """
        profile = models[0].rpartition(" ")[2]
        keys = [(model, "") for model in models]
        keys[1:1] = [(model, profile) for model in models[1:]]
        for model, of_profile in (*keys, *([("", "")] if whole else [])):
            key = contract_id, model, of_profile
            place = bisect_right(self._starts.get(key, []), minute) - 1
            if place >= 0 and minute in self._by_key[key][place].interval:
                return self._by_key[key][place]
        return None
