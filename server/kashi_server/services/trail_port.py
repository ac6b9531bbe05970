"""What explaining asks of storage."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.contract import Assignment
from kashi_server.domain.tariff import Price
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.facts_port import StoredReport
from kashi_server.services.log_port import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedLine:
    """A claim that takes a line of a statement."""

    claim_id: str
    batch_id: str
    programme_id: str
    state: str
    computed_fen: int | None
    approved_fen: int
    disbursed_fen: int
    voucher_number: str | None


class FactsPort(Protocol):
    """Facts."""

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Device-hours that touch [start, end)."""

    def counted_within(
        self, host_id: str, start_utc_ms: int, end_utc_ms: int
    ) -> Sequence[StoredReport]:
        """Counted reports of a host that touch [start, end), with their receipts."""


class ExpensePort(Protocol):
    """Statements and agreements."""

    def billing(self, hardware_id: str, minute: int) -> Sequence[StoredStatement]:
        """Every revision, of a minute's month, that has a line of a device in that minute."""

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """A revision of a statement, or its latest."""

    def prices(self) -> Sequence[Price]:
        """All prices."""

    def assignments(self) -> Sequence[Assignment]:
        """All assignments."""


class CertificatesPort(Protocol):
    """Certificates."""

    def certificate(self, number: str) -> StoredCertificate | None:
        """A certificate by its number."""

    def certified(self, number: str) -> Sequence[tuple[str, int]]:
        """Number and revision of the statements a certificate is of, in order of their months."""

    def certifying(self, number: str, revision: int) -> Sequence[StoredCertificate]:
        """Every certificate that is of a statement revision."""

    def claims_of_line(self, number: str, revision: int, line: int) -> Sequence[ClaimedLine]:
        """The claims that take a line of a statement."""


class LogPort(Protocol):
    """The log."""

    def index_of_report(self, host_id: str, epoch: int, sequence: int) -> int | None:
        """Where a report's receipt stands in the log."""

    def index_of(self, kind: str, reference: str) -> int | None:
        """Where an entry stands in the log."""

    def beginning(self, kind: str, beginning: str, size: int | None) -> Mapping[str, Entry]:
        """The latest entry of each reference that begins so, with an index below `size`."""


class ClaimsPort(Protocol):
    """Claims."""

    def events(self, claim_id: str | None = None) -> Sequence[ClaimEvent]:
        """Steps, by claim and serial."""


class ExplainingUnit(Protocol):
    """A unit of work as explaining needs it."""

    @property
    def facts(self) -> FactsPort:
        """Facts."""

    @property
    def expense(self) -> ExpensePort:
        """Statements and agreements."""

    @property
    def certificates(self) -> CertificatesPort:
        """Certificates."""

    @property
    def claims(self) -> ClaimsPort:
        """Claims."""

    @property
    def log(self) -> LogPort:
        """The log."""


class ExplainingWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ExplainingUnit]:
        """Open one."""
