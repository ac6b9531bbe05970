"""The read models of the portal over the tables of all rooms; see `services.views`."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from kashi_server.domain.device import Conflict, DeviceRecord, HostHead, ReportedGap
from kashi_server.domain.host_event import HostEvent
from kashi_server.domain.interval import MINUTE_MS, Interval, Month
from kashi_server.domain.key_token import claimed_together
from kashi_server.domain.key_word import KeyWord, key_standing
from kashi_server.domain.stated_fact import StatedFact
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.accounts import AuditEntry
from kashi_server.services.hosts import CertificateStanding, Host
from kashi_server.services.rows import (
    CertificateRow,
    HoldRow,
    HostRow,
    PartyName,
    StatementRow,
)
from kashi_server.services.sight import Sight
from kashi_server.storage import certificate_reading
from kashi_server.storage.accounts import AccountRepository
from kashi_server.storage.event_reading import host_events
from kashi_server.storage.expense import ExpenseRepository
from kashi_server.storage.fact_reading import stated_facts
from kashi_server.storage.facts import FactRepository
from kashi_server.storage.hold_reading import holds
from kashi_server.storage.identity import IdentityRepository
from kashi_server.storage.sight_reading import sight_of
from kashi_server.storage.tables.expense import closes, parties, statements
from kashi_server.storage.tables.facts import devices
from kashi_server.storage.tables.identity import host_certificates

# Without their contents: a list of statements must not read every line of every month.
_STATEMENTS: Select[Any] = (
    select(
        statements.c.number,
        statements.c.revision,
        statements.c.month,
        statements.c.user_id,
        statements.c.provider_id,
        statements.c.contract_id,
        statements.c.card_hours,
        statements.c.amount_fen,
        statements.c.eligible_fen,
        closes.c.closed_utc_ms,
        func.max(statements.c.revision)
        .over(partition_by=statements.c.number)
        .label("latest_revision"),
    )
    .join(closes, closes.c.month == statements.c.month)
    .order_by(statements.c.month.desc(), statements.c.number, statements.c.revision)
)


class ViewRepository:
    """Reads for pages through one connection; nothing here writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._facts = FactRepository(connection)
        self._expense = ExpenseRepository(connection)

    @cached_property
    def _names(self) -> Mapping[str, PartyName]:
        query = select(parties).order_by(parties.c.kind, parties.c.name_zh, parties.c.party_id)
        return {
            row.party_id: PartyName(
                party_id=row.party_id,
                name_zh=row.name_zh,
                name_en=row.name_en,
                kind=row.kind,
                district=row.district,
            )
            for row in self._connection.execute(query)
        }

    def _name(self, party_id: str) -> PartyName:
        return self._names.get(party_id) or PartyName(party_id=party_id, name_zh=party_id)

    def party(self, party_id: str) -> PartyName | None:
        """A registered party."""
        return self._names.get(party_id)

    def parties(self) -> Sequence[PartyName]:
        """Every registered party, companies first, by name."""
        return list(self._names.values())

    def sight(self, party_id: str | None) -> Sight:
        """What a party may see."""
        return sight_of(self._connection, party_id)

    # Hosts, devices, facts

    def hosts(self, sight: Sight) -> Sequence[HostRow]:
        """The hosts a party operates or owns, by name; a relay is none, it has no devices."""
        heads = {head.host_id: head for head in self._facts.heads()}
        counts = self._device_counts()
        tenures: dict[str, list[Tenure]] = defaultdict(list)
        for tenure in self._expense.tenures():
            tenures[tenure.host_id].append(tenure)
        expiry = self._certificate_expiry()
        identity = IdentityRepository(self._connection)
        words = self._key_words(identity)
        seen = [host for host in identity.hosts() if sight.sees_host(host.host_id)]
        together = claimed_together({host.host_id: host.facts.key_token for host in seen})
        return [
            self._host_row(
                host,
                together.get(host.host_id, ()),
                words[host.host_id],
                heads.get(host.host_id),
                tenures[host.host_id],
                counts.get(host.host_id, 0),
                expiry.get(host.host_id),
            )
            for host in seen
            if not host.relay_names
        ]

    def _host_row(
        self,
        host: Host,
        claimed_by: tuple[str, ...],
        words: Sequence[KeyWord],
        head: HostHead | None,
        tenures: Sequence[Tenure],
        device_count: int,
        expires_utc_ms: int | None,
    ) -> HostRow:
        tenure = max(tenures, key=lambda t: t.interval.start, default=None)
        return HostRow(
            host_id=host.host_id,
            hostname=host.facts.hostname,
            operator=self._name(tenure.operator_id if tenure else host.operator_party_id),
            owner=self._name(tenure.owner_id) if tenure else None,
            state=host.state.value,
            state_reason=host.state_reason,
            state_utc_ms=host.state_utc_ms,
            agent_version=head.agent_version if head else host.facts.agent_version,
            operating_system=host.facts.operating_system,
            architecture=host.facts.architecture,
            enrolled_utc_ms=host.enrolled_utc_ms,
            received_utc_ms=head.received_utc_ms if head else None,
            reported_until_utc_ms=head.reported_until_utc_ms if head else None,
            clock_synchronised=head.clock_synchronised if head else None,
            clock_offset_ms=head.clock_offset_ms if head else None,
            quarantined=head.quarantined_count if head else 0,
            quarantined_since_utc_ms=head.quarantined_since_utc_ms if head else None,
            devices=device_count,
            devices_counted_only=head.devices_counted_only if head else 0,
            certificate_expires_utc_ms=expires_utc_ms,
            key=key_standing(host.facts.key_token, words),
            key_token=host.facts.key_token,
            key_token_claimed_by=claimed_by,
        )

    def _key_words(self, identity: IdentityRepository) -> Mapping[str, Sequence[KeyWord]]:
        found: dict[str, list[KeyWord]] = defaultdict(list)
        for word in identity.key_words():
            found[word.host_id].append(word)
        return found

    def _device_counts(self) -> Mapping[str, int]:
        query = select(devices.c.host_id, func.count()).group_by(devices.c.host_id)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def _certificate_expiry(self) -> Mapping[str, int]:
        query = select(host_certificates.c.host_id, host_certificates.c.expires_utc_ms).where(
            host_certificates.c.standing == CertificateStanding.CURRENT.value
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def devices(self, sight: Sight) -> Sequence[DeviceRecord]:
        """Every device that a party may see at any time, by hardware id."""
        if sight.party_id is None:
            return self._facts.devices()
        on_hosts = select(devices.c.hardware_id).where(devices.c.host_id.in_(list(sight.hosts)))
        ids = {*sight.leased, *self._connection.execute(on_hosts).scalars()}
        return self._facts.devices(ids)

    def hours(self, hardware_ids: Collection[str], window: Interval) -> Sequence[DeviceHour]:
        """Device-hours that touch a bounded window, uncut."""
        return list(self._facts.device_hours(hardware_ids, *window.bounded()))

    def gaps(self, hardware_ids: Collection[str], window: Interval) -> Sequence[ReportedGap]:
        """Reported gaps that touch a bounded window, uncut."""
        return self._facts.gaps(hardware_ids, *window.bounded())

    def stated_facts(
        self, host_ids: Collection[str], window: Interval
    ) -> Mapping[str, Sequence[StatedFact]]:
        """What hosts stated of how they read within a bounded window, by host, uncut."""
        start, end = (minute * MINUTE_MS for minute in window.bounded())
        return stated_facts(self._connection, host_ids, start, end, counted=False)

    def host_events(self, host_id: str, window: Interval, limit: int) -> Sequence[HostEvent]:
        """What a host told within a bounded window, uncut, latest first."""
        start, end = (minute * MINUTE_MS for minute in window.bounded())
        return host_events(self._connection, host_id, start, end, limit)

    def closed_months(self) -> Sequence[Month]:
        """The months that are closed, latest first."""
        query = select(closes.c.month).order_by(closes.c.month.desc())
        return [Month.parse(month) for month in self._connection.execute(query).scalars()]

    def conflicts(self, hardware_ids: Collection[str], window: Interval) -> Sequence[Conflict]:
        """Minutes that two hosts claim, within a bounded window."""
        return self._facts.conflicts(hardware_ids, *window.bounded())

    def holds(self, sight: Sight, window: Interval) -> Sequence[HoldRow]:
        """What is held, latest first; conflicts are those of a bounded window."""
        ids = [device.hardware_id for device in self.devices(sight)]
        return holds(self._connection, sight, self.hosts(sight), self.conflicts(ids, window))

    # Statements

    def statements(self, party_id: str | None) -> Sequence[StatementRow]:
        """Every revision of the statements of a user, latest month first."""
        query = _STATEMENTS
        if party_id is not None:
            query = query.where(statements.c.user_id == party_id)
        return [self._statement_row(row) for row in self._connection.execute(query)]

    def _statement_row(self, row: Row[*tuple[Any, ...]]) -> StatementRow:
        return StatementRow(
            number=row.number,
            revision=row.revision,
            latest=row.revision == row.latest_revision,
            month=Month.parse(row.month),
            user=self._name(row.user_id),
            provider=None if row.provider_id is None else self._name(row.provider_id),
            contract_id=row.contract_id,
            card_hours=Fraction(row.card_hours),
            amount_fen=row.amount_fen,
            eligible_fen=row.eligible_fen,
            closed_utc_ms=row.closed_utc_ms,
        )

    def statement_content(self, number: str, revision: int) -> bytes:
        """The canonical bytes of a revision."""
        found = self._expense.statement(number, revision)
        assert found is not None, f"{number} revision {revision} was just listed"
        return found.content

    # Certificates

    def certificates(self, party_id: str | None) -> Sequence[CertificateRow]:
        """The certificates of a user, latest first."""
        return certificate_reading.certificates_of(self._connection, party_id, self._name)

    def certificate(self, number: str) -> CertificateRow | None:
        """A certificate by its number."""
        return certificate_reading.certificate_of_number(self._connection, number, self._name)

    def certificate_of_pdf(self, pdf_sha256: str) -> CertificateRow | None:
        """The certificate whose document has these bytes."""
        return certificate_reading.certificate_of_pdf(self._connection, pdf_sha256, self._name)

    def certificate_file(self, number: str, kind: str) -> bytes | None:
        """The bytes of a certificate's file: pdf, statement, evidence or bundle."""
        return certificate_reading.certificate_file(self._connection, number, kind)

    # The audit trail

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """The latest lines of the audit trail, latest first."""
        return AccountRepository(self._connection).audit(limit)
