"""The time axis: UTC = anchor + CLOCK_BOOTTIME, minutes cut on that axis.

A reading's identity is its span on the boot's own clock; its UTC minute is a label that follows
from the segment's anchor by integer arithmetic, the same on both sides.
"""

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


def utc_ms(anchor_utc_ms: int, boottime_ms: int) -> int:
    """Label of a boottime instant, in UTC milliseconds."""
    return anchor_utc_ms + boottime_ms


def utc_minute(anchor_utc_ms: int, boottime_ms: int) -> int:
    """The UTC minute (minutes since 1970) in which a boottime instant falls."""
    return (anchor_utc_ms + boottime_ms) // MINUTE_MS


def next_minute_boottime_ms(anchor_utc_ms: int, boottime_ms: int) -> int:
    """The first boottime after `boottime_ms` at which a new minute begins on the axis."""
    return (utc_minute(anchor_utc_ms, boottime_ms) + 1) * MINUTE_MS - anchor_utc_ms
