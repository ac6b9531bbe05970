"""Time whose measurements cannot be read back: a gap for every device that was there."""

from dataclasses import replace

from kashi_agent.reading import DeviceEventKind, DeviceMinutes, GapReason
from kashi_agent.stretch import Stretch
from kashi_agent.tiling import extended, joined


def bridged(stretch: Stretch, from_boottime_ms: int) -> Stretch:
    """The stretch begun earlier: devices have a gap (SPOOL_LOST) from there to where they begin.

    A device that appeared for the first time in the stretch has none: it was not there before.
    """
    if from_boottime_ms >= stretch.start_boottime_ms:
        return stretch
    return replace(
        stretch,
        start_boottime_ms=from_boottime_ms,
        devices=tuple(_from(minutes, from_boottime_ms) for minutes in stretch.devices),
    )


def lost(stretch: Stretch) -> Stretch:
    """The stretch with nothing measured in it: one gap a device, no events, and no meters, for none
    read anything: what a server refuses of them is refused no more."""
    return replace(
        stretch,
        devices=tuple(
            _gone(minutes, minutes.start_boottime_ms, minutes.end_boottime_ms)
            for minutes in stretch.devices
        ),
        events=(),
        meters=(),
    )


def closed(stretch: Stretch) -> Stretch:
    """The last stretch of an agent that ended: every device reaches to its end (AGENT_DOWN), but
    for partitions that ended before: all that go on end together."""
    end = stretch.end_boottime_ms
    return replace(
        stretch,
        devices=tuple(
            minutes
            if minutes.device.parent_hardware_id
            else extended(minutes, end, GapReason.AGENT_DOWN)
            for minutes in stretch.devices
        ),
    )


def _from(minutes: DeviceMinutes, start_boottime_ms: int) -> DeviceMinutes:
    if any(event.kind == DeviceEventKind.APPEARED for event in minutes.events):
        return minutes
    return joined((_gone(minutes, start_boottime_ms, minutes.start_boottime_ms), minutes))


def _gone(minutes: DeviceMinutes, start_boottime_ms: int, end_boottime_ms: int) -> DeviceMinutes:
    """The device over this time, with a gap and nothing else."""
    empty = replace(
        minutes,
        start_boottime_ms=start_boottime_ms,
        end_boottime_ms=start_boottime_ms,
        readings=(),
        gaps=(),
        events=(),
        holders=(),
    )
    return extended(empty, end_boottime_ms, GapReason.SPOOL_LOST)
