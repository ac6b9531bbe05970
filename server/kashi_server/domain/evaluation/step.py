"""A step of an evaluation: what went in, what came out, what bound it, why, and by which rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from kashi_server.domain.evaluation.amounts import ALL, DOMESTIC, OTHER, Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Case, Part
from kashi_server.domain.money import yuan_text
from kashi_server.domain.rules import Parameter, RulesVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the steps before have come to."""

    case: Case
    rules: RulesVersion
    parts: tuple[Part, ...] = ()
    card_hours: tuple[Fraction | None, ...] = ()
    """Card-hours that count of each metered line; None: the line was refused or is a rent."""
    refused: frozenset[int] = frozenset()
    """Places of metered lines whose evidence is too weak."""
    factors: Mapping[str, Amounts] = field(default_factory=dict)
    amounts: Amounts = field(default_factory=Amounts)
    contract_fen: int | None = None
    """The contract's part that counts: what the stacking line is drawn on."""
    ended: bool = False
    """Nothing is due, whatever follows."""
    blocked: bool = False
    """Something is not known without which there is no amount."""

    @property
    def by_origin(self) -> bool:
        """The ratio of shared expense depends on the chips' origin; an award has no chips."""
        return (
            self.rules.parameter("kind").value == "cost_share"
            and self.rules.parameter("ratio_by").value == "chip_origin"
        )

    def class_of(self, domestic: bool | None) -> str:
        """The class an amount belongs to."""
        if not self.by_origin:
            return ALL
        return DOMESTIC if domestic else OTHER

    def amount_name(self, factor: str, *, ex_tax: bool) -> str:
        """The field of a part that holds a factor."""
        return f"{factor}_ex_tax_fen" if ex_tax else f"{factor}_fen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step made of the state. `reason`: Chinese, English; `bound`: what bound it."""

    state: State
    reason: tuple[str, str]
    bound: str | None = None
    inputs: tuple[tuple[str, str], ...] = ()


StepFunction = Callable[[State, Asking], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step as it is told: every number a person needs to do it again."""

    name: str
    before_fen: int
    after_fen: int
    outcome: Outcome
    parameters: tuple[Parameter, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        zh, en = self.outcome.reason
        return {
            "step": self.name,
            "before_yuan": yuan_text(self.before_fen),
            "after_yuan": yuan_text(self.after_fen),
            "inputs": [{"name": name, "value": value} for name, value in self.outcome.inputs],
            "by_class": {name: yuan_text(fen) for name, fen in self.outcome.state.amounts.by_class},
            "bound": self.outcome.bound,
            "reason_zh": zh,
            "reason_en": en,
            "rules": [
                {
                    "name": one.name,
                    "state": str(one.state),
                    "value": one.value_text,
                    "source": one.source or (one.decision.document if one.decision else None),
                }
                for one in self.parameters
            ],
            "unknown": list(self.unknown),
            "missing": list(self.missing),
            "flags": list(self.flags),
        }


def run_step(name: str, function: StepFunction, state: State) -> Step:
    """Run a step over a state."""
    asking = Asking(state.rules)
    outcome = function(state, asking)
    return Step(
        name=name,
        before_fen=state.amounts.total_fen,
        after_fen=outcome.state.amounts.total_fen,
        outcome=outcome,
        parameters=tuple(sorted(asking.used, key=lambda one: one.name)),
        unknown=tuple(asking.unknown),
        missing=tuple(asking.missing),
        flags=tuple(asking.flags),
    )
