"""What an invoice says, as data: for the log, and for contents of a number that do not stand."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from kashi_server.domain.invoice import Invoice, InvoiceLine
from kashi_server.domain.taxed import Taxed


def said_by(invoice: Invoice) -> dict[str, object]:
    """Everything an invoice says; amounts in fen, days as ISO dates."""
    return {
        "number": invoice.number,
        "issued_on": invoice.issued_on.isoformat(),
        "seller_id": invoice.seller_id,
        "buyer_id": invoice.buyer_id,
        "seller_name": invoice.seller_name,
        "buyer_name": invoice.buyer_name,
        **_fen(invoice.amount),
        "blue_number": invoice.blue_number,
        "lines": [{"name": line.name, **_fen(line.amount)} for line in invoice.lines],
    }


def invoice_of(said: Mapping[str, Any]) -> Invoice:
    """The invoice that says this.

    Raises:
        InvalidValue: it cannot be one.
    """
    texts = ("number", "seller_id", "buyer_id", "seller_name", "buyer_name", "blue_number")
    return Invoice(
        **{name: said[name] for name in texts},
        issued_on=date.fromisoformat(said["issued_on"]),
        amount=_taxed(said),
        lines=tuple(
            InvoiceLine(line=place, name=line["name"], amount=_taxed(line))
            for place, line in enumerate(said["lines"], 1)
        ),
    )


def _fen(amount: Taxed) -> dict[str, int]:
    return {"ex_tax_fen": amount.ex_tax_fen, "tax_fen": amount.tax_fen}


def _taxed(said: Mapping[str, Any]) -> Taxed:
    return Taxed(ex_tax_fen=said["ex_tax_fen"], tax_fen=said["tax_fen"])
