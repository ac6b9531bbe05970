"""What the NVIDIA meter makes of a card that is partitioned anew while it reads."""

from collections.abc import Container
from dataclasses import dataclass, field, replace

import pynvml
import pytest
from kashi_agent.meters.nvml import NvmlDriver, Slice
from kashi_agent.meters.nvml_cards import Card, Cards
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent, AbsentReason, Device, MeterKind, Vendor

WHOLE = Device(vendor=Vendor.NVIDIA, hardware_id="GPU-1", model="NVIDIA H100", meter=MeterKind.NVML)


FAILED = Absent(AbsentReason.DRIVER_ERROR)


def part(slices: int, name: str = "", uuid: str = "MIG-5d") -> Slice:
    """An instance of the card, as the driver tells it."""
    device = Device(
        vendor=Vendor.NVIDIA,
        hardware_id=uuid,
        model=f"NVIDIA H100{name}",
        meter=MeterKind.NVML,
    )
    return Slice(
        handle="m0", uuid=uuid, device=device, slices=slices, slices_whole=7, gpu_instance=1
    )


@dataclass
class PartitionedDriver(NvmlDriver):
    """A driver with one card, whose partitions are what the test says."""

    told: list[Slice | Absent] = field(default_factory=list)

    def handles(self, but: Container[int] = ()) -> dict[int, object]:
        """The card."""
        return {place: "h0" for place in (0,) if place not in but}

    def uuid(self, handle: object) -> str:
        """Of the card."""
        return WHOLE.hardware_id

    def device(self, handle: object, uuid: str) -> Device:
        """The card."""
        return WHOLE

    def persistence(self, handle: object) -> int:
        """It is on: the driver stays loaded."""
        return 1

    def is_in_module(self, handle: object) -> bool:
        """It is not."""
        return False

    def watch(self, handle: object) -> None:
        """There is nothing to watch for."""

    def tells_activity(self, handle: object) -> bool:
        """It does not."""
        return False

    def slices(self, handle: object) -> list[Slice | Absent]:
        """The partitions of now."""
        return self.told


@dataclass
class Looks:
    """One meter's looks, and what it noted."""

    driver: PartitionedDriver = field(default_factory=PartitionedDriver)
    notes: list[tuple[int, str]] = field(default_factory=list)
    cards: Cards = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        self.cards = Cards(self.driver)

    def look(self, *told: Slice | Absent) -> list[tuple[str, int, int]]:
        """The partitions after a look: id and share."""
        self.driver.told = list(told)
        self.cards.refresh(self._note)
        devices = [card.device for card in self.cards if card.parent is not None]
        return [(one.hardware_id, one.share_numerator, one.share_denominator) for one in devices]

    def _note(self, _card: Card, kind: int, detail: str, _value: int) -> None:
        self.notes.append((kind, detail))


def test_a_partition_of_another_share_is_another_device() -> None:
    """The driver makes an instance's UUID of card and instance numbers, and gives it again to one
    of other slices (L8): the share stands in the id, so the old one ends and nothing of the new
    one is told at the old one's share."""
    looks = Looks()

    assert looks.look(part(4)) == [("MIG-5d.4of7", 4, 7)]
    assert looks.look(part(1)) == [("MIG-5d.1of7", 1, 7)]
    assert looks.look(part(4)) == [("MIG-5d.4of7", 4, 7)]
    assert looks.notes == [
        (DeviceEventKind.PARTITIONED, "MIG-5d.1of7"),
        (DeviceEventKind.PARTITIONED, "MIG-5d.4of7"),
    ]


def test_a_partition_of_another_profile_is_another_device() -> None:
    """Profiles of as many slices differ in memory and engines, and so in model: a server holds a
    host that gives one id two models."""
    looks = Looks()

    assert looks.look(part(1, " MIG 1g.10gb")) == [("MIG-5d.1of7-1g.10gb", 1, 7)]
    assert looks.look(part(1, " MIG 1g.10gb+me")) == [("MIG-5d.1of7-1g.10gb+me", 1, 7)]
    assert looks.look(part(1, " MIG 1g\u00e9 \n")) == [("MIG-5d.1of7-1g", 1, 7)]


def test_a_partition_that_stays_is_one_device() -> None:
    """Its handle is renewed at every look, and nothing is noted."""
    looks = Looks()
    looks.look(part(4), part(2, uuid="MIG-6e"))
    first = looks.cards.of("MIG-5d.4of7")

    assert looks.look(part(4), part(2, uuid="MIG-6e")) == [
        ("MIG-5d.4of7", 4, 7),
        ("MIG-6e.2of7", 2, 7),
    ]
    assert looks.cards.of("MIG-5d.4of7") is first
    assert looks.notes == []


def test_an_error_does_not_take_partitions_away() -> None:
    """A call that fails says nothing of what there is (L8): known partitions stay, unknown until a
    look tells, and nothing is noted as partitioned anew."""
    looks = Looks()
    both = [("MIG-5d.4of7", 4, 7), ("MIG-6e.2of7", 2, 7)]
    looks.look(part(4), part(2, uuid="MIG-6e"))

    def untold() -> list[Absent | None]:
        return [card.untold for card in looks.cards if card.parent is not None]

    assert looks.look(FAILED) == both
    assert (untold(), looks.cards.untold_looks) == ([FAILED, FAILED], 1)
    assert looks.cards.unidentified == (
        "GPU-1 的分区：驱动出错。partitions of GPU-1: driver_error",
    )
    assert looks.look(part(4), FAILED) == both
    assert (untold(), looks.cards.untold_looks) == ([None, FAILED], 2)
    assert looks.look(part(4), part(2, uuid="MIG-6e")) == both
    assert (untold(), looks.cards.untold_looks) == ([None, None], 0)
    assert not looks.cards.unidentified
    assert looks.notes == []
    assert looks.look(part(4)) == both[:1]
    assert looks.notes == [(DeviceEventKind.PARTITIONED, "MIG-5d.4of7")]


def test_a_card_whose_partitions_are_untold_is_named_until_they_are_told() -> None:
    """Also where none of them was ever seen: an agent that knows some from before does not take
    them for gone (L8). A name that is refused is not told either, nor what sleeps meanwhile."""
    looks = Looks()
    nameless = replace(part(4, uuid="MIG-7f"), device=FAILED)

    for told in ((FAILED,), (part(4), FAILED), (part(2, uuid="MIG-6e"), nameless)):
        looks.look(*told)
        assert list(looks.cards.untold) == [WHOLE.hardware_id]
    looks.driver.told = [part(4)]
    looks.cards.refresh(looks._note, lambda _card: True)
    assert list(looks.cards.untold) == [WHOLE.hardware_id]
    looks.look(part(4))
    assert list(looks.cards.untold) == []
    looks.look()
    assert list(looks.cards.untold) == []


UNKNOWN = pynvml.NVML_ERROR_UNKNOWN
UNSUPPORTED = pynvml.NVML_ERROR_NOT_SUPPORTED
HOLE = pynvml.NVML_ERROR_NOT_FOUND
MODE = "nvmlDeviceGetMigMode"
COUNT = "nvmlDeviceGetMaxMigDeviceCount"
PLACE = "nvmlDeviceGetMigDeviceHandleByIndex"
NAME = "nvmlDeviceGetUUID"
SLICES = "nvmlDeviceGetAttributes_v2"


@pytest.mark.parametrize(
    ("call", "code", "told"),
    [
        (MODE, UNSUPPORTED, []),
        (MODE, UNKNOWN, [FAILED]),
        (MODE, pynvml.NVML_ERROR_NO_PERMISSION, [Absent(AbsentReason.NO_PERMISSION)]),
        (COUNT, UNKNOWN, [FAILED]),
        (PLACE, HOLE, []),
        (PLACE, UNSUPPORTED, []),
        (PLACE, UNKNOWN, [FAILED, FAILED]),
        (NAME, HOLE, [Absent(AbsentReason.NOT_FOUND)] * 2),
        (NAME, UNKNOWN, [FAILED, FAILED]),
        (SLICES, UNKNOWN, [FAILED, FAILED]),
        (SLICES, UNSUPPORTED, [Absent(AbsentReason.NOT_SUPPORTED)] * 2),
    ],
)
def test_only_a_word_of_the_drivers_says_that_nothing_is_there(
    call: str, code: int, told: list[Absent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not supported, or nothing at that place: none. Any other answer, and any failure to say what
    an instance is: unknown, place by place."""

    def refused(*_: object) -> object:
        raise pynvml.NVMLError(code)

    answers: dict[str, object] = {MODE: (1, 1), COUNT: 2, PLACE: "m0", NAME: "MIG-5d"}
    for name in (*answers, SLICES, "nvmlDeviceGetGpuInstanceId"):
        answer = answers.get(name)
        ask = refused if name == call else lambda *_, answer=answer: answer
        monkeypatch.setattr(pynvml, name, ask)
        getattr(pynvml, name).__name__ = name

    driver = NvmlDriver.__new__(NvmlDriver)

    assert driver.slices("h0") == told
