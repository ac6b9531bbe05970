"""Invoices in use: taking them from files, what their lines are for, how they stand.

An issued invoice never changes; where a file tells another content of a known number, that row is
told and kept beside, and what money rests on is claimed no more until two officers have decided.
Only which invoice a red one takes back may come later, where it did not say: by its seller or the
office. How it stands changes, and each change is kept: normal, then partly red-flushed, then
red-flushed or void; no file takes that back, so an older export changes nothing. A red invoice that
is taken changes how its blue one stands even where no file says so. One side's word alone may be
wrong: two officers put it right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kashi_server.domain.invoice import Invoice, LinePart
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.invoice_contents import contested_numbers
from kashi_server.services.invoice_entering import enter
from kashi_server.services.invoice_line_parts import map_lines
from kashi_server.services.invoice_sight import statuses_seen
from kashi_server.services.invoice_taking import TakenInvoices, Taking
from kashi_server.services.invoice_watch import InvoiceWatch, Unwatched
from kashi_server.services.papers_port import (
    InvoiceDecision,
    InvoiceVersion,
    PapersUnit,
    PapersWork,
    StatusChange,
    StoredInvoice,
)
from kashi_server.services.told import Place, ToldInvoice

__all__ = ["InvoiceHistory", "InvoiceKeeping", "TakenInvoices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceHistory:
    """An invoice and every change of how it stood.

    `versions` and `decisions` are for officers: every content that was told of the number.
    `statuses` and `paid_fen` are a party's own, where others' content stood before.
    """

    stored: StoredInvoice
    statuses: tuple[StatusChange, ...]
    reds: tuple[Invoice, ...]
    paid_fen: int
    versions: tuple[InvoiceVersion, ...] = ()
    decisions: tuple[InvoiceDecision, ...] = ()


class InvoiceKeeping:
    """Takes invoices and tells of them."""

    def __init__(
        self,
        work: PapersWork,
        clock: Callable[[], int],
        watch: InvoiceWatch | None = None,
    ) -> None:
        """Over a database.

        Args:
            work: opens units of work, as the database's owner.
            clock: UTC milliseconds.
            watch: is told of every invoice that claims hold a part of and that changed.
        """
        self._work = work
        self._clock = clock
        self._watch = watch or Unwatched()

    def take(self, told: Sequence[ToldInvoice], acting: Acting) -> TakenInvoices:
        """Take invoices and how they stand; all of them or none.

        Raises:
            MistakesFound: an invoice is not the acting party's, or a line names a part that its
                contract does not have.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            for number in sorted({one.invoice.number for one in told}):
                unit.invoices.lock(number)
            taking = self._taking(unit, acting)
            # Blue ones first: a red one changes how its blue one stands.
            for one in sorted(told, key=lambda one: (one.invoice.red, one.invoice.number)):
                enter(taking, one)
            if taking.mistakes:
                raise MistakesFound(taking.mistakes)
            unit.commit()
        return taking.done

    def map_lines(
        self, number: str, parts: Sequence[LinePart], acting: Acting
    ) -> tuple[LinePart, ...]:
        """Say which parts of which contract the lines of an invoice are for.

        Returns:
            What holds now, line by line.

        Raises:
            NotFound: there is no such invoice for this party.
            Refused: there is no such line or part, or claims hold a part of the invoice.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            unit.invoices.lock(number)
            stored = _visible(unit, number, acting)
            taking = self._taking(unit, acting)
            place = Place(file=f"invoice {number}", row=0)
            map_lines(taking, stored.invoice, stored.parts, parts, place, stored.version)
            if taking.mistakes:
                raise Refused("; ".join(one.message for one in taking.mistakes))
            unit.commit()
        return self.show(number, acting).stored.parts

    def show(self, number: str, acting: Acting) -> InvoiceHistory:
        """An invoice with its history.

        Raises:
            NotFound: there is no such invoice for this party.
        """
        with self._work.begin(writes=False) as unit:
            stored = _visible(unit, number, acting)
            office = acting.party_id is None
            return InvoiceHistory(
                stored=stored,
                statuses=statuses_seen(unit, number, acting),
                reds=tuple(unit.invoices.reds_of(number)),
                paid_fen=unit.payments.covered_fen(number, acting.party_id),
                versions=tuple(unit.invoices.versions(number)) if office else (),
                decisions=tuple(unit.invoices.decisions(number)) if office else (),
            )

    def all(self, acting: Acting, contract_id: str | None = None) -> Sequence[StoredInvoice]:
        """Invoices that the acting party sees, by day and number; of one contract, if named."""
        with self._work.begin(writes=False) as unit:
            return unit.invoices.invoices(party_id=acting.party_id, contract_id=contract_id)

    def contested(self) -> Sequence[str]:
        """Numbers that await a decision, the one that waits longest first."""
        with self._work.begin(writes=False) as unit:
            return [one.number for one in contested_numbers(unit)]

    def _taking(self, unit: PapersUnit, acting: Acting) -> Taking:
        return Taking(unit=unit, acting=acting, utc_ms=self._clock(), watch=self._watch)

    def contract_sides(self) -> frozenset[tuple[str, str]]:
        """(provider, user) of every contract: whose invoices belong here."""
        with self._work.begin(writes=False) as unit:
            return frozenset((one.provider_id, one.user_id) for one in unit.expense.contracts())


def _visible(unit: PapersUnit, number: str, acting: Acting) -> StoredInvoice:
    stored = unit.invoices.invoice(number)
    if stored is None:
        raise NotFound(f"没有发票 {number}，请先导入。there is no invoice {number}")
    acting.check_sees(f"invoice {number}", stored.invoice.seller_id, stored.invoice.buyer_id)
    return stored
