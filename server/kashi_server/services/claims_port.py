"""What claims ask of storage: batches, claims, their steps, what they hold, and papers to look up.

Papers are read through small values of this room, so that it asks other rooms for no more.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Protocol

from kashi_server.domain.batch import Batch
from kashi_server.domain.claim import Claim
from kashi_server.domain.claim_content import ClaimContent, Officially, StatementRevision
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.contract import Contract
from kashi_server.domain.interval import Month
from kashi_server.domain.money import yuan_text
from kashi_server.domain.party import Party
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.taxed import Taxed
from kashi_server.services.accounts import Account
from kashi_server.services.acts import PrivilegedAct
from kashi_server.services.certificates_port import ChangingPort
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.ledger_port import LedgerPort
from kashi_server.services.papers_port import Allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClaim:
    """A claim with its batch, the batch's rules, what it says, and what the office says of it."""

    claim: Claim
    batch: Batch
    rules: RulesVersion
    content: ClaimContent
    officially: Officially
    drafted_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvaluation:
    """An evaluation of a claim: the bytes it read and made.

    `requested_fen`: what it came to before the pool.
    """

    claim_id: str
    serial: int
    utc_ms: int
    rules_sha256: str
    inputs: bytes
    inputs_sha256: str
    trace: bytes
    status: str
    requested_fen: int | None
    amount_fen: int | None

    def told(self) -> dict[str, object]:
        """What its step's event says of it."""
        fen = {"computed_yuan": self.amount_fen, "requested_yuan": self.requested_fen}
        return {
            **{name: None if one is None else yuan_text(one) for name, one in fen.items()},
            "status": self.status,
            "rules_sha256": self.rules_sha256,
            "inputs_sha256": self.inputs_sha256,
            "trace_sha256": sha256(self.trace).hexdigest(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a first officer proposes; a second one with the same terms carries it out."""

    claim_id: str
    serial: int
    step: str
    officer: str
    terms: bytes
    reason: str
    utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLine:
    """Minutes of a device that a claim holds, by the rated line that bills them; `hardware_key` is
    the same for every id of one piece of hardware, and what two claims' minutes are compared by."""

    claim_id: str
    number: str
    revision: int
    line: int
    programme_id: str
    hardware_id: str
    hardware_key: str
    start_minute: int
    end_minute: int
    use_serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPart:
    """What a claim holds of an invoice's part; `part_fen`: what its lines come to."""

    claim_id: str
    number: str
    contract_id: str
    part: str
    programme_id: str
    amount_fen: int
    part_fen: int
    use_serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPaper:
    """A part of a contract as it stands."""

    contract_id: str
    part: str
    item: str
    amount: Taxed
    owned: bool
    domestic: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaper:
    """An invoice's part of a contract: what its lines come to.

    `total_fen`: all of the invoice, less what red ones took back; `claimable`: it is neither
    red-flushed nor void.
    """

    number: str
    seller_id: str
    buyer_id: str
    issued_on: date
    contract_id: str
    part: str
    amount: Taxed
    total_fen: int
    claimable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPaper:
    """What of a payment covers one invoice."""

    payer_id: str
    reference: str
    payee_id: str
    paid_on: date
    amount_fen: int
    number: str
    covered_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePaper:
    """A file that was uploaded about something of the claim."""

    sha256: str
    name: str
    subject: str
    size_bytes: int


class PapersPort(Protocol):
    """Papers as claims look them up."""

    def parts(self, contract_id: str) -> Sequence[PartPaper]:
        """The parts of a contract as amended, by name."""

    def invoice_parts(self, contract_id: str, number: str | None = None) -> Sequence[InvoicePaper]:
        """What invoices say of a contract's parts, by number and part."""

    def payments(self, payer_id: str) -> Sequence[PaymentPaper]:
        """A company's payments, one row an invoice that they cover, by reference."""

    def listed_from(self, provider_id: str, service_item: str | None, day: date) -> date | None:
        """Since when a provider's service item is listed on a day; None: it is not."""

    def related(self, contract_id: str) -> bool | None:
        """Whether both sides declared to be related; None: they declared nothing."""

    def evidence(self, owner_id: str, subjects: Sequence[str]) -> Sequence[EvidencePaper]:
        """Files about these subjects, like `invoice:NUMBER`, by subject and name."""


class ClaimsPort(Protocol):
    """Batches and claims."""

    def add_batch(self, batch: Batch, utc_ms: int) -> None:
        """Add a batch."""

    def close_batch(self, batch_id: str) -> None:
        """It takes no applications any more."""

    def batch(self, batch_id: str) -> Batch | None:
        """A batch."""

    def batches(self, programme_id: str | None = None) -> Sequence[Batch]:
        """Batches, by id."""

    def next_number(self, batch_id: str) -> int:
        """One more than the claims of a batch; nobody else gets it until the unit ends."""

    def add_claim(self, stored: StoredClaim) -> None:
        """Add a draft."""

    def put_claim(self, stored: StoredClaim) -> None:
        """Write what a claim has become."""

    def lock_contracts(self, contract_ids: Sequence[str]) -> None:
        """Let no other step of claims on these contracts begin until the unit ends."""

    def claim(self, claim_id: str, *, lock: bool = False) -> StoredClaim | None:
        """A claim; locked until the unit ends."""

    def claims(
        self,
        *,
        batch_id: str | None = None,
        programme_id: str | None = None,
        party_id: str | None = None,
        company_id: str | None = None,
        contract_ids: Sequence[str] | None = None,
    ) -> Sequence[StoredClaim]:
        """Claims by id; `party_id`: those it makes or is paid for; `company_id`: makes."""

    def add_event(self, event: ClaimEvent) -> None:
        """Add a step."""

    def event_of(self, key: str) -> ClaimEvent | None:
        """The step of a key."""

    def events(self, claim_id: str | None = None) -> Sequence[ClaimEvent]:
        """Steps, by claim and serial."""

    def having(self, steps: Sequence[str]) -> Sequence[str]:
        """Claims that took any of these steps, by id."""

    def add_evaluation(self, evaluation: StoredEvaluation) -> None:
        """Add an evaluation."""

    def evaluations(self, claim_id: str) -> Sequence[StoredEvaluation]:
        """A claim's evaluations, oldest first."""

    def requested_fen(self, batch_id: str, but: str) -> int:
        """What the latest evaluations of a batch's other claims that stand came to before the
        pool."""

    def propose(self, proposal: Proposal) -> None:
        """Keep a proposal; a new one of the officer replaces the one before."""

    def proposals(
        self, claim_id: str | None = None, serial: int | None = None
    ) -> Sequence[Proposal]:
        """What is proposed for a claim's next step; of all claims and steps if none is named."""

    def misfiled(self) -> Iterator[str]:
        """Steps whose columns, and claims whose contracts, are not what their bytes say."""

    def hold_lines(self, lines: Sequence[HeldLine]) -> None:
        """Hold minutes of devices.

        Raises:
            Refused: another claim of the programme holds some of them; it is named.
        """

    def hold_parts(self, parts: Sequence[HeldPart]) -> None:
        """Hold parts of invoices.

        Raises:
            Refused: the programme's claims hold the rest of one; they are named.
        """

    def let_go(self, claim_id: str, use_serial: int | None = None) -> None:
        """Hold nothing any more, or nothing of one use."""

    def held_lines(self, claim_id: str) -> Sequence[HeldLine]:
        """Minutes that a claim holds."""

    def held_parts(self, claim_id: str) -> Sequence[HeldPart]:
        """Invoice parts that a claim holds."""

    def sharing(self, claim_id: str) -> Sequence[str]:
        """Claims of other programmes that hold minutes or invoices that this one holds."""

    def holding_invoice(self, number: str) -> Sequence[str]:
        """Claims that hold a part of an invoice."""

    def holding_statement(self, number: str) -> Sequence[str]:
        """Claims that hold lines of a statement."""

    def lines_of(self, statement: StatementRevision) -> Sequence[HeldLine]:
        """The eligible rated lines of a statement revision; of no claim yet."""

    def certified(self, statement: StatementRevision) -> str | None:
        """Number of the certificate in force of a statement revision."""


class ExpensePort(Protocol):
    """Agreements, rules and statements."""

    def parties(self, party_ids: Collection[str] | None = None) -> Sequence[Party]:
        """All parties, or some of them."""

    def contracts(self, contract_ids: Collection[str] | None = None) -> Sequence[Contract]:
        """All contracts, or some of them."""

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """A programme's rules versions by start."""

    def add_rules(self, version: RulesVersion, utc_ms: int) -> None:
        """Register a version."""

    def statements(
        self, *, month: Month | None = None, party_id: str | None = None
    ) -> Sequence[StoredStatement]:
        """Statements of a party."""

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """A revision of a statement, or its latest."""


class AccountsPort(Protocol):
    """Accounts, to know who acts."""

    def by_login(self, login: str) -> Account | None:
        """The account of a login."""


class AllocationsPort(Protocol):
    """What of invoices is taken for claims, whatever their programme."""

    def lock(self, number: str) -> None:
        """Keep others from changing or claiming this invoice until the unit ends."""

    def allocations(
        self, *, number: str | None = None, claim_id: str | None = None
    ) -> Sequence[Allocation]:
        """What was taken and given back, in order."""

    def allocate(self, allocation: Allocation) -> int:
        """Add an allocation; its id."""


class ActsPort(Protocol):
    """Privileged acts."""

    def record_act(self, act: PrivilegedAct) -> None:
        """Add to them."""


class LogPort(Protocol):
    """The append-only log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Add an entry."""

    def logged(self, kind: str) -> Iterator[bytes]:
        """Every entry of a kind, with an index or waiting for one, in order."""


class ClaimsUnit(Protocol):
    """A unit of work as claims need it."""

    @property
    def claims(self) -> ClaimsPort:
        """Batches and claims."""

    @property
    def claim_papers(self) -> PapersPort:
        """Papers."""

    @property
    def expense(self) -> ExpensePort:
        """Agreements."""

    @property
    def invoices(self) -> AllocationsPort:
        """What claims take of invoices."""

    @property
    def ledger(self) -> LedgerPort:
        """The ledger."""

    @property
    def certificates(self) -> ChangingPort:
        """Certificates, which a payment redeems."""

    @property
    def accounts(self) -> AccountsPort:
        """Accounts."""

    @property
    def identity(self) -> ActsPort:
        """Privileged acts."""

    @property
    def log(self) -> LogPort:
        """The log."""

    def once_committed(
        self, key: Hashable, noted: str, do: Callable[[Sequence[str]], None]
    ) -> None:
        """Have something done after this unit is committed and over: once a key, with all that was
        noted under it."""

    def commit(self) -> None:
        """Make it durable."""


class ClaimsWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True, party: str = "") -> AbstractContextManager[ClaimsUnit]:
        """Open one."""
