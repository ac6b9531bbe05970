"""A second evaluation of claims, written from docs/evaluation.md alone, sharing no code.

One function a step, in fractions, slow and obvious. It keeps no trace: only what remains after each
step, and the names of what was not known. The evaluation under test must come to the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.rules import RulesVersion
from naive_claim import CLASSES, ByClass, Claim, tier_fen
from naive_expense import factors, scope
from naive_gate import gate
from naive_limits import (
    company_cap,
    is_startup,
    pool,
    ratio,
    ratio_depends_on_age,
    stacking,
    voucher_balance,
)

FACTORS = ("contract", "invoice", "payment", "metered", "verified")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a claim comes to: final, estimate or no_amount; fen, and fen after each step."""

    status: str
    amount_fen: int | None
    steps: dict[str, int]
    told: frozenset[str]


def evaluate_naively(rules: RulesVersion, case: Case) -> Outcome:
    """All steps, in order."""
    claim = Claim(rules=rules, case=case)
    if not gate(claim):
        return Outcome(status="final", amount_fen=0, steps={"gate": 0}, told=frozenset())
    kept = scope(claim)
    fen = factors(claim, kept)
    based = base(claim, fen)
    steps: dict[str, int] = {}
    amount: int | None = None
    if based is not None:
        steps["base"] = sum(based.values())
        based = threshold(claim, based, fen)
        amount = steps["threshold"] = sum(based.values())
        if amount:
            amount = after_threshold(claim, based, fen["contract"], steps)
    told = frozenset(claim.told)
    if amount is None:
        return Outcome(status="no_amount", amount_fen=None, steps=steps, told=told)
    status = "estimate" if told else "final"
    return Outcome(status=status, amount_fen=amount, steps=steps, told=told)


def after_threshold(
    claim: Claim, based: ByClass, contract: ByClass | None, steps: dict[str, int]
) -> int | None:
    """Steps 8 to 12, until nothing is left; None where the ratio is not known."""
    startup = is_startup(claim) if ratio_depends_on_age(claim) else None
    amount = ratio(claim, based, startup)
    if amount is None:
        return None
    steps["ratio"] = amount
    limits: tuple[tuple[str, Callable[[int], int]], ...] = (
        ("company_cap", lambda fen: company_cap(claim, fen)),
        ("stacking", lambda fen: stacking(claim, fen, contract, startup)),
        ("voucher_balance", lambda fen: voucher_balance(claim, fen)),
        ("pool", lambda fen: pool(claim, fen)),
    )
    for name, limit in limits:
        if amount:
            amount = steps[name] = limit(amount)
    return amount


# 6 base, 7 threshold


def base(claim: Claim, fen: dict[str, ByClass | None]) -> ByClass | None:
    """What the ratio is taken of; None where it is not known."""
    award = claim.case.award
    match claim.value("kind"):
        case "cost_share":
            return least_factor(claim, fen)
        case "matching":
            amount = award.matched_fen
        case "tiered":
            amount = tier_fen(claim)
            if amount is not None and award.decided_fen is not None:
                amount = min(amount, award.decided_fen)
        case "fixed":
            amount = claim.fen("award.fixed_yuan")
        case "discretionary":
            amount = award.decided_fen
        case _:
            amount = None
    return None if amount is None else {"domestic": 0, "other": amount}


def least_factor(claim: Claim, fen: dict[str, ByClass | None]) -> ByClass | None:
    """Class by class the least of the ceilings that are known; metered use that is a flag stands
    in for those that are not."""
    modes = {name: claim.value(f"base.{name}") for name in FACTORS}
    named = [name for name in FACTORS if modes[name] == "ceiling"]
    ceilings = [found for name in named if (found := fen[name])]
    used = fen["metered"]
    guess = [used] if modes["metered"] == "flag" and len(ceilings) < len(named) and used else []
    if not ceilings + guess:
        return None
    if not ceilings:
        claim.told |= {*named, *(f"base.{name}" for name in FACTORS if modes[name] is None)}
        return smallest(claim, guess)
    least = smallest(claim, ceilings)
    for name in FACTORS:
        found = fen[name]
        lower = found is None or any(found[one] < least[one] for one in CLASSES)
        if modes[name] in (None, "ceiling") and lower and any(least.values()):
            if modes[name] is None:
                claim.told.add(f"base.{name}")
            elif found is None:
                claim.told.add(name)
    return smallest(claim, ceilings + guess)


def smallest(claim: Claim, amounts: list[ByClass]) -> ByClass:
    """Class by class the least of some amounts."""
    return {
        one: claim.rounded("base", Fraction(min(found[one] for found in amounts)))
        for one in CLASSES
    }


def threshold(claim: Claim, based: ByClass, fen: dict[str, ByClass | None]) -> ByClass:
    """A cliff: nothing below it."""
    total, limit = sum(based.values()), claim.fen("threshold.year_yuan")
    if total == 0 or claim.value("threshold.year_yuan") == "none":
        return based
    if limit is None:
        claim.told.add("threshold.year_yuan")
        return based
    standing, contract = claim.case.standing, fen["contract"]
    this = None if contract is None else sum(contract.values())
    short = {
        "eligible": stays_below(limit, total, standing.year_eligible_fen),
        "contract": stays_below(limit, this, standing.year_contract_fen),
    }
    basis = claim.value("threshold.basis")
    if basis is None and short["eligible"] != short["contract"]:
        claim.told.add("threshold.basis")
    below = short[str(basis or "eligible")]
    if below is None:
        claim.told.add("the year's expense")
    return dict.fromkeys(based, 0) if below else based


def stays_below(limit: int, *amounts: int | None) -> bool | None:
    """Whether a sum does; None where what is known does and not all is known."""
    known = [fen for fen in amounts if fen is not None]
    if sum(known) >= limit:
        return False
    return True if len(known) == len(amounts) else None
