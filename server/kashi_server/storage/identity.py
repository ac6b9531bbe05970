"""Hosts, their certificates, enrolment tokens, alarms and privileged acts in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kashi_server.errors import Refused
from kashi_server.services.acts import PrivilegedAct
from kashi_server.services.hosts import (
    Alarm,
    CertificateStanding,
    Host,
    HostCertificate,
    HostFacts,
    HostStanding,
    HostState,
    StateChange,
    standing_of,
)
from kashi_server.services.tokens import TokenRecord
from kashi_server.storage.tables.identity import (
    alarms,
    enrolment_tokens,
    host_certificates,
    host_facts,
    host_states,
    hosts,
    privileged_acts,
)

_HOSTS = select(hosts, host_facts).join(host_facts, hosts.c.host_id == host_facts.c.host_id)


class IdentityRepository:
    """Speaks through one connection; see `services.hosts` and `services.enrolment`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # Hosts

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
        }
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(hosts).values(values))
        except IntegrityError as error:
            raise Refused("this report key already is a host's") from error
        facts = {name: getattr(host.facts, name) for name in HostFacts.__dataclass_fields__}
        self._connection.execute(insert(host_facts).values(host_id=host.host_id, **facts))
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
        self._connection.execute(
            update(hosts)
            .where(hosts.c.host_id == change.host_id)
            .values(
                state=change.state.value,
                state_reason=change.reason,
                state_utc_ms=change.utc_ms,
                release_requested_by=None,
            )
        )
        self._add_state(change)

    def hold_host(self, host_id: str, reason: str, utc_ms: int) -> None:
        """Hold a host on the server's own account; one that is not active stays as it is."""
        host = self.host(host_id, lock=True)
        if host is None or host.state is not HostState.ACTIVE:
            return
        self.set_state(
            StateChange(
                host_id=host_id,
                utc_ms=utc_ms,
                state=HostState.HELD,
                reason=reason,
                actor="server",
            )
        )
        self.raise_alarm(
            Alarm(
                utc_ms=utc_ms,
                kind="host-held",
                detail=reason,
                host_id=host_id,
                operator_party_id=host.operator_party_id,
            )
        )

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

    # Certificates

    def certificate(self, serial: str) -> HostCertificate | None:
        """A certificate by its serial."""
        query = select(host_certificates).where(host_certificates.c.serial == serial)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _certificate(row)

    def certificate_of_key(self, host_id: str, public_key_sha256: bytes) -> HostCertificate | None:
        """A host's newest certificate over a TLS key."""
        query = (
            select(host_certificates)
            .where(
                host_certificates.c.host_id == host_id,
                host_certificates.c.public_key_sha256 == public_key_sha256,
            )
            # Issued in the same millisecond: what is not past yet is the newer one.
            .order_by(
                host_certificates.c.issued_utc_ms.desc(),
                host_certificates.c.standing == CertificateStanding.PAST.value,
            )
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _certificate(row)

    def certificates_issued(self, host_id: str, since_utc_ms: int) -> int:
        """How many certificates a host was issued since an instant."""
        query = select(func.count()).where(
            host_certificates.c.host_id == host_id,
            host_certificates.c.issued_utc_ms >= since_utc_ms,
        )
        return self._connection.execute(query).scalar_one()

    def add_certificate(self, certificate: HostCertificate) -> None:
        """Store a certificate; a next one takes the place of an unused next one."""
        self._retire(certificate.host_id, certificate.standing)
        self._connection.execute(
            insert(host_certificates).values(
                serial=certificate.serial,
                host_id=certificate.host_id,
                public_key_sha256=certificate.public_key_sha256,
                certificate=certificate.certificate_der,
                issued_utc_ms=certificate.issued_utc_ms,
                expires_utc_ms=certificate.expires_utc_ms,
                standing=certificate.standing.value,
            )
        )

    def promote_certificate(self, host_id: str, serial: str) -> None:
        """Make the next certificate the current one; done before, it changes nothing."""
        self.host(host_id, lock=True)
        found = self.certificate(serial)
        if found is None or found.standing is not CertificateStanding.NEXT:
            return
        self._retire(host_id, CertificateStanding.CURRENT)
        self._connection.execute(
            update(host_certificates)
            .where(host_certificates.c.serial == serial)
            .values(standing=CertificateStanding.CURRENT.value)
        )

    # Tokens

    def add_token(self, token: TokenRecord) -> None:
        """Store a token."""
        self._connection.execute(
            insert(enrolment_tokens).values(
                token_sha256=token.token_sha256,
                operator_party_id=token.operator_party_id,
                issued_utc_ms=token.issued_utc_ms,
                issued_by=token.issued_by,
                expires_utc_ms=token.expires_utc_ms,
            )
        )

    def token(self, token_sha256: bytes) -> TokenRecord | None:
        """A token, locked until the unit ends."""
        query = (
            select(enrolment_tokens)
            .where(enrolment_tokens.c.token_sha256 == token_sha256)
            .with_for_update()
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else TokenRecord(**row._asdict())

    def consume_token(
        self, token_sha256: bytes, host_id: str, tls_key_sha256: bytes, utc_ms: int
    ) -> None:
        """Mark a token as used, by whom and with which TLS key."""
        self._connection.execute(
            update(enrolment_tokens)
            .where(enrolment_tokens.c.token_sha256 == token_sha256)
            .values(host_id=host_id, tls_key_sha256=tls_key_sha256, consumed_utc_ms=utc_ms)
        )

    # Alarms and acts

    def raise_alarm(self, alarm: Alarm) -> None:
        """Store an alarm."""
        self._connection.execute(
            insert(alarms).values(
                utc_ms=alarm.utc_ms,
                kind=alarm.kind,
                detail=alarm.detail,
                host_id=alarm.host_id,
                operator_party_id=alarm.operator_party_id,
            )
        )

    def alarms(self, since_utc_ms: int = 0) -> Sequence[Alarm]:
        """Alarms since an instant, oldest first."""
        query = select(alarms).where(alarms.c.utc_ms >= since_utc_ms).order_by(alarms.c.alarm_id)
        return [
            Alarm(
                utc_ms=row.utc_ms,
                kind=row.kind,
                detail=row.detail,
                host_id=row.host_id,
                operator_party_id=row.operator_party_id,
            )
            for row in self._connection.execute(query)
        ]

    def record_act(self, act: PrivilegedAct) -> None:
        """Add to the privileged acts."""
        self._connection.execute(
            insert(privileged_acts).values(
                utc_ms=act.utc_ms,
                actor=act.actor,
                act=act.act,
                reference=act.reference,
                reason=act.reason,
            )
        )

    def acts(self) -> Sequence[PrivilegedAct]:
        """Every privileged act, oldest first."""
        query = select(privileged_acts).order_by(privileged_acts.c.act_id)
        return [
            PrivilegedAct(
                utc_ms=row.utc_ms,
                actor=row.actor,
                act=row.act,
                reference=row.reference,
                reason=row.reason,
            )
            for row in self._connection.execute(query)
        ]

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

    def _retire(self, host_id: str, standing: CertificateStanding) -> None:
        self._connection.execute(
            update(host_certificates)
            .where(
                host_certificates.c.host_id == host_id,
                host_certificates.c.standing == standing.value,
            )
            .values(standing=CertificateStanding.PAST.value)
        )


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
        facts=HostFacts(
            hostname=row.hostname,
            machine_sha256=row.machine_sha256,
            operating_system=row.operating_system,
            agent_version=row.agent_version,
            architecture=row.architecture,
        ),
    )


def _certificate(row: Row[Any]) -> HostCertificate:
    return HostCertificate(
        serial=row.serial,
        host_id=row.host_id,
        public_key_sha256=row.public_key_sha256,
        certificate_der=row.certificate,
        issued_utc_ms=row.issued_utc_ms,
        expires_utc_ms=row.expires_utc_ms,
        standing=CertificateStanding(row.standing),
    )
