"""Generated workloads: seeded, documented, and labelled as generated wherever they are shown.

A workload is a trace (`kashi_agent.trace`) made up by integer arithmetic from a seed: the same seed
gives the same bytes on every machine. Nothing in it was measured. What it contains, by profile:

- TRAINING: all devices of a group run one job after another, 2 to 30 hours each, utilisation 86 to
  98 %, a checkpoint of two minutes at 3 to 9 % every two hours, 20 to 180 minutes free in between;
  one free time in six ends in three minutes of work at 11 % that no holder owns up to.
- SERVING: one service holds every device all the time; utilisation follows the hour of the day in
  Shanghai (8 % at 04:00 to 78 % at 21:00), differs by device and changes every ten minutes.
- INTERACTIVE: people hold single devices for 1 to 9 hours of the working day; in a third of that
  time nothing runs (the idle hold), otherwise 15 to 75 %.

Faults, if asked for, come to every device of a host alike or to one: an agent that was down (3 to
45 minutes, about every ten days), or a device that did not answer (10 to 120 minutes, about every
twenty days a device).
Power follows utilisation linearly between idle and full power; memory follows the holder.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from kashi.axis import HOUR_MS, MINUTE_MS
from kashi_agent.reading import GapReason
from kashi_agent.sample import Device, Holder, HolderKind, Observation
from kashi_agent.trace import NOT_RECORDED, Entry, Hole, Origin, Span, Trace, TraceHead

DAY_MS: Final = 24 * HOUR_MS
SHANGHAI_OFFSET_MS: Final = 8 * HOUR_MS
CADENCE_MS: Final = 1_000
PPM_PER_PERCENT: Final = 10_000
NOTE: Final = "生成的负载，并非实测 · generated workload, not measured"

SERVING_PERCENT: Final = (
    *(14, 11, 9, 8, 8, 10, 16, 28, 44, 58, 66, 68),
    *(60, 57, 62, 66, 67, 66, 64, 68, 75, 78, 58, 30),
)
"""Mean utilisation of a service by hour of the day in Shanghai."""


class Profile(StrEnum):
    """What a group of devices is used for."""

    TRAINING = "training"
    SERVING = "serving"
    INTERACTIVE = "interactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Devices of one host that are used alike. `name` stands in the names of their holders."""

    name: str
    profile: Profile
    devices: tuple[Device, ...]
    power_mw_idle: int = 70_000
    power_mw_full: int = 700_000


@dataclass(frozen=True, slots=True)
class _Use:
    """One device's use over a stretch, before faults are cut out of it."""

    start_ms: int
    end_ms: int
    percent: int
    holder: Holder | None


def generated_workload(
    groups: Sequence[Group], *, seed: str, start_utc_ms: int, span_ms: int, faults: bool = True
) -> Trace:
    """The workload of one host: its entries are made as they are read."""
    devices = tuple(device for group in groups for device in group.devices)
    head = TraceHead(
        origin=Origin.GENERATED,
        note=f"{NOTE}; seed {seed}",
        start_utc_ms=start_utc_ms,
        span_ms=span_ms,
        cadence_ms=CADENCE_MS,
        devices=devices,
    )
    outages = _outages(Random(f"{seed}/host"), span_ms) if faults else []
    streams: list[Iterator[Entry]] = []
    for group in groups:
        for device in group.devices:
            uses = _uses(group, device, f"{seed}/{group.name}", head)
            random = Random(f"{seed}/{device.hardware_id}/faults")
            holes = sorted([*outages, *_losses(random, span_ms)], key=_start) if faults else []
            place = len(streams)
            streams.append(_entries(place, group, device, uses, _apart(holes)))
    return Trace(head, heapq.merge(*streams, key=lambda entry: entry.start_ms))


def _start(hole: tuple[int, int, GapReason]) -> int:
    return hole[0]


def _uses(group: Group, device: Device, seed: str, head: TraceHead) -> Iterator[_Use]:
    match group.profile:
        case Profile.TRAINING:
            return _training(group, Random(seed), head.span_ms)
        case Profile.SERVING:
            return _serving(group, Random(f"{seed}/{device.hardware_id}"), head)
        case Profile.INTERACTIVE:
            return _interactive(group, Random(f"{seed}/{device.hardware_id}"), head)


def _training(group: Group, random: Random, span_ms: int) -> Iterator[_Use]:
    """One job after another; the seed is the group's, so its devices run in step."""
    at = 0
    for number in range(1, 1 << 30):
        if at >= span_ms:
            return
        free_until = min(span_ms, at + random.randrange(20, 181) * MINUTE_MS)
        stray_ms = min(free_until - at, 3 * MINUTE_MS if random.randrange(6) == 0 else 0)
        if at < free_until - stray_ms:
            yield _Use(at, free_until - stray_ms, 0, None)
        if stray_ms:
            yield _Use(free_until - stray_ms, free_until, 11, None)
        at = free_until
        job = Holder(HolderKind.SLURM_JOB, f"{group.name}-{number:04d}")
        end = min(span_ms, at + random.randrange(120, 1_801) * MINUTE_MS)
        while at < end:
            until = min(end, at + 2 * HOUR_MS)
            yield _Use(at, until, random.randrange(86, 99), job)
            at, until = until, min(end, until + 2 * MINUTE_MS)
            if at < until:
                yield _Use(at, until, random.randrange(3, 10), job)
                at = until


def _serving(group: Group, random: Random, head: TraceHead) -> Iterator[_Use]:
    pod = Holder(HolderKind.POD, f"{group.name}/{random.randrange(1 << 32):08x}")
    for at in range(0, head.span_ms, 10 * MINUTE_MS):
        hour = (head.start_utc_ms + at + SHANGHAI_OFFSET_MS) % DAY_MS // HOUR_MS
        percent = min(100, SERVING_PERCENT[hour] * random.randrange(85, 116) // 100)
        yield _Use(at, min(head.span_ms, at + 10 * MINUTE_MS), percent, pod)


def _interactive(group: Group, random: Random, head: TraceHead) -> Iterator[_Use]:
    at = 0
    while at < head.span_ms:
        into_day = (head.start_utc_ms + at + SHANGHAI_OFFSET_MS) % DAY_MS
        morning = at - into_day + 9 * HOUR_MS + random.randrange(0, 181) * MINUTE_MS
        begin = max(at, morning if into_day < 18 * HOUR_MS else morning + DAY_MS)
        begin = min(begin, head.span_ms)
        if at < begin:
            yield _Use(at, begin, 0, None)
        at = begin
        user = Holder(HolderKind.USER, f"{group.name}-{random.randrange(1, 7)}")
        end = min(head.span_ms, at + random.randrange(60, 541) * MINUTE_MS)
        while at < end:
            until = min(end, at + random.randrange(10, 61) * MINUTE_MS)
            percent = 0 if random.randrange(3) == 0 else random.randrange(15, 76)
            yield _Use(at, until, percent, user)
            at = until


def _outages(random: Random, span_ms: int) -> list[tuple[int, int, GapReason]]:
    """Times the whole host reported nothing: the agent was down."""
    count = max(1, span_ms // (10 * DAY_MS))
    return [
        _hole(random, span_ms, random.randrange(3, 46), GapReason.AGENT_DOWN) for _ in range(count)
    ]


def _losses(random: Random, span_ms: int) -> list[tuple[int, int, GapReason]]:
    """Times one device did not answer."""
    return [
        _hole(random, span_ms, random.randrange(10, 121), GapReason.DEVICE_LOST)
        for _ in range(span_ms // DAY_MS)
        if random.randrange(20) == 0
    ]


def _hole(
    random: Random, span_ms: int, minutes: int, reason: GapReason
) -> tuple[int, int, GapReason]:
    # A hole begins at any millisecond: real ones do not wait for a minute either.
    start = random.randrange(span_ms)
    return start, min(span_ms, start + minutes * MINUTE_MS), reason


def _apart(holes: Sequence[tuple[int, int, GapReason]]) -> list[tuple[int, int, GapReason]]:
    """Holes in order of their start, without overlap: the earlier one goes on."""
    apart: list[tuple[int, int, GapReason]] = []
    reached = 0
    for start, end, reason in holes:
        if max(start, reached) < end:
            apart.append((max(start, reached), end, reason))
            reached = end
    return apart


def _entries(
    place: int,
    group: Group,
    device: Device,
    uses: Iterator[_Use],
    holes: Sequence[tuple[int, int, GapReason]],
) -> Iterator[Entry]:
    """A device's uses with the holes cut out of them, in order."""
    left = list(reversed(holes))
    for use in uses:
        at = use.start_ms
        while left and left[-1][0] < use.end_ms:
            start, end, reason = left.pop()
            if at < start:
                yield Span(place, at, start, _seen(group, device, use))
            if start >= use.start_ms:
                yield Hole(place, start, end, reason)
            at = max(at, end)
            if end > use.end_ms:
                left.append((start, end, reason))
                break
        if at < use.end_ms:
            yield Span(place, at, use.end_ms, _seen(group, device, use))


def _seen(group: Group, device: Device, use: _Use) -> Observation:
    full_mw = group.power_mw_full - group.power_mw_idle
    memory = device.memory_bytes * (82 if use.percent else 61) // 100 if use.holder else 0
    return Observation(
        utilisation_ppm=use.percent * PPM_PER_PERCENT,
        energy_counter_mj=NOT_RECORDED,
        power_mw=group.power_mw_idle + full_mw * use.percent // 100,
        memory_used_bytes=memory,
        holders=frozenset() if use.holder is None else frozenset({use.holder}),
    )
