"""Hosts, what they said of themselves, and their changes of state, in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from kashi_server.errors import Refused
from kashi_server.services.hosts import (
    Host,
    HostFacts,
    HostStanding,
    HostState,
    StateChange,
    standing_of,
)
from kashi_server.storage.host_key_rows import HostKeyRows, token_columns, token_of
from kashi_server.storage.tables.identity import (
    host_facts,
    host_key_tokens,
    host_states,
    hosts,
)

_HOSTS = (
    select(hosts, host_facts, *token_columns())
    .join(host_facts, hosts.c.host_id == host_facts.c.host_id)
    .outerjoin(host_key_tokens, hosts.c.host_id == host_key_tokens.c.host_id)
)
_FACTS = ("hostname", "machine_sha256", "operating_system", "agent_version", "architecture")


class HostRows(HostKeyRows):
    """The part of `IdentityRepository` that speaks of hosts."""

    def host(self, host_id: str, *, lock: bool = False) -> Host | None:
        """A host; `lock` keeps others from changing it until the unit ends."""
        query = _HOSTS.where(hosts.c.host_id == host_id)
        if lock:
            query = query.with_for_update(of=hosts)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _host(row)

    def hosts(self, operator_party_id: str | None = None) -> Sequence[Host]:
        """All hosts, or those of one operator, by name."""
        query = _HOSTS.order_by(host_facts.c.hostname, hosts.c.host_id)
        if operator_party_id is not None:
            query = query.where(hosts.c.operator_party_id == operator_party_id)
        return [_host(row) for row in self._connection.execute(query)]

    def host_of_report_key(self, report_public_key_der: bytes) -> Host | None:
        """The host that holds a report key."""
        query = _HOSTS.where(hosts.c.report_public_key == report_public_key_der)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _host(row)

    def hosts_of_machine(self, machine_sha256: bytes) -> Sequence[Host]:
        """The hosts that said they are this machine; none for a machine that did not say."""
        if not machine_sha256:
            return []
        query = _HOSTS.where(host_facts.c.machine_sha256 == machine_sha256)
        return [_host(row) for row in self._connection.execute(query.order_by(hosts.c.host_id))]

    def standing(self, host_id: str, *, lock: bool = False) -> HostStanding | None:
        """How a host stands now, past every cache; for use within a unit that stores reports."""
        host = self.host(host_id, lock=lock)
        return None if host is None else standing_of(host)

    def add_host(self, host: Host) -> None:
        """Store a host.

        Raises:
            Refused: its report key is taken.
        """
        values = {
            "host_id": host.host_id,
            "operator_party_id": host.operator_party_id,
            "report_public_key": host.report_public_key_der,
            "enrolled_utc_ms": host.enrolled_utc_ms,
            "state": host.state.value,
            "state_reason": host.state_reason,
            "state_utc_ms": host.state_utc_ms,
            "recoveries_used": host.recoveries_used,
            "recoveries_allowed": host.recoveries_allowed,
            "relay_names": " ".join(host.relay_names),
        }
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(hosts).values(values))
        except IntegrityError as error:
            raise Refused(
                "该报告密钥已属于某台主机。this report key already is a host's"
            ) from error
        facts = {name: getattr(host.facts, name) for name in _FACTS}
        self._connection.execute(insert(host_facts).values(host_id=host.host_id, **facts))
        self._add_key_token(host.host_id, host.facts.key_token)
        self._add_state(
            StateChange(
                host_id=host.host_id,
                utc_ms=host.state_utc_ms,
                state=host.state,
                reason=host.state_reason,
                actor="server",
            )
        )

    def set_state(self, change: StateChange) -> None:
        """Change a host's state and add the change to its history."""
        values: dict[str, object] = {
            "state": change.state.value,
            "state_reason": change.reason,
            "state_utc_ms": change.utc_ms,
        }
        if change.state is not HostState.HELD:
            # Only a held host is asked for; ingestion, which holds, may not write who asked.
            values["release_requested_by"] = None
        self._update_host(change.host_id, **values)
        self._add_state(change)

    def history(self, host_id: str) -> Sequence[StateChange]:
        """A host's changes of state, oldest first."""
        query = (
            select(host_states)
            .where(host_states.c.host_id == host_id)
            .order_by(host_states.c.host_state_id)
        )
        return [
            StateChange(
                host_id=row.host_id,
                utc_ms=row.utc_ms,
                state=HostState(row.state),
                reason=row.reason,
                actor=row.actor,
            )
            for row in self._connection.execute(query)
        ]

    def request_release(self, host_id: str, officer: str) -> None:
        """Note the first of two officers."""
        self._update_host(host_id, release_requested_by=officer)

    def allow_recoveries(self, host_id: str, count: int) -> None:
        """Set how often the host may recover in all."""
        self._update_host(host_id, recoveries_allowed=count)

    def count_recovery(self, host_id: str) -> None:
        """One more recovery used."""
        self._update_host(host_id, recoveries_used=hosts.c.recoveries_used + 1)

    def _add_state(self, change: StateChange) -> None:
        self._connection.execute(
            insert(host_states).values(
                host_id=change.host_id,
                utc_ms=change.utc_ms,
                state=change.state.value,
                reason=change.reason,
                actor=change.actor,
            )
        )

    def _update_host(self, host_id: str, **values: object) -> None:
        self._connection.execute(update(hosts).where(hosts.c.host_id == host_id).values(**values))


def _host(row: Row[Any]) -> Host:
    return Host(
        host_id=row.host_id,
        operator_party_id=row.operator_party_id,
        report_public_key_der=row.report_public_key,
        enrolled_utc_ms=row.enrolled_utc_ms,
        state=HostState(row.state),
        state_reason=row.state_reason,
        state_utc_ms=row.state_utc_ms,
        release_requested_by=row.release_requested_by,
        recoveries_used=row.recoveries_used,
        recoveries_allowed=row.recoveries_allowed,
        relay_names=tuple(row.relay_names.split()),
        facts=HostFacts(
            hostname=row.hostname,
            machine_sha256=row.machine_sha256,
            operating_system=row.operating_system,
            agent_version=row.agent_version,
            architecture=row.architecture,
            key_token=token_of(row),
        ),
    )
