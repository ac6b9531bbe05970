"""A device's held time parted among those who held it together. Pure; integers only.

Every millisecond a device was held is divided among its holders of that instant, and the parts of a
minute add up to its held time exactly: what division leaves over goes, millisecond by millisecond,
to those with the largest remainders, so no part is a whole millisecond off its exact value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from typing import Final

from kashi_agent.reading import HolderKey


@dataclass(frozen=True, slots=True)
class Together:
    """Who held a device at one instant, in the order of their keys, and how it is divided."""

    holders: tuple[HolderKey, ...]
    weights: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse weights that do not divide anything."""
        if len(self.holders) != len(self.weights) or min(self.weights, default=1) < 0:
            raise ValueError(f"{len(self.holders)} holders with the weights {self.weights}")
        if self.holders and not sum(self.weights):
            raise ValueError("holders without any weight")


NOBODY: Final = Together((), ())


@dataclass(frozen=True, slots=True)
class Part:
    """How long a holder held the device, and its part of the time."""

    holder: HolderKey
    held_ms: int
    share_ms: int


def parts(held_ms_by_group: Mapping[Together, int]) -> list[Part]:
    """The parts of the time that each group held a device; together they are all of that time."""
    whole = lcm(*(sum(group.weights) for group in held_ms_by_group))
    held: dict[HolderKey, int] = {}
    scaled: dict[HolderKey, int] = {}
    for group, held_ms in held_ms_by_group.items():
        unit = held_ms * (whole // sum(group.weights))
        for holder, weight in zip(group.holders, group.weights, strict=True):
            held[holder] = held.get(holder, 0) + held_ms
            scaled[holder] = scaled.get(holder, 0) + unit * weight
    left = sum(held_ms_by_group.values()) - sum(exact // whole for exact in scaled.values())
    by_remainder = sorted(scaled, key=lambda one: (-(scaled[one] % whole), one.key))
    more = set(by_remainder[:left])
    return [
        Part(holder, held_ms, scaled[holder] // whole + (holder in more))
        for holder, held_ms in held.items()
    ]
