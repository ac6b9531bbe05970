"""Reading for people: every method takes the reader, and nothing leaves that is not theirs.

A thing that belongs to somebody else is answered like a thing that does not exist: `NotFound`, with
the same words. Everything is read before a method returns; no page holds a transaction open.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from kashi_server.domain.certificate import CertificateNumber
from kashi_server.domain.device import DeviceRecord, ReportedGap
from kashi_server.domain.host_event import HostEvent
from kashi_server.domain.interval import MINUTE_MS, Interval, Month
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.services.accounts import AuditEntry, Role
from kashi_server.services.attested_usage import AttestedUsage, attested_usage
from kashi_server.services.month_usage import MonthUsage, Observations, usage_of
from kashi_server.services.rows import (
    CertificateRow,
    CompanyMonth,
    HoldRow,
    HostRow,
    PartyName,
    StatementDocument,
    StatementRow,
)
from kashi_server.services.seen_gaps import seen_gap
from kashi_server.services.sight import Reader, Sight
from kashi_server.services.stated import Stated, stated_within
from kashi_server.services.views_port import ViewsPort, ViewsUnit, ViewsWork

AUDIT_LINES = 200
CONFLICT_DAYS = 62
EVENTS_MAX = 500
EVERYBODY = "*"
NOT_THERE = "没有此项，或不属于您的账号。there is no such thing for this reader"


class Views:
    """Everything pages read; `clock` tells UTC milliseconds."""

    def __init__(self, work: ViewsWork, clock: Callable[[], int]) -> None:
        self._work = work
        self._clock = clock

    def _reading(self, party_id: str | None) -> AbstractContextManager[ViewsUnit]:
        return self._work.begin(writes=False, party=EVERYBODY if party_id is None else party_id)

    def party(self, reader: Reader, party_id: str) -> PartyName:
        """A party that the reader may look at.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        with self._reading(reader.party_id) as unit:
            found = unit.views.party(party_id) if reader.may_read(party_id) else None
        if found is None:
            if reader.party_id == party_id:
                return PartyName(party_id=party_id, name_zh=party_id)
            raise NotFound(NOT_THERE)
        return found

    def parties(self, reader: Reader) -> Sequence[PartyName]:
        """The parties a reader may look at: everybody's for the office, one's own otherwise."""
        with self._reading(reader.party_id) as unit:
            return [p for p in unit.views.parties() if reader.may_read(p.party_id)]

    def month_usage(self, reader: Reader, party_id: str | None, month: Month) -> MonthUsage:
        """A party's month, cut to what it may see; None: of every device, for the office.

        Raises:
            NotFound: the party is not the reader's.
        """
        if party_id is None and not reader.role.sees_everything:
            raise NotFound(NOT_THERE)
        if party_id is not None and not reader.may_read(party_id):
            raise NotFound(NOT_THERE)
        return self._usage(party_id, None, month.interval())

    def attested_usage(self, reader: Reader, party_id: str, month: Month) -> AttestedUsage:
        """What was stated of a party's month and countersigned.

        Raises:
            NotFound: the party is not the reader's.
        """
        if not reader.may_read(party_id):
            raise NotFound(NOT_THERE)
        with self._reading(party_id) as unit:
            stored = unit.stated.countersigned(*month.interval().bounded())
        return attested_usage(stored, party_id, month)

    def device_usage(
        self, reader: Reader, hardware_id: str, window: Interval
    ) -> tuple[DeviceRecord, MonthUsage]:
        """One device in a window, cut to what the reader may see of it at all.

        Raises:
            NotFound: the reader never sees the device.
        """
        device = self._device(reader, hardware_id)
        return device, self._usage(reader.party_id, hardware_id, window)

    def device_hours(
        self, reader: Reader, hardware_id: str, day: Interval
    ) -> Sequence[tuple[Interval, MonthUsage]]:
        """One device hour by hour through a day.

        Raises:
            NotFound: the reader never sees the device.
        """
        self._device(reader, hardware_id)
        start, end = day.bounded()
        with self._reading(reader.party_id) as unit:
            sight = unit.views.sight(reader.party_id)
            observations = _observations(unit.views, sight, hardware_id, day)
        steps = (Interval(minute, min(end, minute + 60)) for minute in range(start, end, 60))
        return [(step, usage_of(sight, observations, step, self._now())) for step in steps]

    def _device(self, reader: Reader, hardware_id: str) -> DeviceRecord:
        with self._reading(reader.party_id) as unit:
            sight = unit.views.sight(reader.party_id)
            for device in unit.views.devices(sight):
                if device.hardware_id == hardware_id and _ever_seen(sight, device):
                    return device
        raise NotFound(NOT_THERE)

    def _usage(self, party_id: str | None, hardware_id: str | None, window: Interval) -> MonthUsage:
        with self._reading(party_id) as unit:
            sight = unit.views.sight(party_id)
            observations = _observations(unit.views, sight, hardware_id, window)
        return usage_of(sight, observations, window, self._now())

    def _now(self) -> int:
        return self._clock() // MINUTE_MS

    def gaps(self, reader: Reader, party_id: str | None, window: Interval) -> Sequence[ReportedGap]:
        """Reported gaps in a bounded window, cut to what a party may see, latest first.

        Raises:
            NotFound: the party is not the reader's.
        """
        if not reader.role.sees_everything and reader.party_id != party_id:
            raise NotFound(NOT_THERE)
        with self._reading(reader.party_id) as unit:
            sight = unit.views.sight(party_id)
            devices = {d.hardware_id: d for d in unit.views.devices(sight)}
            gaps = unit.views.gaps(devices.keys(), window)
        cut = [part for gap in gaps for part in seen_gap(sight, devices, gap, window)]
        return sorted(cut, key=lambda gap: (-gap.start_utc_ms, gap.hardware_id))

    def hosts(self, reader: Reader) -> Sequence[HostRow]:
        """The hosts a reader operates or owns; all of them for the office."""
        with self._reading(reader.party_id) as unit:
            return unit.views.hosts(unit.views.sight(reader.party_id))

    def host(self, reader: Reader, host_id: str) -> HostRow:
        """One host.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        for host in self.hosts(reader):
            if host.host_id == host_id:
                return host
        raise NotFound(NOT_THERE)

    def devices_of(self, reader: Reader, host_id: str) -> Sequence[DeviceRecord]:
        """The devices that ever served on a host of the reader.

        Raises:
            NotFound: the host is not the reader's.
        """
        self.host(reader, host_id)
        with self._reading(reader.party_id) as unit:
            devices = unit.views.devices(unit.views.sight(reader.party_id))
        return [device for device in devices if host_id in device.host_ids]

    def stated(self, reader: Reader, window: Interval) -> Mapping[str, Stated]:
        """What the reader's hosts stated of how they read in a bounded window, and the doubts that
        follow from it, by host."""
        with self._reading(reader.party_id) as unit:
            sight = unit.views.sight(reader.party_id)
            hosts = [host.host_id for host in unit.views.hosts(sight)]
            told = unit.views.stated_facts(hosts, window)
        return {host_id: stated_within(sight, host_id, facts) for host_id, facts in told.items()}

    def events(self, reader: Reader, host_id: str, window: Interval) -> Sequence[HostEvent]:
        """What one of the reader's hosts told in a bounded window, latest first, cut to the minutes
        in which the reader sees the host itself."""
        with self._reading(reader.party_id) as unit:
            sight = unit.views.sight(reader.party_id)
            told = unit.views.host_events(host_id, window, EVENTS_MAX)
        if sight.party_id is None:
            return told
        seen = sight.hosts.get(host_id, ())
        return [one for one in told if any(one.utc_ms // MINUTE_MS in span for span in seen)]

    def settled_month(self, reader: Reader) -> Month | None:
        """The last month with statements of the reader; of a provider, whose statements are its
        tenants', the last closed one. None: there is none yet."""
        months = [row.month for row in self.statements(reader)]
        if not months and reader.role is Role.PROVIDER:
            with self._reading(reader.party_id) as unit:
                months = list(unit.views.closed_months())
        return max(months, default=None)

    def last_closed(self) -> Month | None:
        """The last month that is closed, whoever asks; None: none is."""
        with self._reading(None) as unit:
            return next(iter(unit.views.closed_months()), None)

    def holds(self, reader: Reader) -> Sequence[HoldRow]:
        """What is held or must be looked at."""
        with self._reading(reader.party_id) as unit:
            now = self._now()
            window = Interval(now - CONFLICT_DAYS * 1440, now + 1)
            return unit.views.holds(unit.views.sight(reader.party_id), window)

    def statements(self, reader: Reader, month: Month | None = None) -> Sequence[StatementRow]:
        """The latest revisions of the statements a reader may read."""
        with self._reading(reader.party_id) as unit:
            rows = unit.views.statements(reader.party_id)
        return [row for row in rows if row.latest and month in (None, row.month)]

    def statement(
        self, reader: Reader, number: str, revision: int | None = None
    ) -> StatementDocument:
        """A statement's revision, the latest where none is named.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        with self._reading(reader.party_id) as unit:
            rows = [r for r in unit.views.statements(reader.party_id) if r.number == number]
            for row in rows:
                if row.latest if revision is None else row.revision == revision:
                    return StatementDocument(
                        row=row,
                        revisions=tuple(sorted(r.revision for r in rows)),
                        content=unit.views.statement_content(number, row.revision),
                    )
        raise NotFound(NOT_THERE)

    def company_months(self, reader: Reader) -> Sequence[CompanyMonth]:
        """Closed months by company, latest first, then by name."""
        sums: dict[tuple[Month, str], list[StatementRow]] = defaultdict(list)
        for row in self.statements(reader):
            sums[row.month, row.user.party_id].append(row)
        months = [CompanyMonth.of(rows) for rows in sums.values()]
        months.sort(key=lambda m: (m.user.name_zh, m.user.party_id))
        return sorted(months, key=lambda m: m.month, reverse=True)

    def certificates(self, reader: Reader) -> Sequence[CertificateRow]:
        """The certificates a reader may download."""
        with self._reading(reader.party_id) as unit:
            return unit.views.certificates(reader.party_id)

    def certificate(self, reader: Reader, number: str) -> CertificateRow:
        """One certificate.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        with self._reading(reader.party_id) as unit:
            found = unit.views.certificate(number)
        if found is None or not reader.may_read(found.user.party_id):
            raise NotFound(NOT_THERE)
        return found

    def certificate_file(self, reader: Reader, number: str, kind: str) -> bytes:
        """The bytes of a certificate's pdf, statement, evidence or bundle.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        self.certificate(reader, number)
        with self._reading(reader.party_id) as unit:
            content = unit.views.certificate_file(number, kind)
        if content is None:
            raise NotFound(NOT_THERE)
        return content

    def verify_number(self, number: str) -> CertificateRow | None:
        """The certificate that a number names, for anybody who has the document's code too."""
        try:
            canonical = str(CertificateNumber.parse(number))
        except InvalidValue:
            return None
        with self._reading(None) as unit:
            return unit.views.certificate(canonical)

    def verify_document(self, pdf_sha256: str) -> CertificateRow | None:
        """The certificate whose PDF has this hash, for anybody who holds the document."""
        with self._reading(None) as unit:
            return unit.views.certificate_of_pdf(pdf_sha256)

    def audit(self, reader: Reader) -> Sequence[AuditEntry]:
        """The latest lines of the audit trail.

        Raises:
            NotFound: the reader is not of the office.
        """
        if not reader.role.sees_everything:
            raise NotFound(NOT_THERE)
        with self._reading(reader.party_id) as unit:
            return unit.views.audit(AUDIT_LINES)


def _observations(
    views: ViewsPort, sight: Sight, hardware_id: str | None, window: Interval
) -> Observations:
    devices = [d for d in views.devices(sight) if hardware_id in (None, d.hardware_id)]
    ids = [device.hardware_id for device in devices]
    return Observations(
        devices=devices, hours=views.hours(ids, window), conflicts=views.conflicts(ids, window)
    )


def _ever_seen(sight: Sight, device: DeviceRecord) -> bool:
    return any(
        sight.cut(device.hardware_id, window.host_id, window.interval) for window in device.windows
    )
