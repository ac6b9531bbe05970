"""The NVML meter: which call is made when, and what its answers become.

What is asked, and how often (one call into a driver costs tens of microseconds):

- every tick and device: utilisation, the energy counter, the list of compute processes;
- the lists of MPS and graphics processes: every tick while they hold somebody, at once when a
  device is busy and nobody computes on it, else every 5 ticks in turns (they are nearly always
  empty, and an MPS server stands in the compute list itself);
- what processes do: where several holders share a device;
- power only where no energy counter is the device's own; memory every 10 ticks in turns, for its
  largest value of a minute is what is reported;
- what a device is: once. Which devices and partitions there are, and whether a device wants to be
  reset: every 60 ticks, every 10 where a device is partitioned or missing, and at once after a
  partition has gone or the driver once did not say which there are;
- nothing of a device that sleeps: to look would wake it.

Partitions have no energy or power of their own, and utilisation only where the driver counts what
instances do; their parent's are never repeated for them, for that would count them several times.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from kashi_agent.evidence.fact import Fact
from kashi_agent.holders import HolderBook
from kashi_agent.meters.driver_epoch import driver_epoch
from kashi_agent.meters.nvml import PERSISTENT, NvmlDriver
from kashi_agent.meters.nvml_calls import DriverGone, Handle
from kashi_agent.meters.nvml_cards import Card, Cards
from kashi_agent.meters.nvml_use import UseReader
from kashi_agent.meters.pci_sleep import PciSleep
from kashi_agent.meters.values import (
    ASLEEP,
    GONE,
    LOST,
    NOT_ASKED,
    NOT_READY,
    NOT_SUPPORTED,
    whole_absence,
)
from kashi_agent.meters.vendor_meter import VendorMeter
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import (
    COUNTER_MAX,
    POWER_MW_MAX,
    Absent,
    AbsentReason,
    Holder,
    HolderWork,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
)

MEMORY_TICKS: Final = 10
QUIET_LIST_TICKS: Final = 5


class NvmlMeter(VendorMeter[Card]):
    """Reads all NVIDIA devices of this host; `sys` is where the kernel tells of devices. DriverGone
    from any call: begin anew, with a new process."""

    def __init__(
        self,
        driver: NvmlDriver,
        book: HolderBook,
        clock: Callable[[], int],
        cadence_ms: int,
        *,
        sys: Path = Path("/sys"),
    ) -> None:
        super().__init__(MeterKind.NVML, driver.versions(), book, clock, cadence_ms)
        self._driver_epoch = driver_epoch("nvidia", sys)  # stays as it is while a session is open
        self._driver = driver
        self._cards = Cards(driver)
        self._use = UseReader(driver, self._dropped)
        self._sleep = PciSleep(sys)

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Devices the driver counts but that never told their id: they cannot be reported."""
        return self._cards.unidentified

    @property
    def untold(self) -> tuple[str, ...]:
        """Devices whose instances the driver did not tell when they were last looked for."""
        return self._cards.untold

    def power_mw(self, hardware_id: str) -> int | Absent:
        """What a whole device draws: evidence, never in the place of its energy."""
        return self._awake(hardware_id, self._power)

    def power_limit_mw(self, hardware_id: str) -> int | Absent:
        """What a whole device may draw."""
        return self._awake(hardware_id, self._power_limit)

    def persistence(self, _batch: SampleBatch) -> Iterator[Fact]:
        """Whether each device's driver stays loaded without clients: where it does not, energy and
        the driver's own accounts begin anew with every first client."""
        for card in self._cards:
            if card.parent is None and card.handle is not None and not self._sleeps(card):
                mode = self._driver.persistence(card.handle)
                value = mode if isinstance(mode, Absent) else ("off", "on")[mode == PERSISTENT]
                yield Fact(name="persistence", value=value, hardware_id=card.device.hardware_id)

    def close(self) -> None:
        """Let the devices go."""
        self._driver.close()

    def _samples(self) -> tuple[Sample, ...]:
        if self._tick >= self._refresh_tick:
            self._refresh()
        samples = tuple(self._sample(card) for card in self._cards)
        self._collect_errors()
        return samples

    def _refresh(self) -> None:
        """Look for devices and partitions anew."""
        self._cards.refresh(self._note, self._sleeps)
        self._driver.activity.keep_only({card.device.hardware_id for card in self._cards})
        cards = self._cards
        self._refreshed(changing=cards.partitioned or not cards.complete or cards.untold_looks > 0)
        if cards.untold_looks == 1:
            self._refresh_tick = self._tick + 1
        for card in self._cards:
            if card.parent is None and card.handle is not None and not self._sleeps(card):
                self._tell_recovery(card)

    def _tell_recovery(self, card: Card) -> None:
        """Tell when a device begins or ceases to want a reset, however healthy it looks."""
        action = self._driver.recovery_action(card.handle)
        if isinstance(action, int) and action != card.recovery_action:
            card.recovery_action = action
            self._note(card, DeviceEventKind.HEALTH, f"recovery action {action}", action)

    # What a device shows.

    def _sample(self, card: Card) -> Sample:
        """One device at this tick."""
        if self._sleeps(card):
            return Sample(device=card.device, seen=ASLEEP)
        if card.untold is not None:
            return Sample(device=card.device, seen=card.untold)
        seen = LOST if card.handle is None else self._observe(card)
        if card.parent is not None and self._driver.uuid(card.handle) != card.uuid:
            seen = GONE  # its handle may be another instance's by now, and so what was read
        if card.parent is not None and seen == GONE:
            self._refresh_tick = self._tick + 1
        if seen == LOST:
            card.begin_anew()
        return Sample(device=card.device, seen=seen)

    def _sleeps(self, card: Card) -> bool:
        return card.parent is None and self._sleep.sleeps(card.device.pci_bus_id)

    def _observe(self, card: Card) -> Observation | Absent:
        """What the device shows; absent as a whole when it is lost or answers nothing at all."""
        use = self._use.look(card, self._boottime_ms)
        utilisation = use.utilisation_ppm
        if utilisation == LOST:
            return LOST
        self._look_for_partitioning(card, utilisation)
        energy = self._energy(card)
        pids = self._pids_of(card, busy=utilisation not in (0, NOT_SUPPORTED))
        holders = pids if isinstance(pids, Absent) else self._book.holders(pids)
        observation = Observation(
            utilisation_ppm=utilisation,
            energy_counter_mj=energy,
            power_mw=self._power(card) if energy == NOT_SUPPORTED else NOT_ASKED,
            memory_used_bytes=self._memory(card),
            holders=holders,
            past=use.past,
            work=self._work(card, pids, holders),
        )
        if card.parent is not None or not isinstance(pids, Absent):
            return observation  # it answers, whoever its processes belong to; a partition, its id
        return whole_absence(observation) or observation

    def _look_for_partitioning(self, card: Card, utilisation: int | Absent) -> None:
        """A device that knows its utilisation no longer may just have been partitioned."""
        if utilisation == NOT_SUPPORTED and card.had_utilisation:
            self._refresh_tick = self._tick + 1
        card.had_utilisation = isinstance(utilisation, int)

    def _energy(self, card: Card) -> int | Absent:
        """The counter as it stands, in millijoules; unsupported where others count in it, too."""
        if card.in_module is None:
            card.in_module = self._driver.is_in_module(card.handle)
            if card.in_module is None:
                return NOT_READY  # the counter may be another's, too
        if card.parent is not None or card.in_module:
            return NOT_SUPPORTED
        return self._asked(card, "energy in mJ", self._driver.energy_mj, COUNTER_MAX)

    def _power(self, card: Card) -> int | Absent:
        """In milliwatts, for devices without an energy counter."""
        if card.parent is not None or card.in_module is None:
            return NOT_SUPPORTED
        ask = self._driver.own_power_mw if card.in_module else self._driver.power_mw
        return self._asked(card, "power in mW", ask, POWER_MW_MAX)

    def _power_limit(self, card: Card) -> int | Absent:
        return self._asked(card, "power limit in mW", self._driver.power_limit_mw, POWER_MW_MAX)

    def _asked(
        self, card: Card, what: str, call: Callable[[Handle], int | Absent], most: int
    ) -> int | Absent:
        """A value the device knows, unless it cannot be."""
        return self._dropped.checked(card, what, card.ask(what, call), most)

    def _awake(self, hardware_id: str, ask: Callable[[Card], int | Absent]) -> int | Absent:
        """Ask a device that is there and does not sleep."""
        card = self._cards.of(hardware_id)
        if card is None or card.handle is None:
            return LOST
        return NOT_ASKED if self._sleeps(card) else ask(card)

    def _memory(self, card: Card) -> int | Absent:
        """Memory in use, in turns."""
        if not card.due(self._tick, MEMORY_TICKS) and self._tick:
            return NOT_ASKED
        total = card.device.memory_bytes or COUNTER_MAX
        return self._asked(card, "memory in bytes", self._driver.memory_used_bytes, total)

    def _pids_of(self, card: Card, *, busy: bool) -> frozenset[int] | Absent:
        """Who is on the device; absent when nobody is listed and a list was refused."""
        compute = self._driver.lists.pids("compute", card.handle)
        refused = compute if isinstance(compute, Absent) else None
        pids = set[int]() if isinstance(compute, Absent) else set(compute)
        busy = refused is not None or (busy and not pids)
        for kind in ("mps", "graphics"):
            answer = self._side_list(card, kind, busy=busy)
            if not isinstance(answer, Absent):
                pids |= answer
            elif answer != NOT_SUPPORTED:
                refused = refused or answer
        if refused is not None and not pids:
            return refused
        return self._can_be(card, pids)

    def _work(
        self, card: Card, pids: frozenset[int] | Absent, holders: frozenset[Holder] | Absent
    ) -> frozenset[HolderWork] | Absent:
        """What each holder did, where several share a device; the driver tells of no instance's."""
        if isinstance(pids, Absent) or isinstance(holders, Absent) or len(holders) < 2:
            return NOT_ASKED
        if card.parent is not None or card.slices:
            return NOT_SUPPORTED
        worked = self._use.work(card, pids)
        if isinstance(worked, Absent):
            return worked
        sums = dict.fromkeys(holders, 0)
        for pid, sm_ppm in worked.items():
            holder = self._book.holder(pid)
            if holder in sums:
                sums[holder] += sm_ppm
        return frozenset(HolderWork(holder, sm_ppm) for holder, sm_ppm in sums.items())

    def _side_list(self, card: Card, kind: str, *, busy: bool) -> frozenset[int] | Absent:
        """A list that is nearly always empty: not asked each tick while it is."""
        quiet = kind in card.quiet_lists
        if quiet and not busy and not card.due(self._tick, QUIET_LIST_TICKS):
            return frozenset()
        pids = self._driver.lists.pids(kind, card.handle)
        if pids in (frozenset(), NOT_SUPPORTED):
            card.quiet_lists.add(kind)
        else:
            card.quiet_lists.discard(kind)
        return pids

    # What happened.

    def _collect_errors(self) -> None:
        """The driver's own error events, each told once."""
        for place, xid in self._driver.errors():
            card = self._cards.at(place)
            if card is not None:
                self._note(card, DeviceEventKind.XID, f"XID {xid}", xid)

    def _fails(self, samples: tuple[Sample, ...]) -> bool:
        if samples:
            return super()._fails(samples)
        return any(told.endswith(AbsentReason.DRIVER_ERROR) for told in self.unidentified)

    def _of_no_use(self) -> DriverGone:
        return DriverGone(999, "nvmlDevice*")
