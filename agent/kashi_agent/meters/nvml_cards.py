"""Which NVIDIA devices and partitions there are, from one look of the meter to the next.

A device is known by its UUID. One the driver lists no longer stays known as lost: its time is still
to be told of. A partition that is taken away is gone, for its hardware is another partition's now;
where the driver does not say which ones there are, those that were known are unknown until it does.

A partition's id is its UUID with its share: the driver makes the UUID of the card's and of the
numbers of its instances, and gives it again to one of another profile. What is settled of an id,
share and model above all, would change with it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from kashi_agent.meters.nvml import PERSISTENT, NvmlDriver, Slice
from kashi_agent.meters.nvml_calls import Handle, address
from kashi_agent.meters.unidentified import partitions_untold, unidentified
from kashi_agent.meters.values import NOT_SUPPORTED
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent, Device

_IN_NO_PROFILE: Final = re.compile(r"[^A-Za-z0-9.+_-]")


@dataclass(slots=True, kw_only=True)
class Card:
    """A device or partition as the meter knows it from one tick to the next."""

    device: Device
    turn: int
    handle: Handle | None
    place: int = -1
    """Where the driver counts it, as a whole card."""
    parent: "Card | None" = None
    uuid: str = ""
    """Of a partition, what the driver calls it."""
    untold: Absent | None = None
    """Of a partition, why the last look could not tell whether it is still there."""
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
        self.untold: tuple[str, ...] = ()
        """Ids of the devices whose partitions the driver did not tell when last asked."""
        self.untold_looks = 0
        """Looks on end at which the driver did not say which partitions there are."""

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

    def refresh(self, note: Note, sleeps: Callable[[Card], bool] = lambda _: False) -> None:
        """Look for devices and partitions anew; handles of known ones are renewed. One that sleeps
        stays as it was: to look would wake it."""
        resting = {card.place: card.device.hardware_id for card in self if sleeps(card)}
        seen: set[str] = set()
        mute: list[str] = []
        for place, handle in self._driver.handles(but=resting).items():
            uuid = handle if isinstance(handle, Absent) else self._driver.uuid(handle)
            if isinstance(uuid, Absent):
                mute.append(unidentified(f"设备 {place}", f"device {place}", uuid))
            elif not self._meet(uuid, handle, place):
                refused = f"设备 {place}：未给出名称。device {place}: its name is refused"
                mute.append(refused)
            else:
                seen.add(uuid)
        wholes = [card for card in self if card.parent is None]
        known = seen.union(resting.values())
        unseen = [card for card in wholes if card.device.hardware_id not in known]
        moved = seen.intersection(resting.values())  # another sits where one of these did
        if len(mute) + len(moved) < len(unseen):
            self._lose(unseen, note)
        # A mute place that a known device may sit in is that device's matter: it says so itself.
        self.unidentified = tuple(mute) if len(mute) > len(unseen) else ()
        self.complete = not mute and not unseen
        looked = [card for card in wholes if card.device.hardware_id in seen]
        asked = {card.device.hardware_id: self._partition(card, note) for card in looked}
        self.untold_looks = 0 if all(asked.values()) else self.untold_looks + 1
        before = (name for name in self.untold if name not in asked)
        self.untold = *before, *(name for name, told in asked.items() if not told)

    def _meet(self, uuid: str, handle: Handle, place: int) -> bool:
        """Renew a known device's handle, or take in a new device; False: not yet.

        A device is described once. One met without the name it has would be described otherwise
        later, and a server holds what contradicts an earlier description.
        """
        card = self._cards.get(uuid)
        if card is not None:
            card.handle, card.place = handle, place
            card.unsupported.clear()
            return True
        device = self._driver.device(handle, uuid)
        if isinstance(device, Absent):
            return False
        self._cards[uuid] = Card(
            device=device,
            turn=len(self._cards),
            handle=handle,
            place=place,
            # A driver that nobody kept loaded was started up by opening it.
            settling=self._driver.persistence(handle) != PERSISTENT,
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

    def _partition(self, whole: Card, note: Note) -> bool:
        """Bring the partitions of a device up to date; False: the driver did not tell them all."""
        parts: dict[str, tuple[Slice, Device]] = {}
        untold: Absent | None = None
        nameless = False
        for part in self._driver.slices(whole.handle):
            if isinstance(part, Absent):
                untold = part
            elif (device := self._part(whole, part)) is not None:
                parts[device.hardware_id] = part, device
            else:
                nameless |= isinstance(part.device, Absent)
        told = bool(parts) and self._driver.tells_activity(whole.handle)
        instances = [part.gpu_instance for part, _ in parts.values()]
        for card in self:
            if card.parent is whole and card.device.hardware_id not in parts:
                card.untold = untold
                if untold is None:
                    del self._cards[card.device.hardware_id]
        for hardware_id, (part, device) in parts.items():
            card = self._cards.setdefault(
                hardware_id,
                Card(device=device, turn=len(self._cards), handle=part.handle, parent=whole),
            )
            card.handle, card.uuid, card.untold = part.handle, part.uuid, None
            # Where compute instances share a GPU instance, its activity is none of theirs alone.
            alone = told and instances.count(part.gpu_instance) == 1
            card.gpu_instance = part.gpu_instance if alone else None
        if untold is not None:
            self.unidentified += (partitions_untold(whole.device, untold),)
            return False
        if whole.slices is not None and whole.slices != parts.keys():
            note(whole, DeviceEventKind.PARTITIONED, " ".join(sorted(parts)), len(parts))
        whole.slices = frozenset(parts)
        return not nameless

    def _part(self, whole: Card, part: Slice) -> Device | None:
        """What a partition is; None, told of in words, where that cannot be said yet."""
        share = part.slices, part.slices_whole
        if not 0 < part.slices <= part.slices_whole:  # it cannot be counted
            told = f"{share[0]}/{share[1]}"
            what = f"分区 {part.uuid}：份额为 {told}。partition {part.uuid}: a share of {told}"
            self.unidentified += (what,)
            return None
        if isinstance(part.device, Device):
            return _partition(whole.device, part, part.device)
        for card in self:
            if (card.parent, card.uuid, card.device.share) == (whole, part.uuid, share):
                return card.device
        what = f"分区 {part.uuid}：未给出名称。partition {part.uuid}: its name is refused"
        self.unidentified += (what,)
        return None


def _partition(whole: Device, part: Slice, named: Device) -> Device:
    """A partition; its share is its compute slices of those the whole card has. Profiles of one
    share differ in memory and engines, and the driver's name tells them apart."""
    profile = _IN_NO_PROFILE.sub("", named.model.partition(" MIG ")[2])
    words = f"{part.slices}of{part.slices_whole}" + (f"-{profile}" if profile else "")
    return replace(
        whole,
        hardware_id=f"{part.uuid}.{words}",
        parent_hardware_id=whole.hardware_id,
        model=named.model,
        memory_bytes=named.memory_bytes,
        share_numerator=part.slices,
        share_denominator=part.slices_whole,
    )
