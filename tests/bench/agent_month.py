"""A simulated month of a host of eight devices: whether the agent costs on its last day what it
costs on its first.

One sample a minute instead of sixty, written and shipped every five, signatures and receipts real,
files in a folder, the server in memory in the same process. What counts is the trend.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from simulated_days import DayCost, LongHost, growth_mb_a_day

DAYS: Final = 30
WEEK: Final = 7
WRITE_MINUTES: Final = 5
KEPT_DAYS: Final = 36
"""Delivered reports stay 35 days, on disk and their places in memory: until then both grow."""


def measure(days: int = DAYS) -> dict[str, int | float]:
    """Processor time, memory, files and disk, of the first week and of the last."""
    with tempfile.TemporaryDirectory(prefix="kashi-month-") as folder:
        costs = list(LongHost(Path(folder), write_every=WRITE_MINUTES).days(days))
    return flatness(costs)


def flatness(costs: Sequence[DayCost]) -> dict[str, int | float]:
    """What the days show from the second on: the first warms up."""
    week = min(WEEK, len(costs) // 2)
    first, last = costs[1 : week + 1], costs[-week:]
    pss = [cost.pss_bytes for cost in costs]
    settled = {}
    if len(costs) > KEPT_DAYS + WEEK:
        settled["settled_pss_growth_mb_a_day"] = round(growth_mb_a_day(pss, KEPT_DAYS), 3)
    return {
        **settled,
        "days": len(costs),
        "first_week_cpu_s_a_day": round(_mean_cpu_s(first), 2),
        "last_week_cpu_s_a_day": round(_mean_cpu_s(last), 2),
        "pss_growth_mb_a_day": round(growth_mb_a_day(pss, week), 3),
        "pss_mb_at_the_end": round(pss[-1] / 1e6, 1),
        "disk_mb_a_day": round(
            (costs[-1].disk_bytes - costs[0].disk_bytes) / 1e6 / (len(costs) - 1), 2
        ),
        "files_at_the_end": costs[-1].files,
    }


def _mean_cpu_s(costs: Sequence[DayCost]) -> float:
    return sum(cost.cpu_s for cost in costs) / len(costs)
