"""What NVML's buffer of utilisation says of the time since the device's last look. Pure.

Each entry speaks of the time since the entry before it, of one second at most: the driver's sample
period is never longer. Entries that were counted already, come twice or carry no stamp say nothing.
The newest entry ends now; whatever the entries do not reach back to is the last look's, as it is
without a buffer. So no time counts twice, and none is made up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from kashi_agent.meters.nvml_buffers import Entry
from kashi_agent.meters.values import OUT_OF_RANGE, PERCENT_MAX, PPM_PER_PERCENT
from kashi_agent.sample import Absent, PastUse

PERIOD_US_MAX: Final = 1_000_000
"""nvml.h: utilisation is sampled every 1/6 s to 1 s, depending on the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What entries since a cursor amount to: where to read on, the time before the newest, the
    newest value, and the values that cannot be."""

    cursor: int
    past: tuple[PastUse, ...]
    utilisation_ppm: int | Absent
    dropped: tuple[int, ...]


def recalled(entries: Iterable[Entry], cursor: int) -> Recalled | None:
    """What the entries after a cursor say; None when there is none."""
    fresh = {entry.stamp_us: entry for entry in entries if entry.stamp_us > cursor}
    if not fresh:
        return None
    stamps = sorted(fresh)
    newest = stamps[-1]
    past: list[PastUse] = []
    for before, stamp in reversed(list(pairwise([cursor, *stamps]))):
        start = max(before, stamp - PERIOD_US_MAX)
        # Cut at whole milliseconds counted from the newest: what is cut off here is added there.
        span_ms = (newest - start) // 1_000 - (newest - stamp) // 1_000
        utilisation = _ppm(fresh[stamp].percent)
        if past and past[-1].utilisation_ppm == utilisation:
            span_ms += past.pop().span_ms
        if span_ms:
            past.append(PastUse(span_ms, utilisation))
        if start > before:
            break
    return Recalled(
        cursor=newest,
        past=tuple(reversed(past)),
        utilisation_ppm=_ppm(fresh[newest].percent),
        dropped=tuple(
            fresh[stamp].percent for stamp in stamps if _ppm(fresh[stamp].percent) == OUT_OF_RANGE
        ),
    )


def _ppm(percent: int) -> int | Absent:
    return percent * PPM_PER_PERCENT if percent <= PERCENT_MAX else OUT_OF_RANGE
