"""An integrator written a second time, as an oracle: sets of intervals and plain overlaps.

It shares no code with the one it checks and works the other way round: first all intervals between
samples, then for each minute what of them lies in it. Slow, obvious, and only for one segment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kashi_agent.sample import Absent, AbsentReason, Observation

Seen = Observation | Absent
Interval = tuple[int, int]


@dataclass
class MinuteSums:
    """What one minute of the axis adds up to."""

    observed_ms: int = 0
    held_known_ms: int = 0
    held_ms: int = 0
    utilisation_known_ms: int = 0
    active_ms: int = 0
    utilised_ns: int = 0
    unattributed_ms: int = 0
    energy_known_ms: int = 0
    memory_used_bytes_max: int | None = None
    held_ms_by_holder: dict[str, int] = field(default_factory=dict)


@dataclass
class NaiveResult:
    """What the samples of one device add up to, from its first to its last."""

    minutes: dict[int, MinuteSums]
    gaps: list[Interval]
    counted_mj: int
    integrated_uj: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look shows of a card and of a partition of it (None: nothing); `untold`: the driver
    did not tell which partitions there are."""

    at: int
    card: Seen
    part: Seen | None
    untold: bool


def samples_of_partition(
    looks: Sequence[Look], gap_limit_ms: int
) -> tuple[list[tuple[int, Seen]], bool]:
    """The partition's samples as if it had been asked for at each look, and whether it is gone.

    Where a look shows the card and not the partition, it was asked for and did not answer: because
    it is gone, or because nobody told. A look that cannot even show the card asked nothing.
    """
    samples: list[tuple[int, Seen]] = []
    gone = True
    nothing = Absent(AbsentReason.DRIVER_ERROR)
    for look in looks:
        if look.part is not None:
            samples.append((look.at, look.part))
            gone = False
        elif isinstance(look.card, Absent) or gone:
            continue
        elif look.untold:
            samples.append((look.at, nothing))
        else:
            gone = True
            last, seen = samples[-1]
            if isinstance(seen, Observation) and look.at - last <= gap_limit_ms:
                samples.append((look.at, nothing))
    return samples, gone


def integrate_naively(
    samples: Sequence[tuple[int, Seen]], gap_limit_ms: int, anchor_utc_ms: int
) -> NaiveResult:
    """Everything between the first and the last sample of one device, in order of time."""
    result = NaiveResult({}, [], 0, 0)
    for (start, seen), (end, after) in pairwise(samples):
        if start == end:
            continue
        if isinstance(seen, Absent) or end - start > gap_limit_ms:
            result.gaps.append((start, end))
            continue
        energy_known = _add_energy(result, seen, after, end - start)
        first = (anchor_utc_ms + start) // 60_000
        last = (anchor_utc_ms + end - 1) // 60_000
        for minute in range(first, last + 1):
            begin = max(start, minute * 60_000 - anchor_utc_ms)
            until = min(end, (minute + 1) * 60_000 - anchor_utc_ms)
            sums = result.minutes.setdefault(minute, MinuteSums())
            _add(sums, until - begin, seen, energy_known=energy_known)
    return result


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """The same set of instants in as few intervals as possible."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _add_energy(result: NaiveResult, seen: Observation, after: Seen, span_ms: int) -> bool:
    before_mj = seen.energy_counter_mj
    after_mj = None if isinstance(after, Absent) else after.energy_counter_mj
    if isinstance(before_mj, int) and isinstance(after_mj, int):
        if after_mj < before_mj:
            return False
        result.counted_mj += after_mj - before_mj
        return True
    if isinstance(seen.power_mw, int):
        result.integrated_uj += seen.power_mw * span_ms
        return True
    return False


def _add(sums: MinuteSums, span_ms: int, seen: Observation, *, energy_known: bool) -> None:
    sums.observed_ms += span_ms
    utilisation, holders, memory = seen.utilisation_ppm, seen.holders, seen.memory_used_bytes
    if not isinstance(holders, Absent):
        sums.held_known_ms += span_ms
        sums.held_ms += span_ms if holders else 0
        for holder in holders:
            held_ms = sums.held_ms_by_holder.get(holder.name, 0)
            sums.held_ms_by_holder[holder.name] = held_ms + span_ms
    if not isinstance(utilisation, Absent):
        sums.utilisation_known_ms += span_ms
        sums.active_ms += span_ms if utilisation > 0 else 0
        sums.utilised_ns += utilisation * span_ms
        if utilisation > 0 and holders == frozenset():
            sums.unattributed_ms += span_ms
    if energy_known:
        sums.energy_known_ms += span_ms
    if not isinstance(memory, Absent):
        sums.memory_used_bytes_max = max(sums.memory_used_bytes_max or 0, memory)
