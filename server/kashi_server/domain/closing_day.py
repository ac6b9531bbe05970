"""The closing day: fixed, announced, counted in working days after the month.

A month closes when everything of it can have come: online hosts deliver within days, carried files
take longer. Working days are Monday to Friday, less the published holidays, plus the weekend days
that are worked instead (调休). Both counts and both lists are settings: nobody can compute next
year's holidays, they are published.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from kashi_server.domain.interval import SHANGHAI, Month, instant_of, minute_of_day
from kashi_server.errors import InvalidValue

ONLINE_WORKING_DAYS = 3
CARRIED_WORKING_DAYS = 15
WORKING_DAYS_MAX = 60
SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingCalendar:
    """How long months wait for their reports, and which days are worked.

    Attributes:
        online_working_days: for hosts that report over the network.
        carried_working_days: for hosts whose reports are carried in files.
        waits_for_carried: whether any host's are, so that months wait the longer time.
        holidays: working days of the week that are not worked.
        worked_weekends: days of the weekend that are.
    """

    online_working_days: int = ONLINE_WORKING_DAYS
    carried_working_days: int = CARRIED_WORKING_DAYS
    waits_for_carried: bool = False
    holidays: frozenset[date] = frozenset()
    worked_weekends: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        """Refuse days that cannot be counted."""
        for name in ("online_working_days", "carried_working_days"):
            if not 1 <= getattr(self, name) <= WORKING_DAYS_MAX:
                raise InvalidValue(
                    f"{name} 为 {getattr(self, name)}；须为 1 至 {WORKING_DAYS_MAX} 个工作日。"
                    f"{name} is {getattr(self, name)}; give 1 to {WORKING_DAYS_MAX} working days"
                )
        if self.carried_working_days < self.online_working_days:
            raise InvalidValue(
                "携带文件的期限不得短于联网主机的期限。"
                "carried files are not faster than hosts online"
            )
        worked = sorted(day for day in self.worked_weekends if day.weekday() < SATURDAY)
        if worked:
            raise InvalidValue(
                f"{worked[0]} 不是周末，本来就上班，不必列为调休上班日。"
                f"{worked[0]} is no weekend; it is worked anyway"
            )
        both = sorted(self.holidays & self.worked_weekends)
        if both:
            raise InvalidValue(
                f"{both[0]} 既列为节假日，又列为调休上班日。{both[0]} is a holiday and worked"
            )

    def works(self, day: date) -> bool:
        """Whether a day is worked."""
        if day.weekday() >= SATURDAY:
            return day in self.worked_weekends
        return day not in self.holidays

    def day_of(self, month: Month) -> date:
        """The day from whose first minute on, in Asia/Shanghai, a month may be closed.

        It is the last of the working days that the month waits for.
        """
        waits = self.carried_working_days if self.waits_for_carried else self.online_working_days
        worked = (day for day in _days_after(month) if self.works(day))
        for _before in range(waits - 1):
            next(worked)
        return next(worked)

    def opens(self, month: Month) -> int:
        """The UTC minute from which on a month may be closed."""
        return minute_of_day(self.day_of(month))


def _days_after(month: Month) -> Iterator[date]:
    day = instant_of(month.interval().bounded()[1]).astimezone(SHANGHAI).date()
    while True:
        yield day
        day += timedelta(days=1)
