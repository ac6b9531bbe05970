"""What importing, assignment and closing ask of storage: agreements in and out, in plain values."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.device import DeviceRecord, ReportedGap, ReportReference
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import Month
from kashi_server.domain.key_word import KeyWord
from kashi_server.domain.party import Party
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.silence import Silence
from kashi_server.domain.stated_fact import StatedFact
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.tariff import Price
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.year_to_date import YearToDate
from kashi_server.services.evidence_port import GapsPort, StatedPort
from kashi_server.services.hosts import Host
from kashi_server.services.log_port import Entry, LogHead, PendingEntry
from kashi_server.services.month_times import SummedFacts
from kashi_server.services.papers_port import ContractPapersPort
from kashi_server.services.settlements_port import SettlementsPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A month that was closed."""

    month: Month
    cut_off: CutOff
    closed_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatement:
    """A statement as it is stored; `content` are its canonical bytes, `sha256` their hash."""

    number: str
    revision: int
    month: Month
    user_id: str
    provider_id: str | None
    contract_id: str | None
    programme_id: str | None
    demo: bool
    observed_ms: int
    gap_ms: int
    card_hours: str
    amount_fen: int
    eligible_fen: int
    estimate_fen: int | None
    content: bytes
    sha256: bytes


class StatementHead(NamedTuple):
    """Which revision of a statement is its latest, and whose it is; without a contract: None."""

    user_id: str
    number: str
    revision: int
    contract_id: str | None = None


class ExpensePort(Protocol):
    """Agreements, rules and statements."""

    def lock(self) -> None:
        """Keep others from changing agreements or closing until the unit ends."""

    def parties(self) -> Sequence[Party]:
        """All parties, by id."""

    def tenures(self) -> Sequence[Tenure]:
        """All tenures, by host and start."""

    def contracts(self) -> Sequence[Contract]:
        """All contracts, by id."""

    def drop_assignment(self, assignment_id: str) -> None:
        """Take an assignment out of the book, whoever confirmed it."""

    def answered_proposals(self) -> Collection[str]:
        """Assignments that were declined or withdrawn: what is kept of them proposes nothing."""

    def assignments(self) -> Sequence[Assignment]:
        """All assignments, by id."""

    def prices(self) -> Sequence[Price]:
        """All prices, by id."""

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """All rules versions, or a programme's, by start."""

    def put_party(self, party: Party) -> None:
        """Add a party, or change its name and district."""

    def put_tenure(self, tenure: Tenure) -> None:
        """Add a tenure, or set the end of the one with this start."""

    def put_contract(self, contract: Contract) -> None:
        """Add a contract, or set its end and declaration."""

    def put_assignment(self, assignment: Assignment, utc_ms: int) -> None:
        """Add an assignment, or set its end and confirmation."""

    def put_price(self, price: Price) -> None:
        """Add a price, or replace it."""

    def add_rules(self, version: RulesVersion, utc_ms: int) -> None:
        """Add a rules version; it never changes."""

    def close_of(self, month: Month) -> Close | None:
        """How a month was closed; None: it is open."""

    def last_close(self) -> Close | None:
        """The latest closed month."""

    def add_close(self, close: Close, statements: Sequence[Statement]) -> None:
        """Close a month: its cut-offs, its statements and their lines."""

    def add_silences(
        self, month: Month, silences: Iterable[Silence], run_id: str | None = None
    ) -> None:
        """Store the gaps the server writes: at the close, or by a correction in their place."""

    def silences(self, month: Month) -> Sequence[Silence]:
        """The gaps the server wrote for a month last, by device and start."""

    def statements(
        self,
        *,
        month: Month | None = None,
        party_id: str | None = None,
    ) -> Sequence[StoredStatement]:
        """Statements by number and revision; `party_id` keeps those it uses or provides."""

    def latest_statements(self, first: Month, last: Month) -> Sequence[StatementHead]:
        """Latest revisions of the statements of some months, by user and number."""

    def each_statement(self) -> Iterator[StoredStatement]:
        """All statements by number and revision, one in memory at a time."""

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """A revision of a statement, or its latest."""

    def earlier_in_year(
        self, month: Month, log_size: int | None = None
    ) -> Mapping[str, YearToDate]:
        """What the calendar year's months before this one came to, by user; as the log's first
        entries have it, where their number is given."""

    def rest_of_year(
        self, month: Month, without: Collection[str], log_size: int | None = None
    ) -> Mapping[str, YearToDate]:
        """What the statements of a month's calendar year come to, by user, but for some of them;
        as the log's first entries have it, where their number is given."""


class FactsPort(SummedFacts, Protocol):
    """What closing reads of the facts."""

    def devices(self, hardware_ids: Collection[str] | None = None) -> Sequence[DeviceRecord]:
        """Devices of which anything counts."""

    def hardware(self, hardware_id: str) -> Sequence[DeviceRecord]:
        """The devices that hosts report by any id of the hardware that this id is of."""

    def gaps(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[ReportedGap]:
        """Reported gaps that touch [start, end)."""

    def report_references(
        self, host_ids: Collection[str], start_minute: int, end_minute: int
    ) -> Sequence[ReportReference]:
        """Stored reports that touch [start, end)."""

    def clocks(self, start_minute: int, end_minute: int) -> Mapping[str, HostClock]:
        """The clock behind counted reports that touch [start, end), by host with any."""

    def stated_facts(
        self, start_minute: int, end_minute: int
    ) -> Mapping[str, Sequence[StatedFact]]:
        """What hosts stated of how they read in [start, end), of counted reports, by host."""


class HostsPort(Protocol):
    """What closing reads of the hosts."""

    def hosts(self, operator_party_id: str | None = None) -> Sequence[Host]:
        """All hosts."""

    def key_words(self, host_id: str | None = None) -> Sequence[KeyWord]:
        """Officers' words on a host's report key, or on all hosts', by host and in order."""


class LogPort(Protocol):
    """What importing and closing write to the append-only log, and what waits there."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Hand an entry to the sequencer."""

    def pending_entries(self, count_max: int) -> Sequence[PendingEntry]:
        """Committed entries without an index, oldest first."""

    def references(self, kind: str, size: int) -> Sequence[str]:
        """References of the entries of a kind with an index below `size`, in order."""

    def entries_of(self, kind: str, size: int) -> Sequence[Entry]:
        """The entries of a kind with an index below `size`, in order."""

    def reached(self, host_id: str, size: int) -> tuple[int, int]:
        """The last report of a host with an index below `size`; (0, 0) when there is none."""

    def index_of(self, kind: str, reference: str) -> int | None:
        """Where the latest entry of this kind and reference stands; None before it has an index."""

    def head(self) -> LogHead:
        """The head as it stands."""

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Entries with an index in [start, end), in order."""

    def counted_beyond(self, size: int, end_utc_ms: int) -> bool:
        """A counted report that begins before an instant is not among the first entries."""


class ExpenseUnit(Protocol):
    """A unit of work as this room needs it."""

    @property
    def expense(self) -> ExpensePort:
        """Agreements and statements."""

    @property
    def corrections(self) -> SettlementsPort:
        """What corrections book, and settlements."""

    @property
    def stated(self) -> StatedPort:
        """What providers state."""

    @property
    def gap_words(self) -> GapsPort:
        """What parties and officers say of gaps."""

    @property
    def facts(self) -> FactsPort:
        """Facts."""

    @property
    def identity(self) -> HostsPort:
        """Hosts."""

    @property
    def papers(self) -> ContractPapersPort:
        """Parts and amendments of contracts, declarations, provider lists."""

    @property
    def log(self) -> LogPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class ExpenseWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ExpenseUnit]:
        """Open one."""
