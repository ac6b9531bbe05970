"""What generation a chip is of, and what follows from it: what it tells of its utilisation, and
whose power the driver tells.

The names are those the driver gives. A chip that is none of these is asked for everything, and its
power is believed only where it cannot be another chip's, too.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kashi_agent.meters.dcmi import Identity, Rate


class PowerOf(Enum):
    """Whose power the driver tells."""

    CHIP = "each chip's own"
    CARD_BY_FIRST_CHIP = "the card's, by its first chip"
    CARD_BY_CONTROLLER = "the card's, by its controller"
    UNKNOWN = "nobody has said"


OVERALL: Final = (
    (Rate.OVERALL_OF_SECOND,),
    (Rate.OVERALL_AMONG_SEVERAL,),
    (Rate.OVERALL,),
    (Rate.AICORE,),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """`rates` in the order in which they are asked for: the first the chip knows is used, and of
    one that has several parts, which work side by side, the busiest."""

    rates: tuple[tuple[Rate, ...], ...] = OVERALL
    power: PowerOf = PowerOf.CHIP


A910: Final = Generation(rates=((Rate.AICORE,),))
A2: Final = Generation()
A3: Final = Generation(power=PowerOf.CARD_BY_FIRST_CHIP)
P310: Final = Generation(
    rates=((Rate.AICORE, Rate.VECTOR), (Rate.AICORE,)), power=PowerOf.CARD_BY_CONTROLLER
)
UNKNOWN: Final = Generation(power=PowerOf.UNKNOWN)

A3_BOARDS: Final = frozenset({0x81, 0x83, 0xB0, 0xB1, 0xB2, 0xB3, 0xD1, 0xD3})

_NAMES: Final = (
    (re.compile(r"310P\d?|I2\w*"), P310),
    (re.compile(r"910B\d\w?(-\d)?|A2G\d"), A2),
    (re.compile(r"910_93\w*|910C"), A3),
    (re.compile(r"910(A|B|Pro[AB]|PremiumA)?"), A910),
)


def generation_of(identity: Identity) -> Generation:
    """By the chip's name; boards of the A3 kind carry chips that are called "910" like others."""
    name = identity.name.removeprefix("Ascend").strip()
    if name.startswith("910") and identity.board in A3_BOARDS:
        return A3
    return next((known for pattern, known in _NAMES if pattern.fullmatch(name)), UNKNOWN)
