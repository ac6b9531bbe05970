"""Keeping to the closing day: before it a month closes only by two officers' word."""

from contextlib import AbstractContextManager
from typing import Final, Protocol

from kashi_server.domain.closing_day import ClosingCalendar
from kashi_server.domain.interval import MINUTE_MS, Month
from kashi_server.errors import Refused
from kashi_server.services.acts import ActsUnit, PrivilegedAct, record
from kashi_server.services.two_officers import AccountsRead, OfficersDecision, check_officers

EARLY_ACT: Final = "close-early"
"""How closing before the day is called among privileged acts."""


class EarlyUnit(ActsUnit, Protocol):
    """A unit of work as this needs it."""

    @property
    def accounts(self) -> AccountsRead:
        """Accounts."""

    def commit(self) -> None:
        """Make it durable."""


class EarlyWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[EarlyUnit]:
        """Open one."""


def wait_for_day(
    work: EarlyWork,
    calendar: ClosingCalendar,
    month: Month,
    utc_ms: int,
    early: OfficersDecision | None,
) -> None:
    """Let a month close, or refuse it because its day has not come.

    Args:
        work: opens units of work.
        calendar: which day it is.
        month: the month; one that is not over is refused by the close itself.
        utc_ms: now.
        early: two officers who close it before its day; their word is kept as a privileged act.

    Raises:
        Refused: the day has not come and nobody decided, or who decided is no officer.
    """
    over_ms = month.interval().bounded()[1] * MINUTE_MS
    if not over_ms <= utc_ms < calendar.opens(month) * MINUTE_MS:
        return
    if early is None:
        raise Refused(
            f"{month} 于 {calendar.day_of(month)}（UTC+08:00）关账，"
            "届时其报告应已到齐；两名经办人可提前关账：--officer A --officer B "
            "--reason 理由。"
            f"{month} closes on {calendar.day_of(month)} (UTC+08:00), when its reports can all have"
            " come; two officers may close it earlier: --officer A --officer B --reason WHY"
        )
    with work.begin() as unit:
        check_officers(unit.accounts, early)
        for officer in early.officers:
            act = PrivilegedAct(
                utc_ms=utc_ms,
                actor=officer,
                act=EARLY_ACT,
                reference=str(month),
                reason=early.reason,
            )
            record(unit, act)
        unit.commit()
