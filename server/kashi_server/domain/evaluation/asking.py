"""Asking rules and case: what a step used, what it could not know.

A parameter that is unknown does not stop a step: the step goes on without it and the name is kept,
so that the result says it is an estimate, and why. A step asks only for what can change its
outcome.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from kashi_server.domain.money import FEN_PER_YUAN
from kashi_server.domain.parameters import NONE, Value, amount_of, period_of
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion


@dataclass(slots=True)
class Asking:
    """What one step asked for."""

    rules: RulesVersion
    used: list[Parameter] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    def parameter(self, name: str) -> Parameter | None:
        """A parameter that is known; otherwise its name is kept."""
        parameter = self.rules.parameter(name)
        if parameter.state is ParameterState.UNKNOWN:
            self._once(self.unknown, name)
            return None
        if parameter not in self.used:
            self.used.append(parameter)
        return parameter

    def speaks_of(self, name: str) -> bool:
        """The rules list it, be it as unknown: of what they are silent on, nothing is asked."""
        return name in self.rules.by_name

    def value(self, name: str) -> Value | None:
        """What a parameter says, when nobody need be told that it was asked for."""
        return self.rules.parameter(name).value

    def may_bound(self, factor: str) -> bool:
        """A factor is a ceiling of shared expense, or nobody knows whether it is."""
        shared = self.value("kind") == "cost_share"
        return shared and self.value(f"base.{factor}") not in ("flag", "off")

    def lacks(self, fact: str) -> None:
        """A fact of the case that nobody gave and that matters."""
        self._once(self.missing, fact)

    def flag(self, name: str) -> None:
        """Something a person should see that changes no amount."""
        self._once(self.flags, name)

    def text(self, name: str) -> str | None:
        """A text or a choice."""
        parameter = self.parameter(name)
        return str(parameter.value) if parameter else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of texts or choices."""
        parameter = self.parameter(name)
        return parameter.value if parameter and isinstance(parameter.value, tuple) else None

    def truth(self, name: str) -> bool | None:
        """A yes or no."""
        parameter = self.parameter(name)
        return bool(parameter.value) if parameter else None

    def count(self, name: str) -> int | None:
        """A whole number; None also where a text says there is no limit."""
        parameter = self.parameter(name)
        return parameter.value if parameter and isinstance(parameter.value, int) else None

    def fen(self, name: str) -> int | None:
        """An amount; None also where a text says there is no limit."""
        return self.rules.fen(name) if self.parameter(name) else None

    def ratio(self, name: str) -> Fraction | None:
        """A ratio; None also where a text says there is none."""
        return self.rules.ratio(name) if self.parameter(name) else None

    def periods(self, name: str) -> tuple[tuple[int, int], ...] | None:
        """Periods as ordinals of their first and last day."""
        texts = self.texts(name)
        if texts is None:
            return None
        return tuple((a.toordinal(), b.toordinal()) for a, b in map(period_of, texts))

    def amounts(self, name: str) -> dict[str, int] | None:
        """Fen by tier."""
        texts = self.texts(name)
        return None if texts is None else dict(map(amount_of, texts))

    def round_fen(self, fen: Fraction, step: str, *, upward: bool = True) -> int:
        """Fen after a step: in the rules' unit where they round there, else cut to one fen.

        No step carries parts of a fen on: what a trace shows is what the next step takes. Not
        `upward`: always cut, as at a pool, which is never overspent.
        """
        steps = self.value("rounding.steps")
        if fen and steps is None and self.speaks_of("rounding.steps"):
            self.parameter("rounding.steps")
        if not fen or not isinstance(steps, tuple) or step not in steps:
            return fen.numerator // fen.denominator
        units = fen / (self.fen("rounding.unit_yuan") or 1)
        if upward and units.denominator != 1 and self.text("rounding.mode") == "half_up":
            units += Fraction(1, 2)
        return units.numerator // units.denominator * (self.fen("rounding.unit_yuan") or 1)

    @staticmethod
    def _once(names: list[str], name: str) -> None:
        if name not in names:
            names.append(name)


__all__ = ["FEN_PER_YUAN", "NONE", "Asking"]
