"""Facts that a host states about how it reads: what they say, and where and when.

A host may write whatever it likes here. Nothing is refused for it: what cannot be read is shown as
it stands and judged nowhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class FactKind(IntEnum):
    """Kinds of events that state a fact; the numbers are the contract's, of two enumerations."""

    OF_HOST = 15
    OF_DEVICE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFact:
    """One fact; `hardware_id` "" speaks of the host, `value` None: not told, and `reason` why."""

    utc_ms: int
    hardware_id: str
    name: str
    value: str | None
    reason: str = ""

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers of a value like `a:1 b:2`; what is none is left out."""
        pairs = (part.partition(":") for part in (self.value or "").split())
        return {name: int(text) for name, _, text in pairs if text.isascii() and text.isdigit()}


def stated_fact(*, hardware_id: str, utc_ms: int, detail: str) -> StatedFact:
    """A fact from an event's detail: `name=value`, or `name?reason` where it cannot be told."""
    places = [place for place in (detail.find("="), detail.find("?")) if place > 0]
    end = min(places, default=len(detail))
    name, mark, rest = detail[:end], detail[end : end + 1], detail[end + 1 :]
    known = mark == "="
    return StatedFact(
        utc_ms=utc_ms,
        hardware_id=hardware_id,
        name=name,
        value=rest if known else None,
        reason="" if known else rest,
    )


def in_order(facts: Iterable[StatedFact]) -> list[StatedFact]:
    """By time, so that later ones take the place of earlier ones; the same for the same facts."""
    return sorted(facts, key=lambda f: (f.utc_ms, f.hardware_id, f.name, f.value or "", f.reason))


def standing(facts: Iterable[StatedFact]) -> list[StatedFact]:
    """The latest of each name, of the host first, then device by device."""
    latest = {(fact.hardware_id, fact.name): fact for fact in in_order(facts)}
    return [latest[key] for key in sorted(latest)]
