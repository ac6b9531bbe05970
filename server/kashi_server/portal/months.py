"""The month a page shows: named in the address, the running month otherwise."""

from dataclasses import dataclass

from kashi_server.domain.interval import MINUTE_MS, Month
from kashi_server.portal.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthChoice:
    """A month, its neighbours, and whether it is still running."""

    month: Month
    running: Month

    @property
    def before(self) -> Month:
        """The month before."""
        return Month.of(self.month.interval().start - 1)

    @property
    def after(self) -> Month | None:
        """The month after, unless that is yet to come."""
        return self.month.next() if self.month < self.running else None

    @property
    def is_running(self) -> bool:
        """Whether the month is not over."""
        return self.month >= self.running


def chosen_month(visit: Visit, text: str | None) -> MonthChoice:
    """The month that an address names.

    Raises:
        InvalidValue: it names none that the calendar has.
    """
    running = Month.of(visit.parts.clock() // MINUTE_MS)
    return MonthChoice(month=Month.parse(text) if text else running, running=running)
