"""Two contents of one invoice number: which fields differ, and whether money rests on them.

What was taken first stays; an issued invoice never changes. But whoever was first may have lied:
where a side of the invoice or the office tells another amount or other parties, nothing is claimed
of it until two officers have looked (`invoice_righting`).
"""

from collections.abc import Sequence
from dataclasses import fields

from kashi_server.domain.invoice import Invoice, InvoiceLine
from kashi_server.services.acting import Acting
from kashi_server.services.invoice_sheet import WHOLE_LINE


def differing(old: Invoice, new: Invoice) -> list[str]:
    """Fields that differ. A red invoice whose blue one a file leaves out differs in nothing."""
    named = [one.name for one in fields(old) if getattr(old, one.name) != getattr(new, one.name)]
    if not new.blue_number and "blue_number" in named:
        named.remove("blue_number")
    return named


def weighty(old: Invoice, new: Invoice) -> list[str]:
    """Of the fields that differ those on which money rests: amounts and parties, not names."""
    heavy = {"seller_id", "buyer_id", "amount"}
    named = [name for name in differing(old, new) if name in heavy]
    if not _whole(old.lines) and not _whole(new.lines) and _amounts(old) != _amounts(new):
        named.append("lines")
    return named


def says_blue(invoice: Invoice, acting: Acting) -> bool:
    """Whether this word tells which invoice a red one takes back: the seller's, or the office's.

    The buyer claims by its invoices, and would name one of which it claims nothing.
    """
    return acting.may_see(invoice.seller_id)


def _whole(lines: Sequence[InvoiceLine]) -> bool:
    return [line.name for line in lines] == [WHOLE_LINE]


def _amounts(invoice: Invoice) -> list[object]:
    return [line.amount for line in invoice.lines]
