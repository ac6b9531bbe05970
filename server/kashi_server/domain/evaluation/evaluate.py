"""Evaluation: the steps in their stated order, and what they come to.

The order is part of the rules: the pool before what was already paid gives another amount. The
same case under the same rules gives the same bytes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.evaluation.base import base
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.company_cap import company_cap
from kashi_server.domain.evaluation.gate import gate
from kashi_server.domain.evaluation.meter import meter
from kashi_server.domain.evaluation.pool import pool
from kashi_server.domain.evaluation.price import price
from kashi_server.domain.evaluation.prorate import prorate
from kashi_server.domain.evaluation.ratio import ratio
from kashi_server.domain.evaluation.scope import scope
from kashi_server.domain.evaluation.stacking import stacking
from kashi_server.domain.evaluation.step import State, Step, StepFunction, run_step
from kashi_server.domain.evaluation.threshold import threshold
from kashi_server.domain.evaluation.voucher_balance import voucher_balance
from kashi_server.domain.money import yuan_text
from kashi_server.domain.rules import RulesVersion

FORMAT: Final = "kashi/v1/evaluation"

STEPS: Final[tuple[tuple[str, StepFunction], ...]] = (
    ("gate", gate),
    ("scope", scope),
    ("meter", meter),
    ("price", price),
    ("prorate", prorate),
    ("base", base),
    ("threshold", threshold),
    ("ratio", ratio),
    ("company_cap", company_cap),
    ("stacking", stacking),
    ("voucher_balance", voucher_balance),
    ("pool", pool),
)


class Status(StrEnum):
    """How far a result may be relied on."""

    FINAL = "final"
    """Everything that was needed is known."""
    ESTIMATE = "estimate"
    """Something that could change the amount is not known."""
    NO_AMOUNT = "no_amount"
    """Something without which there is no amount is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a programme pays on a case, and every step there."""

    rules: RulesVersion
    case: Case
    steps: tuple[Step, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Parameters that could change the amount and that nobody knows."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.unknown))

    @property
    def missing(self) -> tuple[str, ...]:
        """Facts of the case that could change the amount and that nobody gave."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.missing))

    @property
    def flags(self) -> tuple[str, ...]:
        """What a person should see; nothing was lowered for it."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.flags))

    @property
    def status(self) -> Status:
        """Final where nothing is open; a condition that is failed for certain is final as well."""
        last = self.steps[-1]
        if last.name == "gate" and last.outcome.state.ended:
            return Status.FINAL
        if last.outcome.state.blocked:
            return Status.NO_AMOUNT
        return Status.ESTIMATE if self.unknown or self.missing else Status.FINAL

    @property
    def amount_fen(self) -> int | None:
        """What is paid; None where there is no amount."""
        return None if self.status is Status.NO_AMOUNT else self.steps[-1].after_fen

    @property
    def eligible_fen(self) -> int | None:
        """What the ratio was taken of."""
        for step in self.steps:
            if step.name == "base":
                return step.after_fen
        return None

    @property
    def before_pool_fen(self) -> int:
        """What is due before the pool: what is asked of it."""
        last = self.steps[-1]
        return last.before_fen if last.name == "pool" else last.after_fen

    def to_data(self) -> dict[str, object]:
        """Plain data in the format `kashi/v1/evaluation`."""
        amount_fen, eligible_fen = self.amount_fen, self.eligible_fen
        return {
            "format": FORMAT,
            "case_id": self.case.case_id,
            "rules": {
                "programme_id": self.rules.programme_id,
                "version": self.rules.version,
                "sha256": self.rules.sha256,
            },
            "status": str(self.status),
            "eligible_yuan": None if eligible_fen is None else yuan_text(eligible_fen),
            "amount_yuan": None if amount_fen is None else yuan_text(amount_fen),
            "unknown": list(self.unknown),
            "missing": list(self.missing),
            "flags": list(self.flags),
            "steps": [step.to_data() for step in self.steps],
        }

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return canonical_bytes(self.to_data())


def evaluate(rules: RulesVersion, case: Case) -> Evaluation:
    """Run the steps in order; one after which nothing is due is the last.

    Raises:
        InvalidValue: a rule's condition cannot be read.
    """
    state, steps = State(case=case, rules=rules), []
    for name, function in STEPS:
        step = run_step(name, function, state)
        steps.append(step)
        state = step.outcome.state
        due_nothing = "base" in {one.name for one in steps} and state.amounts.total_fen == 0
        if state.ended or state.blocked or due_nothing:
            break
    return Evaluation(rules=rules, case=case, steps=tuple(steps))
