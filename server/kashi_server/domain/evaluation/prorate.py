"""Step 5, prorate: contract, invoice and payment of the parts that count, cut to the period.

A payment is one sum for all parts of an invoice: what was invoiced for the parts that count gets
its share of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

from kashi_server.domain.evaluation.amounts import Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Part
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text

_STATED: Final = ("contract", "invoice", "verified")


def prorate(state: State, asking: Asking) -> Outcome:
    """Cut every fee to the days of the term that lie in the base period."""
    share = _share(state, asking)
    ex_tax = _ex_tax(state, asking)
    factors = dict(state.factors)
    for factor in _STATED if _shared(state) else ("contract",):
        stated = _stated(state, state.amount_name(factor, ex_tax=ex_tax))
        if stated is not None:
            factors[factor] = _cut(stated, share, asking)
    payment = _payment(state, ex_tax=ex_tax) if _shared(state) else None
    if payment is not None:
        factors["payment"] = _cut(payment, share, asking)
    contract = factors.get("contract")
    zh = "不按日分摊" if share == 1 else f"按日分摊 {share.numerator}/{share.denominator}"
    en = "not prorated" if share == 1 else f"prorated {share.numerator}/{share.denominator}"
    return Outcome(
        state=replace(
            state,
            factors=factors,
            contract_fen=None if contract is None else contract.total_fen,
        ),
        reason=(zh, en),
        bound="base_period" if share != 1 else None,
        inputs=tuple((name, yuan_text(one.total_fen)) for name, one in sorted(factors.items())),
    )


def _shared(state: State) -> bool:
    """Expense is shared; an award needs the contract alone, for its stacking line."""
    return state.rules.parameter("kind").value == "cost_share"


def _share(state: State, asking: Asking) -> Fraction:
    """Days of the term inside the base period over days of the term."""
    silent = not (asking.speaks_of("prorate") or asking.speaks_of("base_period"))
    if not _shared(state) or silent or asking.value("prorate") == "none":
        return Fraction(1)
    periods = asking.periods("base_period")
    first, last = state.case.service.service_from, state.case.service.service_until
    if first is None or last is None:
        asking.lacks("service.service_from and service_until")
        asking.parameter("prorate")
        return Fraction(1)
    term = (first.toordinal(), last.toordinal())
    if periods is None:
        asking.parameter("prorate")
        return Fraction(1)
    if any(a <= term[0] and term[1] <= b for a, b in periods):
        return Fraction(1)
    return _inside(term, periods, asking) if asking.text("prorate") == "by_days" else Fraction(1)


def _inside(
    term: tuple[int, int], periods: tuple[tuple[int, int], ...], asking: Asking
) -> Fraction:
    """The share of a term that no period holds whole, so that it has two days at least."""
    cut = [(max(a, term[0]), min(b, term[1])) for a, b in periods]
    spans = [(first, last) for first, last in cut if first <= last]
    if not spans:
        return Fraction(0)
    more = 1 if asking.text("day_count") == "inclusive" else 0
    days = sum(last - first + more for first, last in spans)
    return min(Fraction(1), Fraction(days, term[1] - term[0] + more))


def _ex_tax(state: State, asking: Asking) -> bool:
    """Whether amounts without tax are the ones to take; not asked where both are the same."""
    case, shared = state.case, _shared(state)
    same = all(
        getattr(part, f"{factor}_fen") == getattr(part, f"{factor}_ex_tax_fen")
        for part in (case.parts if shared else state.parts)
        for factor in (_STATED if shared else ("contract",))
    )
    same = same and (not shared or case.payment_fen == case.payment_ex_tax_fen)
    return not same and asking.text("tax_basis") == "excl"


def _stated(state: State, name: str) -> list[tuple[str, Fraction]] | None:
    stated = [(part, getattr(part, name)) for part in state.parts]
    if not state.case.parts or any(fen is None for _part, fen in stated):
        return None
    return [(state.class_of(part.domestic), Fraction(fen)) for part, fen in stated]


def _payment(state: State, *, ex_tax: bool) -> list[tuple[str, Fraction]] | None:
    case = state.case
    paid_fen = case.payment_ex_tax_fen if ex_tax else case.payment_fen
    if paid_fen is None:
        return None
    name = state.amount_name("invoice", ex_tax=ex_tax)
    weights = list(_weights(case.parts, name))
    if None in weights or not sum(filter(None, weights)):
        if len(case.parts) != 1:
            return None
        weights = [1]
    known = [weight or 0 for weight in weights]
    return [
        (state.class_of(part.domestic), Fraction(paid_fen * weight, sum(known)))
        for part, weight in zip(case.parts, known, strict=True)
        if part in state.parts
    ]


def _weights(parts: tuple[Part, ...], name: str) -> Iterator[int | None]:
    for part in parts:
        yield getattr(part, name)


def _cut(amounts: list[tuple[str, Fraction]], share: Fraction, asking: Asking) -> Amounts:
    sums: dict[str, Fraction] = {}
    for name, fen in amounts:
        sums[name] = sums.get(name, Fraction(0)) + fen * share
    return Amounts.of({name: asking.round_fen(fen, "prorate") for name, fen in sums.items()})
