"""Writing sums of days: what is added to device-hours is added to their days, in the same unit."""

from collections.abc import Iterable
from typing import Any, Final

from kashi_server.domain.device_time import NO_COUNTS, Counts
from kashi_server.domain.summed_time import DAYS, HOURS
from kashi_server.domain.usage import QUANTITY_NAMES

_DAYS: Final = ("host_id", "hardware_id", "day", *QUANTITY_NAMES, "observed_peak_ms")
_TYPES: Final = ("text", "text", "int4", *("int8" for _ in QUANTITY_NAMES), "int8")
_SUMS: Final = ", ".join(
    f"{name} = device_days.{name} + excluded.{name}" for name in QUANTITY_NAMES
)
# A peak that is not known stays so: it is compared with nothing.
_PEAK: Final = (
    "observed_peak_ms = CASE WHEN device_days.observed_peak_ms < excluded.observed_peak_ms"
    " THEN excluded.observed_peak_ms ELSE device_days.observed_peak_ms END"
)
_INSERT: Final = f"INSERT INTO device_days ({', '.join(_DAYS)})"
_CONFLICT: Final = f" ON CONFLICT (host_id, hardware_id, day) DO UPDATE SET {_SUMS}, {_PEAK}"
DAYS_SQLITE: Final = f"{_INSERT} VALUES ({', '.join('?' * len(_DAYS))}){_CONFLICT}"
"""Adds one row to a day."""
DAYS_POSTGRESQL: Final = (
    f"{_INSERT} SELECT * FROM unnest({', '.join(f'%b::{kind}[]' for kind in _TYPES)}){_CONFLICT}"
)
"""Adds rows, given as columns, to days: each day once."""

Row = tuple[Any, ...]


def day_rows(added: Iterable[tuple[str, str, int, Counts, int]]) -> list[Row]:
    """What hours add to their days, each day once.

    Args:
        added: host, hardware id, UTC hour, what is added to it, and the most that one of its
            minutes holds then.
    """
    sums: dict[tuple[str, str, int], Counts] = {}
    peaks_ms: dict[tuple[str, str, int], int] = {}
    for host_id, hardware_id, hour, counts, peak_ms in added:
        key = host_id, hardware_id, DAYS.of(HOURS.start(hour))
        before = sums.get(key, NO_COUNTS)
        sums[key] = tuple(map(int.__add__, before, counts))
        peaks_ms[key] = max(peaks_ms.get(key, 0), peak_ms)
    return [(*key, *counts, peaks_ms[key]) for key, counts in sums.items()]
