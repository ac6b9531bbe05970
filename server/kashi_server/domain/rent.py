"""A monthly flat rent on a line: what it comes to for a part of a month, day by day.

    rent x rented days / days of the month

A day of Asia/Shanghai is rented as far as the device was leased in it (from noon on: half of
it), if it was observed in that part of the day at all; a day that nobody observed is not billed. So
the rent becomes a price per card-hour of the month it is in, exact as a fraction, and everything
that holds of prices holds of it: a line is cut to a fen once. A month in one line comes to the rent
to the fen; in k lines to at most k - 1 fen less, and never to more.
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
        devices: among how many devices it is divided; 1 where it is of each device.
    """

    yuan: Fraction
    month: Month
    devices: int = 1

    def __post_init__(self) -> None:
        """Refuse a rent of no device."""
        if self.devices < 1:
            raise InvalidValue("a rent is divided among at least one device")

    @property
    def days(self) -> int:
        """Days of the month."""
        start, end = self.month.interval().bounded()
        return (end - start) // 1440

    def card_hour_yuan(self, share: Fraction) -> Fraction:
        """Yuan per card-hour. A partition pays the rent of a device, not its share of one."""
        start, end = self.month.interval().bounded()
        hours = Fraction((end - start) * MINUTE_MS, HOUR_MS)
        return self.yuan / self.devices / hours / min(share, Fraction(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePrice:
    """The price of a line as it was agreed, where it is not one per card-hour.

    Attributes:
        unit: what the yuan are for: a partition's hour, a device's or a contract's month.
        yuan: per unit.
        profile: of a partition.
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
