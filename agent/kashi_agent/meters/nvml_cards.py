"""Which NVIDIA devices and partitions there are, from one look of the meter to the next.

A device is known by its UUID. One the driver lists no longer stays known as lost: its time is still
to be told of. A partition that is taken away is gone, for its hardware is another partition's now.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from kashi_agent.meters.nvml import NvmlDriver, Slice
from kashi_agent.meters.nvml_calls import Handle, address
from kashi_agent.meters.values import NOT_SUPPORTED
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent, Device


@dataclass(slots=True, kw_only=True)
class Card:
    """A device or partition as the meter knows it from one tick to the next."""

    device: Device
    turn: int
    handle: Handle | None
    parent: "Card | None" = None
    settling: bool = False
    """Its next utilisation is left out: it shows the driver's own work."""
    in_module: bool | None = False
    """A processor shares its board, and its counter of energy; None: it is not told yet."""
    gpu_instance: int | None = None
    """Of a partition whose activity the driver tells: its GPU instance."""
    recovery_action: int = 0
    """What the driver last said must be done with it."""
    had_utilisation: bool = False
    unsupported: set[str] = field(default_factory=set)
    quiet_lists: set[str] = field(default_factory=set)
    slices: frozenset[str] | None = None
    cursor: int | None = None
    """Where to read on in the driver's buffer of utilisation; None: it was never read."""
    stale_looks: int = 0
    """Looks on end at which that buffer had nothing new."""
    work_cursor: int | None = None
    work_stale_looks: int = 0
    """Likewise for what its processes do."""
    looked_boottime_ms: int | None = None
    """When its activity was last asked for."""

    def begin_anew(self) -> None:
        """It was lost, and comes back as if its driver had just started."""
        self.settling = True
        self.cursor = self.work_cursor = self.looked_boottime_ms = None

    def ask(self, name: str, call: Callable[[Handle], int | Absent]) -> int | Absent:
        """Ask, unless the device said that it does not know this, until the next refresh."""
        if name in self.unsupported:
            return NOT_SUPPORTED
        value = call(self.handle)
        if value == NOT_SUPPORTED:
            self.unsupported.add(name)
        return value

    def due(self, tick: int, every: int) -> bool:
        """Whether it is this device's turn; devices take different ticks."""
        return (tick + self.turn) % every == 0


Note = Callable[[Card, int, str, int], None]
"""Takes an event on a device: its kind, its detail and its value."""


class Cards:
    """The devices of one session, in the order they were met."""

    def __init__(self, driver: NvmlDriver) -> None:
        self._driver = driver
        self._cards: dict[str, Card] = {}
        self.unidentified: tuple[str, ...] = ()
        """In words: devices that never told their id, and partitions whose share is none."""
        self.complete = True
        """No device is known to be missing."""

    def __iter__(self) -> Iterator[Card]:
        return iter(list(self._cards.values()))

    @property
    def partitioned(self) -> bool:
        """Whether there are partitions."""
        return any(card.parent is not None for card in self)

    def of(self, hardware_id: str) -> Card | None:
        """The device with this id."""
        return self._cards.get(hardware_id)

    def at(self, place: int) -> Card | None:
        """The device with this handle, by the handle's address."""
        for card in self:
            if card.handle is not None and address(card.handle) == place:
                return card
        return None

    def refresh(self, note: Note) -> None:
        """Look for devices and partitions anew; handles of known ones are renewed."""
        seen: set[str] = set()
        unidentified: list[str] = []
        for place, handle in enumerate(self._driver.handles()):
            uuid = handle if isinstance(handle, Absent) else self._driver.uuid(handle)
            if isinstance(uuid, Absent):
                unidentified.append(f"device {place}: {uuid.reason}")
            elif not self._meet(uuid, handle):
                unidentified.append(f"device {place}: its name is refused")
            else:
                seen.add(uuid)
        wholes = [card for card in self if card.parent is None]
        unseen = [card for card in wholes if card.device.hardware_id not in seen]
        if len(unidentified) < len(unseen):
            self._lose(unseen, note)
        # A mute place that a known device may sit in is that device's matter: it says so itself.
        self.unidentified = tuple(unidentified) if len(unidentified) > len(unseen) else ()
        self.complete = not unidentified and not unseen
        for card in wholes:
            if card.device.hardware_id in seen:
                self._partition(card, note)

    def _meet(self, uuid: str, handle: Handle) -> bool:
        """Renew a known device's handle, or take in a new device; False: not yet.

        A device is described once. One met without the name it has would be described otherwise
        later, and a server holds what contradicts an earlier description.
        """
        card = self._cards.get(uuid)
        if card is not None:
            card.handle = handle
            card.unsupported.clear()
            return True
        device = self._driver.device(handle, uuid)
        if isinstance(device, Absent):
            return False
        self._cards[uuid] = Card(
            device=device,
            turn=len(self._cards),
            handle=handle,
            settling=not self._driver.keeps_state(handle),
            in_module=self._driver.is_in_module(handle),
        )
        self._driver.watch(handle)
        return True

    def _lose(self, unseen: list[Card], note: Note) -> None:
        """Mark devices as lost that the driver neither gives nor counts as mute."""
        for card in unseen:
            if card.handle is not None:
                card.handle = None
                note(card, DeviceEventKind.VANISHED, "the driver lists it no longer", 0)

    def _partition(self, whole: Card, note: Note) -> None:
        """Bring the partitions of a device up to date."""
        slices: dict[str, Slice] = {}
        for part in self._driver.slices(whole.handle):
            if part.uuid not in self._cards and isinstance(part.device, Absent):
                self.unidentified += (f"partition {part.uuid}: its name is refused",)
            elif 0 < part.slices <= part.slices_whole:
                slices[part.uuid] = part
            else:  # what part of the card it is cannot be said, so it cannot be counted
                share = f"{part.slices}/{part.slices_whole}"
                self.unidentified += (f"partition {part.uuid}: a share of {share}",)
        told = bool(slices) and self._driver.tells_activity(whole.handle)
        instances = [part.gpu_instance for part in slices.values()]
        for card in self:
            if card.parent is whole and card.device.hardware_id not in slices:
                del self._cards[card.device.hardware_id]
        for uuid, part in slices.items():
            if uuid in self._cards:
                self._cards[uuid].handle = part.handle
            elif isinstance(part.device, Device):
                self._cards[uuid] = _partition_card(whole, part, part.device, len(self._cards))
            # Where compute instances share a GPU instance, its activity is none of theirs alone.
            alone = told and instances.count(part.gpu_instance) == 1
            self._cards[uuid].gpu_instance = part.gpu_instance if alone else None
        if whole.slices is not None and whole.slices != slices.keys():
            note(whole, DeviceEventKind.PARTITIONED, " ".join(sorted(slices)), len(slices))
        whole.slices = frozenset(slices)


def _partition_card(whole: Card, part: Slice, device: Device, turn: int) -> Card:
    """A partition; its share is its compute slices of those the whole card has."""
    device = replace(
        whole.device,
        hardware_id=part.uuid,
        parent_hardware_id=whole.device.hardware_id,
        model=device.model,
        memory_bytes=device.memory_bytes,
        share_numerator=part.slices,
        share_denominator=part.slices_whole,
    )
    return Card(device=device, turn=turn, handle=part.handle, parent=whole)
