"""A case: every fact about one claim that rules may ask for. What nobody knows is None.

Amounts are fen, card-hours and prices exact fractions, dates whole days of Asia/Shanghai.
"""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

from kashi_server.errors import InvalidValue

UNSTATED: Final = "unstated"
"""A level of public money that nobody stated."""
EVIDENCE_LEVELS: Final = ("E0", "E1", "E2", "E3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who claims: kind like 企业, where registered, since when."""

    kind: str | None = None
    established_on: date | None = None
    in_jurisdiction: bool | None = None
    legal_person: bool | None = None
    credit_clean: bool | None = None
    listed_provider: bool | None = None
    exception_approved: bool | None = None
    """The office approved more than what holds in principle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What was bought, from whom, for how long: [start, end] whole days, both inside."""

    contract_signed: date | None = None
    service_from: date | None = None
    service_until: date | None = None
    purpose: str | None = None
    provider_listed_from: date | None = None
    provider_listed: bool | None = None
    related: bool | None = None

    def __post_init__(self) -> None:
        """Refuse a service that ends before it begins."""
        if self.service_from and self.service_until and self.service_until < self.service_from:
            raise InvalidValue(
                "服务结束日 service_until 早于开始日 service_from。"
                "service_until lies before service_from"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the contract and what was invoiced for it; payments are one sum for all parts.

    `verified_fen`: what an auditor found spent or sold. `_ex_tax` the same without tax.
    """

    item: str
    owned: bool = False
    domestic: bool | None = None
    contract_fen: int | None = None
    invoice_fen: int | None = None
    verified_fen: int | None = None
    contract_ex_tax_fen: int | None = None
    invoice_ex_tax_fen: int | None = None
    verified_ex_tax_fen: int | None = None
    contract_id: str | None = None
    """Of several contracts in a case the one that it is of; it changes no amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """Metered use at one price: observed card-hours, and those of gaps that have continuity
    evidence or an officer's word. A flat rent has `rent_fen` a month and its days instead, and what
    a statement has rated already the amount it came to, which nothing rounds again."""

    evidence_level: str = "E0"
    domestic: bool | None = None
    card_hours: Fraction | None = None
    continuity_card_hours: Fraction = Fraction(0)
    officer_card_hours: Fraction = Fraction(0)
    price_yuan: Fraction | None = None
    rent_fen: int | None = None
    rented_days: int | None = None
    month_days: int | None = None
    amount_fen: int | None = None
    utilisation_ratio: Fraction | None = None
    contract_id: str | None = None
    """As of a part."""

    def __post_init__(self) -> None:
        """A level of the four; card-hours at a price, a rent with its days, or a rated amount."""
        if self.evidence_level not in EVIDENCE_LEVELS:
            raise InvalidValue(
                f"没有证据等级 {self.evidence_level!r}；只有 E0 至 E3。"
                f"there is no evidence level {self.evidence_level!r}: E0 to E3"
            )
        self._check_kind()
        if self.month_days is not None and not 28 <= self.month_days <= 31:
            raise InvalidValue(
                f"没有 {self.month_days} 天的月份。a month has no {self.month_days} days"
            )
        if self.rented_days is not None and self.rented_days > (self.month_days or 31):
            raise InvalidValue("租用天数多于当月天数。more days rented than the month has")

    def _check_kind(self) -> None:
        """One of the three, whole, and nothing of the others."""
        hours = (self.card_hours, self.price_yuan)
        rent = (self.rent_fen, self.rented_days, self.month_days)
        kinds = (hours, rent, (self.amount_fen,))
        given = [kind for kind in kinds if any(value is not None for value in kind)]
        if not any(None not in kind for kind in kinds):
            raise InvalidValue(
                "一条计量须有 card_hours 与 price_yuan，"
                "或 rent_yuan、rented_days 与 month_days，或 amount_yuan。"
                "a metered line needs card_hours and price_yuan, or rent_yuan, rented_days and"
                " month_days, or amount_yuan"
            )
        if len(given) > 1:
            raise InvalidValue(
                "一条计量只能按卡时、月租、已计价金额三者之一计价。"
                "a metered line is priced by card-hours, or a rent, or an amount that was rated:"
                " one of the three"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMoney:
    """Other public money on the same contract."""

    programme_id: str
    amount_fen: int
    level: str = UNSTATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """A voucher of the claimant."""

    number: str
    face_fen: int
    used_fen: int = 0
    valid_from: date | None = None
    valid_until: date | None = None

    def __post_init__(self) -> None:
        """Nobody used more of a voucher than its face."""
        if not 0 <= self.used_fen <= self.face_fen:
            raise InvalidValue(
                f"券 {self.number} 的已用金额 used_yuan 大于面额 face_yuan。"
                f"voucher {self.number}: used_yuan is more than face_yuan"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the company, the programme and its envelope stand before this claim.

    None: nobody looked it up. Nothing before is said: 0.
    """

    year_eligible_fen: int | None = None
    """Eligible expense of the year in the company's other claims."""
    year_contract_fen: int | None = None
    """What the company contracted in the year besides this contract."""
    year_awarded_fen: int | None = None
    years_awarded: int | None = None
    paid_on_contract_fen: int | None = None
    """Paid before by this programme on this contract."""
    pool_granted_fen: int | None = None
    pool_requested_fen: int | None = None
    """All requests of the batch, this one inside."""
    envelope_pool_fen: int | None = None
    envelope_granted_fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What awards are given by: a tier, a place in the ranking, the award that is matched."""

    tier: str | None = None
    rank: int | None = None
    matched_fen: int | None = None
    decided_fen: int | None = None
    """What the authority decided case by case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One claim."""

    case_id: str
    applied_on: date | None = None
    claimant: Claimant = Claimant()
    service: Service = Service()
    parts: tuple[Part, ...] = ()
    payment_fen: int | None = None
    payment_ex_tax_fen: int | None = None
    metered: tuple[Metered, ...] | None = None
    other_money: tuple[OtherMoney, ...] | None = None
    """Other public money on the contract; None: nobody looked it up, empty: there is none."""
    vouchers: tuple[Voucher, ...] | None = None
    standing: Standing = Standing()
    award: Award = Award()
    measures: dict[str, int] = field(default_factory=dict)
