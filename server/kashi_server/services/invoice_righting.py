"""Putting right how an invoice stands: what one side alone said, and two officers find untrue.

A party's file that says void, or red-flushed without a red invoice, stops every claim on it at
once, and no file takes that back. Where the tax bureau knows otherwise, two officers say so on a
document: the invoice stands again, with the content that stood, as its red invoices have it. Claims
that were told of its fall are told what they come to now; what stopped is resumed by whoever may.
Later files of one party alone change that no more; a red invoice does.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol, cast

from kashi_server.domain.invoice import InvoiceStatus, status_by_reds
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.invoice_telling import tell_righted
from kashi_server.services.invoice_versions import contested, keep_right
from kashi_server.services.invoice_watch import InvoiceWatch, Unwatched
from kashi_server.services.invoice_words import STATUS_ZH
from kashi_server.services.paper_deciding import DecidingUnit
from kashi_server.services.paper_entries import decision_entry, status_entry
from kashi_server.services.papers_port import (
    InvoiceDecision,
    InvoicesPort,
    PapersUnit,
    StatusChange,
    StoredInvoice,
)
from kashi_server.services.two_officers import OfficersDecision, check_officers

_ACT: Final = "invoice-put-right"


class RightingUnit(DecidingUnit, Protocol):
    """A unit of work as this needs it."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""

    def commit(self) -> None:
        """Make it durable."""


class RightingWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[RightingUnit]:
        """Open one."""


def put_right(
    work: RightingWork,
    clock: Callable[[], int],
    number: str,
    decision: OfficersDecision,
    document: str,
    watch: InvoiceWatch | None = None,
) -> InvoiceStatus:
    """Let an invoice stand again as its red invoices have it, by two officers.

    Args:
        work: opens units of work.
        clock: UTC milliseconds.
        number: the invoice.
        decision: who decided, and why.
        document: what shows that it holds good, like the bureau's answer.
        watch: is told, in the same unit of work.

    Raises:
        NotFound: there is no such invoice.
        Refused: it stands well, red invoices take all of it back, or one of the two is no officer.
        InvalidValue: no document is named.
    """
    if not document.strip():
        raise InvalidValue(
            "请以 --document 注明证明该发票有效的依据文件。"
            "what shows that the invoice holds good? name it with --document"
        )
    with work.begin() as unit:
        unit.invoices.lock(number)
        check_officers(unit.accounts, decision)
        stored = unit.invoices.invoice(number)
        if stored is None:
            raise NotFound(f"没有发票 {number}，请核对号码。there is no invoice {number}")
        status = _rightly(unit, stored)
        both, utc_ms = ", ".join(decision.officers), clock()
        change = StatusChange(
            number=number,
            change=unit.invoices.statuses(number)[-1].change + 1,
            status=status,
            source=document.strip(),
            decided=True,
            told_by=both,
            told_utc_ms=utc_ms,
        )
        unit.invoices.add_status(change)
        unit.log.append_pending(*status_entry(change))
        keep_right(unit, stored, status, (change.source, both, utc_ms))
        if contested(unit, number):
            _let_stand(unit, stored, decision, change)
        act = PrivilegedAct(
            utc_ms=utc_ms, actor=both, act=_ACT, reference=number, reason=decision.reason
        )
        record(unit, act)
        # One unit of work carries the repositories of every room.
        papers, said = cast("PapersUnit", unit), (change.source, both, utc_ms)
        tell_righted(papers, watch or Unwatched(), stored, status, said)
        unit.commit()
    return status


def _let_stand(
    unit: RightingUnit, stored: StoredInvoice, decision: OfficersDecision, change: StatusChange
) -> None:
    """Of several contents the one that stands holds good: the officers decided that with it."""
    number = stored.invoice.number
    made = InvoiceDecision(
        number=number,
        decision=len(unit.invoices.decisions(number)) + 1,
        version=stored.version,
        seen=len(unit.invoices.versions(number)),
        document=change.source,
        reason=decision.reason,
        decided_by=change.told_by,
        decided_utc_ms=change.told_utc_ms,
    )
    unit.invoices.decide(made, stored.invoice)
    unit.log.append_pending(*decision_entry(made))


def _rightly(unit: RightingUnit, stored: StoredInvoice) -> InvoiceStatus:
    if stored.status.claimable:
        raise Refused(
            f"发票 {stored.invoice.number} 现为{STATUS_ZH[stored.status]}，"
            "无须更正。"
            f"invoice {stored.invoice.number} stands {stored.status}: nothing is wrong"
        )
    reds = unit.invoices.reds_of(stored.invoice.number)
    status = status_by_reds(stored.invoice, reds)
    if status is InvoiceStatus.RED:
        named = ", ".join(red.number for red in reds)
        raise Refused(
            f"发票 {stored.invoice.number} 已被红字发票全额红冲："
            f"{named}。"
            f"red invoices take all of {stored.invoice.number} back: {named}"
        )
    return status
