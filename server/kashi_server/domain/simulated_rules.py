"""The period a simulation tells of, and the rules on each of its sides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The months that are simulated, both inside, of one calendar year: caps are the year's."""

    first: Month
    last: Month

    def __post_init__(self) -> None:
        """Refuse what ends before it begins, and more than one year."""
        if self.last < self.first:
            raise Refused(
                f"期间 {self.first} 至 {self.last} 的末月早于首月。"
                f"the period {self.first}..{self.last} ends before it begins"
            )
        if self.first.year != self.last.year:
            raise Refused(
                "上限与资金池按自然年计算；请逐年分别试算。"
                "caps and pools are a calendar year's: simulate each year by itself"
            )

    @property
    def january(self) -> Month:
        """Where its year begins."""
        return Month(self.first.year, 1)

    def __contains__(self, month: Month) -> bool:
        return self.first <= month <= self.last

    @property
    def months(self) -> tuple[Month, ...]:
        """Its months."""
        return tuple(
            Month(self.first.year, number)
            for number in range(self.first.month, self.last.month + 1)
        )

    @property
    def passed(self) -> Fraction:
        """Days of the year up to the period's end, of all its days."""
        begins, ends = date(self.first.year, 1, 1), date(self.first.year + 1, 1, 1)
        after = self.last.next()
        return Fraction((date(after.year, after.month, 1) - begins).days, (ends - begins).days)

    @property
    def months_left(self) -> int:
        """Months of the year after the period."""
        return 12 - self.last.month


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesSide:
    """Versions of a programme: those before the period, and those in it."""

    before: Sequence[RulesVersion]
    during: Sequence[RulesVersion]

    def of(self, month: Month, period: Period) -> Sequence[RulesVersion]:
        """The versions that hold for a month."""
        return self.during if month in period else self.before


def as_if(rules: RulesVersion, standing: Sequence[RulesVersion], period: Period) -> RulesVersion:
    """Rules as if they had been in force since those that stand: a later beginning is moved back.

    Their end stays: rules that end inside the period leave the rest of it without rules.
    """
    window = Interval(period.first.interval().start, period.last.interval().end)
    starts = [one.in_force.start for one in standing if one.in_force.overlap(window) is not None]
    begins = min([rules.in_force.start, window.start, *starts])
    end = rules.in_force.end
    if end is not None and end <= window.start:
        raise Refused(
            f"规则 {rules.programme_id} {rules.version} 在 {period.first} 开始前已失效，"
            "无可试算。"
            f"rules {rules.programme_id} {rules.version} end before {period.first} begins: there is"
            " nothing to simulate"
        )
    if rules.in_force.start <= window.start:
        return rules
    return replace(rules, in_force=Interval(begins, end))
