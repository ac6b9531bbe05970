"""The naive evaluation's steps 2 to 5: which expense counts, and what it comes to."""

from datetime import date
from fractions import Fraction

from kashi_server.domain.evaluation.case import Metered, Part
from naive_claim import ByClass, Claim, periods

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
    """One line: card-hours at a price, the days of a rent, or what a statement rated."""
    if line.amount_fen is not None:
        return line.amount_fen
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
