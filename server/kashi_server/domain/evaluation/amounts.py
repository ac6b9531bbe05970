"""Amounts on their way through the steps: fen, kept apart by what chooses the ratio."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ALL = "all"
"""The one class of rules whose ratio depends on nothing in the expense."""
DOMESTIC, OTHER = "domestic", "other"


@dataclass(frozen=True, slots=True)
class Amounts:
    """Fen by class, in order of the classes; a class that is absent has none."""

    by_class: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> "Amounts":
        """From a mapping."""
        return cls(tuple(sorted(amounts.items())))

    @classmethod
    def sum_of(cls, pairs: Iterable[tuple[str, int]]) -> "Amounts":
        """Pairs of class and fen, added up."""
        sums: dict[str, int] = {}
        for name, fen in pairs:
            sums[name] = sums.get(name, 0) + fen
        return cls.of(sums)

    @property
    def total_fen(self) -> int:
        """All classes together."""
        return sum(fen for _name, fen in self.by_class)

    def get(self, name: str) -> int:
        """Fen of a class."""
        return dict(self.by_class).get(name, 0)
