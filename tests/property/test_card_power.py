"""Power of cards with several Ascend chips: counted once, never invented."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.holders import HolderBook
from kashi_agent.meters.dcmi import DcmiDriver, Identity, Rate
from kashi_agent.meters.dcmi_library import DcmiLibrary, Place
from kashi_agent.meters.dcmi_meter import DcmiMeter
from kashi_agent.meters.dcmi_vnpus import Vnpu, Vnpus
from kashi_agent.meters.values import NOT_SUPPORTED, POWER_MW_MAX
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent, AbsentReason, Observation

Told = int | Absent

told = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 20_000),
    st.sampled_from([Absent(reason) for reason in AbsentReason]),
)


class Whole(Vnpus):
    """No chip is split."""

    def on(self, place: Place) -> list[Vnpu] | Absent:
        """None."""
        return []


class Cards(DcmiDriver):
    """A driver of cards of one kind: what each chip says of power, and what a card's controller."""

    def __init__(self, name: str, cards: list[list[Told]], controllers: list[Told]) -> None:
        self._name = name
        self._cards = cards
        self._controllers = controllers
        self.partitions = Whole(DcmiLibrary.__new__(DcmiLibrary))

    @property
    def knows_cards(self) -> bool:
        """As the older entry points do."""
        return True

    def versions(self) -> tuple[str, str]:
        """Of no matter."""
        return "", ""

    def places(self) -> tuple[list[Place], list[int]]:
        """All of them."""
        counts = map(len, self._cards)
        return [(card, n) for card, count in enumerate(counts) for n in range(count)], []

    def die(self, place: Place) -> str | Absent:
        """One of its own."""
        return f"{place}"

    def identity(self, place: Place) -> Identity | Absent:
        """All are of one kind."""
        return Identity(
            kind="Ascend",
            name=self._name,
            npu_name="",
            board=0,
            serial="",
            pci_bus_id="",
            memory_mb=0,
        )

    def utilisation_percent(self, place: Place, rate: Rate) -> int | Absent:
        """Idle."""
        return 0

    def power_tenths(self, place: Place) -> int | Absent:
        """What this chip says."""
        return self._cards[place[0]][place[1]]

    def card_power_tenths(self, card: int) -> int | Absent:
        """What the card's controller says."""
        return self._controllers[card]

    def memory_mb(self, place: Place) -> tuple[int, int] | Absent:
        """Untold."""
        return NOT_SUPPORTED

    def pids(self, place: Place) -> frozenset[int] | Absent:
        """Nobody."""
        return frozenset()

    def health(self, place: Place) -> int | Absent:
        """Healthy."""
        return 0

    def faults(self, place: Place) -> frozenset[int] | Absent:
        """None."""
        return frozenset()


def believed(tenths: Told) -> int | None:
    """What a word on power is worth, in milliwatts; None: nothing."""
    return tenths * 100 if isinstance(tenths, int) and 0 <= tenths * 100 <= POWER_MW_MAX else None


@given(
    st.sampled_from(["910B2", "910C", "310P3", "no such chip"]),
    st.lists(st.lists(told, min_size=1, max_size=4), min_size=1, max_size=3),
    st.data(),
)
def test_the_chips_of_a_card_add_up_to_what_somebody_said_of_it(
    name: str, cards: list[list[Told]], data: st.DataObject
) -> None:
    """Each card's chips add up, to the milliwatt, to what their generation's teller said, differ by
    at most one among themselves where they share it, and are unknown where it said nothing."""
    controllers = data.draw(st.lists(told, min_size=len(cards), max_size=len(cards)))
    meter = DcmiMeter(Cards(name, cards, controllers), HolderBook(Path("/proc")), lambda: 0, 1_000)

    batch = meter.read()

    seen = [s.seen.power_mw for s in batch.samples if isinstance(s.seen, Observation)]
    place = 0
    for chips, controller in zip(cards, controllers, strict=True):
        parts = seen[place : place + len(chips)]
        place += len(chips)
        known = [part for part in parts if isinstance(part, int)]
        if name == "910B2" or (len(chips) == 1 and name != "310P3"):
            assert [part if isinstance(part, int) else None for part in parts] == [
                believed(tenths) for tenths in chips
            ]
        elif name == "no such chip":
            assert known == []
        else:
            whole = believed(controller if name == "310P3" else chips[0])
            assert (sum(known) if known else None) == whole
            assert len(known) in (0, len(chips))
            assert max(known, default=0) - min(known, default=0) <= 1
    dropped = [e for e in batch.events if e.kind == DeviceEventKind.VALUE_DROPPED]
    assert all("power" in event.detail for event in dropped)


class Mute(Cards):
    """The second chip of the first card does not tell what it is."""

    def die(self, place: Place) -> str | Absent:
        """Untold, of that chip."""
        return NOT_SUPPORTED if place == (0, 1) else super().die(place)


@pytest.mark.parametrize(
    ("name", "draws_mw"), [("910C", 250_000), ("310P3", 300_000), ("no such chip", None)]
)
def test_a_chip_beside_one_that_is_unidentified_is_not_charged_its_power(
    name: str, draws_mw: int | None
) -> None:
    """A card's power is divided by the chips there are, known or not."""
    driver = Mute(name, [[5_000, 5_000]], [6_000])
    meter = DcmiMeter(driver, HolderBook(Path("/proc")), lambda: 0, 1_000)

    (sample,) = meter.read().samples

    assert isinstance(sample.seen, Observation)
    assert sample.seen.power_mw == (NOT_SUPPORTED if draws_mw is None else draws_mw)
    assert len(meter.unidentified) == 1
