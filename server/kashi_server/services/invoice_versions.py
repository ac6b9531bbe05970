"""Several contents of one invoice number: each is kept beside the first, whoever was first.

A number names one invoice in the whole country, so of two contents one is false; which, the number
does not tell. The second one counts for nothing until two officers decide (`invoice_deciding`), and
what stands is claimed no more meanwhile.
"""

from typing import Final, Protocol

from kashi_server.domain.invoice import Invoice
from kashi_server.services.invoice_contests import weighty
from kashi_server.services.paper_entries import version_entry
from kashi_server.services.papers_port import (
    InvoicesPort,
    InvoiceVersion,
    PapersLogPort,
    StoredInvoice,
)

VERSIONS_MAX: Final = 16
"""How many contents of one number are kept; nobody fills the database with them."""


class VersionsUnit(Protocol):
    """A unit of work as versions need it."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""

    @property
    def log(self) -> PapersLogPort:
        """The log."""


def contested(unit: VersionsUnit, number: str) -> bool:
    """Whether a content of this number was told that no two officers have decided upon."""
    decided = unit.invoices.decisions(number)
    return len(unit.invoices.versions(number)) > (decided[-1].seen if decided else 0)


def keep_beside(
    unit: VersionsUnit,
    stored: StoredInvoice,
    told: Invoice,
    said: tuple[str, str, int],
    *,
    exactly: bool = False,
) -> int | None:
    """Keep another content of a number that is known here.

    Args:
        unit: the unit of work; the invoice is locked.
        stored: what stands.
        told: the other content.
        said: the source that tells it, who brought it, and when.
        exactly: contents that differ in what no money rests on are two.

    Returns:
        Its version; None where no more are kept.
    """
    number = stored.invoice.number
    known = list(unit.invoices.versions(number)) or [_first(unit, stored)]
    for one in known:
        if one.invoice == told or (not exactly and not weighty(one.invoice, told)):
            return one.version
    if len(known) >= VERSIONS_MAX:
        return None
    source, told_by, utc_ms = said
    version = InvoiceVersion(
        version=len(known) + 1, invoice=told, source=source, told_by=told_by, told_utc_ms=utc_ms
    )
    _add(unit, version)
    return version.version


def _first(unit: VersionsUnit, stored: StoredInvoice) -> InvoiceVersion:
    """What was taken first becomes a version once there is another."""
    first = unit.invoices.statuses(stored.invoice.number)[0]
    version = InvoiceVersion(
        version=1,
        invoice=stored.invoice,
        source=first.source,
        told_by=first.told_by,
        told_utc_ms=first.told_utc_ms,
    )
    _add(unit, version)
    return version


def _add(unit: VersionsUnit, version: InvoiceVersion) -> None:
    unit.invoices.add_version(version)
    unit.log.append_pending(*version_entry(version))
