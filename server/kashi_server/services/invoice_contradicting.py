"""A file that tells another content of a known number: told, kept beside, and who is stopped by it.

Where a side of what stands or the office tells it, what money rests on is claimed no more until two
officers have decided; whoever is no side stops nothing, and what was decided against stops nothing
again.
"""

from collections.abc import Sequence

from kashi_server.domain.invoice import Invoice, InvoiceStatus
from kashi_server.services.invoice_contests import says_blue, weighty
from kashi_server.services.invoice_standing import change_status
from kashi_server.services.invoice_taking import Taking
from kashi_server.services.invoice_versions import VERSIONS_MAX, keep_beside
from kashi_server.services.papers_port import StoredInvoice
from kashi_server.services.told import ToldInvoice


def contradict(
    taking: Taking, stored: StoredInvoice, told: ToldInvoice, named: Sequence[str]
) -> None:
    """Another content of a known number: where money rests on it, nothing is claimed of it.

    `named`: the fields that differ.
    """
    invoice, file = told.invoice, told.place.file
    if named == ["blue_number"] and not says_blue(invoice, taking.acting):
        taking.pass_by(
            told,
            "为红字发票，其对应的蓝字发票由销售方或主管部门注明",
            "is red; which one it takes back its seller or the office tells",
        )
        return
    taking.pass_by(
        told,
        f"已以不同的 {', '.join(named)} 登记，已开具的发票不可更改",
        f"stands here with another {', '.join(named)}; an issued invoice never changes",
    )
    heavy = weighty(stored.invoice, invoice)
    if _decided_against(taking, invoice):
        keep_told(taking, stored, told)
    elif heavy:
        if keep_told(taking, stored, told):
            _suspend(taking, stored, f"{file}, which tells another {', '.join(heavy)}")
    elif "blue_number" in named:
        _suspend_blue(taking, stored, told)


def contest_unseen(taking: Taking, stored: StoredInvoice, told: ToldInvoice) -> None:
    """Another content by who is no side of what stands, and learns nothing of that.

    It is kept for the officers and stops nothing: nobody stops the invoices of others.
    """
    taking.pass_by(
        told,
        f"已登记且不属于{taking.party_zh}；本版另行保存，由两名经办人裁定以何者为准，"
        "请联系主管部门",
        f"stands here and is not {taking.party}'s; this one is kept beside it, and two officers"
        " decide which holds good: ask the office",
    )
    notes = len(taking.done.notes)
    keep_told(taking, stored, told, VERSIONS_MAX // 2)
    del taking.done.notes[notes:]


def keep_told(
    taking: Taking, stored: StoredInvoice, told: ToldInvoice, most: int = VERSIONS_MAX
) -> bool:
    """Keep what is told beside what stands, and how it stands by this word; whether it is kept."""
    most = most if taking.acting.party_id else 2 * VERSIONS_MAX
    said = (told.place.file, taking.acting.actor, taking.utc_ms)
    what = (told.invoice, told.status or InvoiceStatus.NORMAL)
    kept = keep_beside(taking.unit, stored, what, said, most=most) is not None
    if not kept:
        taking.note(
            f"发票 {told.invoice.number} 已有过多版本，本版未保存。Too many contents of invoice"
            f" {told.invoice.number} were told; this one is not kept"
        )
    return kept


def _decided_against(taking: Taking, told: Invoice) -> bool:
    """Whether two officers knew this content and let another stand: it stops nothing again."""
    decided = taking.unit.invoices.decisions(told.number)
    if not decided:
        return False
    known = taking.unit.invoices.versions(told.number)[: decided[-1].seen]
    against = any(
        one.invoice.blue_number == told.blue_number and not weighty(one.invoice, told)
        for one in known
    )
    if against:
        taking.note(
            f"发票 {told.number} 的该内容已经两名经办人裁定不成立。Two officers decided against"
            f" this content of invoice {told.number}: {decided[-1].document}"
        )
    return against


def _suspend_blue(taking: Taking, stored: StoredInvoice, told: ToldInvoice) -> None:
    """Another blue invoice than stands here is named: nothing is claimed of that one."""
    number = told.invoice.number
    taking.unit.invoices.lock(told.invoice.blue_number)
    blue = taking.unit.invoices.invoice(told.invoice.blue_number)
    sides = stored.invoice.seller_id, stored.invoice.buyer_id
    if blue and (blue.invoice.seller_id, blue.invoice.buyer_id) == sides:
        why = f"{told.place.file}: red invoice {number} takes it back, and stands here for"
        _suspend(taking, blue, f"{why} {stored.invoice.blue_number}")


def _suspend(taking: Taking, stored: StoredInvoice, source: str) -> None:
    """Nothing is claimed of it until two officers put it right."""
    number = stored.invoice.number
    if change_status(taking, stored, InvoiceStatus.VOID, source):
        taking.note(
            f"发票 {number} 在两名经办人查明前不能申报，请用 invoices put-right 办"
            "理。"
            f"invoice {number}: nothing is claimed of it until two officers have looked:"
            " invoices put-right"
        )
