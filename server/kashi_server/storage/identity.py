"""Identity in the database: hosts, their certificates, tokens, alarms and privileged acts."""

from collections.abc import Sequence

from sqlalchemy import insert, select

from kashi_server.services.acts import PrivilegedAct
from kashi_server.services.hosts import Alarm, HostState, StateChange
from kashi_server.storage.host_certificate_rows import HostCertificateRows
from kashi_server.storage.host_rows import HostRows
from kashi_server.storage.tables.identity import alarms, privileged_acts


class IdentityRepository(HostRows, HostCertificateRows):
    """Speaks through one connection; see `services.hosts` and `services.enrolment`."""

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

    def actors(self, act: str, reference: str) -> Sequence[str]:
        """Who did an act upon something, oldest first."""
        done = privileged_acts.c
        query = (
            select(done.actor)
            .where(done.act == act, done.reference == reference)
            .order_by(done.act_id)
        )
        return list(self._connection.execute(query).scalars())

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
