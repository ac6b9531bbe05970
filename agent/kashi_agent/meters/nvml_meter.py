"""The NVML meter: which call is made when, and what its answers become.

What is asked, and how often (one call into a driver costs tens of microseconds):

- every tick and device: utilisation, the energy counter, the list of compute processes;
- the lists of MPS and graphics processes: every tick while they hold somebody, at once when a
  device is busy and nobody computes on it, else every 5 ticks in turns (they are nearly always
  empty, and an MPS server stands in the compute list itself);
- power only where there is no energy counter; memory every 10 ticks in turns, for its largest value
  of a minute is what is reported;
- what a device is: once. Which devices and partitions there are: every 60 ticks, every 10 where
  a device is partitioned, and at once after a partition has gone.

Partitions have no utilisation, energy or power of their own; their parent's are never repeated for
them, for that would count them several times.
"""

from collections.abc import Callable
from typing import Final

from kashi_agent.holders import HolderBook
from kashi_agent.meters.nvml import DriverGone, Handle, NvmlDriver
from kashi_agent.meters.nvml_cards import Card, Cards
from kashi_agent.meters.nvml_values import (
    COUNTER_MAX,
    GONE,
    LOST,
    NOT_ASKED,
    NOT_READY,
    NOT_SUPPORTED,
    PERCENT_MAX,
    POWER_MW_MAX,
    PPM_PER_PERCENT,
    whole_absence,
)
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    DeviceEvent,
    Holder,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
)

REFRESH_TICKS: Final = 60
REFRESH_TICKS_PARTITIONED: Final = 10
MEMORY_TICKS: Final = 10
QUIET_LIST_TICKS: Final = 5
FAILING_TICKS_MAX: Final = 10
"""All devices answering nothing but errors for so long: the session is of no use any more."""

XID: Final = 3
VALUE_DROPPED: Final = 5
"""Kinds of events on devices; the numbers are the contract's."""


class NvmlMeter:
    """Reads all NVIDIA devices of this host.

    `clock` gives CLOCK_BOOTTIME in milliseconds; `cadence_ms` is what the meter states of itself,
    the caller keeps the time. DriverGone from any call: begin anew, with a new process.
    """

    def __init__(
        self, driver: NvmlDriver, book: HolderBook, clock: Callable[[], int], cadence_ms: int
    ) -> None:
        self._driver = driver
        self._book = book
        self._clock = clock
        library, version = driver.versions()
        self.meter = Meter(
            kind=MeterKind.NVML,
            cadence_ms=cadence_ms,
            library_version=library,
            driver_version=version,
        )
        self._cards = Cards(driver)
        self._boottime_ms = 0
        self._tick = 0
        self._refresh_tick = 0
        self._failing_ticks = 0
        self._events: list[DeviceEvent] = []
        self._pids: set[int] = set()
        self._listed: dict[str, frozenset[int]] = {}

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Devices the driver counts but that never told their id: they cannot be reported."""
        return self._cards.unidentified

    def read(self) -> SampleBatch:
        """All devices, now."""
        self._boottime_ms = self._clock()
        self._events = []
        self._pids, self._listed = set(), {}
        if self._tick >= self._refresh_tick:
            self._refresh()
        samples = tuple(self._sample(card) for card in self._cards)
        self._collect_errors()
        self._book.keep_only(self._pids)
        self._refuse_to_fail_for_ever(samples)
        self._tick += 1
        return SampleBatch(
            boottime_ms=self._boottime_ms,
            meter=self.meter,
            samples=samples,
            events=tuple(self._events),
        )

    def power_and_limit_mw(self, hardware_id: str) -> tuple[int | Absent, int | Absent]:
        """What a whole device draws and may draw: evidence, never in the place of its energy."""
        card = self._cards.of(hardware_id)
        if card is None or card.handle is None:
            return LOST, LOST
        limit = self._value(card, "power limit", self._driver.power_limit_mw)
        return self._power(card), self._checked(card, "power limit in mW", limit, POWER_MW_MAX)

    def pids(self, hardware_id: str) -> frozenset[int]:
        """The processes that the driver listed on a device at the last look."""
        return self._listed.get(hardware_id, frozenset())

    def close(self) -> None:
        """Let the devices go."""
        self._driver.close()

    def _refresh(self) -> None:
        """Look for devices and partitions anew."""
        self._cards.refresh(self._note)
        partitioned = self._cards.partitioned
        self._refresh_tick = self._tick + (
            REFRESH_TICKS_PARTITIONED if partitioned else REFRESH_TICKS
        )

    # What a device shows.

    def _sample(self, card: Card) -> Sample:
        """One device at this tick."""
        seen = LOST if card.handle is None else self._observe(card)
        if card.parent is not None and seen == GONE:
            self._refresh_tick = self._tick + 1
        return Sample(device=card.device, seen=seen)

    def _observe(self, card: Card) -> Observation | Absent:
        """What the device shows; absent as a whole when it is lost or answers nothing at all."""
        utilisation = self._utilisation(card)
        if utilisation == LOST:
            return LOST
        energy = self._energy(card)
        observation = Observation(
            utilisation_ppm=utilisation,
            energy_counter_mj=energy,
            power_mw=self._power(card) if energy == NOT_SUPPORTED else NOT_ASKED,
            memory_used_bytes=self._memory(card),
            holders=self._holders(card, busy=utilisation not in (0, NOT_SUPPORTED)),
        )
        return whole_absence(observation) or observation

    def _utilisation(self, card: Card) -> int | Absent:
        """In parts per million.

        The first value after a driver has started up is left out: it shows the driver at work.
        """
        if card.parent is not None:
            return NOT_SUPPORTED
        percent = self._value(card, "utilisation", self._driver.utilisation_percent)
        if card.settling and not isinstance(percent, Absent):
            card.settling = False
            return NOT_READY
        checked = self._checked(card, "utilisation in percent", percent, PERCENT_MAX)
        return checked if isinstance(checked, Absent) else checked * PPM_PER_PERCENT

    def _energy(self, card: Card) -> int | Absent:
        """The counter as it stands, in millijoules."""
        if card.parent is not None:
            return NOT_SUPPORTED
        energy = self._value(card, "energy", self._driver.energy_mj)
        return self._checked(card, "energy in mJ", energy, COUNTER_MAX)

    def _power(self, card: Card) -> int | Absent:
        """In milliwatts, for devices without an energy counter."""
        if card.parent is not None:
            return NOT_SUPPORTED
        power = self._value(card, "power", self._driver.power_mw)
        return self._checked(card, "power in mW", power, POWER_MW_MAX)

    def _memory(self, card: Card) -> int | Absent:
        """Memory in use, in turns."""
        if not card.due(self._tick, MEMORY_TICKS) and self._tick:
            return NOT_ASKED
        used = self._value(card, "memory", self._driver.memory_used_bytes)
        total = card.device.memory_bytes or COUNTER_MAX
        return self._checked(card, "memory in bytes", used, total)

    def _holders(self, card: Card, *, busy: bool) -> frozenset[Holder] | Absent:
        """Who holds the device; absent when nobody is listed and a list was refused."""
        compute = self._driver.pids("compute", card.handle)
        if isinstance(compute, Absent):
            return compute
        pids = set(compute)
        refused: Absent | None = None
        for kind in ("mps", "graphics"):
            answer = self._side_list(card, kind, busy=busy and not compute)
            if not isinstance(answer, Absent):
                pids |= answer
            elif answer != NOT_SUPPORTED:
                refused = answer
        if refused is not None and not pids:
            return refused
        self._pids |= pids
        self._listed[card.device.hardware_id] = frozenset(pids)
        return self._book.holders(pids)

    def _side_list(self, card: Card, kind: str, *, busy: bool) -> frozenset[int] | Absent:
        """A list that is nearly always empty: not asked each tick while it is."""
        quiet = kind in card.quiet_lists
        if quiet and not busy and not card.due(self._tick, QUIET_LIST_TICKS):
            return frozenset()
        pids = self._driver.pids(kind, card.handle)
        if pids in (frozenset(), NOT_SUPPORTED):
            card.quiet_lists.add(kind)
        else:
            card.quiet_lists.discard(kind)
        return pids

    def _value(self, card: Card, name: str, ask: Callable[[Handle], int | Absent]) -> int | Absent:
        """Ask, unless the device said that it does not know this, until the next refresh."""
        if name in card.unsupported:
            return NOT_SUPPORTED
        value = ask(card.handle)
        if value == NOT_SUPPORTED:
            card.unsupported.add(name)
        return value

    def _checked(self, card: Card, what: str, value: int | Absent, most: int) -> int | Absent:
        """The value, if it is one the vendor's documents allow; else it is dropped and counted."""
        if isinstance(value, Absent) or 0 <= value <= most:
            return value
        self._note(card, VALUE_DROPPED, f"{what}: {value}", 1)
        return Absent(AbsentReason.OUT_OF_RANGE)

    # What happened.

    def _collect_errors(self) -> None:
        """The driver's own error events, each told once."""
        for place, xid in self._driver.errors():
            card = self._cards.at(place)
            if card is not None:
                self._note(card, XID, f"XID {xid}", xid)

    def _note(self, card: Card, kind: int, detail: str, value: int = 0) -> None:
        self._events.append(
            DeviceEvent(
                hardware_id=card.device.hardware_id,
                boottime_ms=self._boottime_ms,
                kind=kind,
                detail=detail[:256],
                value=value,
            )
        )

    def _refuse_to_fail_for_ever(self, samples: tuple[Sample, ...]) -> None:
        """A session in which nothing but unknown errors come is begun anew."""
        failing = Absent(AbsentReason.DRIVER_ERROR)
        broken = all(sample.seen == failing for sample in samples)
        if not samples:
            broken = any(told.endswith(AbsentReason.DRIVER_ERROR) for told in self.unidentified)
        self._failing_ticks = self._failing_ticks + 1 if broken else 0
        if self._failing_ticks >= FAILING_TICKS_MAX:
            raise DriverGone(999, "every call on every device")
