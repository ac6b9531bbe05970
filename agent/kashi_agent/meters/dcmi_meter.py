"""The Ascend meter: which call is made when, and what its answers become.

- Every tick and chip: utilisation, power, the list of processes; every tick and partition: its
  utilisation and whether a container has it.
- Memory, health and standing faults: every 10 ticks in turns.
- What a chip is: once. Which chips and partitions there are: every 60 ticks, every 10 where a chip
  is split or something is missing, and at once after the driver once did not say which there are.

There is no counter of energy: power is told for the integrator. Where the driver tells a card's
power, its chips divide it equally, so that it is counted once; what is over a whole milliwatt each
goes to the first. Partitions have neither power nor memory of their own, and the processes of a
split chip may be hidden: nobody listed there does not mean nobody.
"""

from collections.abc import Callable
from typing import Final

from kashi_agent.holders import HolderBook
from kashi_agent.meters.dcmi import DcmiDriver
from kashi_agent.meters.dcmi_chips import BYTES_PER_MB, MEMORY_MB_MAX, Chip, Chips
from kashi_agent.meters.dcmi_library import DriverGone
from kashi_agent.meters.dcmi_power import PowerReader
from kashi_agent.meters.values import (
    LOST,
    NOT_ASKED,
    NOT_SUPPORTED,
    PERCENT_MAX,
    PPM_PER_PERCENT,
    times,
    whole_absence,
)
from kashi_agent.meters.vendor_meter import VendorMeter
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import (
    Absent,
    Holder,
    HolderKind,
    MeterKind,
    Observation,
    Sample,
)

SLOW_TICKS: Final = 10
PROFILED_PERCENT: Final = 0xEF
"""Not a percentage: what a chip says while it is being profiled."""

CARD_DROPPED: Final = 0x40F8_4E00
"""The vendor's code for a card that has dropped out; the driver itself only stops answering."""

LISTED_MAX: Final = 32


class DcmiMeter(VendorMeter[Chip]):
    """Reads all Ascend chips of this host. DriverGone from any call: begin anew, with a new
    process."""

    def __init__(
        self, driver: DcmiDriver, book: HolderBook, clock: Callable[[], int], cadence_ms: int
    ) -> None:
        super().__init__(MeterKind.ASCEND, driver.versions(), book, clock, cadence_ms)
        self._driver = driver
        self._chips = Chips(driver)
        self._power = PowerReader(driver, self._chips, self._dropped)

    @property
    def unidentified(self) -> tuple[str, ...]:
        """What the driver counts but does not identify: it cannot be reported."""
        return self._chips.unidentified

    @property
    def untold(self) -> tuple[str, ...]:
        """Chips whose vNPUs the driver did not tell when they were last looked for."""
        return self._chips.untold

    def close(self) -> None:
        """DCMI has no such call: the devices are let go when the process ends."""

    def _samples(self) -> tuple[Sample, ...]:
        self._power.begin_tick()
        if self._tick >= self._refresh_tick:
            told_before = not self._chips.untold
            self._chips.refresh(self._note)
            self._refreshed(changing=self._chips.may_change)
            if self._chips.untold and told_before:
                self._refresh_tick = self._tick + 1
        return tuple(Sample(device=chip.device, seen=self._seen(chip)) for chip in self._chips)

    def _of_no_use(self) -> DriverGone:
        return DriverGone("对所有芯片的调用都失败。Every call on every chip fails")

    # What a chip shows.

    def _seen(self, chip: Chip) -> Observation | Absent:
        """One chip at this tick; absent as a whole when it is lost or answers nothing at all."""
        if chip.lost:
            return LOST
        return self._whole(chip) if chip.whole is None else self._partition(chip)

    def _whole(self, chip: Chip) -> Observation | Absent:
        """A chip: while it is lost nothing else is asked of it."""
        utilisation = self._utilisation(chip)
        if utilisation == LOST:
            self._stand(chip, chip.faults | {CARD_DROPPED})
            return LOST
        self._stand(chip, chip.faults - {CARD_DROPPED})
        if chip.due(self._tick, SLOW_TICKS):
            self._look_at_health(chip)
        observation = Observation(
            utilisation_ppm=utilisation,
            energy_counter_mj=NOT_SUPPORTED,
            power_mw=self._power.milliwatts(chip),
            memory_used_bytes=self._memory(chip),
            holders=self._holders(chip),
        )
        return whole_absence(observation) or observation

    def _partition(self, chip: Chip) -> Observation | Absent:
        """A partition: what it does, and the container that has it. That none is told says nothing
        of virtual machines: it is not known to be nobody's."""
        container = self._driver.partitions.container(chip.place, chip.number)
        if isinstance(container, Absent):
            self._refresh_tick = self._tick + 1
            return container
        holder = Holder(HolderKind.GRANT, f"container {container}")
        return Observation(
            utilisation_ppm=self._ppm(
                chip, self._driver.partitions.percent(chip.place, chip.number)
            ),
            energy_counter_mj=NOT_SUPPORTED,
            power_mw=NOT_SUPPORTED,
            memory_used_bytes=NOT_SUPPORTED,
            holders=frozenset({holder}) if container else NOT_SUPPORTED,
        )

    def _utilisation(self, chip: Chip) -> int | Absent:
        """In parts per million, of the first kind of its generation that the chip knows."""
        for rates in chip.generation.rates:
            if rates in chip.unsupported:
                continue
            told = [
                self._ppm(chip, self._driver.utilisation_percent(chip.place, rate))
                for rate in rates
            ]
            absent = [ppm for ppm in told if isinstance(ppm, Absent)]
            if NOT_SUPPORTED in absent:
                chip.unsupported.add(rates)
            elif absent:
                return absent[0]
            else:
                return max(ppm for ppm in told if isinstance(ppm, int))
        return NOT_SUPPORTED

    def _ppm(self, chip: Chip, percent: int | Absent) -> int | Absent:
        """Parts per million, of a percentage that can be one."""
        profiled = " (profiled)" if percent == PROFILED_PERCENT else ""
        what = f"utilisation in percent{profiled}"
        return times(self._dropped.checked(chip, what, percent, PERCENT_MAX), PPM_PER_PERCENT)

    def _memory(self, chip: Chip) -> int | Absent:
        """Memory in use, in turns: its largest value of a minute is what is reported."""
        if not chip.due(self._tick, SLOW_TICKS):
            return NOT_ASKED
        memory = self._driver.memory_mb(chip.place)
        if isinstance(memory, Absent):
            return memory
        most = chip.device.memory_bytes // BYTES_PER_MB or MEMORY_MB_MAX
        return times(self._dropped.checked(chip, "memory in MB", memory[1], most), BYTES_PER_MB)

    def _holders(self, chip: Chip) -> frozenset[Holder] | Absent:
        """Who is on the chip. A list that is full is told of: there may be more."""
        pids = self._driver.pids(chip.place)
        if isinstance(pids, Absent):
            return pids
        if len(pids) >= LISTED_MAX:
            self._dropped.drop(
                chip, "processes: as many listed as can be, more would not be", len(pids)
            )
        if not pids and chip.is_split:
            return NOT_SUPPORTED
        sound = self._can_be(chip, pids)
        return sound if isinstance(sound, Absent) else self._book.holders(sound)

    # What happened.

    def _look_at_health(self, chip: Chip) -> None:
        """Tell of a grade that has changed and of faults that came or went."""
        health = self._driver.health(chip.place)
        if not isinstance(health, Absent) and health != chip.health:
            chip.health = health
            self._note(chip, DeviceEventKind.HEALTH, f"health {health:#x}", health)
        faults = self._driver.faults(chip.place)
        if not isinstance(faults, Absent):
            self._stand(chip, faults)

    def _stand(self, chip: Chip, faults: frozenset[int]) -> None:
        """These faults stand now."""
        for code in sorted(faults - chip.faults):
            self._note(chip, DeviceEventKind.FAULT, f"began: 0x{code:08X}", code)
        for code in sorted(chip.faults - faults):
            self._note(chip, DeviceEventKind.FAULT, f"ended: 0x{code:08X}", code)
        chip.faults = faults
