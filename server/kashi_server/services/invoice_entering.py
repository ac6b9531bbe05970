"""An invoice of a file enters: as a new one, as one that is known, or against one that stands."""

from kashi_server.domain.invoice import InvoiceStatus, LinePart
from kashi_server.services.invoice_contests import differing, says_blue
from kashi_server.services.invoice_contradicting import contest_unseen, contradict, keep_told
from kashi_server.services.invoice_line_parts import map_lines
from kashi_server.services.invoice_standing import (
    after_reds,
    change_status,
    flush,
    store_status,
    tell_blue,
)
from kashi_server.services.invoice_taking import Taking
from kashi_server.services.paper_entries import invoice_entry
from kashi_server.services.papers_port import StoredInvoice
from kashi_server.services.told import ToldInvoice


def enter(taking: Taking, told: ToldInvoice) -> None:
    """Take one invoice of a file."""
    invoice, place = told.invoice, told.place
    if not taking.acting.may_see(invoice.seller_id, invoice.buyer_id):
        message = (
            f"发票 {invoice.number} 不属于{taking.party_zh}，不能由其导入。"
            f"invoice {invoice.number} is not {taking.party}'s"
        )
        taking.mistakes.append(place.mistake("number", message))
        return
    stored = taking.unit.invoices.invoice(invoice.number)
    if stored is None:
        _add(taking, told)
    elif not taking.acting.may_see(stored.invoice.seller_id, stored.invoice.buyer_id):
        contest_unseen(taking, stored, told)
    else:
        _known(taking, stored, told)


def _known(taking: Taking, stored: StoredInvoice, told: ToldInvoice) -> None:
    """One that stands here and is the acting party's: the same, or another content."""
    invoice, place = told.invoice, told.place
    named = differing(stored.invoice, invoice)
    later = named == ["blue_number"] and not stored.invoice.blue_number
    if later and says_blue(invoice, taking.acting):
        tell_blue(taking, stored.invoice, invoice.blue_number)
    elif named:
        contradict(taking, stored, told, named)
        return
    mapped = map_lines(taking, invoice, stored.parts, _parts(told), place, stored.version)
    if taking.unit.invoices.versions(invoice.number):
        # It may stand void by the contest alone: the word is kept of this content.
        keep_told(taking, stored, told)
    changed = change_status(taking, stored, told.status, place.file)
    taking.done.changed += mapped or changed or later
    taking.done.unchanged += not (mapped or changed or later)


def _add(taking: Taking, told: ToldInvoice) -> None:
    invoice, unit = told.invoice, taking.unit
    unit.invoices.add(invoice, taking.utc_ms)
    unit.log.append_pending(*invoice_entry(invoice))
    status = told.status or InvoiceStatus.NORMAL
    store_status(taking, invoice.number, 1, status, told.place.file)
    taking.done.added += 1
    map_lines(taking, invoice, (), _parts(told), told.place)
    stored = unit.invoices.invoice(invoice.number)
    assert stored is not None
    # Its red invoices may have been there before it.
    change_status(taking, stored, after_reds(taking, stored), "red invoices", by_reds=True)
    if invoice.blue_number:
        flush(taking, invoice)
    elif invoice.red:
        taking.note(
            f"红字发票 {invoice.number} 未注明对应的蓝字发票，注明前不红冲任何发票。"
            f"red invoice {invoice.number} does not say which invoice it takes back; nothing"
            " is taken back of any until that is told"
        )


def _parts(told: ToldInvoice) -> list[LinePart]:
    return [LinePart(line=line, contract_id=c, part=p) for line, c, p in told.parts]
