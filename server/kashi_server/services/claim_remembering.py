"""A unit of work that asks the database for each thing once, for looking at many claims in a row.

Claims of one company, programme and year are each held against all others. Asked one by one, every
pair of them would be read anew: the square of how many they are. Nothing is written in such a unit,
so what it was told holds until it ends; whoever writes asks the true one.
"""

from collections.abc import Callable, Collection, Hashable
from typing import Any, Final, TypeVar, cast

from kashi_server.services.claims_port import ClaimsUnit

_Worked = TypeVar("_Worked")
_REMEMBERED: Final = {
    "claims": (
        "certified", "claim", "claims", "events", "held_lines", "held_parts", "holding_invoice",
        "holding_statement", "requested_fen", "sharing",
    ),
    "claim_papers": ("invoice_parts", "listed_from", "parts", "payments", "related"),
    "expense": ("contracts", "parties", "rules"),
    "ledger": ("amounts", "movement"),
}  # fmt: skip
"""What claims are evaluated by, and asked of more than one of them."""
_PASSED: Final = {"claims": ("evaluations",), "expense": ("statement",)}
"""Long, and asked for the claim's own sake: what others need of them is worked out `once`."""


class _Remembering:
    """One family of a unit's repositories; what is not for reading claims is not there."""

    def __init__(self, name: str, port: object) -> None:
        self._port = port
        for method in _PASSED.get(name, ()):
            setattr(self, method, getattr(port, method))
        for method in _REMEMBERED[name]:
            setattr(self, method, _remembered(getattr(port, method)))


class _RememberingUnit:
    """The families that evaluating a claim reads, and what was worked out of them."""

    def __init__(self, unit: ClaimsUnit) -> None:
        self._worked_out: dict[Hashable, object] = {}
        for name in _REMEMBERED:
            setattr(self, name, _Remembering(name, getattr(unit, name)))

    def once(self, key: Hashable, work_out: Callable[[], object]) -> object:
        """What was worked out under a key."""
        if key not in self._worked_out:
            self._worked_out[key] = work_out()
        return self._worked_out[key]


def remembering(unit: ClaimsUnit) -> ClaimsUnit:
    """The unit for evaluating claims while nobody writes in it; one that remembers stays itself."""
    if isinstance(unit, _RememberingUnit):
        return unit
    return cast("ClaimsUnit", _RememberingUnit(unit))


def once(unit: ClaimsUnit, key: Hashable, work_out: Callable[[], _Worked]) -> _Worked:
    """What is worked out of what a unit reads: once a key where it remembers, else anew."""
    if not isinstance(unit, _RememberingUnit):
        return work_out()
    return cast("_Worked", unit.once(key, work_out))


def _remembered(ask: Callable[..., Any]) -> Callable[..., Any]:
    told: dict[Hashable, Any] = {}

    def asked(*args: object, **named: object) -> object:
        key = (*map(_key, args), *((name, _key(one)) for name, one in sorted(named.items())))
        if key not in told:
            answer = ask(*args, **named)
            # Several are handed the same answer: nobody may change it.
            told[key] = tuple(answer) if isinstance(answer, list) else answer
        return told[key]

    return asked


def _key(value: object) -> Hashable:
    """A list of names is as good as a tuple of them."""
    if isinstance(value, Collection) and not isinstance(value, str):
        return tuple(value)
    return value
