"""Which Ascend chips and partitions there are, from one look of the meter to the next.

A chip is known by its die, wherever the driver counts it today. One the driver lists no longer
stays known as lost: its time is still to be told of. A partition that is taken away is gone. The
driver uses a partition's number again for another one, so its share stands in its id beside it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from kashi_agent.meters.dcmi import DcmiDriver, Identity, Rate
from kashi_agent.meters.dcmi_generation import Generation, generation_of
from kashi_agent.meters.dcmi_library import Place
from kashi_agent.meters.dcmi_vnpus import Vnpu
from kashi_agent.meters.unidentified import partitions_untold, unidentified
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent, Device, MeterKind, Vendor

MEMORY_MB_MAX: Final = 1 << 20
"""A terabyte: more than any chip has, less than what a driver means that counts in KB."""

BYTES_PER_MB: Final = 1 << 20
SHARE_MAX: Final = 1_000_000


@dataclass(slots=True, kw_only=True)
class Chip:
    """A chip or partition as the meter knows it from one tick to the next."""

    device: Device
    generation: Generation
    turn: int
    place: Place
    lost: bool = False
    """The driver lists it no longer."""
    whole: "Chip | None" = None
    number: int = 0
    """Of a partition: the driver's number of it."""
    unsupported: set[tuple[Rate, ...]] = field(default_factory=set)
    is_split: bool = False
    vnpus: frozenset[str] | None = None
    """Ids of its partitions as far as they can be reported; None: never told."""
    health: int = 0
    faults: frozenset[int] = frozenset()

    def due(self, tick: int, every: int) -> bool:
        """Whether it is this chip's turn; chips take different ticks."""
        return tick == 0 or (tick + self.turn) % every == 0


Note = Callable[[Chip, DeviceEventKind, str, int], None]
"""Takes an event on a chip: its kind, its detail and its value."""


class Chips:
    """The chips of one session, in the order they were met."""

    def __init__(self, driver: DcmiDriver) -> None:
        self._driver = driver
        self._chips: dict[str, Chip] = {}
        self._mute: tuple[str, ...] = ()
        self._counted: Counter[int] = Counter()
        self._untold: dict[str, tuple[str, ...]] = {}
        self._unlisted: set[str] = set()

    def __iter__(self) -> Iterator[Chip]:
        return iter(list(self._chips.values()))

    @property
    def unidentified(self) -> tuple[str, ...]:
        """What cannot be reported: chips without an id, partitions without a share."""
        return self._mute + tuple(word for words in self._untold.values() for word in words)

    @property
    def untold(self) -> tuple[str, ...]:
        """Ids of the chips whose partitions the driver did not tell when last asked."""
        return tuple(sorted(self._unlisted))

    @property
    def may_change(self) -> bool:
        """Whether there are partitions, or something is missing."""
        missing = bool(self._mute or self._unlisted)
        return missing or any(chip.is_split or chip.lost for chip in self)

    def count_on(self, card: int) -> int:
        """How many chips share a card, those that do not tell what they are among them."""
        return max(self._counted[card], len(self.on_card(card)))

    def on_card(self, card: int) -> list[Chip]:
        """The chips that share a card, in the order of their places; lost ones too."""
        mates = [chip for chip in self if chip.whole is None and chip.place[0] == card]
        return sorted(mates, key=lambda chip: chip.place)

    def refresh(self, note: Note) -> None:
        """Look for chips and partitions anew; places of known ones are renewed."""
        met: set[str] = set()
        mute: dict[Place, str] = {}
        places, untold = self._driver.places()
        self._counted = Counter(place[0] for place in places)
        for card in untold:
            places += [chip.place for chip in self.on_card(card)] or [(card, 0)]
        for place in places:
            die = self._driver.die(place)
            if isinstance(die, Absent):
                mute[place] = unidentified(*_words(place), die)
            elif die in met:
                zh, en = _words(place)
                mute[place] = (
                    f"{zh}：标识与另一芯片相同：{die}。{en}: the same id as another: {die}"
                )
            elif (refusal := self._meet(die, place)) is not None:
                mute[place] = unidentified(*_words(place), refusal)
            else:
                met.add(die)
        wholes = [chip for chip in self if chip.whole is None]
        unseen = [chip for chip in wholes if chip.device.hardware_id not in met]
        for chip in unseen:
            if not chip.lost and chip.place not in mute:
                chip.lost = True
                note(chip, DeviceEventKind.VANISHED, "the driver lists it no longer", 0)
        # A mute place where a known chip sits is that chip's matter: it says so itself.
        known = {chip.place for chip in unseen}
        self._mute = tuple(why for place, why in mute.items() if place not in known)
        for chip in wholes:
            if chip.device.hardware_id in met:
                self._split(chip, note)

    def _meet(self, die: str, place: Place) -> Absent | None:
        """Renew a known chip's place, or take in a new chip, unless it does not say what it is."""
        chip = self._chips.get(die)
        if chip is not None:
            chip.place, chip.lost = place, False
            chip.unsupported.clear()
            return None
        identity = self._driver.identity(place)
        if isinstance(identity, Absent):
            return identity
        self._chips[die] = Chip(
            device=_device(die, identity),
            generation=generation_of(identity),
            turn=len(self._chips),
            place=place,
        )
        return None

    def _split(self, whole: Chip, note: Note) -> None:
        """Bring the partitions of a chip up to date."""
        told = self._driver.partitions.on(whole.place)
        card = whole.device.hardware_id
        if isinstance(told, Absent):
            self._unlisted.add(card)
            self._untold[card] = (partitions_untold(whole.device, told),)
            return
        self._unlisted.discard(card)
        if any(isinstance(part.share, Absent) for part in told):
            self._unlisted.add(card)
        devices = [(part, self._part(whole, part)) for part in told]
        parts = {device.hardware_id: (part, device) for part, device in devices if device}
        for chip in self:
            if chip.whole is whole and chip.device.hardware_id not in parts:
                del self._chips[chip.device.hardware_id]
                note(chip, DeviceEventKind.VANISHED, "the chip was split anew", 0)
        for hardware_id, (part, device) in parts.items():
            if hardware_id not in self._chips:
                self._chips[hardware_id] = Chip(
                    device=device,
                    generation=whole.generation,
                    turn=len(self._chips),
                    place=whole.place,
                    whole=whole,
                    number=part.number,
                )
            self._chips[hardware_id].place = whole.place
        whole.is_split = bool(told)
        if whole.vnpus is not None and whole.vnpus != parts.keys():
            note(whole, DeviceEventKind.PARTITIONED, " ".join(sorted(parts))[:256], len(parts))
        whole.vnpus = frozenset(parts)
        self._untold[card] = tuple(
            f"{card} 的 {one}：份额未告知。{one} of {card}: share not told"
            for one, device in ((f"vNPU {part.number}", device) for part, device in devices)
            if device is None
        )

    def _part(self, whole: Chip, part: Vnpu) -> Device | None:
        """What a partition is. One that the driver does not tell of for the moment is what it was:
        a call that fails takes nothing away."""
        if not isinstance(part.share, Absent):
            return _part(whole, part, part.share)
        known = (chip for chip in self if chip.whole is whole and chip.number == part.number)
        return next((chip.device for chip in known), None)


def _words(place: Place) -> tuple[str, str]:
    """A place for a person, in Chinese and in English."""
    if len(place) == 1:
        return f"芯片 {place[0]}", f"chip {place[0]}"
    return f"卡 {place[0]} 芯片 {place[1]}", f"card {place[0]} chip {place[1]}"


def _device(die: str, identity: Identity) -> Device:
    """A whole chip."""
    name = identity.npu_name or identity.name
    return Device(
        vendor=Vendor.HUAWEI,
        hardware_id=die,
        model=name if name.startswith(identity.kind) else identity.kind + name,
        meter=MeterKind.ASCEND,
        serial=identity.serial,
        pci_bus_id=identity.pci_bus_id,
        memory_bytes=_bytes(identity.memory_mb),
    )


def _part(whole: Chip, part: Vnpu, share: Fraction | None) -> Device | None:
    """A partition, its share the part of the chip's cores it got; None where that is not told, for
    nobody may take it for a whole chip."""
    if share is None or share.denominator > SHARE_MAX:
        return None
    words = f"vnpu{part.number}-{share.numerator}of{share.denominator}"
    return replace(
        whole.device,
        hardware_id=f"{whole.device.hardware_id}.{words}",
        parent_hardware_id=whole.device.hardware_id,
        model=f"{whole.device.model} vNPU {share.numerator}/{share.denominator}",
        memory_bytes=_bytes(part.memory_mb),
        share_numerator=share.numerator,
        share_denominator=share.denominator,
    )


def _bytes(memory_mb: int) -> int:
    """0 where it is not told, or cannot be."""
    return memory_mb * BYTES_PER_MB if 0 < memory_mb <= MEMORY_MB_MAX else 0
