"""A reported gap as a party may see it: cut to its minutes, without what is known of the rest."""

from collections.abc import Mapping
from dataclasses import replace

from kashi_server.domain.device import DeviceRecord, ReportedGap
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.services.month_usage import seen_on
from kashi_server.services.sight import Sight


def seen_gap(
    sight: Sight, devices: Mapping[str, DeviceRecord], gap: ReportedGap, window: Interval
) -> list[ReportedGap]:
    """The parts of a gap that a party may see in a bounded window; `devices` by hardware id."""
    device = devices.get(gap.hardware_id)
    if device is None:
        return []
    seen = seen_on(sight, device, gap.host_id, window)
    parts = []
    for start, end in (i.bounded() for i in seen):
        low, high = max(gap.start_utc_ms, start * MINUTE_MS), min(gap.end_utc_ms, end * MINUTE_MS)
        if low < high:
            whole = (low, high) == (gap.start_utc_ms, gap.end_utc_ms)
            # What is known across the whole gap is not known of a part, nor the reader's.
            known = gap if whole else replace(gap, same_holders=None, energy_mj=None)
            parts.append(replace(known, start_utc_ms=low, end_utc_ms=high))
    return parts
