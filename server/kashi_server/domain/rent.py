"""A monthly flat rent on a line: what it comes to for a part of a month, day by day.

    rent x rented days / days of the month

A day of Asia/Shanghai is rented as far as the device was leased in it (from noon on: half of
it), if it was observed in that part of the day at all; a day that nobody observed is not billed. So
the rent becomes a price per card-hour of the month it is in, exact as a fraction, and everything
that holds of prices holds of it: a line is cut to a fen once. A month in one line comes to the rent
to the fen; in k lines to at most k - 1 fen less, and never to more.

A partition under its card's rent pays its share of it, so that the partitions of one card together
never pay more than the card. Only a rent that was agreed for the partition's own model is whole.
"""

from dataclasses import dataclass
from fractions import Fraction

from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, Month
from kashi_server.domain.money import price_text
from kashi_server.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRent:
    """The rent that a line is a part of.

    Attributes:
        yuan: of a whole month.
        month: the month, whose days divide it.
        devices: among how many devices it is divided, a partition as its share of one; 1 where it
            is of each device.
        profile: of the partition whose own rent it is; empty: it is a whole device's.
    """

    yuan: Fraction
    month: Month
    devices: Fraction = Fraction(1)
    profile: str = ""

    def __post_init__(self) -> None:
        """Refuse a rent of no device."""
        if self.devices <= 0:
            raise InvalidValue(
                "月租须分摊到若干设备，或设备的一部分。"
                "a rent is divided among some device, or a part of one"
            )

    @property
    def days(self) -> int:
        """Days of the month."""
        start, end = self.month.interval().bounded()
        return (end - start) // 1440

    def card_hour_yuan(self, share: Fraction) -> Fraction:
        """Yuan per card-hour: of a device's rent the same for its parts, of a partition's own rent
        so much that its share of a card comes to it."""
        start, end = self.month.interval().bounded()
        hours = Fraction((end - start) * MINUTE_MS, HOUR_MS)
        return self.yuan / self.devices / hours / (share if self.profile else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePrice:
    """The price of a line as it was agreed, where it is not one per card-hour.

    Attributes:
        unit: what the yuan are for: a partition's hour, a device's or a contract's month.
        yuan: per unit.
        profile: of a partition, whose own price or rent it is.
        rent: of a month.
    """

    unit: str
    yuan: Fraction
    profile: str = ""
    rent: LineRent | None = None

    def to_data(self) -> dict[str, object]:
        """Plain data: what does not belong to the unit is left out."""
        said: dict[str, object] = {"unit": self.unit, "yuan": price_text(self.yuan)}
        if self.profile:
            said["profile"] = self.profile
        if self.rent is not None:
            said["month"] = str(self.rent.month)
            # As text, like the yuan: a reversal negates every integer of a line.
            said["month_days"] = str(self.rent.days)
            said["devices"] = str(self.rent.devices)
        return said
