"""What the naive evaluation knows of a claim: the rules' values and its own dates and rounding."""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import floor

from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.rules import RulesVersion

ByClass = dict[str, int]
"""Fen of the parts with domestic chips, and of the others."""

CLASSES = ("domestic", "other")
BASES = ("application_date", "contract_signed", "service_date")


@dataclass(kw_only=True)
class Claim:
    """A case under rules, and the names of what was not known on its way."""

    rules: RulesVersion
    case: Case
    told: set[str] = field(default_factory=set)
    ex_tax: bool = False
    """Amounts are taken without tax."""

    def value(self, name: str) -> object:
        """As the rules have it; None where nobody knows."""
        return self.rules.parameter(name).value

    def spoken(self, name: str) -> bool:
        """The rules speak of it, be it to say that it is unknown."""
        return any(parameter.name == name for parameter in self.rules.parameters)

    def is_open(self, name: str) -> bool:
        """The rules speak of it, and nobody knows what it is."""
        return self.spoken(name) and self.value(name) is None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list."""
        value = self.value(name)
        return value if isinstance(value, tuple) else None

    def number(self, name: str) -> Fraction | None:
        """A ratio, yuan or a count; None where unknown or "none"."""
        value = self.value(name)
        return None if value is None or value == "none" else Fraction(str(value))

    def fen(self, name: str) -> int | None:
        """Yuan in fen."""
        yuan = self.number(name)
        return None if yuan is None else floor(yuan * 100)

    def date_of(self, basis: str) -> date | None:
        """The date that a basis means."""
        match basis:
            case "application_date":
                return self.case.applied_on
            case "contract_signed":
                return self.case.service.contract_signed
            case _:
                return self.case.service.service_from

    def in_force(self, day: date) -> bool:
        """The day begins inside the version's time."""
        minute = (day - date(1970, 1, 1)).days * 1440 - 480
        end = self.rules.in_force.end
        return self.rules.in_force.start <= minute and (end is None or minute < end)

    def rounded(self, step: str, fen: Fraction) -> int:
        """After a step: parts of a fen cut off, or to the unit where the rules name the step."""
        names = self.texts("rounding.steps")
        if names is None:
            if self.spoken("rounding.steps") and fen:
                self.told.add("rounding.steps")
            return floor(fen)
        if step not in names or not fen:
            return floor(fen)
        unit, mode = self.fen("rounding.unit_yuan"), self.value("rounding.mode")
        if self.value("rounding.unit_yuan") is None:
            self.told.add("rounding.unit_yuan")
        unit = unit or 1
        if step == "pool":
            mode = "truncate"
        if mode is None and (fen / unit).denominator != 1:
            self.told.add("rounding.mode")
        half = Fraction(1, 2) if mode == "half_up" else 0
        return floor(fen / unit + half) * unit


def periods(texts: tuple[str, ...]) -> list[tuple[date, date]]:
    """`2026-05-06/2026-06-05`: both days inside."""
    found = []
    for text in texts:
        first, _, last = text.partition("/")
        found.append((date.fromisoformat(first), date.fromisoformat(last)))
    return found


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def holds(condition: str, measures: dict[str, int]) -> bool | None:
    """`active_users > 1000000`; None where nobody gave the measure."""
    match = re.fullmatch(r"\s*(\w+)\s*(>=|>|=)\s*(\d+)\s*", condition)
    assert match is not None, condition
    name, sign, bound = match[1], match[2], int(match[3])
    if name not in measures:
        return None
    given = measures[name]
    return {
        ">": given > bound, ">=": given >= bound, "=": given == bound,
    }[sign]  # fmt: skip


def tiers(claim: Claim) -> dict[str, int] | None:
    """Fen of each tier."""
    texts = claim.texts("award.tiers_yuan")
    if texts is None:
        return None
    pairs = (text.partition("=") for text in texts)
    return {tier: floor(Fraction(yuan) * 100) for tier, _, yuan in pairs}


def tier_fen(claim: Claim) -> int | None:
    """Fen of the claim's tier."""
    known = tiers(claim)
    return None if known is None else known.get(claim.case.award.tier or "")
