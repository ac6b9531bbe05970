"""Hosts: who they are, how they stand, and the acts of officers upon them.

A host is active, held (its reports are stored and receipted, not counted) or revoked (its calls are
refused; for good). The server or one officer may hold a host; releasing it takes two officers.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.acts import PendingPort, PrivilegedAct, record

STANDING_CACHE_MS: Final = 5_000
"""How old a cached standing may be: holds and revocations take effect within this."""

_CACHE_SIZE_MAX: Final = 65_536


class HostState(StrEnum):
    """How a host stands."""

    ACTIVE = "active"
    HELD = "held"
    REVOKED = "revoked"


class CertificateStanding(StrEnum):
    """Where a host's TLS certificate stands: `next` becomes `current` when it is first used."""

    CURRENT = "current"
    NEXT = "next"
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What a host said of itself when it was enrolled."""

    hostname: str
    machine_sha256: bytes
    operating_system: str
    agent_version: str
    architecture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host as it is stored.

    Attributes:
        release_requested_by: the first of two officers, while the second is awaited.
        recoveries_used: how often it got a certificate by its report key alone.
        recoveries_allowed: how often it may; officers raise it.
    """

    host_id: str
    operator_party_id: str
    report_public_key_der: bytes
    enrolled_utc_ms: int
    state: HostState
    state_reason: str
    state_utc_ms: int
    release_requested_by: str | None
    recoveries_used: int
    recoveries_allowed: int
    facts: HostFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCertificate:
    """A TLS certificate that was issued to a host; `serial` in 40 hexadecimal digits."""

    serial: str
    host_id: str
    public_key_sha256: bytes
    certificate_der: bytes
    issued_utc_ms: int
    expires_utc_ms: int
    standing: CertificateStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStanding:
    """What ingestion must know of the host that calls."""

    host_id: str
    report_public_key_der: bytes
    state: HostState
    enrolled_utc_ms: int
    operator_party_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One line of a host's history."""

    host_id: str
    utc_ms: int
    state: HostState
    reason: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something an officer should see: it may be an attack or a copied machine."""

    utc_ms: int
    kind: str
    detail: str
    host_id: str | None = None
    operator_party_id: str | None = None


class HostsPort(Protocol):
    """What storage does for hosts."""

    def host(self, host_id: str, *, lock: bool = False) -> Host | None:
        """A host; `lock` keeps others from changing it until the unit ends."""

    def hosts(self, operator_party_id: str | None = None) -> Sequence[Host]:
        """All hosts, or those of one operator, by name."""

    def certificate(self, serial: str) -> HostCertificate | None:
        """A certificate by its serial."""

    def promote_certificate(self, host_id: str, serial: str) -> None:
        """Make the next certificate the current one; the current one is past."""

    def set_state(self, change: StateChange) -> None:
        """Change a host's state and add the change to its history."""

    def request_release(self, host_id: str, officer: str) -> None:
        """Note the first of two officers."""

    def allow_recoveries(self, host_id: str, count: int) -> None:
        """Set how often the host may recover in all."""

    def record_act(self, act: PrivilegedAct) -> None:
        """Add to the privileged acts."""

    def history(self, host_id: str) -> Sequence[StateChange]:
        """A host's changes of state, oldest first."""

    def alarms(self, since_utc_ms: int = 0) -> Sequence[Alarm]:
        """Alarms since an instant, oldest first."""


class HostsUnit(Protocol):
    """A unit of work as hosts need it."""

    @property
    def identity(self) -> HostsPort:
        """The repository."""

    @property
    def log(self) -> PendingPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class HostsWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[HostsUnit]:
        """Open one."""


@dataclass(frozen=True, slots=True)
class _Cached:
    standing: HostStanding
    expires_utc_ms: int
    until_ms: int


class HostStandings:
    """Looks up how a calling host stands, at most five seconds old.

    Args:
        work: opens units of work.
        clock: UTC milliseconds.
        monotonic_ms: milliseconds that never step; the cache ages by them.
    """

    def __init__(
        self, work: HostsWork, clock: Callable[[], int], monotonic_ms: Callable[[], int]
    ) -> None:
        self._work = work
        self._clock = clock
        self._monotonic_ms = monotonic_ms
        self._cache: dict[tuple[str, str], _Cached] = {}

    def of(self, host_id: str, serial: str) -> HostStanding:
        """How the host with this certificate stands; held and revoked hosts are returned as such.

        The first use of a host's next certificate makes it the current one, and the one before
        past: this is what lets a lost answer to a renewal do no harm.

        Args:
            host_id: from the certificate's URI.
            serial: the certificate's serial in 40 hexadecimal digits.

        Raises:
            Refused: the certificate is unknown, past, expired or another host's.
        """
        key = (host_id, serial)
        found = self._cache.get(key)
        if found is None or found.until_ms <= self._monotonic_ms():
            found = self._look_up(host_id, serial)
            if len(self._cache) >= _CACHE_SIZE_MAX:
                self._cache.clear()
            self._cache[key] = found
        if found.expires_utc_ms <= self._clock():
            raise Refused("the certificate has expired; recover with the report key")
        return found.standing

    def forget(self, host_id: str) -> None:
        """Look the host up anew on its next call."""
        for key in [key for key in self._cache if key[0] == host_id]:
            self._cache.pop(key, None)

    def _look_up(self, host_id: str, serial: str) -> _Cached:
        until_ms = self._monotonic_ms() + STANDING_CACHE_MS
        with self._work.begin(writes=False) as unit:
            certificate = unit.identity.certificate(serial)
            host = unit.identity.host(host_id)
        if host is None or certificate is None or certificate.host_id != host_id:
            raise Refused("the certificate belongs to no host of this server")
        if certificate.standing is CertificateStanding.PAST:
            raise Refused("the certificate was replaced; use the newer one")
        if certificate.standing is CertificateStanding.NEXT:
            self._promote(certificate)
        return _Cached(standing_of(host), certificate.expires_utc_ms, until_ms)

    def _promote(self, certificate: HostCertificate) -> None:
        with self._work.begin() as unit:
            unit.identity.promote_certificate(certificate.host_id, certificate.serial)
            unit.commit()
        self.forget(certificate.host_id)


def standing_of(host: Host) -> HostStanding:
    """The part of a host that ingestion works with."""
    return HostStanding(
        host_id=host.host_id,
        report_public_key_der=host.report_public_key_der,
        state=host.state,
        enrolled_utc_ms=host.enrolled_utc_ms,
        operator_party_id=host.operator_party_id,
    )


class HostKeeping:
    """Officers' acts upon hosts. Each is recorded with who, when and why."""

    def __init__(self, work: HostsWork, clock: Callable[[], int]) -> None:
        self._work = work
        self._clock = clock

    def all(self, operator_party_id: str | None = None) -> Sequence[Host]:
        """Every host, or those of one operator."""
        with self._work.begin(writes=False) as unit:
            return unit.identity.hosts(operator_party_id)

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
            host = _existing(unit, host_id)
            if host.state is not HostState.ACTIVE:
                raise Refused(f"host {host_id} is {host.state} already: {host.state_reason}")
            self._change(unit, host_id, HostState.HELD, officer, reason)
            unit.commit()

    def release(self, host_id: str, officer: str, reason: str) -> bool:
        """Ask for, or as the second officer confirm, the release of a held host.

        Returns:
            True when the host is released; False while a second officer is awaited.

        Raises:
            NotFound: there is no such host.
            Refused: it is not held, or the same officer asked before.
        """
        with self._work.begin() as unit:
            host = _existing(unit, host_id)
            if host.state is not HostState.HELD:
                raise Refused(f"host {host_id} is {host.state}, not held")
            if host.release_requested_by == officer:
                raise Refused(f"{officer} asked for this release; another officer must confirm it")
            released = host.release_requested_by is not None
            if released:
                self._change(unit, host_id, HostState.ACTIVE, officer, reason)
            else:
                self._record(unit, "host-release-requested", host_id, officer, reason)
                unit.identity.request_release(host_id, officer)
            unit.commit()
        return released

    def revoke(self, host_id: str, officer: str, reason: str) -> None:
        """Refuse a host's calls for good; its machine may be enrolled anew with other keys.

        Raises:
            NotFound: there is no such host.
            Refused: it is revoked already.
        """
        with self._work.begin() as unit:
            host = _existing(unit, host_id)
            if host.state is HostState.REVOKED:
                raise Refused(f"host {host_id} is revoked already: {host.state_reason}")
            self._change(unit, host_id, HostState.REVOKED, officer, reason)
            unit.commit()

    def allow_recoveries(self, host_id: str, count: int, officer: str, reason: str) -> None:
        """Set how often a host may recover in all; 0 takes the right away.

        Raises:
            NotFound: there is no such host.
            InvalidValue: the count is negative or above 1000.
        """
        if not 0 <= count <= 1000:
            raise InvalidValue(f"{count} recoveries cannot be allowed; give 0 to 1000")
        with self._work.begin() as unit:
            _existing(unit, host_id)
            unit.identity.allow_recoveries(host_id, count)
            self._record(unit, f"host-recoveries-allowed-{count}", host_id, officer, reason)
            unit.commit()

    def _change(
        self, unit: HostsUnit, host_id: str, state: HostState, officer: str, reason: str
    ) -> None:
        self._record(unit, f"host-{state}", host_id, officer, reason)
        change = StateChange(
            host_id=host_id, utc_ms=self._clock(), state=state, reason=reason, actor=officer
        )
        unit.identity.set_state(change)

    def _record(self, unit: HostsUnit, act: str, host_id: str, officer: str, reason: str) -> None:
        done = PrivilegedAct(
            utc_ms=self._clock(), actor=officer, act=act, reference=host_id, reason=reason
        )
        record(unit, done)


def _existing(unit: HostsUnit, host_id: str) -> Host:
    host = unit.identity.host(host_id, lock=True)
    if host is None:
        raise NotFound(f"there is no host {host_id}; see: kashi-server hosts list")
    return host
