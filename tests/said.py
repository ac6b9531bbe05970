"""What a meter said, and what a stretch claims of it: plain arithmetic over instants."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kashi_agent.reading import DeviceMinutes

Interval = tuple[int, int]


@dataclass(slots=True)
class Said:
    """At each instant a utilisation, which holds until the next unless that lies further away than
    the gap limit."""

    gap_limit_ms: int = 5_000
    instants: list[int] = field(default_factory=list)
    utilisations: list[int] = field(default_factory=list)
    _sums: list[int] = field(default_factory=lambda: [0])

    def say(self, at: int) -> int:
        """A utilisation that differs from instant to instant: what is moved or doubled shows."""
        utilisation = at * 7_919 % 1_000_001
        if self.instants:
            self._sums.append(self.utilised_until(at))
        self.instants.append(at)
        self.utilisations.append(utilisation)
        return utilisation

    def utilised_until(self, at: int) -> int:
        """Nanoseconds from the first word to an instant, each word holding until the next."""
        place = bisect_right(self.instants, at) - 1
        return self._sums[place] + self.utilisations[place] * (at - self.instants[place])

    def utilised_within(self, intervals: Iterable[Interval]) -> int:
        """Nanoseconds of all intervals."""
        return sum(
            self.utilised_until(end) - self.utilised_until(start) for start, end in intervals
        )

    def observed_since(self, at: int) -> int:
        """Milliseconds between words no further apart than the gap limit, from an instant on."""
        later = [at, *self.instants[bisect_right(self.instants, at) :]]
        return sum(b - a for a, b in pairwise(later) if b - a <= self.gap_limit_ms)

    def covers(self, interval: Interval) -> bool:
        """Whether no two words within an interval lie further apart than the gap limit."""
        start, end = interval
        first = bisect_right(self.instants, start) - 1
        last = bisect_right(self.instants, end - 1)
        if first < 0 or last >= len(self.instants):
            return False
        words = self.instants[first : last + 1]
        return all(b - a <= self.gap_limit_ms for a, b in pairwise(words))


def claimed(parts: Sequence[DeviceMinutes]) -> Iterator[Interval]:
    """The intervals of which stretches say that they were observed."""
    for minutes in parts:
        position = minutes.start_boottime_ms
        for gap in minutes.gaps:
            if gap.start_boottime_ms > position:
                yield position, gap.start_boottime_ms
            position = gap.end_boottime_ms
        if position < minutes.end_boottime_ms:
            yield position, minutes.end_boottime_ms


def check_true(parts: Sequence[DeviceMinutes], said: Said) -> None:
    """Stretches of one device tile time once and claim just what the meter said.

    Raises:
        AssertionError: they do not.
    """
    for before, after in pairwise(parts):
        assert before.end_boottime_ms == after.start_boottime_ms
    observed = list(claimed(parts))
    assert all(said.covers(interval) for interval in observed)
    assert sum(m.observed_ms for m in parts) == sum(end - start for start, end in observed)
    assert sum(r.utilised_ns for m in parts for r in m.readings) == said.utilised_within(observed)


def down_explains(start: int, end: int, downs: Iterable[Interval], slack_ms: int) -> bool:
    """Whether a gap is that of agents that were gone: what the last flush before did not have, up
    to the first word after, over restarts that follow each other closely.

    `downs`: when each was torn down and when the next one was up. `slack_ms`: between two words.
    """
    reached = start
    for down, up in downs:
        if down - 10_000 - slack_ms <= reached:
            reached = max(reached, up + slack_ms)
    return reached >= end
