"""Telling the claims on an invoice that it stands otherwise, in the same unit of work."""

from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services.allocation import claims_on, whole_left_fen
from kashi_server.services.invoice_watch import InvoiceChange, InvoiceWatch
from kashi_server.services.papers_port import PapersUnit, StoredInvoice


def tell_claims(
    unit: PapersUnit,
    watch: InvoiceWatch,
    before: StoredInvoice,
    after: InvoiceStatus,
    said: tuple[str, str, int],
) -> InvoiceChange | None:
    """Tell whoever keeps claims, where claims hold a part of the invoice.

    Args:
        unit: the unit of work, in which the change is stored.
        watch: is told.
        before: how the invoice stood.
        after: how it stands.
        said: the source that tells it, who brought it, and when.

    Returns:
        What was told; None where no claim holds anything.
    """
    change = _change(unit, before, after, said)
    if not change.claims:
        return None
    watch.invoice_changed(unit, change)
    return change


def tell_righted(
    unit: PapersUnit,
    watch: InvoiceWatch,
    before: StoredInvoice,
    after: InvoiceStatus,
    said: tuple[str, str, int],
) -> None:
    """Tell whoever keeps claims that two officers let an invoice stand again; arguments as those of
    `tell_claims`."""
    watch.invoice_righted(unit, _change(unit, before, after, said))


def _change(
    unit: PapersUnit, before: StoredInvoice, after: InvoiceStatus, said: tuple[str, str, int]
) -> InvoiceChange:
    number = before.invoice.number
    now = unit.invoices.invoice(number)
    assert now is not None, "it changed"
    source, told_by, utc_ms = said
    return InvoiceChange(
        number=number,
        before=before.status,
        after=after,
        left_fen=whole_left_fen(unit, now),
        claims=claims_on(unit, number),
        source=source,
        told_by=told_by,
        told_utc_ms=utc_ms,
    )
