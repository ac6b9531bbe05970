"""Papers as pages show and take them: read under the reader's own rows, taken with the account.

Whoever reads sees papers through the portal's role, which the database holds to the reader's rows;
whoever adds goes through the services of papers, which know the acting party.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kashi_server.domain.contract import Contract
from kashi_server.domain.evidence_file import EvidenceFile, Subject
from kashi_server.domain.invoice import LinePart
from kashi_server.errors import NotFound
from kashi_server.services.acting import Acting
from kashi_server.services.evidence_files import ByteStore, ClaimOwner, EvidenceFiles
from kashi_server.services.invoice_contents import (
    ContestedNumber,
    ToldContents,
    contested_numbers,
    told_beside,
    told_contents,
)
from kashi_server.services.invoice_sight import own_allocations
from kashi_server.services.invoice_watch import InvoiceWatch
from kashi_server.services.invoices import InvoiceHistory, InvoiceKeeping, TakenInvoices
from kashi_server.services.paper_files import PaperFiles
from kashi_server.services.papers_port import (
    Allocation,
    PapersUnit,
    PapersWork,
    StoredInvoice,
    StoredPayment,
)
from kashi_server.services.payments import PaymentKeeping, TakenPayments
from kashi_server.services.scoped import PartyWork, ReaderWork
from kashi_server.services.sheets import SheetReader
from kashi_server.services.sight import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A file as it came: its name as people know it, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperList:
    """The papers of a reader."""

    invoices: Sequence[StoredInvoice]
    payments: Sequence[StoredPayment]
    files: Sequence[EvidenceFile]
    contracts: Sequence[Contract]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceShown:
    """An invoice with its history, what claims took of it, and the parts its lines may be for.

    `told`: what the reader may see of several contents of its number.
    """

    history: InvoiceHistory
    told: ToldContents
    allocations: Sequence[Allocation]
    parts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperStores:
    """What the desk stands on.

    Attributes:
        work: the database's owner, for what is taken.
        portal_work: the portal's role, for what is read.
        bytes: keeps evidence files by their hash.
        read_xlsx: reads spreadsheets.
        watch: is told of invoices that claims hold.
        claim_owner: tells whose a claim is.
    """

    work: PapersWork
    portal_work: PartyWork[PapersUnit]
    bytes: ByteStore
    read_xlsx: SheetReader
    watch: InvoiceWatch | None = None
    claim_owner: ClaimOwner | None = None


class PaperDesk:
    """Lists and takes papers."""

    def __init__(self, stores: PaperStores, clock: Callable[[], int]) -> None:
        """Over its stores; `clock` gives UTC milliseconds."""
        self._stores = stores
        self._clock = clock

    def papers(self, reader: Reader) -> PaperList:
        """Everything a reader sees."""
        work, acting = self._reading(reader), _of(reader, "reader")
        return PaperList(
            invoices=InvoiceKeeping(work, self._clock).all(acting),
            payments=PaymentKeeping(work, self._clock).all(acting),
            files=EvidenceFiles(work, self._stores.bytes, self._clock).all(acting),
            contracts=self._contracts(reader),
        )

    def invoice(self, reader: Reader, number: str) -> InvoiceShown:
        """One invoice.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        work = self._reading(reader)
        history = InvoiceKeeping(work, self._clock).show(number, _of(reader, "reader"))
        sides = {history.stored.invoice.seller_id, history.stored.invoice.buyer_id}
        with work.begin(writes=False) as unit:
            allocations = unit.invoices.allocations(number=number)
            parts = {(one.contract_id, one.part) for one in unit.papers.parts()}
            told = told_contents(unit, number, _of(reader, "reader"))
        known = self._contracts(reader)
        contracts = {one.contract_id for one in known if one.sides == sides}
        # What a company claims of its invoice is no business of whoever issued it.
        buys = reader.may_read(history.stored.invoice.buyer_id)
        return InvoiceShown(
            history=history,
            told=told,
            allocations=own_allocations(allocations, known, reader.party_id) if buys else (),
            parts=sorted(one for one in parts if one[0] in contracts),
        )

    def invoices_of(self, reader: Reader, contract_id: str) -> Sequence[StoredInvoice]:
        """The reader's invoices with lines for a contract, by day and number."""
        keeping = InvoiceKeeping(self._reading(reader), self._clock)
        return keeping.all(_of(reader, "reader"), contract_id)

    def told(self, reader: Reader, number: str) -> ToldContents:
        """A party's own contents of a number that stands as others' invoice.

        Raises:
            NotFound: no content of it names the reader.
        """
        with self._reading(reader).begin(writes=False) as unit:
            return told_beside(unit, number, _of(reader, "reader"))

    def contested(self, reader: Reader) -> Sequence[ContestedNumber]:
        """Numbers of several contents that await two officers, the longest waiting first.

        Raises:
            NotFound: the reader is not of the office.
        """
        if not reader.role.sees_everything:
            raise NotFound("有争议的发票仅供主管部门查看。contested invoices are the office's")
        with self._reading(reader).begin(writes=False) as unit:
            return contested_numbers(unit)

    def file(self, reader: Reader, sha256: str) -> tuple[EvidenceFile, bytes]:
        """An evidence file and its bytes.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        work = self._reading(reader)
        return EvidenceFiles(work, self._stores.bytes, self._clock).get(
            sha256, _of(reader, "reader")
        )

    def take_invoices(
        self, reader: Reader, login: str, file: Uploaded
    ) -> tuple[TakenInvoices, int]:
        """Take the invoices of an export of the tax bureau or of an invoice's XML.

        Returns:
            What was taken, and how many rows were passed by as others'.

        Raises:
            MistakesFound: every mistake with its row and column; nothing was taken.
        """
        files = PaperFiles(self._stores.read_xlsx, lambda: self._contracts(reader))
        read = files.invoices(file.name, file.content)
        keeping = InvoiceKeeping(self._stores.work, self._clock, self._stores.watch)
        return keeping.take(read.invoices, _of(reader, login)), read.passed_by

    def take_payments(self, reader: Reader, login: str, file: Uploaded) -> TakenPayments:
        """Take the payments of a bank's export.

        Raises:
            MistakesFound: every mistake with its row and column; nothing was taken.
        """
        files = PaperFiles(self._stores.read_xlsx, lambda: self._contracts(reader))
        read = files.payments(file.name, file.content)
        return PaymentKeeping(self._stores.work, self._clock).take(
            read.payments, _of(reader, login)
        )

    def add_file(
        self, reader: Reader, login: str, file: Uploaded, subject: Subject
    ) -> EvidenceFile:
        """Keep an evidence file of the reader's party.

        Raises:
            InvalidValue: it is too large, empty, or of a kind that is no evidence.
            NotFound: there is no such subject for this party.
            Refused: the subject holds as many files as it may.
        """
        if reader.party_id is None:
            raise NotFound("主管部门不能加入自己的证据文件。the office adds no evidence of its own")
        files = EvidenceFiles(
            self._stores.work, self._stores.bytes, self._clock, self._stores.claim_owner
        )
        return files.add(
            file.content,
            name=file.name,
            owner_id=reader.party_id,
            subject=subject,
            acting=_of(reader, login),
        )

    def map_lines(self, reader: Reader, login: str, number: str, parts: Sequence[LinePart]) -> None:
        """Say which parts of contracts the lines of an invoice are for.

        Raises:
            NotFound: there is no such invoice for this reader.
            Refused: there is no such line or part, or claims hold a part of the invoice.
        """
        self.invoice(reader, number)
        keeping = InvoiceKeeping(self._stores.work, self._clock, self._stores.watch)
        keeping.map_lines(number, parts, _of(reader, login))

    def _reading(self, reader: Reader) -> ReaderWork[PapersUnit]:
        return ReaderWork(self._stores.portal_work, reader)

    def _contracts(self, reader: Reader) -> Sequence[Contract]:
        with self._reading(reader).begin(writes=False) as unit:
            found = unit.expense.contracts()
        return [one for one in found if reader.party_id is None or reader.party_id in one.sides]


def _of(reader: Reader, login: str) -> Acting:
    return Acting(actor=login, party_id=reader.party_id)
