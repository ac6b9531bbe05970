"""What bound a claim on several contracts, contract by contract: told, and no amount changes by it.

The base is the least of sums over all contracts. A contract's part of a sum is that of its parts:
of what was paid that of what was invoiced for them, of a sum that was cut to a period the same
share; each cut to a fen.
"""

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Final

from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.price import line_fen
from kashi_server.domain.evaluation.step import State
from kashi_server.domain.money import yuan_text
from kashi_server.domain.parameters import FACTORS

_WEIGHED_BY: Final = {"payment": "invoice"}


def by_contract(state: State, bounds: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Every factor of every contract, and which of the bounds is its least.

    Args:
        state: after the factors are known.
        bounds: names of the factors of which the least was taken.

    Returns:
        names and values for the step's inputs; empty where the case is of one contract, or does not
        say of which its parts are.
    """
    contracts = {part.contract_id for part in state.parts}
    if len(contracts) < 2 or None in contracts:
        return ()
    told: list[tuple[str, str]] = []
    for contract_id in sorted(one for one in contracts if one is not None):
        known = {
            name: fen for name in FACTORS if (fen := _fen(state, name, contract_id)) is not None
        }
        told += [(f"{contract_id} {name}", yuan_text(fen)) for name, fen in known.items()]
        told += _least(contract_id, known, bounds)
    return tuple(told)


def _least(
    contract_id: str, known: Mapping[str, int], bounds: Collection[str]
) -> list[tuple[str, str]]:
    found = [name for name in known if name in bounds]
    if not found:
        return []
    least = min(found, key=lambda name: (known[name], FACTORS.index(name)))
    return [(f"{contract_id} bound", f"{least} {yuan_text(known[least])}")]


def _fen(state: State, factor: str, contract_id: str) -> int | None:
    """A contract's part of a factor; None: it is not known."""
    if factor not in state.factors:
        return None
    if factor == "metered":
        return _metered_fen(state, contract_id)
    ex_tax = state.rules.parameter("tax_basis").value == "excl"
    name = state.amount_name(_WEIGHED_BY.get(factor, factor), ex_tax=ex_tax)
    weights = [(part.contract_id, getattr(part, name) or 0) for part in state.parts]
    whole = sum(fen for _contract, fen in weights)
    own = sum(fen for contract, fen in weights if contract == contract_id)
    return int(Fraction(state.factors[factor].total_fen * own, whole)) if whole else 0


def _metered_fen(state: State, contract_id: str) -> int | None:
    lines = state.case.metered or ()
    if any(line.contract_id is None for line in lines):
        return None
    silent = Asking(state.rules)
    return sum(
        line_fen(line, hours, silent)
        for place, (line, hours) in enumerate(zip(lines, state.card_hours, strict=True))
        if line.contract_id == contract_id and place not in state.refused
    )
