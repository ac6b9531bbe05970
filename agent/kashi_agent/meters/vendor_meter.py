"""What the meters of all vendors do alike, from one tick to the next."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Set
from functools import reduce
from typing import Final, Generic

from kashi_agent.errors import MeterError
from kashi_agent.holders import HolderBook
from kashi_agent.meters.dropped import DroppedValues, Subject
from kashi_agent.meters.values import OUT_OF_RANGE
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    DeviceEvent,
    Meter,
    MeterKind,
    Sample,
    SampleBatch,
)

PID_MAX: Final = 1 << 22
"""The most that the kernel lets be set."""

FAILING: Final = Absent(AbsentReason.DRIVER_ERROR)
FAILING_TICKS_MAX: Final = 10
"""All devices answering nothing but errors for so long: the session is of no use any more."""

REFRESH_TICKS: Final = 60
REFRESH_TICKS_CHANGING: Final = 10
DETAIL_CHARACTERS_MAX: Final = 256


class VendorMeter(ABC, Generic[Subject]):
    """Reads all devices of one vendor.

    `versions` are those of library and driver, `clock` gives CLOCK_BOOTTIME in milliseconds;
    `cadence_ms` is what the meter states of itself, the caller keeps the time.
    """

    def __init__(
        self,
        kind: MeterKind,
        versions: tuple[str, str],
        book: HolderBook,
        clock: Callable[[], int],
        cadence_ms: int,
    ) -> None:
        library, driver = versions
        self.meter = Meter(
            kind=kind, cadence_ms=cadence_ms, library_version=library, driver_version=driver
        )
        self.steps: tuple[Callable[[SampleBatch], SampleBatch], ...] = ()
        """What completes a batch before it goes out: grants, facts to judge it by."""
        self._driver_epoch = 0
        self._book = book
        self._clock = clock
        self._dropped: DroppedValues[Subject] = DroppedValues(self._note)
        self._boottime_ms = 0
        self._tick = 0
        self._refresh_tick = 0
        self._failing_ticks = 0
        self._events: list[DeviceEvent] = []
        self._listed: dict[str, frozenset[int]] = {}

    def read(self) -> SampleBatch:
        """All devices, now."""
        self._boottime_ms = self._clock()
        self._events, self._listed = [], {}
        samples = self._samples()
        self._dropped.end_tick()
        self._book.keep_only(frozenset().union(*self._listed.values()))
        self._failing_ticks = self._failing_ticks + 1 if self._fails(samples) else 0
        if self._failing_ticks >= FAILING_TICKS_MAX:
            raise self._of_no_use()
        self._tick += 1
        batch = SampleBatch(
            boottime_ms=self._boottime_ms,
            meter=self.meter,
            samples=samples,
            events=tuple(self._events),
            driver_epoch=self._driver_epoch,
            untold=self.untold,
        )
        return reduce(lambda whole, complete: complete(whole), self.steps, batch)

    def pids(self, hardware_id: str) -> frozenset[int]:
        """The processes that the driver listed on a device at the last look."""
        return self._listed.get(hardware_id, frozenset())

    def _can_be(self, subject: Subject, listed: Set[int]) -> frozenset[int] | Absent:
        """The listed processes. A pid that none can have is dropped and counted: somebody is there
        whom nobody can look up, so alone it makes holders unknown, and never nobody."""
        pids = frozenset(pid for pid in listed if 0 < pid <= PID_MAX)
        if strange := sorted(listed - pids):
            self._dropped.drop(subject, "pid", strange[0], len(strange))
            if not pids:
                return OUT_OF_RANGE
        self._listed[subject.device.hardware_id] = pids
        return pids

    def _refreshed(self, *, changing: bool) -> None:
        """What devices there are was looked at: when to look again."""
        self._refresh_tick = self._tick + (REFRESH_TICKS_CHANGING if changing else REFRESH_TICKS)

    @property
    @abstractmethod
    def untold(self) -> tuple[str, ...]:
        """Ids of the devices whose partitions the last look could not tell, at least not all."""

    @abstractmethod
    def _samples(self) -> tuple[Sample, ...]:
        """One of every device, now."""

    @abstractmethod
    def _of_no_use(self) -> MeterError:
        """What a session is in which nothing but unknown errors come: it is begun anew."""

    def _fails(self, samples: tuple[Sample, ...]) -> bool:
        """Whether nothing but unknown errors came."""
        return bool(samples) and all(sample.seen == FAILING for sample in samples)

    def _note(self, subject: Subject, kind: int, detail: str, value: int = 0) -> None:
        """Something happened to a device."""
        self._events.append(
            DeviceEvent(
                hardware_id=subject.device.hardware_id,
                boottime_ms=self._boottime_ms,
                kind=kind,
                detail=detail[:DETAIL_CHARACTERS_MAX],
                value=value,
            )
        )
