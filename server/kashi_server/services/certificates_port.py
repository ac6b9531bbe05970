"""What issuing certificates asks of storage and of the press, in plain values."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from kashi_server.domain.certificate import (
    Certificate,
    CertificateStatus,
    Seal,
    TimeStamping,
)
from kashi_server.domain.certificate_parts import CertificateParts
from kashi_server.domain.device import ReportReference
from kashi_server.domain.interval import Month
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.acts import ActsPort
from kashi_server.services.expense_port import Close, StatementHead, StoredStatement
from kashi_server.services.facts_port import Place, StoredReport
from kashi_server.services.hosts import Host
from kashi_server.services.log_port import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCertificate:
    """A certificate as it is stored, with its latest status.

    `month` is the last it certifies; `first_month` the first of several, None where there is one.
    """

    number: str
    month: Month
    serial: int
    code: str
    user_id: str
    provider_id: str | None
    statement_number: str
    statement_revision: int
    supersedes: str | None
    issued_utc_ms: int
    demo: bool
    statement_sha256: str
    evidence_sha256: str
    pdf_sha256: str
    card_hours: str
    amount_fen: int
    eligible_fen: int
    edition: int
    first_month: Month | None
    contract_id: str | None
    status: CertificateStatus
    status_reason: str
    status_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What became of a certificate, when, why and by whom."""

    number: str
    status: CertificateStatus
    reason: str
    actor: str
    utc_ms: int


class ChangingPort(Protocol):
    """What changing a certificate's status asks of the repository of certificates."""

    def lock_month(self, month: Month) -> None:
        """Let nobody else issue for a month until the unit ends."""

    def add_change(self, change: StatusChange) -> None:
        """Add what became of a certificate."""

    def certificate(self, number: str) -> StoredCertificate | None:
        """A certificate by its number."""


class CertificatesPort(ChangingPort, Protocol):
    """The repository of certificates."""

    def next_serial(self, month: Month) -> int:
        """The serial after the last one of a month."""

    def add(
        self,
        certificate: StoredCertificate,
        statements: Sequence[StoredStatement],
        files: Mapping[str, bytes],
        actor: str,
    ) -> None:
        """Add a certificate with what it certifies, its files and its first status."""

    def certificate_of(self, number: str, revision: int) -> StoredCertificate | None:
        """The latest edition of the certificate of a statement revision."""

    def certifying(self, number: str, revision: int) -> Sequence[StoredCertificate]:
        """Every certificate that is of a statement revision, alone or with other months."""

    def stated(
        self, contract_id: str | None, provider_id: str | None, day: date
    ) -> Mapping[str, object]:
        """What papers say of a contract, its parties and its money until a day; by kind."""

    def certificates(
        self, *, month: Month | None = None, user_id: str | None = None
    ) -> Sequence[StoredCertificate]:
        """Certificates by number."""

    def file(self, number: str, kind: str) -> bytes | None:
        """A certificate's pdf, certificate, summary, lines, statement, evidence or bundle."""

    def history(self, number: str) -> Sequence[StatusChange]:
        """What became of a certificate, oldest first."""


class ExpensePort(Protocol):
    """What issuing reads of the expense."""

    def close_of(self, month: Month) -> Close | None:
        """How a month was closed; None: it is open."""

    def statement_of(self, contract_id: str, month: Month) -> StoredStatement | None:
        """The latest revision of a contract's statement of a month."""

    def latest_statements(self, first: Month, last: Month) -> Sequence[StatementHead]:
        """Latest revisions of the statements of some months, by user and number."""

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """A revision of a statement, or its latest."""

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """Rules versions of a programme."""


class FactsPort(Protocol):
    """What evidence reads of the facts."""

    def report_references(
        self, host_ids: Collection[str], start_minute: int, end_minute: int
    ) -> Sequence[ReportReference]:
        """Stored reports that touch [start, end), by host and place."""

    def counted_within(
        self, host_id: str, start_utc_ms: int, end_utc_ms: int
    ) -> Sequence[StoredReport]:
        """Counted reports of a host that touch [start, end), with their receipts."""

    def restored(self, host_id: str) -> Mapping[Place, int]:
        """When quarantined reports were restored, in UTC milliseconds."""


class HostsPort(Protocol):
    """What evidence reads of the hosts."""

    def host(self, host_id: str) -> Host | None:
        """A host with its report key."""


class IdentityPort(HostsPort, ActsPort, Protocol):
    """Hosts, and the privileged acts."""


class LogPort(Protocol):
    """What evidence reads of the log, and what issuing writes to it."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Hand an entry to the sequencer."""

    def checkpoint(self, size: int) -> Checkpoint | None:
        """The checkpoint of a size."""

    def references(self, kind: str, size: int) -> Sequence[str]:
        """References of the entries of a kind with an index below `size`."""

    def tile(self, level: int, number: int) -> bytes:
        """Hashes of a tile of the log's tree."""


class PendingPort(Protocol):
    """The end of the log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Hand an entry to the sequencer."""


class ChangingUnit(Protocol):
    """A unit of work as a change of status needs it."""

    @property
    def certificates(self) -> ChangingPort:
        """Certificates."""

    @property
    def log(self) -> PendingPort:
        """The log."""


class CertificatesUnit(Protocol):
    """A unit of work as this room needs it."""

    @property
    def certificates(self) -> CertificatesPort:
        """Certificates."""

    @property
    def expense(self) -> ExpensePort:
        """Statements and rules."""

    @property
    def facts(self) -> FactsPort:
        """Reports."""

    @property
    def identity(self) -> IdentityPort:
        """Hosts, and the privileged acts."""

    @property
    def log(self) -> LogPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class CertificatesWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[CertificatesUnit]:
        """Open one."""


class Press(Protocol):
    """Prints and signs."""

    @property
    def seal(self) -> Seal:
        """Whose signature the documents carry."""

    @property
    def time_stamping(self) -> TimeStamping:
        """Whether documents carry a time-stamp."""

    def document(self, certificate: Certificate, parts: CertificateParts) -> bytes:
        """The signed PDF, stamped where its head says so.

        Raises:
            TimeStampMissing: the authority gave no stamp.
            SigningFailed: the key cannot be used.
        """
