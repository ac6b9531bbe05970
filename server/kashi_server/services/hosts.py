"""Hosts: who they are, how they stand, and the acts of officers upon them.

A host is active, held (its reports are stored and receipted, not counted) or revoked (its calls are
refused; for good). The server or one officer may hold a host; releasing it takes two officers.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol

from kashi_server.domain.interval import Interval
from kashi_server.domain.key_token import KeyToken, claim_bytes
from kashi_server.domain.key_word import KeyWord
from kashi_server.domain.stated_fact import StatedFact
from kashi_server.services.acts import PendingPort, PrivilegedAct


class HostState(StrEnum):
    """How a host stands."""

    ACTIVE = "active"
    HELD = "held"
    REVOKED = "revoked"

    @property
    def zh(self) -> str:
        """The word in Chinese."""
        return _STATE_ZH[self]


_STATE_ZH: Final = {
    HostState.ACTIVE: "正常",
    HostState.HELD: "已暂挂",
    HostState.REVOKED: "已吊销",
}


class CertificateStanding(StrEnum):
    """Where a host's TLS certificate stands: `next` becomes `current` when it is first used."""

    CURRENT = "current"
    NEXT = "next"
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What a host said of itself when it was enrolled.

    Attributes:
        key_token: the hardware that it says holds its report key; None: the key is in a file.
    """

    hostname: str
    machine_sha256: bytes
    operating_system: str
    agent_version: str
    architecture: str
    key_token: KeyToken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host as it is stored.

    Attributes:
        release_requested_by: the first of two officers, while the second is awaited.
        recoveries_used: how often it got a certificate by its report key alone.
        recoveries_allowed: how often it may; officers raise it.
        relay_names: of a relay, the DNS names and IP addresses under which hosts reach it; a host
            has none.
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
    relay_names: tuple[str, ...] = ()

    def key_claim(self) -> bytes | None:
        """What it claimed of the hardware that holds its report key; None: nothing."""
        if self.facts.key_token is None:
            return None
        key_sha256 = sha256(self.report_public_key_der).hexdigest()
        return claim_bytes(self.host_id, key_sha256, self.facts.key_token)


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
class Caller:
    """A certificate and how the host behind it stands."""

    serial: str
    expires_utc_ms: int
    certificate_standing: CertificateStanding
    standing: HostStanding


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

    def callers(self, serials: Sequence[str]) -> Sequence[Caller]:
        """The hosts behind certificates, in one query."""

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

    def key_words(self, host_id: str | None = None) -> Sequence[KeyWord]:
        """Officers' words on a host's report key, or on all hosts', by host and in order."""

    def add_key_word(self, word: KeyWord) -> None:
        """Add a word on a host's report key."""

    def history(self, host_id: str) -> Sequence[StateChange]:
        """A host's changes of state, oldest first."""

    def alarms(self, since_utc_ms: int = 0) -> Sequence[Alarm]:
        """Alarms since an instant, oldest first."""


class StatedPort(Protocol):
    """What hosts stated of how they read."""

    def stated_facts(
        self, host_ids: Collection[str], window: Interval
    ) -> Mapping[str, Sequence[StatedFact]]:
        """Within a bounded window, by host, of every stored report."""


class HostsUnit(Protocol):
    """A unit of work as hosts need it."""

    @property
    def identity(self) -> HostsPort:
        """The repository."""

    @property
    def views(self) -> StatedPort:
        """The read models."""

    @property
    def log(self) -> PendingPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class HostsWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[HostsUnit]:
        """Open one."""


def standing_of(host: Host) -> HostStanding:
    """The part of a host that ingestion works with."""
    return HostStanding(
        host_id=host.host_id,
        report_public_key_der=host.report_public_key_der,
        state=host.state,
        enrolled_utc_ms=host.enrolled_utc_ms,
        operator_party_id=host.operator_party_id,
    )
