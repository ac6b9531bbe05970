"""Stretches joined into what one report may carry, and split into as many as it takes.

Sums never give way. Where even a single minute is too much for the contract's limits, detail does:
first who held a device for how long, then the newest events, then devices beyond the limit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kashi import limits
from kashi.axis import MINUTE_MS, next_minute_boottime_ms, utc_minute

from kashi_agent.reading import DeviceMinutes, GapReason
from kashi_agent.sample import Meter, MeterKind
from kashi_agent.stretch import Stretch
from kashi_agent.tiling import extended, joined, split


def alike(before: Stretch, after: Stretch) -> bool:
    """Whether two stretches of one axis may stand in one report: the same meters, as far as both
    name some, at the same cadence, and of each device the same meter and share."""
    cadences = {meter.kind: meter.cadence_ms for meter in before.meters}
    later = {meter.kind: meter.cadence_ms for meter in after.meters}
    if cadences and later and cadences != later:
        return False
    told = {one.device.hardware_id: (one.device.meter, one.device.share) for one in before.devices}
    subjects = ((one.device, (one.device.meter, one.device.share)) for one in after.devices)
    return all(told.get(device.hardware_id, subject) == subject for device, subject in subjects)


def join_stretches(stretches: Sequence[Stretch]) -> Stretch:
    """One stretch from several of one axis, each beginning where the last ended.

    Raises:
        ValueError: there is none, or they are of several axes, one is missing in between, or a
            device's meter or share changes.
    """
    if not stretches:
        raise ValueError("there is no stretch to join")
    first, last = stretches[0], stretches[-1]
    position = first.start_boottime_ms
    parts: dict[str, list[DeviceMinutes]] = {}
    meters: dict[MeterKind, Meter] = {}
    for stretch in stretches:
        if stretch.axis_key != first.axis_key or stretch.start_boottime_ms != position:
            raise ValueError(
                f"a stretch of segment {stretch.segment.number} from {stretch.start_boottime_ms} "
                f"ms does not follow segment {first.segment.number} up to {position}"
            )
        position = stretch.end_boottime_ms
        meters.update((meter.kind, meter) for meter in stretch.meters)
        for minutes in stretch.devices:
            part = parts.setdefault(minutes.device.hardware_id, [])
            if part and part[-1].end_boottime_ms < minutes.start_boottime_ms:
                # Gone for good, as it seemed, and back: it was lost in between.
                part[-1] = extended(part[-1], minutes.start_boottime_ms, GapReason.DEVICE_LOST)
            part.append(minutes)
    return Stretch(
        boot_id=first.boot_id,
        segment=first.segment,
        start_boottime_ms=first.start_boottime_ms,
        end_boottime_ms=last.end_boottime_ms,
        devices=tuple(joined(part) for part in parts.values()),
        events=tuple(event for stretch in stretches for event in stretch.events),
        meters=tuple(meters[kind] for kind in sorted(meters)),
        clock=last.clock,
        devices_counted_only=max(stretch.devices_counted_only for stretch in stretches),
    )


def split_stretch(stretch: Stretch, at_boottime_ms: int) -> tuple[Stretch, Stretch]:
    """The stretch before and from the edge of a minute; sums add up to the whole's."""
    early: list[DeviceMinutes] = []
    late: list[DeviceMinutes] = []
    for minutes in stretch.devices:
        if minutes.end_boottime_ms <= at_boottime_ms:
            early.append(minutes)
        elif minutes.start_boottime_ms >= at_boottime_ms:
            late.append(minutes)
        else:
            before, after = split(minutes, at_boottime_ms)
            early.append(before)
            late.append(after)
    return (
        replace(
            stretch,
            end_boottime_ms=at_boottime_ms,
            devices=tuple(early),
            events=tuple(e for e in stretch.events if e.boottime_ms < at_boottime_ms),
        ),
        replace(
            stretch,
            start_boottime_ms=at_boottime_ms,
            devices=tuple(late),
            events=tuple(e for e in stretch.events if e.boottime_ms >= at_boottime_ms),
        ),
    )


def fitted(stretch: Stretch) -> Iterator[Stretch]:
    """The stretch as one or more, each within the limits on counts and on length."""
    if _fits(stretch):
        yield stretch
        return
    for part in halves(stretch):
        yield from fitted(part) if part != stretch else iter((part,))


def halves(stretch: Stretch) -> tuple[Stretch, ...]:
    """Two halves cut at an edge of a minute; if there is none, the stretch with less detail."""
    anchor = stretch.segment.anchor_utc_ms
    start, end = stretch.start_boottime_ms, stretch.end_boottime_ms
    middle = utc_minute(anchor, (start + end) // 2) * MINUTE_MS - anchor
    if middle <= start:
        middle = next_minute_boottime_ms(anchor, start)
    return split_stretch(stretch, middle) if middle < end else (thinned(stretch),)


def thinned(stretch: Stretch) -> Stretch:
    """The stretch without the times of single holders, and without events and devices beyond the
    limit. Of devices those stay that were observed longest; the others' number is stated."""
    events = stretch.events[: limits.EVENTS_PER_REPORT_MAX]
    room = limits.EVENTS_PER_REPORT_MAX - len(events)
    devices = []
    longest = sorted(stretch.devices, key=lambda minutes: minutes.observed_ms, reverse=True)
    left_out = {m.device.hardware_id for m in longest[limits.DEVICES_PER_HOST_MAX :]}
    for minutes in stretch.devices:
        if minutes.device.hardware_id in left_out:
            continue
        kept, room = minutes.events[:room], max(0, room - len(minutes.events))
        readings = tuple(replace(reading, holder_times=()) for reading in minutes.readings)
        devices.append(replace(minutes, readings=readings, holders=(), events=kept))
    counted = min(stretch.devices_counted_only + len(left_out), limits.DEVICES_PER_HOST_MAX)
    return replace(stretch, devices=tuple(devices), events=events, devices_counted_only=counted)


def _fits(stretch: Stretch) -> bool:
    devices = stretch.devices
    events = len(stretch.events) + sum(len(minutes.events) for minutes in devices)
    return (
        stretch.end_boottime_ms - stretch.start_boottime_ms <= limits.REPORT_SPAN_MS_MAX
        and len(devices) <= limits.DEVICES_PER_HOST_MAX
        and stretch.reading_count <= limits.READINGS_PER_REPORT_MAX
        and stretch.gap_count <= limits.GAPS_PER_REPORT_MAX
        and events <= limits.EVENTS_PER_REPORT_MAX
        and all(len(m.holders) <= limits.HOLDERS_PER_DEVICE_MAX for m in devices)
    )
