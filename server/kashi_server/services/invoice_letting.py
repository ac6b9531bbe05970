"""A content comes to stand by two officers' word, and what hangs on it is brought in line.

Its status, what its lines are for, what claims took of the one before, and the invoice that it
takes back where it is red; claims are told before what they took is released, and only where it
stands otherwise, says otherwise or has another amount left: what was confirmed changes none.
"""

from collections.abc import Mapping

from kashi_server.domain.invoice import Invoice, InvoiceStatus, status_by_reds
from kashi_server.domain.money import yuan_text
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.allocation import release, whole_left_fen
from kashi_server.services.invoice_telling import tell_claims
from kashi_server.services.invoice_versions import RANK, told_status
from kashi_server.services.invoice_watch import InvoiceWatch
from kashi_server.services.paper_entries import (
    decision_entry,
    invoice_entry,
    mapping_entry,
    status_entry,
)
from kashi_server.services.papers_port import (
    InvoiceDecision,
    InvoiceVersion,
    LineMapping,
    PapersUnit,
    StatusChange,
    StoredInvoice,
)
from kashi_server.services.two_officers import OfficersDecision


class Letting:
    """One unit of work in which a content comes to stand; `both`: who decided."""

    def __init__(
        self,
        unit: PapersUnit,
        watch: InvoiceWatch,
        decision: OfficersDecision,
        document: str,
        utc_ms: int,
    ) -> None:
        """In a unit of work that has locked the invoices, by two officers, on a document."""
        self.document = document
        self.both = ", ".join(decision.officers)
        self.utc_ms = utc_ms
        self._unit = unit
        self._watch = watch
        self._decision = decision

    def stand(self, before: StoredInvoice, chosen: InvoiceVersion, seen: int) -> None:
        """Let it stand, and bring what hangs on it in line."""
        number, now = before.invoice.number, chosen.invoice
        blues = sorted({before.invoice.blue_number, now.blue_number} - {""})
        left_fen = self._left_fen(number, *blues)
        _check_payments(self._unit, number, now)
        made = InvoiceDecision(
            number=number,
            decision=len(self._unit.invoices.decisions(number)) + 1,
            version=chosen.version,
            seen=seen,
            document=self.document,
            reason=self._decision.reason,
            decided_by=self.both,
            decided_utc_ms=self.utc_ms,
        )
        self._unit.invoices.decide(made, now)
        self._unit.log.append_pending(*decision_entry(made))
        if chosen.version != before.version:
            self._unit.log.append_pending(*invoice_entry(now))
            self._keep_parts(before, chosen)
        after = existing(self._unit, number)
        # Which content stands was decided, not that it holds good.
        words = (self._by_reds(after), told_status(self._unit, after))
        status = max(words, key=RANK.__getitem__)
        # The decision has a status of its own, the same or not: one party's word no more moves it.
        self._keep_status(after, status, self.document, decided=True)
        if not _claimed_alike(before, after):
            left_fen.pop(number)
        self._tell(after, status, self.document, left_fen)
        if not _same(before.invoice, now):
            # Whoever claimed was told above; what it held was of a content that stands no more.
            both = Acting(actor=self.both)
            why = "裁定后以另一内容为准。Another content stands"
            release(self._unit, number, both, why, self.utc_ms)
        if before.invoice.blue_number != now.blue_number or now.red:
            for blue in blues:
                self._restate_blue(blue, f"red invoice {number}: {self.document}", left_fen)

    def _left_fen(self, *numbers: str) -> dict[str, int]:
        """What is left of invoices before anything changes, of those that are here."""
        found = {one: self._unit.invoices.invoice(one) for one in numbers}
        return {one: whole_left_fen(self._unit, known) for one, known in found.items() if known}

    def _keep_parts(self, before: StoredInvoice, chosen: InvoiceVersion) -> None:
        """What the lines are for stays said where they are the same between the same two."""
        now = chosen.invoice
        same = _same(before.invoice, now)
        known = existing(self._unit, now.number).parts
        for part in before.parts if same and not known else ():
            mapping = LineMapping(
                number=now.number,
                version=chosen.version,
                part=part,
                mapped_by=self.both,
                mapped_utc_ms=self.utc_ms,
            )
            self._unit.invoices.map_line(mapping)
            self._unit.log.append_pending(*mapping_entry(mapping))

    def _restate_blue(self, number: str, source: str, left_fen: Mapping[str, int]) -> None:
        """What a red invoice takes back now, or no more, changes how that one stands."""
        blue = self._unit.invoices.invoice(number)
        if blue is None or blue.status is InvoiceStatus.VOID:
            # Of a void one two officers say by itself how it stands.
            return
        after = self._by_reds(blue)
        if blue.status.claimable or self._unit.invoices.statuses(number)[-1].by_reds:
            if after is not blue.status:
                self._keep_status(blue, after, source, decided=False)
            self._tell(blue, after, source, left_fen)

    def _by_reds(self, stored: StoredInvoice) -> InvoiceStatus:
        reds = self._unit.invoices.reds_of(stored.invoice.number)
        return status_by_reds(stored.invoice, reds)

    def _keep_status(
        self, stored: StoredInvoice, status: InvoiceStatus, source: str, *, decided: bool
    ) -> None:
        number = stored.invoice.number
        change = StatusChange(
            number=number,
            change=self._unit.invoices.statuses(number)[-1].change + 1,
            status=status,
            source=source,
            decided=decided,
            by_reds=not decided,
            told_by=self.both,
            told_utc_ms=self.utc_ms,
        )
        self._unit.invoices.add_status(change)
        self._unit.log.append_pending(*status_entry(change))

    def _tell(
        self,
        before: StoredInvoice,
        status: InvoiceStatus,
        source: str,
        left_fen: Mapping[str, int],
    ) -> None:
        """Tell claims, unless it stands as before with as much left as before."""
        now = existing(self._unit, before.invoice.number)
        left_now_fen = whole_left_fen(self._unit, now)
        if status is before.status and left_fen.get(before.invoice.number) == left_now_fen:
            return
        tell_claims(self._unit, self._watch, before, status, (source, self.both, self.utc_ms))


def existing(unit: PapersUnit, number: str) -> StoredInvoice:
    """An invoice that is here.

    Raises:
        NotFound: it is not.
    """
    stored = unit.invoices.invoice(number)
    if stored is None:
        raise NotFound(f"没有发票 {number}。There is no invoice {number}")
    return stored


def _same(old: Invoice, now: Invoice) -> bool:
    """Whether lines and sides are the same: what claims took stays theirs."""
    return (old.seller_id, old.buyer_id, old.lines) == (now.seller_id, now.buyer_id, now.lines)


def _claimed_alike(before: StoredInvoice, after: StoredInvoice) -> bool:
    """Whether a claim finds the same in both: a name that is spelled otherwise changes nothing."""
    old, now = before.invoice, after.invoice
    dated = old.issued_on == now.issued_on
    return dated and _same(old, now) and set(before.parts) == set(after.parts)


def _check_payments(unit: PapersUnit, number: str, now: Invoice) -> None:
    """Refuse a content that what was paid does not fit: which payment is false, officers say."""
    covering = [one for one in unit.payments.payments() if one.counted.get(number)]
    others = [
        one.payment.reference
        for one in covering
        if (one.payment.payer_id, one.payment.payee_id) != (now.buyer_id, now.seller_id)
    ]
    covered_fen = sum(one.counted[number] for one in covering)
    if others or (covering and covered_fen > now.amount.incl_fen):
        named = ", ".join(sorted(others or [one.payment.reference for one in covering]))
        raise Refused(
            f"付款 {named} 与该内容不符（已核销 {yuan_text(covered_fen)} 元），请先更正付款。"
            f"Payments {named} cover {yuan_text(covered_fen)} yuan of invoice {number} and do not"
            " fit this content; put them right first: payments put-right"
        )
