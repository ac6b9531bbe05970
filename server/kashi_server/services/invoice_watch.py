"""What is told when an invoice no longer stands as it did: who claimed of it must look again.

Whoever keeps claims fills this protocol and is given to `InvoiceKeeping`. It is called in the unit
of work that stores the change, before that commits: the claims reopen with it, or nothing happens.
"""

from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services.papers_port import PapersUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceChange:
    """An invoice that claims hold a part of changed how it stands.

    Attributes:
        number: the invoice.
        before, after: how it stood and stands.
        left_fen: what is left of it including tax, after what red invoices took back; 0 where it is
            red-flushed or void.
        claims: the claims that hold a part of it, each with how much, by id.
        source: what told it: a file's name, or `red invoice NUMBER`.
        told_by: who brought it.
        told_utc_ms: when.
    """

    number: str
    before: InvoiceStatus
    after: InvoiceStatus
    left_fen: int
    claims: tuple[tuple[str, int], ...]
    source: str
    told_by: str
    told_utc_ms: int


class InvoiceWatch(Protocol):
    """Whoever must know."""

    def invoice_changed(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """Take note in the same unit of work; what it raises undoes the change as well."""

    def invoice_righted(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """The same of an invoice that two officers let stand again. Claims may rest on it that hold
        nothing of it any more: `change.claims` names those that do."""


class Unwatched:
    """Nobody keeps claims here."""

    def invoice_changed(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """Nothing to do."""

    def invoice_righted(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """Nothing to do."""
