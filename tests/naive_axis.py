"""The time axis a second time, as an oracle: from all looks at the clocks to a boot's segments.

It shares no code with the one it checks and works backwards: at each look it asks how far back the
clocks had agreed with each other that the axis is wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

FAR_MS = 2_000
LONG_MS = {"SYNCHRONISED": 60_000, "UNKNOWN": 600_000}
STEP_MS = 500
SLEEP_MS = 100


@dataclass(frozen=True)
class Look:
    """All clocks at one instant."""

    boottime_ms: int
    monotonic_ms: int
    utc_ms: int
    sync: str

    @property
    def anchor_ms(self) -> int:
        """What the wall clock says the boot began at."""
        return self.utc_ms - self.boottime_ms


@dataclass(frozen=True)
class NaiveSegment:
    """A stretch of the axis from a boottime on."""

    number: int
    anchor_ms: int
    start_ms: int


def segments_of(looks: Sequence[Look]) -> list[NaiveSegment]:
    """The segments that looks at one boot's clocks make."""
    found = [NaiveSegment(1, looks[0].anchor_ms, 0)]
    since = 0
    for place in range(len(looks)):
        anchor_ms = found[-1].anchor_ms
        first = place + 1
        while first > since and _far(looks[first - 1], anchor_ms):
            first -= 1
            if first and _moved(looks[first - 1], looks[first]):
                break
        if first <= place and _long(looks[first], looks[place]):
            now = looks[place]
            found.append(NaiveSegment(found[-1].number + 1, now.anchor_ms, now.boottime_ms))
            since = place + 1
    return found


def slept(before: Look, after: Look) -> int:
    """Milliseconds for which monotonic time stood still."""
    passed_ms = after.boottime_ms - before.boottime_ms
    return passed_ms - (after.monotonic_ms - before.monotonic_ms)


def labelled(
    start_ms: int, end_ms: int, segments: Sequence[NaiveSegment]
) -> Iterator[tuple[int, int, int]]:
    """A stretch of boottime cut at segments and minutes: segment, UTC minute, milliseconds."""
    ends = [*(after.start_ms for _, after in pairwise(segments)), end_ms]
    for segment, until_ms in zip(segments, ends, strict=True):
        at = max(start_ms, segment.start_ms)
        while at < min(end_ms, until_ms):
            minute = (segment.anchor_ms + at) // 60_000
            edge = min(end_ms, until_ms, (minute + 1) * 60_000 - segment.anchor_ms)
            yield segment.number, minute, edge - at
            at = edge


def _far(look: Look, anchor_ms: int) -> bool:
    return look.sync in LONG_MS and abs(look.anchor_ms - anchor_ms) > FAR_MS


def _long(first: Look, last: Look) -> bool:
    return last.boottime_ms - first.boottime_ms >= LONG_MS[last.sync]


def _moved(before: Look, after: Look) -> bool:
    stepped = abs(after.anchor_ms - before.anchor_ms) >= STEP_MS
    return stepped or slept(before, after) >= SLEEP_MS or before.sync != after.sync
