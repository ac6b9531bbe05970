"""How an invoice stands: told by files, taken back by red invoices; each change is kept.

Normal, then partly red-flushed, then red-flushed or void; no file takes that back, so an older
export changes nothing. A red invoice that is taken changes how its blue one stands even where no
file says so.
"""

from dataclasses import replace

from kashi_server.domain.invoice import Invoice, InvoiceStatus, status_by_reds
from kashi_server.services.invoice_taking import Taking
from kashi_server.services.invoice_telling import tell_claims
from kashi_server.services.invoice_versions import RANK
from kashi_server.services.invoice_words import STATUS_ZH
from kashi_server.services.paper_entries import invoice_entry, status_entry
from kashi_server.services.papers_port import StatusChange, StoredInvoice


def after_reds(taking: Taking, stored: StoredInvoice) -> InvoiceStatus:
    """How its red invoices leave one; as it stands where there are none."""
    status = _by_reds(taking, stored)
    return stored.status if status is InvoiceStatus.NORMAL else status


def change_status(
    taking: Taking,
    stored: StoredInvoice,
    status: InvoiceStatus | None,
    source: str,
    *,
    by_reds: bool = False,
) -> bool:
    """Store how it stands now, if that is further than before; whether it was.

    `by_reds`: red invoices make it so, and no word of how it stands.
    """
    if status is None or status is stored.status:
        return False
    number = stored.invoice.number
    if RANK[status] <= RANK[stored.status]:
        taking.note(
            f"发票 {number}：{source} 称其{STATUS_ZH[status]}，现为"
            f"{STATUS_ZH[stored.status]}，不作改变。"
            f"invoice {number}: {source} says {status}; it stands {stored.status} since and"
            " stays so"
        )
        return False
    borne_out = status is _by_reds(taking, stored)
    if taking.acting.party_id is not None and not borne_out:
        if _decided_otherwise(taking, stored, status, source):
            return False
        if not status.claimable:
            taking.note(
                f"发票 {number} 仅凭{taking.party_zh}一方所述记为{STATUS_ZH[status]}；"
                "如不属实，由两名经办人以 invoices put-right 更正。"
                f"invoice {number} is {status} by the word of {taking.party} alone; where that is"
                " untrue, two officers put it right: invoices put-right"
            )
    change = taking.unit.invoices.statuses(number)[-1].change + 1
    store_status(taking, number, change, status, source, by_reds=by_reds)
    _tell(taking, stored, status, source)
    return True


def _decided_otherwise(
    taking: Taking, stored: StoredInvoice, status: InvoiceStatus, source: str
) -> bool:
    """Whether two officers found how it stands: one party's word changes that no more."""
    number = stored.invoice.number
    decided = [one for one in taking.unit.invoices.statuses(number) if one.decided]
    if decided:
        taking.note(
            f"发票 {number}：{source} 称其{STATUS_ZH[status]}；两名经办人已认定其状"
            f"态为{STATUS_ZH[stored.status]}（{decided[-1].source}），不作改变。"
            f"invoice {number}: {source} says {status}; two officers found that it stands"
            f" {stored.status} ({decided[-1].source}), and it stays so"
        )
    return bool(decided)


def store_status(
    taking: Taking,
    number: str,
    change: int,
    status: InvoiceStatus,
    source: str,
    *,
    by_reds: bool = False,
) -> None:
    """Keep how it stands since a change, which counts from 1."""
    told = StatusChange(
        number=number,
        change=change,
        status=status,
        source=source,
        by_reds=by_reds,
        told_by=taking.acting.actor,
        told_utc_ms=taking.utc_ms,
    )
    taking.unit.invoices.add_status(told)
    taking.unit.log.append_pending(*status_entry(told))


def tell_blue(taking: Taking, red: Invoice, blue_number: str) -> None:
    """A red invoice that named none says later which one it takes back: once, and for good."""
    told = replace(red, blue_number=blue_number)
    taking.unit.invoices.tell_blue(red.number, blue_number)
    taking.unit.log.append_pending(*invoice_entry(told))
    flush(taking, told)


def flush(taking: Taking, red: Invoice) -> None:
    """A red invoice changes how its blue one stands."""
    taking.unit.invoices.lock(red.blue_number)
    blue = taking.unit.invoices.invoice(red.blue_number)
    if blue is None:
        taking.note(
            f"红字发票 {red.number} 对应的蓝字发票 {red.blue_number} 未导入。"
            f"red invoice {red.number} takes back {red.blue_number}, which is not known here"
        )
        return
    if (blue.invoice.seller_id, blue.invoice.buyer_id) != (red.seller_id, red.buyer_id):
        taking.note(
            f"红字发票 {red.number} 所注蓝字发票 {red.blue_number} 属于其他单位，"
            "已略过。"
            f"red invoice {red.number} names {red.blue_number} of other parties; passed by"
        )
        return
    source, after = f"red invoice {red.number}", after_reds(taking, blue)
    changed = change_status(taking, blue, after, source, by_reds=True)
    if not changed and after is InvoiceStatus.PARTLY_RED:
        # It stood so already, and less of it is left now.
        _tell(taking, blue, after, source)


def _by_reds(taking: Taking, stored: StoredInvoice) -> InvoiceStatus:
    reds = taking.unit.invoices.reds_of(stored.invoice.number)
    return status_by_reds(stored.invoice, reds)


def _tell(taking: Taking, before: StoredInvoice, status: InvoiceStatus, source: str) -> None:
    said = (source, taking.acting.actor, taking.utc_ms)
    change = tell_claims(taking.unit, taking.watch, before, status, said)
    if change is not None:
        taking.done.changes.append(change)
