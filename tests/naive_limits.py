"""The naive evaluation's steps 8 to 12: from the base to the amount."""

from datetime import date
from fractions import Fraction
from math import floor

from kashi_server.domain.evaluation.case import Voucher
from naive_claim import BASES, CLASSES, ByClass, Claim, months_later, tier_fen

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
        ("cap.company_year_yuan", standing.year_awarded_fen or 0),
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
    left = principle(claim, max(0, min(limits)))
    if left and standing.year_awarded_fen is None and caps_of_year(claim):
        claim.told.add("year_awarded")
    return left


def caps_of_year(claim: Claim) -> bool:
    """A cap of a company and year is known and holds."""
    principle_fen = claim.fen("cap.company_year_principle_yuan")
    held = principle_fen is not None and not claim.case.claimant.exception_approved
    return claim.fen("cap.company_year_yuan") is not None or held


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
    left = max(0, limit - (claim.case.standing.year_awarded_fen or 0))
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
    paid = claim.case.standing.paid_on_contract_fen
    left = floor(line * sum(contract.values())) - (paid or 0) - other_money(claim)
    none_counts = claim.texts("stacking.levels") == ()
    if left > 0 and paid is None:
        claim.told.add("paid_on_contract")
    if left > 0 and claim.case.other_money is None and not none_counts:
        claim.told.add("other_money")
    return max(0, min(amount, left))


def other_money(claim: Claim) -> int:
    """Other public money of the levels that count."""
    levels, others = claim.texts("stacking.levels"), claim.case.other_money or ()
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
    valid = [one for one in held if is_valid(claim, one)]
    freely = min(amount, sum(one.face_fen - one.used_fen for one in valid))
    whole = amount - unpaid_by_whole(claim, valid, amount)
    if whole == freely:
        return freely
    if claim.value("voucher.partial_use") is None:
        claim.told.add("voucher.partial_use")
    return whole if claim.value("voucher.partial_use") is False else freely


def unpaid_by_whole(claim: Claim, valid: list[Voucher], amount: int) -> int:
    """What is left where no voucher is used in part; the one that ends first goes first."""
    last = {id(one): last_day(claim, one) or date.max for one in valid}
    for one in sorted(
        valid, key=lambda one: (last[id(one)], one.number, one.face_fen - one.used_fen)
    ):
        holds = one.face_fen - one.used_fen
        amount -= holds if holds <= amount else 0
    return amount


def last_day(claim: Claim, voucher: Voucher) -> date | None:
    """Its own, or so many months after its first; None where it has none, or nobody knows."""
    months = claim.value("voucher.validity_months")
    if voucher.valid_until is not None or not isinstance(months, int):
        return voucher.valid_until
    return None if voucher.valid_from is None else months_later(voucher.valid_from, months)


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
