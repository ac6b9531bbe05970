"""How busy NVIDIA's devices are, by the best the driver has, and what their processes do.

The driver's own buffer holds every sample it takes (one to six a second), so a look that reads it
misses none of them; where there is none, the newest sample is all there is. A partition has a
figure only where the driver counts what instances do. Every buffer is read on from a cursor, from
the first look on: what it held before then is older than the meter.
"""

from dataclasses import dataclass
from typing import Final

from kashi_agent.meters.dropped import DroppedValues
from kashi_agent.meters.nvml import NvmlDriver
from kashi_agent.meters.nvml_cards import Card
from kashi_agent.meters.nvml_past import recalled
from kashi_agent.meters.values import (
    LOST,
    NOT_READY,
    NOT_SUPPORTED,
    OUT_OF_RANGE,
    PERCENT_MAX,
    PPM_PER_PERCENT,
    times,
)
from kashi_agent.sample import Absent, AbsentReason, PastUse

STALE_LOOKS_MAX: Final = 10
"""A buffer without anything new for so long is begun anew: its clock was set back, or it stands."""

BUFFER: Final = "utilisation samples"
NOTHING_NEW: Final = Absent(AbsentReason.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Use:
    """Utilisation as it stands, and as it was since the look before."""

    utilisation_ppm: int | Absent
    past: tuple[PastUse, ...] = ()


class UseReader:
    """Reads utilisation of all devices of one session."""

    def __init__(self, driver: NvmlDriver, dropped: DroppedValues[Card]) -> None:
        self._driver = driver
        self._dropped = dropped

    def look(self, card: Card, boottime_ms: int) -> Use:
        """A device's utilisation, now."""
        if card.parent is not None:
            return self._activity(card, card.parent, boottime_ms)
        return self._buffered(card) or Use(self._instant(card))

    def work(self, card: Card, pids: frozenset[int]) -> dict[int, int] | Absent:
        """Parts per million of the compute units by process, since the last look; all of `pids`.

        Rows of impossible values or of before the last look are dropped and counted; those of
        processes that are not listed (any more) say nothing. Who has no row did nothing.
        """
        entries = self._driver.buffers.work(card.handle, card.work_cursor or 0)
        if isinstance(entries, Absent) and entries != NOTHING_NEW:
            return entries
        # A row of zeros is room that the driver did not fill.
        rows = [] if isinstance(entries, Absent) else [entry for entry in entries if entry.pid]
        first, cursor = card.work_cursor is None, card.work_cursor or 0
        sound = [row for row in rows if row.stamp_us > cursor and row.percent <= PERCENT_MAX]
        if len(sound) < len(rows) and not first:
            bad = next(row for row in rows if row not in sound)
            self._dropped.drop(card, "process utilisation", bad, len(rows) - len(sound))
        good = sorted((row for row in sound if row.pid in pids), key=lambda row: row.stamp_us)
        card.work_stale_looks = 0 if good else card.work_stale_looks + 1
        card.work_cursor = good[-1].stamp_us if good else cursor
        if card.work_stale_looks >= STALE_LOOKS_MAX:
            card.work_cursor, card.work_stale_looks = None, 0
        if first:
            return NOT_READY  # it is the mean of all that the buffer holds
        worked = {row.pid: row.percent * PPM_PER_PERCENT for row in good}
        return {pid: worked.get(pid, 0) for pid in pids}

    def _buffered(self, card: Card) -> Use | None:
        """From the driver's buffer; None where it has nothing new."""
        if BUFFER in card.unsupported:
            return None
        entries = self._driver.buffers.utilisation(card.handle, card.cursor or 0)
        if entries == LOST:
            return Use(LOST)
        if not isinstance(entries, Absent) and (told := recalled(entries, card.cursor or 0)):
            first, card.cursor, card.stale_looks = card.cursor is None, told.cursor, 0
            if first:
                return None
            for percent in told.dropped:
                self._dropped.drop(card, "utilisation in percent", percent)
            return Use(told.utilisation_ppm, told.past)
        card.stale_looks += 1
        if card.stale_looks >= STALE_LOOKS_MAX:
            card.cursor, card.stale_looks = None, 0
        if card.cursor is None or not (entries == NOTHING_NEW or isinstance(entries, list)):
            card.unsupported.add(BUFFER)
        return None

    def _instant(self, card: Card) -> int | Absent:
        """The driver's newest sample.

        The first one after a driver has started up is left out: it shows the driver at work.
        """
        percent = card.ask("utilisation", self._driver.utilisation_percent)
        if card.settling and not isinstance(percent, Absent):
            card.settling = False
            return NOT_READY
        checked = self._dropped.checked(card, "utilisation in percent", percent, PERCENT_MAX)
        return times(checked, PPM_PER_PERCENT)

    def _activity(self, card: Card, whole: Card, boottime_ms: int) -> Use:
        """Of an instance, since the last look."""
        if card.gpu_instance is None:
            return Use(NOT_SUPPORTED)
        uuid = card.device.hardware_id
        ppm = self._driver.activity.ppm(whole.handle, card.gpu_instance, uuid)
        if ppm == OUT_OF_RANGE:
            self._dropped.drop(card, "activity of an instance", "no percentage")
        since_ms, card.looked_boottime_ms = card.looked_boottime_ms, boottime_ms
        if ppm == NOT_READY or since_ms is None or since_ms >= boottime_ms:
            return Use(ppm)
        return Use(ppm, (PastUse(boottime_ms - since_ms, ppm),))
