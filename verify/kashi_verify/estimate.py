"""Step 8, second part: the estimate follows from the lines and from the rules, step by step.

Statements carry an evaluation (`kashi_verify.evaluation`); those of before have steps of their own,
checked here. Each step takes what the one before gave; the first takes the statement's amount. Only
what earlier statements of the year came to is not held here: a step may add to it or take it off,
never more.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from kashi_verify.evaluation import check_evaluation
from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_STEPS: Final = (
    "scope",
    "year_to_date",
    "threshold",
    "ratio",
    "company_year_cap",
    "less_earlier",
)
_RATIOS: Final = ("ratio.general", "ratio.startup")


def check_estimate(statement: Data) -> None:
    """Check the subsidy's trace and its result.

    Raises:
        CheckFailed: a step does not follow; the message names it.
    """
    if "steps" in statement["subsidy"]:
        check_evaluation(statement)
        return
    subsidy, totals = statement["subsidy"], statement["totals"]
    trace, programme = subsidy["trace"], statement["programme"]
    named = tuple(step["step"] for step in trace)
    if named != _STEPS[: len(named)] or not named:
        raise CheckFailed(f"估算的步骤为 {list(named)}。The estimate's steps are {list(named)}")
    if (trace[0]["input"], trace[0]["output"]) != (totals["amount_fen"], totals["eligible_fen"]):
        raise CheckFailed(
            "估算不是从结算的金额开始。The estimate does not begin with the statement's amounts"
        )
    for before, after in pairwise(trace):
        if after["input"] != before["output"]:
            raise CheckFailed(
                f"步骤 {after['step']} 未取用 {before['step']} 的结果。"
                f"Step {after['step']} does not take what {before['step']} gave"
            )
    values = {} if programme is None else {one["name"]: one["value"] for one in _of(programme)}
    for step in trace[1:]:
        _check_step(step, values)
    estimate_fen = subsidy["estimate_fen"]
    if estimate_fen is not None and (
        named != _STEPS or programme is None or estimate_fen != trace[-1]["output"]
    ):
        raise CheckFailed(
            f"估算 {estimate_fen} 分不是其步骤所得。"
            f"The estimate of {estimate_fen} fen is not what its steps come to"
        )


def _of(programme: Data) -> Sequence[Data]:
    found: Sequence[Data] = programme["parameters"]
    return found


def _check_step(step: Data, values: Mapping[str, str | None]) -> None:
    before, after = step["input"], step["output"]
    match step["step"]:
        case "year_to_date":
            holds = after >= before
        case "threshold":
            threshold_fen = _fen(values, "threshold.year_yuan")
            below = threshold_fen is not None and before < threshold_fen
            holds = after == (0 if below else before)
        case "ratio":
            holds = after in {_cut(values.get(name), before) for name in _RATIOS}
        case "company_year_cap":
            cap_fen = _fen(values, "cap.company_year_yuan")
            holds = after == (before if cap_fen is None else min(before, cap_fen))
        case _:
            holds = 0 <= after <= before
    if not holds:
        raise CheckFailed(
            f"步骤 {step['step']} 由 {before} 分得 {after} 分。"
            f"Step {step['step']} makes {after} of {before} fen"
        )


def _fen(values: Mapping[str, str | None], name: str) -> int | None:
    value = values.get(name)
    return None if value is None else int(exact(value) * 100)


def _cut(ratio: str | None, before_fen: int) -> int | None:
    if ratio is None:
        return None
    due = exact(ratio) * before_fen
    return due.numerator // due.denominator
