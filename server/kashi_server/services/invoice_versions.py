"""Several contents of one invoice number: each is kept beside the first, whoever was first.

A number names one invoice in the whole country, so of two contents one is false; which, the number
does not tell. The second one counts for nothing until two officers decide (`invoice_deciding`), and
what stands is claimed no more meanwhile.

With a content its file's word is kept of how it stands: a decision about contents makes none of
them better than that. A worse word of a known content, and what two officers put right, is a
further row of it; of one content the latest counts.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from kashi_server.domain.invoice import Invoice, InvoiceStatus
from kashi_server.services.invoice_contests import weighty
from kashi_server.services.paper_entries import version_entry
from kashi_server.services.papers_port import (
    InvoicesPort,
    InvoiceVersion,
    PapersLogPort,
    StoredInvoice,
)

VERSIONS_MAX: Final = 16
"""How many contents of one number are kept; nobody fills the database with them.

Of those who are no side of what stands half as many, of the office twice: no party keeps it out.
"""
RANK: Final[Mapping[InvoiceStatus, int]] = {
    InvoiceStatus.NORMAL: 0,
    InvoiceStatus.PARTLY_RED: 1,
    InvoiceStatus.RED: 2,
    InvoiceStatus.VOID: 2,
}
"""How far an invoice is gone: files take it further and never back."""


class VersionsUnit(Protocol):
    """A unit of work as versions need it."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""

    @property
    def log(self) -> PapersLogPort:
        """The log."""


def contested(unit: VersionsUnit, number: str) -> bool:
    """Whether a content of this number was told that no two officers have decided upon.

    A further word of how a known content stands is none.
    """
    told, decided = unit.invoices.versions(number), unit.invoices.decisions(number)
    seen = decided[-1].seen if decided else 1
    return any(
        all(weighty(one.invoice, later.invoice) for one in told[:seen]) for later in told[seen:]
    )


def keep_beside(
    unit: VersionsUnit,
    stored: StoredInvoice,
    told: tuple[Invoice, InvoiceStatus],
    said: tuple[str, str, int],
    *,
    exactly: bool = False,
    most: int = VERSIONS_MAX,
) -> int | None:
    """Keep another content of a number that is known here.

    Args:
        unit: the unit of work; the invoice is locked.
        stored: what stands.
        told: the other content, and how it stands by the same word.
        said: the source that tells it, who brought it, and when.
        exactly: contents that differ in what no money rests on are two.
        most: how many are kept.

    Returns:
        Its version; None where no more are kept.
    """
    number = stored.invoice.number
    known = list(unit.invoices.versions(number)) or [_first(unit, stored)]
    invoice, status = told
    for one in known:
        if one.invoice == invoice or (not exactly and not weighty(one.invoice, invoice)):
            if RANK[status] > RANK[_status_of(known, one.invoice)]:
                # Of a known content: at most two more words, however many contents there are.
                _add(unit, len(known) + 1, (one.invoice, status), said)
            return one.version
    if len(known) >= most:
        return None
    return _add(unit, len(known) + 1, told, said)


def told_status(unit: VersionsUnit, stored: StoredInvoice) -> InvoiceStatus:
    """How the content that stands does so by the words of it, whatever is contested beside."""
    known = unit.invoices.versions(stored.invoice.number)
    return _status_of(known, stored.invoice) if known else stored.status


def keep_right(
    unit: VersionsUnit, stored: StoredInvoice, status: InvoiceStatus, said: tuple[str, str, int]
) -> None:
    """Keep what two officers found of how the content stands that does: words before end there."""
    known = unit.invoices.versions(stored.invoice.number)
    if known and _status_of(known, stored.invoice) is not status:
        _add(unit, len(known) + 1, (stored.invoice, status), said)


def _status_of(known: Sequence[InvoiceVersion], invoice: Invoice) -> InvoiceStatus:
    same = [one.status for one in known if not weighty(one.invoice, invoice)]
    return same[-1] if same else InvoiceStatus.NORMAL


def _first(unit: VersionsUnit, stored: StoredInvoice) -> InvoiceVersion:
    """What was taken first becomes a version once there is another."""
    first = unit.invoices.statuses(stored.invoice.number)[0]
    said = (first.source, first.told_by, first.told_utc_ms)
    _add(unit, 1, (stored.invoice, stored.status), said)
    return unit.invoices.versions(stored.invoice.number)[0]


def _add(
    unit: VersionsUnit,
    version: int,
    told: tuple[Invoice, InvoiceStatus],
    said: tuple[str, str, int],
) -> int:
    (invoice, status), (source, told_by, utc_ms) = told, said
    added = InvoiceVersion(
        version=version,
        invoice=invoice,
        status=status,
        source=source,
        told_by=told_by,
        told_utc_ms=utc_ms,
    )
    unit.invoices.add_version(added)
    unit.log.append_pending(*version_entry(added))
    return version
