"""Officers' acts upon hosts: hold, revoke, allow recoveries; the release of one stands apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.key_word import KeyWord
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.acts import ActsUnit, PrivilegedAct, record
from kashi_server.services.hosts import (
    Alarm,
    Host,
    HostsPort,
    HostState,
    HostsWork,
    StateChange,
)
from kashi_server.services.stated import Stated

MINUTES_PER_DAY: Final = 1_440


class HostKeeping:
    """Officers' acts upon hosts. Each is recorded with who, when and why."""

    def __init__(self, work: HostsWork, clock: Callable[[], int]) -> None:
        self._work = work
        self._clock = clock

    def all(self, operator_party_id: str | None = None) -> Sequence[Host]:
        """Every host, or those of one operator."""
        with self._work.begin(writes=False) as unit:
            return unit.identity.hosts(operator_party_id)

    def key_words(self) -> Mapping[str, Sequence[KeyWord]]:
        """Officers' words on hosts' report keys, by host with any, in their order."""
        found: dict[str, list[KeyWord]] = {}
        with self._work.begin(writes=False) as unit:
            for word in unit.identity.key_words():
                found.setdefault(word.host_id, []).append(word)
        return found

    def stated(self, days: int) -> Mapping[str, Stated]:
        """What each host stated of how it reads in the last days, and the doubts that raises."""
        until = self._clock() // MINUTE_MS + 1
        window = Interval(until - days * MINUTES_PER_DAY, until)
        with self._work.begin(writes=False) as unit:
            host_ids = [host.host_id for host in unit.identity.hosts()]
            told = unit.views.stated_facts(host_ids, window)
        return {host_id: Stated.of(facts) for host_id, facts in told.items()}

    def history(self, host_id: str) -> Sequence[StateChange]:
        """A host's changes of state, oldest first."""
        with self._work.begin(writes=False) as unit:
            return unit.identity.history(host_id)

    def alarms(self, since_utc_ms: int = 0) -> Sequence[Alarm]:
        """What may be an attack or a copied machine, oldest first."""
        with self._work.begin(writes=False) as unit:
            return unit.identity.alarms(since_utc_ms)

    def hold(self, host_id: str, officer: str, reason: str) -> None:
        """Stop counting a host's reports until two officers release it.

        Raises:
            NotFound: there is no such host.
            Refused: it is held or revoked already.
        """
        with self._work.begin() as unit:
            host = existing_host(unit, host_id)
            if host.state is not HostState.ACTIVE:
                raise Refused(
                    f"主机 {host_id} {host.state.zh}：{host.state_reason}。"
                    f"host {host_id} is {host.state} already: {host.state_reason}"
                )
            change_state(unit, host_id, HostState.HELD, (officer, reason), self._clock())
            unit.commit()

    def revoke(self, host_id: str, officer: str, reason: str) -> None:
        """Refuse a host's calls for good; its machine may be enrolled anew with other keys.

        Raises:
            NotFound: there is no such host.
            Refused: it is revoked already.
        """
        with self._work.begin() as unit:
            host = existing_host(unit, host_id)
            if host.state is HostState.REVOKED:
                raise Refused(
                    f"主机 {host_id} 已吊销：{host.state_reason}。"
                    f"host {host_id} is revoked already: {host.state_reason}"
                )
            change_state(unit, host_id, HostState.REVOKED, (officer, reason), self._clock())
            unit.commit()

    def allow_recoveries(self, host_id: str, count: int, officer: str, reason: str) -> None:
        """Set how often a host may recover in all; 0 takes the right away.

        Raises:
            NotFound: there is no such host.
            InvalidValue: the count is negative or above 1000.
        """
        if not 0 <= count <= 1000:
            raise InvalidValue(
                f"恢复次数不能为 {count}，须为 0 至 1000。"
                f"{count} recoveries cannot be allowed; give 0 to 1000"
            )
        with self._work.begin() as unit:
            existing_host(unit, host_id)
            unit.identity.allow_recoveries(host_id, count)
            act = f"host-recoveries-allowed-{count}"
            _record(unit, act, host_id, (officer, reason), self._clock())
            unit.commit()


class HostUnit(ActsUnit, Protocol):
    """A unit of work as a change of one host needs it."""

    @property
    def identity(self) -> HostsPort:
        """The repository."""


def change_state(
    unit: HostUnit, host_id: str, state: HostState, by: tuple[str, str], utc_ms: int
) -> None:
    """Change a host's state; `by`: which officer, and why. A privileged act."""
    officer, reason = by
    _record(unit, f"host-{state}", host_id, by, utc_ms)
    unit.identity.set_state(
        StateChange(host_id=host_id, utc_ms=utc_ms, state=state, reason=reason, actor=officer)
    )


def _record(unit: ActsUnit, act: str, host_id: str, by: tuple[str, str], utc_ms: int) -> None:
    officer, reason = by
    done = PrivilegedAct(utc_ms=utc_ms, actor=officer, act=act, reference=host_id, reason=reason)
    record(unit, done)


def existing_host(unit: HostUnit, host_id: str) -> Host:
    """A host, locked until the unit ends.

    Raises:
        NotFound: there is no such host.
    """
    host = unit.identity.host(host_id, lock=True)
    if host is None:
        raise NotFound(
            f"没有主机 {host_id}，请用 kashi-server hosts list 查看。"
            f"there is no host {host_id}; see: kashi-server hosts list"
        )
    return host
