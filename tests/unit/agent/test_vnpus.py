"""What the Ascend meter makes of a chip whose vNPUs the driver does not tell for a moment."""

from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace

from kashi_agent.meters.dcmi import DcmiDriver, Identity
from kashi_agent.meters.dcmi_chips import Chip, Chips
from kashi_agent.meters.dcmi_vnpus import Vnpu
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent, AbsentReason

DIE = "00000001-00000002-00000003-00000004-00000005"
FAILED = Absent(AbsentReason.DRIVER_ERROR)
HALF = f"{DIE}.vnpu100-1of2"
QUARTER = f"{DIE}.vnpu101-1of4"


def vnpu(number: int, share: Fraction | Absent | None) -> Vnpu:
    """A partition as the driver tells it."""
    return Vnpu(number=number, share=share, memory_mb=0)


@dataclass
class SplitDriver(DcmiDriver):
    """A driver with one chip, whose partitions are what the test says."""

    told: list[Vnpu] | Absent = field(default_factory=list)

    def __post_init__(self) -> None:
        """Its partitions are asked for by themselves."""
        self.partitions = SimpleNamespace(on=lambda _place: self.told)  # type: ignore[assignment]  # all that is asked of it

    def places(self) -> tuple[list[tuple[int, ...]], list[int]]:
        """The chip."""
        return [(0, 0)], []

    def die(self, place: tuple[int, ...]) -> str:
        """Of the chip."""
        return DIE

    def identity(self, place: tuple[int, ...]) -> Identity:
        """Of the chip."""
        return Identity(
            kind="Ascend",
            name="310P3",
            npu_name="",
            board=0,
            serial="",
            pci_bus_id="",
            memory_mb=1,
        )


@dataclass
class Looks:
    """One meter's looks, and what it noted."""

    driver: SplitDriver = field(default_factory=SplitDriver)
    notes: list[DeviceEventKind] = field(default_factory=list)
    chips: Chips = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        self.chips = Chips(self.driver)

    def look(self, told: list[Vnpu] | Absent) -> list[str]:
        """The partitions after a look."""
        self.driver.told = told
        self.chips.refresh(self._note)
        return [chip.device.hardware_id for chip in self.chips if chip.whole is not None]

    def _note(self, _chip: Chip, kind: DeviceEventKind, _detail: str, _value: int) -> None:
        self.notes.append(kind)


BOTH = [vnpu(100, Fraction(1, 2)), vnpu(101, Fraction(1, 4))]


def test_a_list_that_fails_takes_no_partition_away() -> None:
    """The chip is named as untold until the list is there again, and looked at again soon; also
    where no partition of it was seen yet."""
    looks = Looks()

    assert looks.look(FAILED) == []
    assert looks.chips.may_change
    assert list(looks.chips.untold) == [DIE]
    assert looks.chips.unidentified == (
        f"{DIE} 的分区：驱动出错。partitions of {DIE}: driver_error",
    )
    assert looks.look(BOTH) == [HALF, QUARTER]
    assert list(looks.chips.untold + looks.chips.unidentified) == []
    assert looks.look(FAILED) == [HALF, QUARTER]
    assert list(looks.chips.untold) == [DIE]
    assert looks.look([]) == []
    assert not looks.chips.may_change
    assert list(looks.chips.untold + looks.chips.unidentified) == []


def test_a_partition_whose_share_is_refused_for_a_moment_is_what_it_was() -> None:
    """One that was listed, and whose share a call does not tell, is no other and has not gone; what
    was never told of stands in words, and the chip is untold (L8)."""
    looks = Looks()
    looks.look(BOTH)

    assert looks.look([vnpu(100, FAILED), BOTH[1]]) == [HALF, QUARTER]
    assert looks.look([BOTH[0], vnpu(101, FAILED), vnpu(102, FAILED)]) == [HALF, QUARTER]
    assert list(looks.chips.untold) == [DIE]
    assert looks.chips.unidentified == (
        f"{DIE} 的 vNPU 102：份额未告知。vNPU 102 of {DIE}: share not told",
    )
    assert looks.notes == []
    assert looks.look(BOTH) == [HALF, QUARTER]
    assert list(looks.chips.untold) == []


def test_a_share_that_cannot_be_is_no_refusal() -> None:
    """The driver has told, and what it told is none: the partition of before is gone."""
    looks = Looks()
    looks.look(BOTH)

    assert looks.look([vnpu(100, None), BOTH[1]]) == [QUARTER]
    assert list(looks.chips.untold) == []
    assert DeviceEventKind.VANISHED in looks.notes
