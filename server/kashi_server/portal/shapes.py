"""Shapes of the JSON interface: rows of the read models as they travel.

Money is integer fen, times are UTC milliseconds or minutes, card-hours exact text (`12.5`, `1/3`).
"""

from datetime import date
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.interval import Month
from kashi_server.services.month_usage import MonthUsage, UsageSum


def _exact(value: object) -> object:
    return decimal_text(value) if isinstance(value, Fraction) else value


def _month(value: object) -> object:
    return str(value) if isinstance(value, Month) else value


CardHours = Annotated[str, BeforeValidator(_exact)]
MonthText = Annotated[str, BeforeValidator(_month)]


class Shape(BaseModel):
    """Read from a row by its fields' names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class AccountShape(Shape):
    """The account that asks."""

    account_id: int
    login: str
    role: str
    party_id: str | None


class PartyShape(Shape):
    """A party."""

    party_id: str
    name_zh: str
    name_en: str
    kind: str
    district: str


class CompanyMonthShape(Shape):
    """A company's closed month."""

    user: PartyShape
    month: MonthText
    statements: int
    card_hours: CardHours
    amount_fen: int
    eligible_fen: int


class QuantitiesShape(Shape):
    """Device-milliseconds; what is not known is out of neither part."""

    observed_ms: int
    held_known_ms: int
    held_ms: int
    utilisation_known_ms: int
    active_ms: int
    utilised_ns: int
    unattributed_ms: int


class UsageShape(Shape):
    """Usage of some devices over some minutes; observed + gap = elapsed."""

    elapsed_ms: int
    gap_ms: int
    leased_ms: int
    quantities: QuantitiesShape
    card_hours: CardHours
    leased_card_hours: CardHours
    gap_card_hours: CardHours
    utilised_card_hours: CardHours


class DayShape(Shape):
    """One day of Asia/Shanghai."""

    day: date
    usage: UsageShape


class DeviceShape(Shape):
    """A device."""

    hardware_id: str
    vendor: int
    model: str
    memory_bytes: int
    parent_hardware_id: str
    share_numerator: int
    share_denominator: int


class DeviceUsageShape(Shape):
    """Usage of one device."""

    device: DeviceShape
    host_ids: tuple[str, ...]
    usage: UsageShape


class MonthUsageShape(Shape):
    """A window of usage in UTC minutes, as far as the reader sees it."""

    start_minute: int
    end_minute: int
    until_minute: int
    days: tuple[DayShape, ...]
    devices: tuple[DeviceUsageShape, ...]
    total: UsageShape


class HourShape(Shape):
    """One hour of a device, from a UTC minute on."""

    start_minute: int
    usage: UsageShape


class KeyTokenShape(Shape):
    """The hardware that a host claims holds its report key."""

    manufacturer: str
    model: str
    serial: str
    made_inside: bool
    never_extractable: bool
    always_sensitive: bool


class HostShape(Shape):
    """A host."""

    host_id: str
    hostname: str
    operator: PartyShape
    owner: PartyShape | None
    state: str
    state_reason: str
    state_utc_ms: int
    agent_version: str
    operating_system: str
    architecture: str
    enrolled_utc_ms: int
    received_utc_ms: int | None
    reported_until_utc_ms: int | None
    clock_synchronised: bool | None
    clock_offset_ms: int | None
    quarantined: int
    quarantined_since_utc_ms: int | None
    devices: int
    devices_counted_only: int
    certificate_expires_utc_ms: int | None
    key: str
    key_token: KeyTokenShape | None
    key_token_claimed_by: tuple[str, ...]


class GapShape(Shape):
    """A reported gap, cut to what the reader sees."""

    host_id: str
    hardware_id: str
    start_utc_ms: int
    end_utc_ms: int
    reason: int
    same_driver: bool | None
    same_holders: bool | None
    energy_mj: int | None


class HoldShape(Shape):
    """Something held or to be looked at."""

    kind: str
    utc_ms: int
    subject: str
    host_id: str | None
    hardware_id: str | None
    reason: str
    count: int


class StatementShape(Shape):
    """A statement revision."""

    number: str
    revision: int
    latest: bool
    month: MonthText
    user: PartyShape
    provider: PartyShape | None
    contract_id: str | None
    card_hours: CardHours
    amount_fen: int
    eligible_fen: int
    closed_utc_ms: int


class CertificateShape(Shape):
    """An issued usage certificate."""

    number: str
    code: str
    status: str
    status_reason: str
    issued_utc_ms: int
    statement_number: str
    statement_revision: int
    user: PartyShape
    month: MonthText
    card_hours: CardHours
    amount_fen: int
    eligible_fen: int
    pdf_sha256: str
    statement_sha256: str
    supersedes: str | None
    superseded_by: str | None
    demo: bool


class AuditShape(Shape):
    """A line of the audit trail."""

    at_utc_ms: int
    account_id: int | None
    login: str
    address: str
    act: str
    subject: str


def month_usage_shape(usage: MonthUsage) -> MonthUsageShape:
    """A month of usage as it travels."""
    start, end = usage.window.bounded()
    return MonthUsageShape(
        start_minute=start,
        end_minute=end,
        until_minute=usage.until_minute,
        days=tuple(DayShape.model_validate(day) for day in usage.days),
        devices=tuple(DeviceUsageShape.model_validate(device) for device in usage.devices),
        total=usage_shape(usage.total),
    )


def usage_shape(usage: UsageSum) -> UsageShape:
    """A sum of usage as it travels."""
    return UsageShape.model_validate(usage)
