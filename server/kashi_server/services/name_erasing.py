"""Erasing names of holders on request: by host and up to a day, by two officers.

What was asked goes to the log before anything is erased; an erasing that is cut short is asked for
again, and finds what is left. Proofs, device-hours and certificates stay as they are: no one of
them rests on a name, and bundles never carry any.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol

from kashi_server.domain.interval import MINUTE_MS, minute_of_day
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acts import ActsPort, PendingPort, PrivilegedAct, record
from kashi_server.services.facts_port import Place
from kashi_server.services.revealing import without_names
from kashi_server.services.two_officers import AccountsRead, OfficersDecision, check_officers

ERASED_ACT: Final = "names-erased"
"""How it is called among privileged acts; the reference is HOST/DAY."""


def end_utc_ms(day: date) -> int:
    """When a day of Asia/Shanghai is over."""
    return minute_of_day(day + timedelta(days=1)) * MINUTE_MS


class NamesPort(Protocol):
    """What erasing asks of facts."""

    def lock_heads(self, host_ids: Sequence[str]) -> object:
        """Keep others from adding to these hosts' reports until the unit ends."""

    def erase_names(
        self, host_id: str, until_utc_ms: int, after: Place, erased: Callable[[bytes], bytes | None]
    ) -> tuple[int, Place | None]:
        """Erase names in the next reports of a host; how many, and where to go on."""

    def names_kept(
        self, host_id: str, until_utc_ms: int, after: Place, erased: Callable[[bytes], bytes | None]
    ) -> tuple[int, Place | None]:
        """How many of the next reports that erasing leaves carry names, and where to go on."""


class ErasingUnit(Protocol):
    """A unit of work as erasing needs it."""

    @property
    def facts(self) -> NamesPort:
        """Reports."""

    @property
    def accounts(self) -> AccountsRead:
        """Accounts, to know who is an officer."""

    @property
    def identity(self) -> ActsPort:
        """Privileged acts."""

    @property
    def log(self) -> PendingPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class ErasingWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ErasingUnit]:
        """Open one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many reports of a host lost their names now, and how many later ones keep theirs."""

    host_id: str
    report_count: int
    kept_count: int = 0


class NameErasing:
    """Erases names of holders; `clock` gives UTC milliseconds."""

    def __init__(self, work: ErasingWork, clock: Callable[[], int]) -> None:
        self._work = work
        self._clock = clock

    def erase(
        self, host_ids: Sequence[str], until: date, decision: OfficersDecision
    ) -> tuple[Erased, ...]:
        """Erase names in the reports of hosts, by two officers.

        Args:
            host_ids: of which hosts.
            until: the last day of Asia/Shanghai: reports that ended or came on it or before.
            decision: who decided, and why.

        Raises:
            NotFound: no host is named.
            Refused: the day is not over, or one of the two is no officer.
        """
        if not host_ids:
            raise NotFound("没有符合条件的主机。There is no such host; see: hosts list")
        until_utc_ms = end_utc_ms(until)
        if until_utc_ms > self._clock():
            raise Refused(
                f"{until} 尚未结束，仍有姓名上报。{until} is not over: names of it still come in"
            )
        with self._work.begin() as unit:
            check_officers(unit.accounts, decision)
            for host_id in host_ids:
                self._record(unit, f"{host_id}/{until}", decision)
            unit.commit()
        return tuple(
            Erased(
                host_id=host_id,
                report_count=self._erase(host_id, until_utc_ms),
                kept_count=self._kept(host_id, until_utc_ms),
            )
            for host_id in host_ids
        )

    def _record(self, unit: ErasingUnit, reference: str, decision: OfficersDecision) -> None:
        for officer in decision.officers:
            act = PrivilegedAct(
                utc_ms=self._clock(),
                actor=officer,
                act=ERASED_ACT,
                reference=reference,
                reason=decision.reason,
            )
            record(unit, act)

    def _erase(self, host_id: str, until_utc_ms: int) -> int:
        count = 0
        after: Place = (0, 0)
        while True:
            with self._work.begin() as unit:
                unit.facts.lock_heads([host_id])
                erased, next_place = unit.facts.erase_names(
                    host_id, until_utc_ms, after, without_names
                )
                unit.commit()
            count += erased
            if next_place is None:
                return count
            after = next_place

    def _kept(self, host_id: str, until_utc_ms: int) -> int:
        """Page by page as well: on SQLite a long look would hold up whoever writes."""
        count = 0
        after: Place | None = (0, 0)
        while after is not None:
            with self._work.begin(writes=False) as unit:
                kept, after = unit.facts.names_kept(host_id, until_utc_ms, after, without_names)
            count += kept
        return count
