"""What papers ask of storage: terms of contracts, lists, invoices, payments, files, as values."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.contract import Contract
from kashi_server.domain.contract_terms import Amendment, ContractPart, ContractTerms
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.evidence_file import EvidenceFile, Subject
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus, LinePart
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.payment import Covered, Payment
from kashi_server.domain.project_description import ProjectDescription
from kashi_server.services.hosts import Host


class ContractPapersPort(Protocol):
    """Parts and amendments of contracts, declarations, and provider lists."""

    def amendments(self) -> Sequence[Amendment]:
        """All amendments, by contract and in their order."""

    def parts(self) -> Sequence[ContractPart]:
        """All parts, by contract, amendment and name."""

    def terms(self, contract_id: str) -> ContractTerms:
        """Parts and amendments of one contract; empty where nothing was stated."""

    def declarations(self, contract_id: str | None = None) -> Sequence[RelatedDeclaration]:
        """Declarations, of all contracts or one, by contract and day."""

    def projects(self, contract_id: str | None = None) -> Sequence[ProjectDescription]:
        """Descriptions of projects, of all contracts or one, by contract and day."""

    def listings(self, provider_id: str | None = None) -> Sequence[ProviderListing]:
        """Listings, of all providers or one, by id."""

    def put_amendment(self, amendment: Amendment) -> None:
        """Add an amendment; it never changes."""

    def put_part(self, part: ContractPart) -> None:
        """Add a part; it never changes."""

    def put_declaration(self, declaration: RelatedDeclaration) -> None:
        """Add a declaration; it never changes."""

    def put_project(self, project: ProjectDescription) -> None:
        """Add a description; it never changes."""

    def put_listing(self, listing: ProviderListing) -> None:
        """Add a listing, or set its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """How an invoice stands since a change, which counts from 1.

    Attributes:
        source: what told it, in the teller's words (a file's name); of a decision its document.
        decided: two officers put it right.
        by_reds: red invoices made it so, and no word of how it stands.
    """

    number: str
    change: int
    status: InvoiceStatus
    source: str
    told_by: str
    told_utc_ms: int
    decided: bool = False
    by_reds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMapping:
    """A line's part, and who said so."""

    number: str
    part: LinePart
    mapped_by: str
    mapped_utc_ms: int
    version: int = 1
    """Of which content of the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInvoice:
    """An invoice as it stands: what it says, how it stands, which parts its lines are for.

    `version` tells which of several contents of its number stands; 1 is what was taken first.
    """

    invoice: Invoice
    status: InvoiceStatus
    parts: tuple[LinePart, ...]
    added_utc_ms: int
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVersion:
    """One of several contents that were told of one number; it is kept whether it stands or not.

    Attributes:
        version: counts from 1, what was taken first.
        status: how it stood by the same word; of one content the latest counts.
        source: the file that told it, or the document of the officers who did.
    """

    version: int
    invoice: Invoice
    status: InvoiceStatus
    source: str
    told_by: str
    told_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDecision:
    """Two officers' word which content of a number stands.

    Attributes:
        decision: counts from 1 for each number.
        version: what stands since.
        seen: how many versions there were then: a later one is contested anew.
    """

    number: str
    decision: int
    version: int
    seen: int
    document: str
    reason: str
    decided_by: str
    decided_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What a claim took of a part of an invoice, including tax; negative: gave back."""

    number: str
    contract_id: str
    part: str
    claim_id: str
    amount_fen: int
    allocated_by: str
    reason: str
    allocated_utc_ms: int
    allocation_id: int | None = None
    """Given when it is stored."""


class InvoicesPort(Protocol):
    """Invoices, how they stand, what their lines are for and what claims took of them."""

    def lock(self, number: str) -> None:
        """Keep others from changing or claiming this invoice until the unit ends.

        Lock several in the order of their numbers.
        """

    def invoice(self, number: str) -> StoredInvoice | None:
        """One invoice."""

    def invoices(
        self,
        *,
        party_id: str | None = None,
        contract_id: str | None = None,
        numbers: Collection[str] | None = None,
    ) -> Sequence[StoredInvoice]:
        """Invoices by day and number: of a party, with lines for a contract, of these numbers."""

    def reds_of(self, number: str) -> Sequence[Invoice]:
        """The red invoices that take back something of this one."""

    def statuses(self, number: str | None = None) -> Sequence[StatusChange]:
        """Every change of how invoices stand, in order."""

    def mappings(self) -> Sequence[LineMapping]:
        """What each line is for now, by number and line."""

    def allocations(
        self, *, number: str | None = None, claim_id: str | None = None
    ) -> Sequence[Allocation]:
        """What was taken and given back, in order."""

    def add(self, invoice: Invoice, utc_ms: int) -> None:
        """Add an invoice with its lines."""

    def versions(self, number: str | None = None) -> Sequence[InvoiceVersion]:
        """Contents that were told of one number, or all; none where only one ever was."""

    def lines_beside(self) -> Mapping[tuple[str, int], Sequence[InvoiceLine]]:
        """Lines of contents that stood and do not stand now, by number and version."""

    def decisions(self, number: str | None = None) -> Sequence[InvoiceDecision]:
        """Which of them stood since when, in order."""

    def told_since_decided(self) -> Sequence[str]:
        """Numbers of which a content, or a word of one, came after the last decision, in order."""

    def add_version(self, version: InvoiceVersion) -> None:
        """Keep a content."""

    def decide(self, decision: InvoiceDecision, invoice: Invoice) -> None:
        """Keep a decision, and let this content stand."""

    def tell_blue(self, number: str, blue_number: str) -> None:
        """Say which invoice a red one takes back, which it did not say."""

    def add_status(self, change: StatusChange) -> None:
        """Add how it stands now."""

    def map_line(self, mapping: LineMapping) -> None:
        """Say which part a line is for.

        Raises:
            Refused: claims hold a part of the invoice and the line had one already.
        """

    def allocate(self, allocation: Allocation) -> int:
        """Add an allocation; its id.

        Raises:
            Refused: it leaves a bound.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReturn:
    """What of a payment no longer counts for an invoice: it went back, or was never paid.

    Attributes:
        document: what shows it.
        decided_by: both officers.
        return_id: given when it is stored.
    """

    payer_id: str
    reference: str
    number: str
    amount_fen: int
    document: str
    decided_by: str
    told_utc_ms: int
    return_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayment:
    """A payment, what it covers as it was booked, and what of that went back."""

    payment: Payment
    covers: tuple[Covered, ...]
    added_by: str
    added_utc_ms: int
    returns: tuple[PaymentReturn, ...] = ()

    @property
    def counted(self) -> dict[str, int]:
        """By invoice what still counts of what it covers, in fen."""
        counted = {one.number: one.amount_fen for one in self.covers}
        for one in self.returns:
            counted[one.number] -= one.amount_fen
        return counted


class PaymentsPort(Protocol):
    """Payments of companies to providers."""

    def lock(self, payer_id: str, reference: str) -> None:
        """Keep others from changing this payment until the unit ends."""

    def payment(self, payer_id: str, reference: str) -> StoredPayment | None:
        """One payment."""

    def payments(self, party_id: str | None = None) -> Sequence[StoredPayment]:
        """Payments by day, payer and reference; of all parties, or those one paid or got."""

    def covered_fen(self, number: str, party_id: str | None = None) -> int:
        """How much of an invoice is paid, less what went back; by all, or by or to one party."""

    def add(self, payment: Payment, added_by: str, utc_ms: int) -> None:
        """Add a payment."""

    def cover(self, payment: Payment, covered: Covered) -> None:
        """Say what it covers.

        Raises:
            Refused: the payment or the invoice does not reach so far.
        """

    def give_back(self, made: PaymentReturn) -> int:
        """Add what no longer counts; its id.

        Raises:
            Refused: less was covered.
        """


class FilesPort(Protocol):
    """What is known of evidence files; their bytes stand in the store."""

    def files(
        self,
        *,
        owner_id: str | None = None,
        subject: Subject | None = None,
        sha256: str | None = None,
    ) -> Sequence[EvidenceFile]:
        """Files in the order in which they were added."""

    def add(self, file: EvidenceFile) -> None:
        """Add a file."""


class PapersExpensePort(Protocol):
    """What papers ask of agreements."""

    def lock(self) -> None:
        """Keep others from changing agreements until the unit ends."""

    def contracts(self) -> Sequence[Contract]:
        """All contracts, by id."""


class PapersLogPort(Protocol):
    """The end of the log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Hand an entry to the sequencer."""


class PapersHostsPort(Protocol):
    """What papers ask of the hosts."""

    def hosts(self, operator_party_id: str | None = None) -> Sequence[Host]:
        """All hosts, or those of one operator, by name."""


class PapersUnit(Protocol):
    """A unit of work as papers need it."""

    @property
    def expense(self) -> PapersExpensePort:
        """Agreements."""

    @property
    def papers(self) -> ContractPapersPort:
        """Terms of contracts and provider lists."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""

    @property
    def payments(self) -> PaymentsPort:
        """Payments."""

    @property
    def files(self) -> FilesPort:
        """Evidence files."""

    @property
    def identity(self) -> PapersHostsPort:
        """Hosts."""

    @property
    def log(self) -> PapersLogPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class PapersWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[PapersUnit]:
        """Open one."""
