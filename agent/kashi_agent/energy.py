"""Energy over one interval between two samples, handed out piece by piece.

An interval is cut at minutes and at segments; its pieces must add up to what the interval used,
to the millijoule, wherever the cuts fall. Counters count in epochs: one that decreases has begun
anew (a driver was loaded), it never wraps, and the interval's energy is then unknown.
"""

from dataclasses import dataclass
from typing import Protocol


class Energy(Protocol):
    """Energy over one interval; pieces are asked for in order."""

    @property
    def integrated(self) -> bool:
        """It is integrated from power, not counted by the device."""

    def take(self, until_boottime_ms: int) -> int | None:
        """Millijoules from the last instant asked for to this one; None: unknown."""


@dataclass(slots=True)
class UnknownEnergy:
    """No counter and no power, or the counter began anew in between."""

    integrated: bool = False

    def take(self, until_boottime_ms: int) -> None:
        """Unknown, whatever the piece."""


@dataclass(slots=True, kw_only=True)
class CountedEnergy:
    """The difference of a counter over [start, end), spread evenly and rounded down.

    A share is the difference of two floors of the running share, so the remainder is carried from
    piece to piece and the shares add up to the difference.
    """

    total_mj: int
    start_boottime_ms: int
    end_boottime_ms: int
    given_mj: int = 0
    integrated: bool = False

    def take(self, until_boottime_ms: int) -> int:
        """The share of the next piece."""
        span_ms = self.end_boottime_ms - self.start_boottime_ms
        due_mj = self.total_mj * (until_boottime_ms - self.start_boottime_ms) // span_ms
        share_mj, self.given_mj = due_mj - self.given_mj, due_mj
        return share_mj


@dataclass(slots=True)
class EnergyCarry:
    """Microjoules that are not yet a whole millijoule, carried along one device."""

    uj: int = 0


@dataclass(slots=True, kw_only=True)
class IntegratedEnergy:
    """Power times time from an instant on; the remainder is carried to the next piece.

    Milliwatts times milliseconds are microjoules.
    """

    power_mw: int
    at_boottime_ms: int
    carry: EnergyCarry
    integrated: bool = True

    def take(self, until_boottime_ms: int) -> int:
        """The energy of the next piece."""
        used_uj = self.power_mw * (until_boottime_ms - self.at_boottime_ms)
        self.at_boottime_ms = until_boottime_ms
        energy_mj, self.carry.uj = divmod(used_uj + self.carry.uj, 1_000)
        return energy_mj
