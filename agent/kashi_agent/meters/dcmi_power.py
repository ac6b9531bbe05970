"""What Ascend chips draw. Where the driver tells a card's power, its chips divide it equally: it is
counted once, and what is over a whole milliwatt each goes to the first."""

from collections.abc import Callable
from typing import Final

from kashi_agent.meters.dcmi import DcmiDriver
from kashi_agent.meters.dcmi_chips import Chip, Chips
from kashi_agent.meters.dcmi_generation import PowerOf
from kashi_agent.meters.dropped import DroppedValues
from kashi_agent.meters.values import NOT_SUPPORTED, POWER_MW_MAX, times
from kashi_agent.sample import Absent

MILLIWATTS_PER_TENTH: Final = 100


class PowerReader:
    """Reads the power of all chips of one session, that of a card once a tick."""

    def __init__(self, driver: DcmiDriver, chips: Chips, dropped: DroppedValues[Chip]) -> None:
        self._driver = driver
        self._chips = chips
        self._dropped = dropped
        self._of_card: dict[int, int | Absent] = {}

    def begin_tick(self) -> None:
        """What cards drew is of the past."""
        self._of_card = {}

    def milliwatts(self, chip: Chip) -> int | Absent:
        """What the chip draws, or its part of what its card draws."""
        card = chip.place[0]
        count = self._chips.count_on(card) if self._driver.knows_cards else 1
        match chip.generation.power:
            case PowerOf.CARD_BY_FIRST_CHIP if count > 1:
                return self._part(chip, count, lambda: self._driver.power_tenths((card, 0)))
            case PowerOf.CARD_BY_CONTROLLER if self._driver.knows_cards:
                return self._part(chip, count, lambda: self._driver.card_power_tenths(card))
            case PowerOf.UNKNOWN if count > 1:
                return NOT_SUPPORTED
            case _:
                return self._checked(chip, self._driver.power_tenths(chip.place))

    def _part(self, chip: Chip, count: int, ask: Callable[[], int | Absent]) -> int | Absent:
        card = chip.place[0]
        if card not in self._of_card:
            self._of_card[card] = self._checked(chip, ask())
        whole = self._of_card[card]
        if isinstance(whole, Absent):
            return whole
        part, over = divmod(whole, count)
        return part + (self._chips.on_card(card).index(chip) < over)

    def _checked(self, chip: Chip, tenths: int | Absent) -> int | Absent:
        most = POWER_MW_MAX // MILLIWATTS_PER_TENTH
        checked = self._dropped.checked(chip, "power in tenths of a watt", tenths, most)
        return times(checked, MILLIWATTS_PER_TENTH)
