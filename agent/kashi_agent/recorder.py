"""The recorder: from metering into the spool, so that nothing measured is in memory alone for long.

At most every ten seconds what was measured since the last cut is written, durable; whole minutes
are cut and stand for good. A disk that takes nothing leaves the minutes in memory, joined, and they
are written when it does again.
"""

from collections.abc import Callable, Iterator
from typing import Final

from kashi.axis import MINUTE_MS
from kashi.errors import ContractError
from kashi.limits import REPORT_SPAN_MS_MAX

from kashi_agent.clock import Clock
from kashi_agent.device_choice import ALL_DEVICES, DeviceChoice
from kashi_agent.errors import SpoolError
from kashi_agent.fitting import alike, fitted, join_stretches
from kashi_agent.lost_time import closed, lost
from kashi_agent.metering import Metering
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import HostEventKind
from kashi_agent.spool import Spool
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unseal

FLUSH_MS: Final = 10_000
"""What was measured is in memory alone for no longer."""
EARLY_MS: Final = 1_500
"""Written so much earlier: the loop comes round once a second, and a disk takes its time."""
FRAME_READINGS_MAX: Final = 1_024
"""Readings of minutes that waited, joined into one frame: two hours of eight devices."""
RETRY_MS: Final = 5_000
"""Between two tries to write to a disk that took nothing: each makes room anew."""
SPOOL_REFUSES: Final = "缓存写不进"
"""How a trouble begins that lies in this host's own disk."""
WAITING_BYTES_MAX: Final = 96 << 20
"""Memory for readings that wait for a disk, of the 256 MiB that the unit grants the process: five
days of eight devices. Beyond, the oldest become a gap (SPOOL_LOST): memory is bounded, and what is
lost is said."""
READING_BYTES: Final = 1_280
"""What a reading with its part of the minute takes in memory, by measurement."""
HOLDER_BYTES: Final = 280
"""What each holder's time in a reading takes beside it."""


class Recorder:
    """Keeps what one metering measures. One thread."""

    def __init__(
        self,
        *,
        spool: Spool,
        clock: Clock,
        naming: HolderNaming,
        choice: DeviceChoice = ALL_DEVICES,
        flush_ms: int = FLUSH_MS,
    ) -> None:
        """Go on where the last agent of this host ended.

        What it left open is closed for good by the first write: from here on, time is the new
        agent's. Nothing is written yet, so that a full disk keeps no agent from measuring.
        """
        self._spool = spool
        self._flush_ms = flush_ms
        kept = spool.journal.newest()
        sealed = _newest_sealed(spool)
        last = None if kept is None else closed(kept.stretch)
        self._waiting: list[Stretch] = []
        if kept is not None and last is not None and kept.open:
            spool.journal.reopen_newest()
            self._waiting.append(last)
        if sealed is not None and (last is None or _goes_beyond(sealed, last)):
            last = closed(sealed)
        self.metering = Metering(clock, naming, last, choice)
        self._full_noted = False
        self._due_ms: int | None = None
        self.flushes = 0
        self.last_trouble = ""

    def due(self, boottime_ms: int) -> bool:
        """Whether it is time to write again."""
        return self._due_ms is None or boottime_ms >= self._due_ms

    @property
    def waiting_readings(self) -> int:
        """Readings that no disk has taken yet."""
        return sum(stretch.reading_count for stretch in self._waiting)

    def record(self) -> bool:
        """Write everything that is settled; whether it is durable now."""
        now = self.metering.tick().boottime_ms
        self._waiting.extend(_all(self.metering.cut))
        durable = self._write_waiting() and self._try(self.metering.flush(), open_minute=True)
        self.flushes += durable
        self._due_ms = now + (self._flush_ms - EARLY_MS if durable else RETRY_MS)
        self._note_full()
        self._bound()
        return durable

    def finish(self) -> bool:
        """Write everything for good: the agent ends."""
        self._waiting.extend(_all(self.metering.finish))
        return self._write_waiting()

    def _write_waiting(self) -> bool:
        while self._waiting:
            run = _one_frame(self._waiting)
            if not self._try(join_stretches(run), open_minute=False):
                return False
            del self._waiting[: len(run)]
        return True

    def _try(self, stretch: Stretch, *, open_minute: bool) -> bool:
        try:
            self._spool.write(stretch, open_minute=open_minute)
        except OSError as error:
            self.last_trouble = f"{SPOOL_REFUSES}内容。The spool takes nothing: {error}"
            return False
        self.last_trouble = ""
        return True

    def _note_full(self) -> None:
        full = self._spool.disk_full or bool(self.last_trouble)
        if full and not self._full_noted:
            self.metering.note(HostEventKind.DISK_FULL, self.last_trouble[:256])
        self._full_noted = full

    def _bound(self) -> None:
        """Let the oldest minutes become gaps, and gaps that follow each other one: however long a
        disk takes nothing, what waits grows no further."""
        place = 0
        excess_bytes = sum(map(memory_bytes, self._waiting)) - WAITING_BYTES_MAX
        while excess_bytes > 0:
            excess_bytes -= memory_bytes(self._waiting[place])
            pair = [*self._waiting[:place][-1:], lost(self._waiting[place])]
            if len(pair) == 2 and _follows(*pair):
                self._waiting[place - 1 : place + 1] = [join_stretches(pair)]
            else:
                self._waiting[place] = pair[-1]
                place += 1


def memory_bytes(stretch: Stretch) -> int:
    """About what the readings of a stretch take in memory."""
    readings = [one for minutes in stretch.devices for one in minutes.readings]
    holder_times = sum(len(one.holder_times) for one in readings)
    return len(readings) * READING_BYTES + holder_times * HOLDER_BYTES


def _newest_sealed(spool: Spool) -> Stretch | None:
    """The newest report's stretch: where the journal is gone, or never was."""
    entry = spool.sealed.head_entry
    if entry is None:
        return None
    try:
        return unseal(spool.sealed.read(entry).wire)
    except (SpoolError, ContractError, ValueError):
        return None


def _goes_beyond(sealed: Stretch, last: Stretch) -> bool:
    return sealed.axis_key == last.axis_key and sealed.end_boottime_ms > last.end_boottime_ms


def _one_frame(waiting: list[Stretch]) -> list[Stretch]:
    """The oldest stretches that follow each other, as many as make a frame of bounded size."""
    run: list[Stretch] = []
    readings = 0
    for stretch in waiting:
        readings += stretch.reading_count
        if run and (
            not _follows(run[-1], stretch)
            or not all(alike(one, stretch) for one in run)
            or readings > FRAME_READINGS_MAX
            or stretch.end_boottime_ms - run[0].start_boottime_ms > REPORT_SPAN_MS_MAX
        ):
            break
        run.append(stretch)
    return run


def _follows(before: Stretch, after: Stretch) -> bool:
    """Whether two stretches may share a frame. One that ended within a minute may be sealed already
    where its frame was written and not said to be durable: nothing joins that minute any more."""
    end = before.end_boottime_ms
    whole = (before.segment.anchor_utc_ms + end) % MINUTE_MS == 0
    follows = before.axis_key == after.axis_key and end == after.start_boottime_ms
    return whole and follows and alike(before, after)


def _all(take: Callable[[], Stretch | None]) -> Iterator[Stretch]:
    """All there is, in pieces that a report can carry: a frame is encoded as one."""
    while (stretch := take()) is not None:
        yield from fitted(stretch)
