"""Stretches of device minutes put together and taken apart, without changing a sum.

Pure. What is joined follows without a hole within one segment; what is split is cut where no
reading is cut in two: at the edge of a reading, or inside a gap.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import groupby, pairwise

from kashi.axis import utc_minute

from kashi_agent.reading import (
    SUMS,
    UNKNOWN_CONTINUITY,
    UNKNOWN_ENDING,
    DeviceMinutes,
    Gap,
    GapReason,
    HolderKey,
    HolderTime,
    Reading,
    Segment,
)
from kashi_agent.sample import MeterKind


def extended(minutes: DeviceMinutes, end_boottime_ms: int, reason: GapReason) -> DeviceMinutes:
    """The stretch with a gap up to a later end; the same when it already ends there."""
    if end_boottime_ms == minutes.end_boottime_ms:
        return minutes
    gap = Gap(
        start_boottime_ms=minutes.end_boottime_ms,
        span_ms=end_boottime_ms - minutes.end_boottime_ms,
        reason=reason,
    )
    return replace(minutes, end_boottime_ms=end_boottime_ms, gaps=(*minutes.gaps, gap))


def joined(stretches: Sequence[DeviceMinutes]) -> DeviceMinutes:
    """One stretch from several of one device and segment, each beginning where the last ended.

    Readings of one minute become one reading; gaps that a cut had parted become one gap.

    Raises:
        ValueError: they are of several devices, shares, meters, boots or segments, or leave a hole.
    """
    first, last = stretches[0], stretches[-1]
    if len(stretches) == 1:
        return first
    _check_follow(stretches)
    readings, holders = _renumbered([(stretch.readings, stretch.holders) for stretch in stretches])
    gaps = _across_seams(stretch.gaps for stretch in stretches)
    return replace(
        last,
        start_boottime_ms=first.start_boottime_ms,
        readings=tuple(_one_a_minute(readings, first.segment.anchor_utc_ms)),
        gaps=tuple(gaps),
        events=tuple(event for stretch in stretches for event in stretch.events),
        holders=holders,
    )


def split(minutes: DeviceMinutes, at_boottime_ms: int) -> tuple[DeviceMinutes, DeviceMinutes]:
    """The stretch before and from an instant inside it; sums add up to the whole's.

    Raises:
        ValueError: the instant lies outside, or inside a reading.
    """
    if not minutes.start_boottime_ms < at_boottime_ms < minutes.end_boottime_ms:
        raise ValueError(f"{at_boottime_ms} ms does not lie inside the stretch")
    early = [r for r in minutes.readings if r.start_boottime_ms < at_boottime_ms]
    late = minutes.readings[len(early) :]
    gaps_before, gaps_after = split_gaps(minutes.gaps, at_boottime_ms)
    early_readings, early_holders = compact(early, minutes.holders)
    late_readings, late_holders = compact(late, minutes.holders)
    before = replace(
        minutes,
        end_boottime_ms=at_boottime_ms,
        readings=early_readings,
        gaps=tuple(gaps_before),
        events=tuple(e for e in minutes.events if e.boottime_ms < at_boottime_ms),
        holders=early_holders,
        ending=UNKNOWN_ENDING,
    )
    after = replace(
        minutes,
        start_boottime_ms=at_boottime_ms,
        readings=late_readings,
        gaps=tuple(gaps_after),
        events=tuple(e for e in minutes.events if e.boottime_ms >= at_boottime_ms),
        holders=late_holders,
    )
    return before, after


def split_gaps(gaps: Iterable[Gap], at_boottime_ms: int) -> tuple[list[Gap], list[Gap]]:
    """Gaps before and from an instant; one that spans it is cut.

    What is known of continuity holds for the whole gap and stays with its later part.
    """
    before: list[Gap] = []
    after: list[Gap] = []
    for gap in gaps:
        if gap.end_boottime_ms <= at_boottime_ms:
            before.append(gap)
        elif gap.start_boottime_ms >= at_boottime_ms:
            after.append(gap)
        else:
            head_ms = at_boottime_ms - gap.start_boottime_ms
            rest_ms = gap.span_ms - head_ms
            before.append(replace(gap, span_ms=head_ms, continuity=UNKNOWN_CONTINUITY))
            after.append(replace(gap, start_boottime_ms=at_boottime_ms, span_ms=rest_ms))
    return before, after


def compact(
    readings: Sequence[Reading], holders: Sequence[HolderKey]
) -> tuple[tuple[Reading, ...], tuple[HolderKey, ...]]:
    """Readings with exactly the holders they refer to, in the order of first mention."""
    mentioned = dict.fromkeys(time.holder for r in readings for time in r.holder_times)
    if list(mentioned) == list(range(len(holders))):
        return tuple(readings), tuple(holders)
    places = {old: new for new, old in enumerate(mentioned)}
    return (
        tuple(_moved(reading, places) for reading in readings),
        tuple(holders[old] for old in mentioned),
    )


def _moved(reading: Reading, places: dict[int, int]) -> Reading:
    if all(places[time.holder] == time.holder for time in reading.holder_times):
        return reading
    times = tuple(replace(t, holder=places[t.holder]) for t in reading.holder_times)
    return replace(reading, holder_times=times)


def _check_follow(stretches: Sequence[DeviceMinutes]) -> None:
    for before, after in pairwise(stretches):
        ended = (_subject(before), before.end_boottime_ms)
        begun = (_subject(after), after.start_boottime_ms)
        if ended != begun:
            raise ValueError(
                f"{after.device.hardware_id} from {after.start_boottime_ms} ms does not follow "
                f"{before.device.hardware_id} up to {before.end_boottime_ms} ms"
            )


def _subject(
    minutes: DeviceMinutes,
) -> tuple[str, tuple[int, int], MeterKind, bytes, Segment]:
    device = minutes.device
    return device.hardware_id, device.share, device.meter, minutes.boot_id, minutes.segment


def _renumbered(
    parts: Iterable[tuple[Sequence[Reading], Sequence[HolderKey]]],
) -> tuple[list[Reading], tuple[HolderKey, ...]]:
    numbers: dict[bytes, int] = {}
    listed: list[HolderKey] = []
    readings: list[Reading] = []
    for part, holders in parts:
        places = {}
        for place, holder in enumerate(holders):
            if holder.key not in numbers:
                numbers[holder.key] = len(listed)
                listed.append(holder)
            places[place] = numbers[holder.key]
        readings.extend(_moved(reading, places) for reading in part)
    return readings, tuple(listed)


def _across_seams(parts: Iterable[Sequence[Gap]]) -> list[Gap]:
    """Gaps of stretches that follow each other; one that a cut had parted is one gap again."""
    merged: list[Gap] = []
    for part in parts:
        rest = part
        if merged and part and _goes_on(merged[-1], part[0]):
            # A gap that went on was not over: what is known of continuity came with its end.
            span_ms = merged[-1].span_ms + part[0].span_ms
            merged[-1] = replace(merged[-1], span_ms=span_ms, continuity=part[0].continuity)
            rest = part[1:]
        merged.extend(rest)
    return merged


def _goes_on(before: Gap, after: Gap) -> bool:
    return (
        before.end_boottime_ms == after.start_boottime_ms
        and before.reason == after.reason
        and before.continuity == UNKNOWN_CONTINUITY
    )


def _one_a_minute(readings: Iterable[Reading], anchor_utc_ms: int) -> Iterator[Reading]:
    """Readings of one minute as one: whatever lies between them lies within that minute."""
    by_minute = groupby(readings, lambda one: utc_minute(anchor_utc_ms, one.start_boottime_ms))
    return (reduce(_sum, same) for _, same in by_minute)


def _sum(before: Reading, after: Reading) -> Reading:
    times: dict[int, HolderTime] = {}
    for time in (*before.holder_times, *after.holder_times):
        known = times.get(time.holder, HolderTime(time.holder, 0))
        held_ms, share_ms = known.held_ms + time.held_ms, known.share_ms + time.share_ms
        times[time.holder] = HolderTime(time.holder, held_ms, share_ms)
    memory = (before.memory_used_bytes_max, after.memory_used_bytes_max)
    return Reading(
        start_boottime_ms=before.start_boottime_ms,
        span_ms=after.end_boottime_ms - before.start_boottime_ms,
        **{name: getattr(before, name) + getattr(after, name) for name in SUMS},
        energy_integrated=before.energy_integrated or after.energy_integrated,
        memory_used_bytes_max=max((used for used in memory if used is not None), default=None),
        holder_times=tuple(times.values()),
    )
