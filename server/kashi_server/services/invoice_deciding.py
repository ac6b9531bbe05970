"""Which content of a number stands, and which invoice a red one takes back: two officers say.

Whoever was first with a number may have lied, and so may whoever named a red invoice's blue one. On
a document two officers say which content stands. The other stays stored and shown; claims that rest
on it are told and reopen; payments that do not fit what stands now are put right first.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol, cast

from kashi_server.domain.invoice import Invoice, InvoiceStatus
from kashi_server.domain.money import yuan_text
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.acts import ActsPort, PrivilegedAct, record
from kashi_server.services.allocation import claims_on, release, whole_left_fen
from kashi_server.services.invoice_versions import RANK, VERSIONS_MAX, keep_beside, told_status
from kashi_server.services.invoice_watch import InvoiceChange, InvoiceWatch
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
    PapersLogPort,
    PapersUnit,
    PapersWork,
    StatusChange,
    StoredInvoice,
)
from kashi_server.services.two_officers import AccountsRead, OfficersDecision, check_officers

DECIDED_ACT: Final = "invoice-content-decided"
BLUE_ACT: Final = "invoice-blue-named"


class _Deciding(Protocol):
    """What else the same unit of work carries: who decides, and where that is kept."""

    @property
    def accounts(self) -> AccountsRead:
        """Accounts, to know who is an officer."""

    @property
    def identity(self) -> ActsPort:
        """Privileged acts."""

    @property
    def log(self) -> PapersLogPort:
        """The log."""


class InvoiceDeciding:
    """Lets a content of a number stand."""

    def __init__(self, work: PapersWork, clock: Callable[[], int], watch: InvoiceWatch) -> None:
        """Over a database, as its owner; `clock` gives UTC milliseconds; `watch` is told."""
        self._work = work
        self._clock = clock
        self._watch = watch

    def decide(
        self, number: str, version: int, decision: OfficersDecision, document: str
    ) -> StoredInvoice:
        """Let one of the contents that were told of a number stand, by two officers.

        Args:
            number: the invoice.
            version: which content, as `invoices show` counts them.
            decision: who decided, and why.
            document: what shows it, like the bureau's answer.

        Raises:
            NotFound: there is no such invoice or version.
            Refused: only one content was told, payments do not fit, or one is no officer.
            InvalidValue: no document is named.
        """
        with self._work.begin() as unit:
            stored = self._begun(unit, number, decision, document, [])
            versions = {one.version: one for one in unit.invoices.versions(number)}
            if not versions:
                raise Refused(
                    f"发票 {number} 只有一种内容，无可裁定。"
                    f"Only one content of invoice {number} was told: nothing is contested"
                )
            if version not in versions:
                raise NotFound(
                    f"发票 {number} 没有第 {version} 版。Invoice {number} has no version {version};"
                    " see: invoices show"
                )
            made = _Letting(unit, self._watch, decision, document.strip(), self._clock())
            made.stand(stored, versions[version], len(versions))
            made.act(DECIDED_ACT, number)
            found = _existing(unit, number)
            unit.commit()
        return found

    def name_blue(
        self, number: str, blue_number: str, decision: OfficersDecision, document: str
    ) -> StoredInvoice:
        """Say which invoice a red one takes back where it was told falsely, by two officers.

        Raises:
            NotFound: there is no such invoice.
            Refused: it is not red, says so already, or one of the two is no officer.
            InvalidValue: that is no number, or no document is named.
        """
        with self._work.begin() as unit:
            stored = self._begun(unit, number, decision, document, [blue_number])
            if not stored.invoice.red:
                raise Refused(
                    f"发票 {number} 不是红字发票。Invoice {number} is not red: it takes back none"
                )
            if stored.invoice.blue_number == blue_number:
                raise Refused(
                    f"红字发票 {number} 本已对应 {blue_number}。"
                    f"Red invoice {number} takes back {blue_number} already"
                )
            made = _Letting(unit, self._watch, decision, document.strip(), self._clock())
            told = replace(stored.invoice, blue_number=blue_number)
            said = (made.document, made.both, made.utc_ms)
            what = (told, told_status(unit, stored))
            version = keep_beside(unit, stored, what, said, exactly=True, most=2 * VERSIONS_MAX)
            if version is None:
                raise Refused(
                    f"发票 {number} 已有过多版本。Too many contents of invoice {number} are kept"
                )
            versions = list(unit.invoices.versions(number))
            made.stand(stored, versions[version - 1], len(versions))
            made.act(BLUE_ACT, number)
            found = _existing(unit, number)
            unit.commit()
        return found

    def _begun(
        self,
        unit: PapersUnit,
        number: str,
        decision: OfficersDecision,
        document: str,
        others: list[str],
    ) -> StoredInvoice:
        if not document.strip():
            raise InvalidValue(
                "依据何文件？请用 --document 指明。What shows it? Name it with --document"
            )
        check_officers(cast("_Deciding", unit).accounts, decision)
        unit.expense.lock()
        blues = {one.invoice.blue_number for one in unit.invoices.versions(number)}
        known = unit.invoices.invoice(number)
        blues |= {known.invoice.blue_number} if known else set()
        for one in sorted({number, *others, *blues} - {""}):
            unit.invoices.lock(one)
        return _existing(unit, number)


class _Letting:
    """One unit of work in which a content comes to stand."""

    def __init__(
        self,
        unit: PapersUnit,
        watch: InvoiceWatch,
        decision: OfficersDecision,
        document: str,
        utc_ms: int,
    ) -> None:
        self.document = document
        self.both = ", ".join(decision.officers)
        self.utc_ms = utc_ms
        self._unit = unit
        self._watch = watch
        self._decision = decision

    def stand(self, before: StoredInvoice, chosen: InvoiceVersion, seen: int) -> None:
        """Let it stand, and bring what hangs on it in line."""
        number, now = before.invoice.number, chosen.invoice
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
        after = _existing(self._unit, number)
        # Which content stands was decided, not that it holds good.
        words = (_by_reds(self._unit, after), told_status(self._unit, after))
        self._restate(after, max(words, key=RANK.__getitem__), self.document, decided=True)
        if not _same(before.invoice, now):
            # Whoever claimed was told above; what it held was of a content that stands no more.
            both = Acting(actor=self.both)
            release(self._unit, number, both, "another content stands", self.utc_ms)
        if before.invoice.blue_number != now.blue_number or now.red:
            for blue in sorted({before.invoice.blue_number, now.blue_number} - {""}):
                self._restate_blue(blue, f"red invoice {number}")

    def act(self, act: str, number: str) -> None:
        """Keep who did it, when and why."""
        for officer in self._decision.officers:
            done = PrivilegedAct(
                utc_ms=self.utc_ms,
                actor=officer,
                act=act,
                reference=number,
                reason=self._decision.reason,
            )
            record(cast("_Deciding", self._unit), done)

    def _keep_parts(self, before: StoredInvoice, chosen: InvoiceVersion) -> None:
        """What the lines are for stays said where they are the same between the same two."""
        now = chosen.invoice
        same = _same(before.invoice, now)
        known = _existing(self._unit, now.number).parts
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

    def _restate_blue(self, number: str, source: str) -> None:
        """What a red invoice takes back now, or no more, changes how that one stands."""
        blue = self._unit.invoices.invoice(number)
        if blue is None or blue.status is InvoiceStatus.VOID:
            # Of a void one two officers say by itself how it stands.
            return
        after = _by_reds(self._unit, blue)
        if blue.status.claimable or self._unit.invoices.statuses(number)[-1].by_reds:
            self._restate(blue, after, f"{source}: {self.document}", decided=False)

    def _restate(
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
        claims = claims_on(self._unit, number)
        if claims:
            told = InvoiceChange(
                number=number,
                before=stored.status,
                after=status,
                left_fen=whole_left_fen(self._unit, _existing(self._unit, number)),
                claims=claims,
                source=source,
                told_by=self.both,
                told_utc_ms=self.utc_ms,
            )
            self._watch.invoice_changed(self._unit, told)


def _existing(unit: PapersUnit, number: str) -> StoredInvoice:
    stored = unit.invoices.invoice(number)
    if stored is None:
        raise NotFound(f"没有发票 {number}。There is no invoice {number}")
    return stored


def _same(old: Invoice, now: Invoice) -> bool:
    """Whether lines and sides are the same: what claims took stays theirs."""
    return (old.seller_id, old.buyer_id, old.lines) == (now.seller_id, now.buyer_id, now.lines)


def _by_reds(unit: PapersUnit, stored: StoredInvoice) -> InvoiceStatus:
    reds = unit.invoices.reds_of(stored.invoice.number)
    if not reds or stored.invoice.red:
        return InvoiceStatus.NORMAL
    left_fen = stored.invoice.amount.incl_fen + sum(red.amount.incl_fen for red in reds)
    return InvoiceStatus.PARTLY_RED if left_fen > 0 else InvoiceStatus.RED


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
