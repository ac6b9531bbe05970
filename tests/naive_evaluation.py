"""A second evaluation of claims, written from docs/evaluation.md alone, sharing no code.

One function a step, in fractions, slow and obvious. It keeps no trace: only what remains after each
step, and the names of what was not known. The evaluation under test must come to the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor

from kashi_server.domain.evaluation.case import Case, Metered, Part, Voucher
from kashi_server.domain.rules import RulesVersion
from naive_claim import BASES, Claim, months_later, periods
from naive_gate import gate

CLASSES = ("domestic", "other")
FACTORS = ("contract", "invoice", "payment", "metered", "verified")
ByClass = dict[str, int]
"""Fen of the parts with domestic chips, and of the others."""


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


# 2 scope


def scope(claim: Claim) -> tuple[Part, ...]:
    """The parts whose expense counts."""
    kept = claim.case.parts
    include, exclude = claim.texts("expense_scope.include"), claim.texts("expense_scope.exclude")
    if include is not None:
        kept = tuple(part for part in kept if part.item in include)
    elif kept:
        claim.told.add("expense_scope.include")
        if exclude is None:
            claim.told.add("expense_scope.exclude")
        kept = tuple(part for part in kept if part.item not in (exclude or ()))
    owned = claim.value("self_owned_excluded")
    if owned is None and any(part.owned for part in kept):
        claim.told.add("self_owned_excluded")
    return tuple(part for part in kept if not (part.owned and owned is True))


# 3 meter, 4 price


def metered(claim: Claim) -> ByClass | None:
    """The value of what was metered; None where nothing was given."""
    if claim.case.metered is None:
        return None
    asked = claim.value("kind") == "cost_share" and claim.value("base.metered") in (
        "ceiling",
        None,
    )
    told_before = set(claim.told)
    total = {"domestic": 0, "other": 0}
    for line in claim.case.metered:
        if counts(claim, line):
            total[class_of(claim, domestic=line.domestic)] += line_fen(claim, line)
    if not asked:
        claim.told = told_before
    return total


def counts(claim: Claim, line: Metered) -> bool:
    """Its evidence is good enough."""
    least = claim.value("min_evidence_level")
    if least is None and line.evidence_level < "E3":
        claim.told.add("min_evidence_level")
    return least is None or line.evidence_level >= str(least)


def line_fen(claim: Claim, line: Metered) -> int:
    """One line: card-hours at a price, or the days of a rent."""
    if line.card_hours is None or line.price_yuan is None:
        assert line.rent_fen is not None
        assert line.rented_days is not None
        assert line.month_days is not None
        return claim.rounded("price", Fraction(line.rent_fen * line.rented_days, line.month_days))
    hours, gaps = line.card_hours, claim.value("gap_policy")
    if gaps is None and (line.continuity_card_hours or line.officer_card_hours):
        claim.told.add("gap_policy")
    if gaps in ("continuity", "officer"):
        hours += line.continuity_card_hours
    if gaps == "officer":
        hours += line.officer_card_hours
    return claim.rounded("price", hours * line.price_yuan * 100)


def class_of(claim: Claim, *, domestic: bool | None) -> str:
    """Amounts are kept apart where the origin of the chip chooses the ratio."""
    if claim.value("ratio_by") != "chip_origin" or claim.value("kind") != "cost_share":
        return "other"
    if domestic is None:
        claim.told.add("domestic")
    return "domestic" if domestic else "other"


# 5 prorate


def factors(claim: Claim, kept: tuple[Part, ...]) -> dict[str, ByClass | None]:
    """The factors of the base, class by class; None where a factor is not known."""
    claim.ex_tax = without_tax(claim, kept)
    if claim.value("kind") != "cost_share":
        return {"contract": parts_sum(claim, kept, "contract", share=Fraction(1))}
    found: dict[str, ByClass | None] = {"metered": metered(claim)}
    share = days_share(claim)
    for name in ("contract", "invoice", "verified"):
        found[name] = parts_sum(claim, kept, name, share=share)
    found["payment"] = payment(claim, kept, share=share)
    return found


def without_tax(claim: Claim, kept: tuple[Part, ...]) -> bool:
    """Amounts are taken without tax; unknown: with it, and told where that matters."""
    if claim.value("kind") != "cost_share":
        pairs = [(part.contract_fen, part.contract_ex_tax_fen) for part in kept]
    else:
        pairs = [(claim.case.payment_fen, claim.case.payment_ex_tax_fen)]
    for part in claim.case.parts if claim.value("kind") == "cost_share" else ():
        pairs.append((part.contract_fen, part.contract_ex_tax_fen))
        pairs.append((part.invoice_fen, part.invoice_ex_tax_fen))
        pairs.append((part.verified_fen, part.verified_ex_tax_fen))
    if claim.value("tax_basis") is None and any(fen != without for fen, without in pairs):
        claim.told.add("tax_basis")
    return claim.value("tax_basis") == "excl"


def amount_of(claim: Claim, part: Part, name: str) -> int | None:
    """An amount of a part, with or without tax."""
    fen: int | None = getattr(part, f"{name}_ex_tax_fen" if claim.ex_tax else f"{name}_fen")
    return fen


def parts_sum(
    claim: Claim, kept: tuple[Part, ...], name: str, *, share: Fraction
) -> ByClass | None:
    """Sum over the kept parts; None where a part's amount is lacking or no part was given."""
    if not claim.case.parts:
        return None
    total = {"domestic": 0, "other": 0}
    for part in kept:
        fen = amount_of(claim, part, name)
        if fen is None:
            return None
        total[class_of(claim, domestic=part.domestic)] += fen
    return {one: claim.rounded("prorate", fen * share) for one, fen in total.items()}


def payment(claim: Claim, kept: tuple[Part, ...], *, share: Fraction) -> ByClass | None:
    """The payment, as far as it paid for the kept parts."""
    paid = claim.case.payment_ex_tax_fen if claim.ex_tax else claim.case.payment_fen
    if paid is None or not claim.case.parts:
        return None
    invoiced = [amount_of(claim, part, "invoice") for part in claim.case.parts]
    if len(claim.case.parts) == 1:
        invoiced = [1]
    known = [fen for fen in invoiced if fen is not None]
    if len(known) < len(invoiced) or sum(known) == 0:
        return None
    total = {"domestic": Fraction(0), "other": Fraction(0)}
    for part, fen in zip(claim.case.parts, known, strict=True):
        if any(part is one for one in kept):
            total[class_of(claim, domestic=part.domestic)] += Fraction(paid * fen, sum(known))
    return {one: claim.rounded("prorate", fen * share) for one, fen in total.items()}


def days_share(claim: Claim) -> Fraction:
    """Which share of the term lies inside the base period."""
    prorate = claim.value("prorate")
    if prorate == "none" or not (claim.spoken("prorate") or claim.spoken("base_period")):
        return Fraction(1)
    begins, ends = claim.case.service.service_from, claim.case.service.service_until
    spans, counting = claim.texts("base_period"), claim.value("day_count")
    if begins is None or ends is None:
        claim.told.add("term")
        return Fraction(1)
    if spans is None or prorate is None:
        inside = spans is not None and any(a <= begins and ends <= b for a, b in periods(spans))
        if not inside:
            claim.told.update({"base_period", "prorate"})
        return Fraction(1)
    shares = [span_share(begins, ends, spans, more) for more in (0, 1)]
    if counting is None and shares[0] != shares[1]:
        claim.told.add("day_count")
    return min(Fraction(1), shares[1] if counting == "inclusive" else shares[0])


def span_share(begins: date, ends: date, spans: tuple[str, ...], more: int) -> Fraction:
    """Days inside over days; `more` is the day that inclusive counting adds."""
    overlaps = [(max(begins, a), min(ends, b)) for a, b in periods(spans)]
    inside = sum((last - first).days + more for first, last in overlaps if first <= last)
    days = (ends - begins).days + more
    if days == 0:
        return Fraction(1 if any(first <= last for first, last in overlaps) else 0)
    return Fraction(inside, days)


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


def least_factor(claim: Claim, fen: dict[str, ByClass | None]) -> ByClass | None:
    """Class by class the least of the ceilings that are known."""
    modes = {name: claim.value(f"base.{name}") for name in FACTORS}
    ceilings = [found for name in FACTORS if modes[name] == "ceiling" and (found := fen[name])]
    if not ceilings:
        return None
    least = {
        one: claim.rounded("base", Fraction(min(found[one] for found in ceilings)))
        for one in CLASSES
    }
    for name in FACTORS:
        found = fen[name]
        lower = found is None or any(found[one] < least[one] for one in CLASSES)
        if modes[name] in (None, "ceiling") and lower and any(least.values()):
            if modes[name] is None:
                claim.told.add(f"base.{name}")
            elif found is None:
                claim.told.add(name)
    return least


def threshold(claim: Claim, based: ByClass, fen: dict[str, ByClass | None]) -> ByClass:
    """A cliff: nothing below it."""
    total, limit = sum(based.values()), claim.fen("threshold.year_yuan")
    if total == 0 or claim.value("threshold.year_yuan") == "none":
        return based
    if limit is None:
        claim.told.add("threshold.year_yuan")
        return based
    standing, contract = claim.case.standing, fen["contract"]
    short = {"eligible": total + standing.year_eligible_fen < limit, "contract": None}
    if contract is not None:
        short["contract"] = sum(contract.values()) + standing.year_contract_fen < limit
    elif standing.year_contract_fen >= limit:
        short["contract"] = False
    basis, below = claim.value("threshold.basis"), short["eligible"]
    if basis is None and short["eligible"] is not short["contract"]:
        claim.told.add("threshold.basis")
    if basis == "contract":
        below = short["contract"]
        if below is None:
            claim.told.add("contract")
            below = False
    return dict.fromkeys(based, 0) if below else based


# 8 ratio


def ratio_depends_on_age(claim: Claim) -> bool:
    """A start-up has a ratio of its own."""
    whole = claim.value("kind") != "cost_share" and not claim.spoken("ratio.general")
    return claim.value("ratio_by") == "startup" and not whole


def is_startup(claim: Claim) -> bool | None:
    """Whether the company is a start-up; None, and told, where that is not known."""
    months, born = claim.value("startup.max_age_months"), claim.case.claimant.established_on
    if months == "none":
        return True
    if months is None or born is None:
        claim.told.add("established_on and max_age_months")
        return None
    basis, grown = claim.value("startup.age_basis"), months_later(born, int(str(months)))
    days = [claim.date_of(str(basis))] if basis else [claim.date_of(one) for one in BASES]
    young = {None if day is None else day < grown for day in days}
    if len(young) > 1 or None in young:
        claim.told.add("startup.age_basis")
        return None
    return young.pop()


def ratio(claim: Claim, based: ByClass, startup: bool | None) -> int | None:
    """The base times its ratio, cut once; None where a ratio is not known."""
    if claim.value("kind") != "cost_share" and not claim.spoken("ratio.general"):
        return sum(based.values())
    by = claim.value("ratio_by")
    if by is None and any(
        claim.spoken(name) for name in ("ratio_by", "ratio.startup", "ratio.domestic")
    ):
        claim.told.add("ratio_by")
    exact = Fraction(0)
    for one in CLASSES:
        if based[one]:
            share = ratio_of(claim, one, startup)
            if share is None:
                return None
            exact += based[one] * share
    return claim.rounded("ratio", exact)


def ratio_of(claim: Claim, one: str, startup: bool | None) -> Fraction | None:
    """The ratio of a class; None, and told, where it is not known."""
    name = "ratio.general"
    if one == "domestic":
        name = "ratio.domestic"
    elif claim.value("ratio_by") == "startup" and startup:
        name = "ratio.startup"
    if claim.value(name) == "none":
        name = "ratio.general"
    if claim.value(name) == "none":
        return Fraction(1)
    if claim.value(name) is None:
        claim.told.add(name)
    return claim.number(name)


# 9 company cap, 10 stacking


def company_cap(claim: Claim, amount: int) -> int:
    """The least of the caps that are known."""
    standing, matched = claim.case.standing, claim.case.award.matched_fen
    limits = [amount]
    for name, before in (
        ("cap.award_yuan", 0),
        ("cap.company_year_yuan", standing.year_awarded_fen),
        ("cap.combined_yuan", matched),
    ):
        limit = claim.fen(name)
        if claim.is_open(name) or (name == "cap.company_year_yuan" and claim.value(name) is None):
            claim.told.add(name)
        if limit is not None:
            if before is None:
                claim.told.add("matched")
            else:
                limits.append(limit - before)
    if claim.value("kind") == "cost_share" and claim.spoken("award.tiers_yuan"):
        of_tier = tier_fen(claim)
        if of_tier is None:
            claim.told.add("tier")
        else:
            limits.append(of_tier)
    return principle(claim, max(0, min(limits)))


def principle(claim: Claim, amount: int) -> int:
    """What holds unless the office approved more."""
    name, approved = "cap.company_year_principle_yuan", claim.case.claimant.exception_approved
    if approved:
        return amount
    if claim.is_open(name):
        claim.told.add(name)
    limit = claim.fen(name)
    if limit is None:
        return amount
    left = max(0, limit - claim.case.standing.year_awarded_fen)
    if left < amount and approved is None:
        claim.told.add("exception_approved")
    return min(amount, left)


def stacking(claim: Claim, amount: int, contract: ByClass | None, startup: bool | None) -> int:
    """No more public money on the contract than its line."""
    if claim.value("stacking.ratio") == "none":
        return amount
    line = claim.number("stacking.ratio")
    if line is None or contract is None:
        claim.told.add("stacking.ratio" if line is None else "contract")
        return amount
    higher = claim.number("ratio.startup")
    if claim.value("ratio_by") == "startup" and startup and higher is not None and higher > line:
        if claim.value("stacking.startup_line") is None:
            claim.told.add("stacking.startup_line")
        if claim.value("stacking.startup_line") == "startup_ratio":
            line = higher
    taken = claim.case.standing.paid_on_contract_fen + other_money(claim)
    return max(0, min(amount, floor(line * sum(contract.values())) - taken))


def other_money(claim: Claim) -> int:
    """Other public money of the levels that count."""
    levels, others = claim.texts("stacking.levels"), claim.case.other_money
    some = any(money.amount_fen for money in others)
    if some and claim.is_open("stacking.levels"):
        claim.told.add("stacking.levels")
    if levels is None:
        return sum(money.amount_fen for money in others)
    if "unstated" not in levels and any(
        money.amount_fen for money in others if money.level == "unstated"
    ):
        claim.told.add("level")
    return sum(money.amount_fen for money in others if money.level in levels)


# 11 voucher balance, 12 pool


def voucher_balance(claim: Claim, amount: int) -> int:
    """No more than the vouchers still hold that are valid on the day of the application."""
    if claim.case.vouchers is None:
        return amount
    held = [one for one in claim.case.vouchers if one.face_fen > one.used_fen]
    return min(amount, sum(one.face_fen - one.used_fen for one in held if is_valid(claim, one)))


def is_valid(claim: Claim, voucher: Voucher) -> bool:
    """Both days inside; one without a first day has begun, one without a last has no end."""
    day, first, last = claim.case.applied_on, voucher.valid_from, voucher.valid_until
    months = claim.value("voucher.validity_months")
    if last is None and months is None:
        claim.told.add("voucher.validity_months")
    if last is None and isinstance(months, int):
        if first is None:
            claim.told.add("voucher.valid_from")
        else:
            last = months_later(first, months)
    if day is None:
        if first is not None or last is not None:
            claim.told.add("applied_on")
        return True
    return (first or day) <= day <= (last or day)


def pool(claim: Claim, amount: int) -> int:
    """The quota, the year's pool, the envelope."""
    quota, rank = claim.number("quota_per_year"), claim.case.award.rank
    if claim.is_open("quota_per_year"):
        claim.told.add("quota_per_year")
    if quota is not None and rank is None:
        claim.told.add("rank")
    if quota is not None and rank is not None and rank > quota:
        return 0
    return envelope(claim, years_pool(claim, amount))


def years_pool(claim: Claim, amount: int) -> int:
    """What the pool leaves; where more is asked for than it has, by its rule."""
    size, standing = claim.fen("pool.year_yuan"), claim.case.standing
    if claim.value("pool.year_yuan") is None:
        claim.told.add("pool.year_yuan")
    if size is None:
        return amount
    if standing.pool_granted_fen is None:
        claim.told.add("pool_granted")
    left, requested = max(0, size - (standing.pool_granted_fen or 0)), standing.pool_requested_fen
    if requested is None:
        claim.told.add("pool_requested")
    elif requested > left:
        amount = overflowing(claim, amount, Fraction(left, requested))
    return min(amount, left)


def overflowing(claim: Claim, amount: int, share: Fraction) -> int:
    """By the rule for too many requests; unknown: at most what is left."""
    match claim.value("pool.overflow"):
        case "prorata":
            return claim.rounded("pool", amount * share)
        case "discretion":
            decided = claim.case.award.decided_fen
            if decided is None:
                claim.told.add("decided")
            return amount if decided is None else min(amount, decided)
        case None:
            claim.told.add("pool.overflow")
    return amount


def envelope(claim: Claim, amount: int) -> int:
    """At most what is left of the envelope that the rules name, or the case."""
    size, granted = claim.case.standing.envelope_pool_fen, claim.case.standing.envelope_granted_fen
    if claim.value("envelope") == "none":
        return amount
    if claim.is_open("envelope"):
        claim.told.add("envelope")
    if size is None:
        if claim.value("envelope") is not None:
            claim.told.add("envelope_pool")
        return amount
    if granted is None:
        claim.told.add("envelope_granted")
    return max(0, min(amount, size - (granted or 0)))
