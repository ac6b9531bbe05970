"""What reading for people asks of storage: rows, devices and hours; cutting is the service's."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from kashi_server.domain.device import Conflict, DeviceRecord, ReportedGap
from kashi_server.domain.host_event import HostEvent
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.stated_fact import StatedFact
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.accounts import AuditEntry
from kashi_server.services.evidence_port import StatedPort
from kashi_server.services.rows import (
    CertificateRow,
    HoldRow,
    HostRow,
    PartyName,
    StatementRow,
)
from kashi_server.services.sight import Sight


class ViewsPort(Protocol):
    """What storage reads for pages. `party_id` None reads for everybody."""

    def party(self, party_id: str) -> PartyName | None:
        """A registered party."""

    def parties(self) -> Sequence[PartyName]:
        """Every registered party, companies first, by name."""

    def sight(self, party_id: str | None) -> Sight:
        """What a party may see."""

    def hosts(self, sight: Sight) -> Sequence[HostRow]:
        """The hosts a party operates or owns, by name."""

    def devices(self, sight: Sight) -> Sequence[DeviceRecord]:
        """Every device that a party may see at any time, by hardware id."""

    def hours(self, hardware_ids: Collection[str], window: Interval) -> Sequence[DeviceHour]:
        """Device-hours that touch a bounded window, uncut."""

    def gaps(self, hardware_ids: Collection[str], window: Interval) -> Sequence[ReportedGap]:
        """Reported gaps that touch a bounded window, uncut."""

    def stated_facts(
        self, host_ids: Collection[str], window: Interval
    ) -> Mapping[str, Sequence[StatedFact]]:
        """What hosts stated of how they read within a bounded window, by host, uncut."""

    def host_events(self, host_id: str, window: Interval, limit: int) -> Sequence[HostEvent]:
        """What a host told within a bounded window, uncut, latest first."""

    def closed_months(self) -> Sequence[Month]:
        """The months that are closed, latest first."""

    def conflicts(self, hardware_ids: Collection[str], window: Interval) -> Sequence[Conflict]:
        """Minutes that two hosts claim, within a bounded window."""

    def holds(self, sight: Sight, window: Interval) -> Sequence[HoldRow]:
        """What is held, latest first; conflicts are those of a bounded window."""

    def statements(self, party_id: str | None) -> Sequence[StatementRow]:
        """Every revision of the statements of a user, latest month first."""

    def statement_content(self, number: str, revision: int) -> bytes:
        """The canonical bytes of a revision."""

    def certificates(self, party_id: str | None) -> Sequence[CertificateRow]:
        """The certificates of a user, latest first."""

    def certificate_file(self, number: str, kind: str) -> bytes | None:
        """The bytes of a certificate's file: pdf, statement, evidence or bundle."""

    def certificate_of_pdf(self, pdf_sha256: str) -> CertificateRow | None:
        """The certificate whose document has these bytes."""

    def certificate(self, number: str) -> CertificateRow | None:
        """A certificate by its number."""

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """The latest lines of the audit trail, latest first."""


class ViewsUnit(Protocol):
    """A unit of work as reading needs it."""

    @property
    def views(self) -> ViewsPort:
        """The read models."""

    @property
    def stated(self) -> StatedPort:
        """What providers state."""


class ViewsWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True, party: str = "") -> AbstractContextManager[ViewsUnit]:
        """Open one; the database itself shows it the rows of `party` only, `*` for all."""
