"""Taking invoices: one unit of work of somebody's, and what it came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kashi_server.domain.contract import Contract
from kashi_server.domain.positioned import Mistake
from kashi_server.services.acting import Acting
from kashi_server.services.invoice_watch import InvoiceChange, InvoiceWatch
from kashi_server.services.papers_port import PapersUnit
from kashi_server.services.told import ToldInvoice


@dataclass(slots=True)
class TakenInvoices:
    """What taking invoices came to; `notes` tell what was passed by and why."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    mapped: int = 0
    contested: list[str] = field(default_factory=list)
    """Numbers that stand here with another content, or as others'."""
    changes: list[InvoiceChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Taking:
    """One unit of work that takes invoices.

    Attributes:
        unit: what it is done in; it has locked the invoices.
        acting: who takes them.
        utc_ms: when.
        watch: is told of changes.
        done, mistakes: what it comes to.
        contracts: those that are known, by number.
    """

    unit: PapersUnit
    acting: Acting
    utc_ms: int
    watch: InvoiceWatch
    done: TakenInvoices = field(default_factory=TakenInvoices)
    mistakes: list[Mistake] = field(default_factory=list)
    contracts: Mapping[str, Contract] = field(init=False)

    def __post_init__(self) -> None:
        """Look the contracts up once."""
        self.contracts = {one.contract_id: one for one in self.unit.expense.contracts()}

    @property
    def party(self) -> str:
        """Who takes them, in English."""
        return self.acting.party_id or "the office"

    @property
    def party_zh(self) -> str:
        """Who takes them, in Chinese."""
        return self.acting.party_id or "主管部门"

    def note(self, said: str) -> None:
        """Tell something, in both languages."""
        self.done.notes.append(said)

    def pass_by(self, told: ToldInvoice, zh: str, en: str) -> None:
        """Leave an invoice of the file out, and tell why."""
        number, place = told.invoice.number, told.place
        self.done.contested.append(number)
        self.note(
            f"{place.file}:{place.row}: 发票 {number} {zh}，已略过。"
            f"invoice {number} {en}; passed by"
        )
