"""The release of a held host: the words of two officers, and what it sent meanwhile, at once.

The second word makes the host active and counts its held reports in one unit of work: a release is
whole or it is not. Both officers are looked at inside it: a word given by who is an officer no
longer is none.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

from kashi_server.errors import Refused
from kashi_server.services.accounts import normal_login
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.host_keeping import change_state, existing_host
from kashi_server.services.hosts import Host, HostsPort, HostState
from kashi_server.services.restoration import (
    Decision,
    Restoration,
    RestorationUnit,
    Restored,
    StandingsPort,
)
from kashi_server.services.two_officers import (
    AccountsRead,
    OfficersDecision,
    check_officers,
    officers_of,
)

RELEASE_REQUESTED_ACT: Final = "host-release-requested"
"""How the first officer's word for a release is called among privileged acts."""


class ReleaseIdentity(HostsPort, StandingsPort, Protocol):
    """What a release asks of the identity family."""


class ReleaseUnit(RestorationUnit, Protocol):
    """A unit of work as a release needs it."""

    @property
    def identity(self) -> ReleaseIdentity:
        """Hosts."""

    @property
    def accounts(self) -> AccountsRead:
        """Who is an officer."""


class ReleaseWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ReleaseUnit]:
        """Open one."""


class Releasing:
    """The use case; `restoration` counts what was held.

    Args:
        work: opens units of work.
        clock: UTC milliseconds.
        restoration: counts what a released host sent while it was held.
    """

    def __init__(
        self, work: ReleaseWork, clock: Callable[[], int], restoration: Restoration
    ) -> None:
        self._work = work
        self._clock = clock
        self._restoration = restoration

    def release(self, host_id: str, officer: str, reason: str) -> Restored | None:
        """Ask for, or as the second officer confirm, the release of a held host.

        Returns:
            What counts now and what does not; None while a second officer is awaited.

        Raises:
            NotFound: there is no such host.
            Refused: it is not held, the login is no officer's, or the same officer asked before.
        """
        login = normal_login(officer)
        with self._work.begin() as unit:
            host = existing_host(unit, host_id)
            if host.state is not HostState.HELD:
                raise Refused(
                    f"主机 {host_id} 现为“{host.state.zh}”，并未暂挂。"
                    f"host {host_id} is {host.state}, not held"
                )
            first = _first_word(unit, host)
            if first == login:
                raise Refused(
                    f"该解除由 {login} 提出，须由另一名经办人确认。"
                    f"{login} asked for this release; another officer must confirm it"
                )
            restored = None
            if first is None:
                self._ask(unit, host_id, login, reason)
            else:
                restored = self._release(unit, host_id, (first, login), reason)
            unit.commit()
        return restored

    def _ask(self, unit: ReleaseUnit, host_id: str, login: str, reason: str) -> None:
        if login not in officers_of(unit.accounts):
            raise Refused(
                f"账号“{login}”不是本服务器的经办人。'{login}' is no officer here",
            )
        act = PrivilegedAct(
            utc_ms=self._clock(),
            actor=login,
            act=RELEASE_REQUESTED_ACT,
            reference=host_id,
            reason=reason,
        )
        record(unit, act)
        unit.identity.request_release(host_id, login)

    def _release(
        self, unit: ReleaseUnit, host_id: str, officers: tuple[str, str], reason: str
    ) -> Restored:
        decision = OfficersDecision(officers=officers, reason=reason)
        check_officers(unit.accounts, decision)
        change_state(unit, host_id, HostState.ACTIVE, (officers[1], reason), self._clock())
        both = Decision(officer=", ".join(decision.officers), why=reason)
        return self._restoration.count_held(unit, host_id, both)


def _first_word(unit: ReleaseUnit, host: Host) -> str | None:
    """Who asked before; None: nobody, or one who is no officer any more."""
    asked = normal_login(host.release_requested_by or "")
    return asked if asked in officers_of(unit.accounts) else None
