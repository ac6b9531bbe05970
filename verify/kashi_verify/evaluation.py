"""Step 8, second part: the estimate is what the rules make of the year to date, step by step.

The statement carries the case that was evaluated and every step of the evaluation. Checked is, with
arithmetic of this tool's own:

1. the case speaks of this statement: its number, its contract's day and declaration, and at least
   its eligible amounts (what earlier statements of the year add is not held here);
2. the steps are those of an evaluation, in their order, each taking what the one before gave, none
   after the base adding anything, and none left out while something is due;
3. every parameter a step names is the one of the rules, with its value and source;
4. metered use, base, threshold, ratio and caps come to what the parameters make of the case;
5. what is told as unknown or missing is what the steps tell, and nothing is final beside it;
6. the statement's part is the year to date less what was estimated before.

Whether a company meets the conditions of the gate, nobody can see from a statement.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any, Final

from kashi_verify.evaluated_case import check_case, fen_of, rated
from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
Values = Mapping[str, str | None]
STEPS: Final = (
    "gate", "scope", "meter", "price", "prorate", "base", "threshold", "ratio", "company_cap",
    "stacking", "voucher_balance", "pool",
)  # fmt: skip
_FACTORS: Final = ("contract", "invoice", "payment", "metered", "verified")
_CAPS: Final = ("cap.company_year_yuan", "cap.award_yuan", "cap.company_year_principle_yuan")
_STATUSES: Final = ("final", "estimate", "no_amount")


def check_evaluation(statement: Data) -> None:
    """Check everything the module says.

    Raises:
        CheckFailed: something does not follow; the message names it.
    """
    subsidy, programme = statement["subsidy"], statement["programme"]
    steps = subsidy["steps"]
    check_case(statement, subsidy["case"])
    if programme is None:
        if steps or subsidy["status"] != "no_rules" or subsidy["estimate_fen"] is not None:
            raise CheckFailed(
                "没有有效的规则，却有估算金额。"
                "An amount is estimated although no rules were in force"
            )
        return
    values = {one["name"]: one["value"] for one in programme["parameters"]}
    _check_chain(steps)
    _check_named(steps, programme)
    for step in steps:
        _check_step(step, subsidy["case"], values)
    _check_told(subsidy)
    _check_result(subsidy)


def _check_chain(steps: Sequence[Data]) -> None:
    names = tuple(step["step"] for step in steps)
    if not names or names != STEPS[: len(names)]:
        raise CheckFailed(f"估算的步骤为 {list(names)}。The estimate's steps are {list(names)}")
    amounts = [(fen_of(step["before_yuan"]), fen_of(step["after_yuan"])) for step in steps]
    if amounts[0][0] != 0:
        raise CheckFailed("估算开始时已有金额。The estimate begins with an amount of its own")
    for (one, (_, given)), (other, (taken, _)) in pairwise(zip(names, amounts, strict=True)):
        if given != taken:
            raise CheckFailed(
                f"步骤 {other} 未取用 {one} 的结果。Step {other} does not take what {one} gave"
            )
    for name, (before, after) in zip(names, amounts, strict=True):
        later = STEPS.index(name) > STEPS.index("base")
        if (later and after > before) or (name in STEPS[:5] and after):
            raise CheckFailed(
                f"步骤 {name} 由 {before} 分得 {after} 分。"
                f"Step {name} makes {after} of {before} fen"
            )
    ended = names[-1] == "gate" or (len(names) > 5 and amounts[-1][1] == 0)
    if names != STEPS and not ended:
        raise CheckFailed(
            f"尚有应得，估算却止于步骤 {names[-1]}。"
            f"The estimate ends with step {names[-1]} although something is due"
        )


def _check_named(steps: Sequence[Data], programme: Data) -> None:
    known = {
        one["name"]: (one["state"], one["value"], one["source"]) for one in programme["parameters"]
    }
    for step in steps:
        for rule in step["rules"]:
            state, value, source = known.get(rule["name"], (None, None, None))
            decided = state == "decided" and source is None
            if (rule["state"], rule["value"]) != (state, value) or (
                rule["source"] != source and not decided
            ):
                raise CheckFailed(
                    f"步骤 {step['step']} 的 {rule['name']} 与规则不同。"
                    f"Step {step['step']} has {rule['name']} otherwise than the rules"
                )


def _check_step(step: Data, case: Data, values: Values) -> None:
    before, after = fen_of(step["before_yuan"]), fen_of(step["after_yuan"])
    inputs = {one["name"]: one["value"] for one in step["inputs"]}
    match step["step"]:
        case "price":
            least = values.get("min_evidence_level")
            holds = "metered" not in inputs or fen_of(inputs["metered"]) == sum(rated(case, least))
        case "base":
            holds = _base_holds(step, inputs, values)
        case "threshold":
            least_fen = _parameter_fen(values, "threshold.year_yuan")
            below = least_fen is not None and before < least_fen
            by_contract = values.get("threshold.basis") == "contract"
            holds = after in ({0, before} if by_contract else {0 if below else before})
        case "ratio":
            holds = after in _ratio_amounts(before, inputs, values)
        case "company_cap":
            caps = [fen for name in _CAPS if (fen := _parameter_fen(values, name)) is not None]
            limits = [fen_of(limit) for limit in inputs.values()]
            holds = after == min([before, *limits]) and after <= min([before, *caps])
        case _:
            holds = step["bound"] is not None or after == before
    if not holds:
        raise CheckFailed(
            f"步骤 {step['step']} 由 {before} 分得 {after} 分。"
            f"Step {step['step']} makes {after} of {before} fen"
        )


def _base_holds(step: Data, inputs: Mapping[str, str], values: Values) -> bool:
    """Of shared expense the least of the ceilings, metered use standing in for unknown ones."""
    if values.get("kind") != "cost_share":
        return True
    after, classes = fen_of(step["after_yuan"]), step["by_class"]
    modes = {name: values.get(f"base.{name}") for name in _FACTORS}
    ceilings = [name for name in _FACTORS if modes[name] == "ceiling"]
    bounds = [fen_of(inputs[name]) for name in ceilings if name in inputs]
    if len(bounds) < len(ceilings) and modes["metered"] == "flag" and "metered" in inputs:
        bounds.append(fen_of(inputs["metered"]))
    if not bounds:
        return after == 0
    least = min(bounds)
    return (
        after <= least if len(classes) > 1 else after == _rounded(Fraction(least), "base", values)
    )


def _ratio_amounts(before: int, inputs: Mapping[str, str], values: Values) -> set[int]:
    """What the ratios that the rules name may make of an amount; 0 where none is known."""
    if values.get("kind") != "cost_share" and "ratio.general" not in values:
        return {before}
    general, startup = (_ratio(values, name) for name in ("ratio.general", "ratio.startup"))
    found = [ratio * before for ratio in (general, startup) if ratio is not None]
    domestic = _ratio(values, "ratio.domestic")
    if values.get("ratio_by") == "chip_origin" and None not in (general, domestic):
        assert general is not None
        assert domestic is not None
        parts = {name: fen_of(value) for name, value in inputs.items()}
        found = [domestic * parts.get("domestic", 0) + general * parts.get("other", 0)]
    return {_rounded(fen, "ratio", values) for fen in found} or {0}


def _ratio(values: Values, name: str) -> Fraction | None:
    value = values.get(name)
    if value == "none":
        return Fraction(1) if name == "ratio.general" else _ratio(values, "ratio.general")
    return None if value is None else exact(value)


def _rounded(fen: Fraction, step: str, values: Values) -> int:
    """Cut to a fen, or to the unit where the rules round after the step."""
    named = (values.get("rounding.steps") or "").split("; ")
    unit = (_parameter_fen(values, "rounding.unit_yuan") or 1) if step in named else 1
    units = fen / unit
    if step in named and values.get("rounding.mode") == "half_up":
        units += Fraction(1, 2)
    return units.numerator // units.denominator * unit


def _parameter_fen(values: Values, name: str) -> int | None:
    value = values.get(name)
    return None if value is None or value == "none" else int(exact(value) * 100)


def _check_told(subsidy: Data) -> None:
    for name in ("unknown", "missing"):
        told = list(dict.fromkeys(chain.from_iterable(one[name] for one in subsidy["steps"])))
        if subsidy[name] != told:
            raise CheckFailed(
                f"{name} 所列与步骤所述不同。What is {name} is not what the steps tell"
            )
    if subsidy["status"] not in _STATUSES:
        raise CheckFailed(f"没有状态 {subsidy['status']}。There is no status {subsidy['status']}")
    refused = len(subsidy["steps"]) == 1
    if subsidy["status"] == "final" and not refused and (subsidy["unknown"] or subsidy["missing"]):
        raise CheckFailed(
            "尚有未知，估算却称为最终。"
            "The estimate calls itself final although something is not known"
        )


def _check_result(subsidy: Data) -> None:
    last = subsidy["steps"][-1]
    year_fen = None if subsidy["status"] == "no_amount" else fen_of(last["after_yuan"])
    earlier_fen, estimate_fen = subsidy["earlier_fen"], subsidy["estimate_fen"]
    expected = None if year_fen is None else max(0, year_fen - earlier_fen)
    if subsidy["year_fen"] != year_fen or estimate_fen != expected or earlier_fen < 0:
        raise CheckFailed(
            f"估算 {estimate_fen} 分不是其步骤所得。"
            f"The estimate of {estimate_fen} fen is not what its steps come to"
        )
