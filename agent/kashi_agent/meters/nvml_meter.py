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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from kashi_agent.holders import HolderBook
from kashi_agent.meters.nvml import DriverGone, Handle, Identity, NvmlDriver, Slice, address
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    DeviceEvent,
    Holder,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)

REFRESH_TICKS: Final = 60
REFRESH_TICKS_PARTITIONED: Final = 10
MEMORY_TICKS: Final = 10
QUIET_LIST_TICKS: Final = 5
FAILING_TICKS_MAX: Final = 10
"""All devices answering nothing but errors for so long: the session is of no use any more."""

PPM_PER_PERCENT: Final = 10_000
PERCENT_MAX: Final = 100
POWER_MW_MAX: Final = 10_000_000
ENERGY_MJ_MAX: Final = 1 << 62

VANISHED, XID, VALUE_DROPPED, PARTITIONED = 2, 3, 5, 6
"""Kinds of events on devices; the numbers are the contract's."""

NOT_ASKED: Final = Absent(AbsentReason.NOT_RECORDED)
NOT_SUPPORTED: Final = Absent(AbsentReason.NOT_SUPPORTED)
NOT_READY: Final = Absent(AbsentReason.NOT_READY)
LOST: Final = Absent(AbsentReason.DEVICE_LOST)


@dataclass(slots=True, kw_only=True)
class _Card:
    """A device or partition as the meter knows it from one tick to the next."""

    device: Device
    turn: int
    handle: Handle | None
    parent: "_Card | None" = None
    settling: bool = False
    unsupported: set[str] = field(default_factory=set)
    quiet_lists: set[str] = field(default_factory=set)
    slices: frozenset[str] | None = None

    def due(self, tick: int, every: int) -> bool:
        """Whether it is this device's turn; devices take different ticks."""
        return (tick + self.turn) % every == 0


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
        self.unidentified: tuple[str, ...] = ()
        """Devices the driver counts but that never told their id: they cannot be reported."""
        self._cards: dict[str, _Card] = {}
        self._tick = 0
        self._refresh_tick = 0
        self._failing_ticks = 0
        self._events: list[DeviceEvent] = []
        self._pids: set[int] = set()

    def read(self) -> SampleBatch:
        """All devices, now."""
        boottime_ms = self._clock()
        self._events = []
        self._pids = set()
        if self._tick >= self._refresh_tick:
            self._refresh(boottime_ms)
        samples = tuple(self._sample(card, boottime_ms) for card in list(self._cards.values()))
        self._collect_errors(boottime_ms)
        self._book.keep_only(self._pids)
        self._refuse_to_fail_for_ever(samples)
        self._tick += 1
        return SampleBatch(
            boottime_ms=boottime_ms, meter=self.meter, samples=samples, events=tuple(self._events)
        )

    def close(self) -> None:
        """Let the devices go."""
        self._driver.close()

    # Which devices there are.

    def _refresh(self, boottime_ms: int) -> None:
        """Look for devices and partitions anew; handles of known ones are renewed."""
        seen: set[str] = set()
        unidentified: list[str] = []
        for place, handle in enumerate(self._driver.handles()):
            uuid = handle if isinstance(handle, Absent) else self._driver.uuid(handle)
            if isinstance(uuid, Absent):
                unidentified.append(f"device {place}: {uuid.reason}")
            else:
                seen.add(uuid)
                self._meet(uuid, handle)
        wholes = [card for card in self._cards.values() if card.parent is None]
        for card in wholes:
            self._lose_or_keep(card, seen, boottime_ms)
        known_but_mute = sum(card.handle is None for card in wholes)
        self.unidentified = tuple(unidentified) if len(unidentified) > known_but_mute else ()
        partitioned = any(card.parent is not None for card in self._cards.values())
        every = REFRESH_TICKS_PARTITIONED if partitioned else REFRESH_TICKS
        self._refresh_tick = self._tick + every

    def _meet(self, uuid: str, handle: Handle) -> None:
        """Renew a known device's handle, or take in a new device."""
        card = self._cards.get(uuid)
        if card is not None:
            card.handle = handle
            card.unsupported.clear()
            return
        self._cards[uuid] = _Card(
            device=_device(self._driver.identity(handle, uuid)),
            turn=len(self._cards),
            handle=handle,
            settling=not self._driver.keeps_state(handle),
        )
        self._driver.watch(handle)

    def _lose_or_keep(self, card: _Card, seen: set[str], boottime_ms: int) -> None:
        """A device that is no longer listed is lost, not gone: its time is still to be told."""
        if card.device.hardware_id in seen:
            self._partition(card, boottime_ms)
        elif card.handle is not None:
            card.handle = None
            self._note(card, boottime_ms, VANISHED, "the driver lists it no longer")

    def _partition(self, whole: _Card, boottime_ms: int) -> None:
        """Bring the partitions of a device up to date."""
        slices = {part.identity.uuid: part for part in self._driver.slices(whole.handle)}
        for uuid in [uuid for uuid, card in self._cards.items() if card.parent is whole]:
            if uuid not in slices:
                del self._cards[uuid]
        for uuid, part in slices.items():
            if uuid in self._cards:
                self._cards[uuid].handle = part.handle
            else:
                self._cards[uuid] = _partition_card(whole, part, len(self._cards))
        if whole.slices is not None and whole.slices != slices.keys():
            self._note(whole, boottime_ms, PARTITIONED, " ".join(sorted(slices)), len(slices))
        whole.slices = frozenset(slices)

    # What a device shows.

    def _sample(self, card: _Card, boottime_ms: int) -> Sample:
        """One device at this tick."""
        seen = LOST if card.handle is None else self._observe(card, boottime_ms)
        if card.parent is not None and isinstance(seen, Absent):
            self._refresh_tick = self._tick + 1
        return Sample(device=card.device, seen=seen)

    def _observe(self, card: _Card, boottime_ms: int) -> Observation | Absent:
        """What the device shows; absent as a whole when it is lost or answers nothing at all."""
        utilisation = self._utilisation(card, boottime_ms)
        if utilisation == LOST:
            return LOST
        energy = self._energy(card, boottime_ms)
        observation = Observation(
            utilisation_ppm=utilisation,
            energy_counter_mj=energy,
            power_mw=self._power(card, boottime_ms) if energy == NOT_SUPPORTED else NOT_ASKED,
            memory_used_bytes=self._memory(card, boottime_ms),
            holders=self._holders(card, busy=utilisation not in (0, NOT_SUPPORTED)),
        )
        return _whole_absence(observation) or observation

    def _utilisation(self, card: _Card, boottime_ms: int) -> int | Absent:
        """In parts per million.

        The first value after a driver has started up is left out: it shows the driver at work.
        """
        if card.parent is not None:
            return NOT_SUPPORTED
        percent = self._value(card, "utilisation", self._driver.utilisation_percent)
        if card.settling and not isinstance(percent, Absent):
            card.settling = False
            return NOT_READY
        checked = self._checked(card, boottime_ms, "utilisation in percent", percent, PERCENT_MAX)
        return checked if isinstance(checked, Absent) else checked * PPM_PER_PERCENT

    def _energy(self, card: _Card, boottime_ms: int) -> int | Absent:
        """The counter as it stands, in millijoules."""
        if card.parent is not None:
            return NOT_SUPPORTED
        energy = self._value(card, "energy", self._driver.energy_mj)
        return self._checked(card, boottime_ms, "energy in mJ", energy, ENERGY_MJ_MAX)

    def _power(self, card: _Card, boottime_ms: int) -> int | Absent:
        """In milliwatts, for devices without an energy counter."""
        if card.parent is not None:
            return NOT_SUPPORTED
        power = self._value(card, "power", self._driver.power_mw)
        return self._checked(card, boottime_ms, "power in mW", power, POWER_MW_MAX)

    def _memory(self, card: _Card, boottime_ms: int) -> int | Absent:
        """Memory in use, in turns."""
        if not card.due(self._tick, MEMORY_TICKS) and self._tick:
            return NOT_ASKED
        used = self._value(card, "memory", self._driver.memory_used_bytes)
        total = card.device.memory_bytes or ENERGY_MJ_MAX
        return self._checked(card, boottime_ms, "memory in bytes", used, total)

    def _holders(self, card: _Card, *, busy: bool) -> frozenset[Holder] | Absent:
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
        return self._book.holders(pids)

    def _side_list(self, card: _Card, kind: str, *, busy: bool) -> frozenset[int] | Absent:
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

    def _value(self, card: _Card, name: str, ask: Callable[[Handle], int | Absent]) -> int | Absent:
        """Ask, unless the device said that it does not know this, until the next refresh."""
        if name in card.unsupported:
            return NOT_SUPPORTED
        value = ask(card.handle)
        if value == NOT_SUPPORTED:
            card.unsupported.add(name)
        return value

    def _checked(
        self, card: _Card, boottime_ms: int, what: str, value: int | Absent, most: int
    ) -> int | Absent:
        """The value, if it is one the vendor's documents allow; else it is dropped and counted."""
        if isinstance(value, Absent) or 0 <= value <= most:
            return value
        self._note(card, boottime_ms, VALUE_DROPPED, f"{what}: {value}", 1)
        return Absent(AbsentReason.OUT_OF_RANGE)

    # What happened.

    def _collect_errors(self, boottime_ms: int) -> None:
        """The driver's own error events, each told once."""
        errors = self._driver.errors()
        for place, xid in errors:
            for card in self._cards.values():
                if card.handle is not None and address(card.handle) == place:
                    self._note(card, boottime_ms, XID, f"XID {xid}", xid)

    def _note(self, card: _Card, boottime_ms: int, kind: int, detail: str, value: int = 0) -> None:
        self._events.append(
            DeviceEvent(
                hardware_id=card.device.hardware_id,
                boottime_ms=boottime_ms,
                kind=kind,
                detail=detail[:256],
                value=value,
            )
        )

    def _refuse_to_fail_for_ever(self, samples: tuple[Sample, ...]) -> None:
        """A session in which nothing but unknown errors come is begun anew."""
        failing = Absent(AbsentReason.DRIVER_ERROR)
        broken = bool(samples) and all(sample.seen == failing for sample in samples)
        self._failing_ticks = self._failing_ticks + 1 if broken else 0
        if self._failing_ticks >= FAILING_TICKS_MAX:
            raise DriverGone(999, "every call on every device")


def _device(identity: Identity) -> Device:
    """A whole card."""
    return Device(
        vendor=Vendor.NVIDIA,
        hardware_id=identity.uuid,
        model=identity.name,
        meter=MeterKind.NVML,
        serial=identity.serial,
        pci_bus_id=identity.pci_bus_id,
        memory_bytes=identity.memory_bytes,
    )


def _partition_card(whole: _Card, part: Slice, turn: int) -> _Card:
    """A partition; its share is its compute slices of those the whole card has."""
    device = Device(
        vendor=Vendor.NVIDIA,
        hardware_id=part.identity.uuid,
        parent_hardware_id=whole.device.hardware_id,
        model=part.identity.name,
        meter=MeterKind.NVML,
        serial=whole.device.serial,
        pci_bus_id=whole.device.pci_bus_id,
        memory_bytes=part.identity.memory_bytes,
        share_numerator=part.slices,
        share_denominator=part.slices_whole,
    )
    return _Card(device=device, turn=turn, handle=part.handle, parent=whole)


def _whole_absence(observation: Observation) -> Absent | None:
    """Why a device that answered nothing answered nothing; None when it answered anything."""
    values = list(_values(observation))
    if any(not isinstance(value, Absent) for value in values):
        return None
    absences = [value for value in values if isinstance(value, Absent)]
    telling = [absent for absent in absences if absent not in (NOT_ASKED, NOT_SUPPORTED)]
    return (telling or absences)[0]


def _values(observation: Observation) -> Iterator[object]:
    yield observation.utilisation_ppm
    yield observation.energy_counter_mj
    yield observation.power_mw
    yield observation.memory_used_bytes
    yield observation.holders
