"""Parameters: every name a rules file may speak of, what its value must be, and what it decides.

The list is that of the published rules' own parameters (docs/rules.md). A name outside it is
refused: a misspelt parameter must not pass for one that is not there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from kashi_server.domain.money import parse_decimal, parse_yuan
from kashi_server.errors import InvalidValue

NONE: Final = "none"
"""A limit that a text says there is none of. Not the same as a limit nobody knows."""

_PERIOD = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})")

Value = str | int | bool | tuple[str, ...]


class ValueKind(StrEnum):
    """What a parameter's value is. Decimals, yuan and dates are written as text."""

    RATIO = "ratio"
    YUAN = "yuan"
    COUNT = "count"
    TRUTH = "truth"
    TEXT = "text"
    TEXTS = "texts"
    CHOICE = "choice"
    CHOICES = "choices"
    PERIODS = "periods"
    AMOUNTS = "amounts"


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """What a parameter decides and what its value must be; `choices` of a choice.

    `most` bounds a count from which days are reckoned: a last day must be one of the calendar.
    """

    kind: ValueKind
    decides: str
    choices: tuple[str, ...] = ()
    most: int | None = None


def _choice(decides: str, *choices: str) -> ParameterSpec:
    return ParameterSpec(ValueKind.CHOICE, decides, choices)


ITEMS_ZH: Final[Mapping[str, str]] = {
    "accelerator": "算力租用", "storage": "存储", "network": "网络", "security": "安全",
    "support": "支持", "model": "模型", "corpus": "语料", "equipment": "设备", "software": "软件",
    "investment": "投入", "sales": "销售",
}  # fmt: skip
ITEMS: Final = tuple(ITEMS_ZH)
"""What expense can be for."""

FACTORS_ZH: Final[Mapping[str, str]] = {
    "contract": "合同", "invoice": "发票", "payment": "支付", "metered": "计量",
    "verified": "审计核定",
}  # fmt: skip
FACTORS: Final = tuple(FACTORS_ZH)
"""What the base can be the least of."""

DAYS_MAX: Final = 3_650
"""Of a term in days: ten years."""
MONTHS_MAX: Final = 1_200
"""Of a term in months: a hundred years; no programme's term is near it."""
YEARS_MAX: Final = 100
"""Of a term in years."""


def _term(decides: str, most: int) -> ParameterSpec:
    return ParameterSpec(ValueKind.COUNT, decides, most=most)


_R, _Y, _N, _B = ValueKind.RATIO, ValueKind.YUAN, ValueKind.COUNT, ValueKind.TRUTH
_T, _TT = ValueKind.TEXT, ValueKind.TEXTS
_FACTOR = ("ceiling", "flag", "off")

PARAMETERS: Final[Mapping[str, ParameterSpec]] = {
    # Who, when, what for.
    "authority": ParameterSpec(_T, "the authority that pays"),
    "kind": _choice(
        "how an amount arises",
        "cost_share", "matching", "tiered", "fixed", "discretionary", "envelope",
    ),
    "date_basis": _choice(
        "which date chooses the version of the rules",
        "application_date", "contract_signed", "service_date",
    ),
    "application_windows": ParameterSpec(ValueKind.PERIODS, "when an application may be made"),
    "base_period": ParameterSpec(ValueKind.PERIODS, "the period whose expense counts"),
    "beneficiary_types": ParameterSpec(_TT, "kinds of applicants"),
    "jurisdiction": ParameterSpec(_T, "where the applicant must be registered"),
    "legal_person_required": ParameterSpec(_B, "the applicant must be a legal person"),
    "credit_record_required": ParameterSpec(_B, "no record of dishonesty"),
    "purposes": ParameterSpec(_TT, "what the service must be for"),
    "conditions.any": ParameterSpec(_TT, "measures of which one must hold, like users > 1000000"),
    "conditions.all": ParameterSpec(_TT, "measures that must all hold"),
    "provider_list_required": ParameterSpec(_B, "the provider and its service item must be listed"),
    "related_party_forbidden": ParameterSpec(_B, "user and provider must not be related"),
    "claimant_not_provider": ParameterSpec(_B, "who claims must not be a listed provider"),
    "mutual_exclusions": ParameterSpec(_TT, "programmes that must not pay for the same"),
    "years_max": _term("for how many years one company may get it", YEARS_MAX),
    # The base.
    "expense_scope.include": ParameterSpec(ValueKind.CHOICES, "what expense counts", ITEMS),
    "expense_scope.exclude": ParameterSpec(ValueKind.CHOICES, "what expense does not", ITEMS),
    "self_owned_excluded": ParameterSpec(_B, "own equipment earns nothing"),
    "min_evidence_level": _choice("the least evidence of a metered line", "E0", "E1", "E2", "E3"),
    "gap_policy": _choice("which unobserved time counts", "none", "continuity", "officer"),
    "min_utilisation_ratio": ParameterSpec(_R, "a lower utilisation is flagged; it lowers nothing"),
    "tax_basis": _choice("amounts with tax or without", "incl", "excl"),
    "prorate": _choice("how fees over a longer term are cut to the period", "none", "by_days"),
    "day_count": _choice("how days are counted", "end_minus_start", "inclusive"),
    **{
        f"base.{factor}": _choice(f"what the {factor} does to the base", *_FACTOR)
        for factor in FACTORS
    },
    "award.tiers_yuan": ParameterSpec(ValueKind.AMOUNTS, "the amount of each tier"),
    "award.fixed_yuan": ParameterSpec(_Y, "the amount of a fixed award"),
    # From the base to the amount.
    "threshold.year_yuan": ParameterSpec(_Y, "less in a year earns nothing"),
    "threshold.basis": _choice("what is held against the threshold", "eligible", "contract"),
    "ratio_by": _choice("what chooses the ratio", "none", "startup", "chip_origin"),
    "ratio.general": ParameterSpec(_R, "the ratio"),
    "ratio.startup": ParameterSpec(_R, "the ratio of a start-up"),
    "ratio.domestic": ParameterSpec(_R, "the ratio on domestic chips"),
    "startup.max_age_months": _term("younger than so many months is a start-up", MONTHS_MAX),
    "startup.age_basis": _choice(
        "at which date the age counts", "application_date", "contract_signed", "service_date"
    ),
    "cap.award_yuan": ParameterSpec(_Y, "the most of one award"),
    "cap.company_year_yuan": ParameterSpec(_Y, "the most of a company and year"),
    "cap.company_year_principle_yuan": ParameterSpec(_Y, "the same, unless more is approved"),
    "cap.combined_yuan": ParameterSpec(_Y, "the most together with the award it matches"),
    "stacking.ratio": ParameterSpec(_R, "all public money on one contract, of its amount"),
    "stacking.startup_line": _choice(
        "which line holds for a start-up whose ratio is higher", "stacking_ratio", "startup_ratio"
    ),
    "stacking.levels": ParameterSpec(_TT, "levels of public money that count"),
    "pool.year_yuan": ParameterSpec(_Y, "all money of a year"),
    "pool.overflow": _choice(
        "what happens when requests exceed the pool", "first_come", "prorata", "discretion"
    ),
    "envelope": ParameterSpec(_T, "the programme whose pool bounds this one as well"),
    "envelope.members": ParameterSpec(_TT, "the programmes inside an envelope"),
    "quota_per_year": ParameterSpec(_N, "how many are awarded in a year"),
    "ranking_rule": ParameterSpec(_T, "how they are ranked"),
    "rounding.mode": _choice("how amounts are rounded", "truncate", "half_up"),
    "rounding.unit_yuan": ParameterSpec(_Y, "to which unit"),
    "rounding.steps": ParameterSpec(
        ValueKind.CHOICES, "after which steps", ("price", "prorate", "base", "ratio", "pool")
    ),
    # The procedure.
    "redemption_mode": _choice(
        "how money moves",
        "claim_first", "post_use", "instant_deduction", "supplier_redeems",
    ),
    "voucher.validity_months": _term("how long a voucher holds", MONTHS_MAX),
    "voucher.transferable": ParameterSpec(_B, "a voucher may be passed on"),
    "voucher.partial_use": ParameterSpec(_B, "a voucher may be used in parts"),
    "voucher.min_face_yuan": ParameterSpec(_Y, "the least face of a voucher"),
    "evidence_required": ParameterSpec(_TT, "papers of an application"),
    "review_steps": ParameterSpec(_TT, "steps of the review, in order"),
    "review.corrections_max": ParameterSpec(_N, "how often an application may be returned"),
    "publicity_days": _term("days of public notice", DAYS_MAX),
    "fiscal_year": _choice("the year of caps and pools", "calendar"),
    "retention_years": _term("how long papers are kept", YEARS_MAX),
    "clawback.reasons": ParameterSpec(_TT, "why money is recovered"),
    "clawback.interest_year_ratio": ParameterSpec(_R, "interest of a year on what is recovered"),
    "clawback.ban_months": _term("how long the company may not apply then", MONTHS_MAX),
}  # fmt: skip


def check_value(name: str, value: object) -> Value:
    """The value of a parameter, if it is of the parameter's kind.

    Raises:
        InvalidValue: there is no such parameter, or the value is of another kind.
    """
    spec = PARAMETERS.get(name)
    if spec is None:
        raise InvalidValue(f"没有参数“{name}”。there is no parameter '{name}'")
    checked = _checked(spec, value)
    if isinstance(checked, int) and spec.most is not None and checked > spec.most:
        raise InvalidValue(
            f"{name} 为 {checked}，超过上限 {spec.most}。"
            f"{name} is {checked}; it is {spec.most} at most"
        )
    if checked is None:
        zh, en = _example(spec)
        raise InvalidValue(
            f"{value!r} 不是 {name} 应填的内容，应为{zh}。{value!r} is not what {name} needs: {en}"
        )
    return checked


def _checked(spec: ParameterSpec, value: object) -> Value | None:
    match spec.kind, value:
        case ((ValueKind.RATIO | ValueKind.YUAN | ValueKind.COUNT), str()) if value == NONE:
            return value
        case ValueKind.RATIO, str() if 0 <= parse_decimal(value) <= 1:
            return value
        case ValueKind.YUAN, str() if parse_yuan(value) >= 0:
            return value
        case ValueKind.COUNT, int() if not isinstance(value, bool) and value >= 0:
            return value
        case ValueKind.TRUTH, bool():
            return value
        case ValueKind.TEXT, str() if value:
            return value
        case ValueKind.CHOICE, str() if value in spec.choices:
            return value
        case _, list() | tuple() if all(isinstance(one, str) and one for one in value):
            return _checked_list(spec, tuple(value))
    return None


def _checked_list(spec: ParameterSpec, value: tuple[str, ...]) -> tuple[str, ...] | None:
    match spec.kind:
        case ValueKind.TEXTS:
            return value
        case ValueKind.CHOICES if set(value) <= set(spec.choices):
            return value
        case ValueKind.PERIODS:
            for text in value:
                period_of(text)
            return value
        case ValueKind.AMOUNTS if value:
            for text in value:
                amount_of(text)
            return value
    return None


def period_of(text: str) -> tuple[date, date]:
    """`2026-05-06/2026-06-05`: first and last day, both inside.

    Raises:
        InvalidValue: it is no such period.
    """
    match = _PERIOD.fullmatch(text)
    try:
        first, last = (date.fromisoformat(part) for part in (match.groups() if match else ("", "")))
    except ValueError as error:
        raise InvalidValue(
            f"“{text}”不是期间；写法如 2026-05-06/2026-06-05。"
            f"'{text}' is no period like 2026-05-06/2026-06-05"
        ) from error
    if last < first:
        raise InvalidValue(f"“{text}”的末日早于首日。'{text}' ends before it begins")
    return first, last


def amount_of(text: str) -> tuple[str, int]:
    """`tier1=5000000.00`: a tier and its fen.

    Raises:
        InvalidValue: it is no such amount.
    """
    tier, sign, yuan = text.partition("=")
    if not tier or not sign:
        raise InvalidValue(
            f"“{text}”不是档次金额；写法如 tier1=5000000.00。"
            f"'{text}' is no amount like tier1=5000000.00"
        )
    return tier, parse_yuan(yuan)


_EXAMPLES: Final = {
    ValueKind.RATIO: (
        '以文字写的 0 至 1 的小数，如 "0.50"，或 "none"',
        'a decimal from 0 to 1 as text, like "0.50", or "none"',
    ),
    ValueKind.YUAN: (
        '以文字写的元数，如 "10000000.00"，或 "none"',
        'yuan as text, like "10000000.00", or "none"',
    ),
    ValueKind.COUNT: ('整数，如 12，或 "none"', 'a whole number, like 12, or "none"'),
    ValueKind.TRUTH: (" true 或 false", "true or false"),
    ValueKind.TEXT: ("非空文字", "text that is not empty"),
    ValueKind.TEXTS: ("文字的列表", "a list of texts"),
    ValueKind.PERIODS: (
        '期间的列表，如 ["2026-05-06/2026-06-05"]',
        'a list of periods, like ["2026-05-06/2026-06-05"]',
    ),
    ValueKind.AMOUNTS: (
        '金额的列表，如 ["tier1=5000000.00"]',
        'a list of amounts, like ["tier1=5000000.00"]',
    ),
}


def _example(spec: ParameterSpec) -> tuple[str, str]:
    if spec.kind is ValueKind.CHOICE:
        return f" {' | '.join(spec.choices)} 之一", f"one of {', '.join(spec.choices)}"
    if spec.kind is ValueKind.CHOICES:
        return (
            f"由 {' | '.join(spec.choices)} 组成的列表",
            f"a list out of {', '.join(spec.choices)}",
        )
    return _EXAMPLES[spec.kind]
