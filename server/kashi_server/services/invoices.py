"""Invoices in use: taking them from files, what their lines are for, how they stand.

An issued invoice never changes; where a file tells another content of a known number, that row is
told and kept beside, and what money rests on is claimed no more until two officers have decided.
Only which invoice a red one takes back may come later, where it did not say: by its seller or the
office. How it stands changes, and each change is kept: normal, then partly red-flushed, then
red-flushed or void; no file takes that back, so an older export changes nothing. A red invoice that
is taken changes how its blue one stands even where no file says so. One side's word alone may be
wrong: two officers put it right.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from kashi_server.domain.invoice import Invoice, InvoiceStatus, LinePart
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.allocation import claims_on, whole_left_fen
from kashi_server.services.invoice_contents import contested_numbers
from kashi_server.services.invoice_contests import differing, says_blue, weighty
from kashi_server.services.invoice_line_parts import misfit
from kashi_server.services.invoice_versions import RANK, VERSIONS_MAX, keep_beside
from kashi_server.services.invoice_watch import InvoiceChange, InvoiceWatch, Unwatched
from kashi_server.services.invoice_words import STATUS_ZH
from kashi_server.services.paper_entries import invoice_entry, mapping_entry, status_entry
from kashi_server.services.papers_port import (
    InvoiceDecision,
    InvoiceVersion,
    LineMapping,
    PapersUnit,
    PapersWork,
    StatusChange,
    StoredInvoice,
)
from kashi_server.services.told import Place, ToldInvoice


@dataclass(slots=True)
class TakenInvoices:
    """What taking invoices came to; `notes` tell what was passed by and why."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    mapped: int = 0
    contested: list[str] = field(default_factory=list)
    """Numbers that stand here with another content, or as others'."""
    changes: list[InvoiceChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceHistory:
    """An invoice and every change of how it stood.

    `versions` and `decisions` are for officers: every content that was told of the number.
    """

    stored: StoredInvoice
    statuses: tuple[StatusChange, ...]
    reds: tuple[Invoice, ...]
    paid_fen: int
    versions: tuple[InvoiceVersion, ...] = ()
    decisions: tuple[InvoiceDecision, ...] = ()


class InvoiceKeeping:
    """Takes invoices and tells of them."""

    def __init__(
        self,
        work: PapersWork,
        clock: Callable[[], int],
        watch: InvoiceWatch | None = None,
    ) -> None:
        """Over a database.

        Args:
            work: opens units of work, as the database's owner.
            clock: UTC milliseconds.
            watch: is told of every invoice that claims hold a part of and that changed.
        """
        self._work = work
        self._clock = clock
        self._watch = watch or Unwatched()

    def take(self, told: Sequence[ToldInvoice], acting: Acting) -> TakenInvoices:
        """Take invoices and how they stand; all of them or none.

        Raises:
            MistakesFound: an invoice is not the acting party's, or a line names a part that its
                contract does not have.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            for number in sorted({one.invoice.number for one in told}):
                unit.invoices.lock(number)
            taking = _Taking(unit, acting, self._clock(), self._watch)
            # Blue ones first: a red one changes how its blue one stands.
            for one in sorted(told, key=lambda one: (one.invoice.red, one.invoice.number)):
                taking.take(one)
            if taking.mistakes:
                raise MistakesFound(taking.mistakes)
            unit.commit()
        return taking.done

    def map_lines(
        self, number: str, parts: Sequence[LinePart], acting: Acting
    ) -> tuple[LinePart, ...]:
        """Say which parts of which contract the lines of an invoice are for.

        Returns:
            What holds now, line by line.

        Raises:
            NotFound: there is no such invoice for this party.
            Refused: there is no such line or part, or claims hold a part of the invoice.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            unit.invoices.lock(number)
            stored = _visible(unit, number, acting)
            taking = _Taking(unit, acting, self._clock(), self._watch)
            place = Place(file=f"invoice {number}", row=0)
            taking.map(stored.invoice, stored.parts, parts, place, stored.version)
            if taking.mistakes:
                raise Refused("; ".join(one.message for one in taking.mistakes))
            unit.commit()
        return self.show(number, acting).stored.parts

    def show(self, number: str, acting: Acting) -> InvoiceHistory:
        """An invoice with its history.

        Raises:
            NotFound: there is no such invoice for this party.
        """
        with self._work.begin(writes=False) as unit:
            stored = _visible(unit, number, acting)
            office = acting.party_id is None
            return InvoiceHistory(
                stored=stored,
                statuses=tuple(unit.invoices.statuses(number)),
                reds=tuple(unit.invoices.reds_of(number)),
                paid_fen=unit.payments.covered_fen(number),
                versions=tuple(unit.invoices.versions(number)) if office else (),
                decisions=tuple(unit.invoices.decisions(number)) if office else (),
            )

    def all(self, acting: Acting, contract_id: str | None = None) -> Sequence[StoredInvoice]:
        """Invoices that the acting party sees, by day and number; of one contract, if named."""
        with self._work.begin(writes=False) as unit:
            return unit.invoices.invoices(party_id=acting.party_id, contract_id=contract_id)

    def contested(self) -> Sequence[str]:
        """Numbers that await a decision, the one that waits longest first."""
        with self._work.begin(writes=False) as unit:
            return [one.number for one in contested_numbers(unit)]

    def contract_sides(self) -> frozenset[tuple[str, str]]:
        """(provider, user) of every contract: whose invoices belong here."""
        with self._work.begin(writes=False) as unit:
            return frozenset((one.provider_id, one.user_id) for one in unit.expense.contracts())


def _visible(unit: PapersUnit, number: str, acting: Acting) -> StoredInvoice:
    stored = unit.invoices.invoice(number)
    if stored is None:
        raise NotFound(f"没有发票 {number}，请先导入。there is no invoice {number}")
    acting.check_sees(f"invoice {number}", stored.invoice.seller_id, stored.invoice.buyer_id)
    return stored


class _Taking:
    """One unit of work that takes invoices."""

    def __init__(self, unit: PapersUnit, acting: Acting, utc_ms: int, watch: InvoiceWatch) -> None:
        self.done = TakenInvoices()
        self.mistakes: list[Mistake] = []
        self._unit = unit
        self._acting = acting
        self._utc_ms = utc_ms
        self._watch = watch
        self._contracts = {one.contract_id: one for one in unit.expense.contracts()}

    def take(self, told: ToldInvoice) -> None:
        invoice, place = told.invoice, told.place
        if not self._acting.may_see(invoice.seller_id, invoice.buyer_id):
            self._mistake(
                place,
                "number",
                f"发票 {invoice.number} 不属于{self._party_zh}，不能由其导入。"
                f"invoice {invoice.number} is not {self._party}'s",
            )
            return
        stored = self._unit.invoices.invoice(invoice.number)
        if stored is None:
            self._add(told)
            return
        if not self._acting.may_see(stored.invoice.seller_id, stored.invoice.buyer_id):
            self._contest_unseen(stored, told)
            return
        named = differing(stored.invoice, invoice)
        later = named == ["blue_number"] and not stored.invoice.blue_number
        if later and says_blue(invoice, self._acting):
            self._tell_blue(stored.invoice, invoice.blue_number)
        elif named:
            self._contradict(stored, told, named)
            return
        parts = [LinePart(line=line, contract_id=c, part=p) for line, c, p in told.parts]
        mapped = self.map(invoice, stored.parts, parts, place, stored.version)
        if self._unit.invoices.versions(invoice.number):
            # It may stand void by the contest alone: the word is kept of this content.
            self._keep_beside(stored, told)
        changed = self._change(stored, told.status, place.file)
        self.done.changed += mapped or changed or later
        self.done.unchanged += not (mapped or changed or later)

    def _pass_by(self, told: ToldInvoice, zh: str, en: str) -> None:
        number, place = told.invoice.number, told.place
        self.done.contested.append(number)
        self.done.notes.append(
            f"{place.file}:{place.row}: 发票 {number} {zh}，已略过。"
            f"invoice {number} {en}; passed by"
        )

    def _contradict(self, stored: StoredInvoice, told: ToldInvoice, named: Sequence[str]) -> None:
        """Another content of a known number: where money rests on it, nothing is claimed of it."""
        invoice, file = told.invoice, told.place.file
        if named == ["blue_number"] and not says_blue(invoice, self._acting):
            self._pass_by(
                told,
                "为红字发票，其对应的蓝字发票由销售方或主管部门注明",
                "is red; which one it takes back its seller or the office tells",
            )
            return
        self._pass_by(
            told,
            f"已以不同的 {', '.join(named)} 登记，已开具的发票不可更改",
            f"stands here with another {', '.join(named)}; an issued invoice never changes",
        )
        heavy = weighty(stored.invoice, invoice)
        if self._decided_against(invoice):
            self._keep_beside(stored, told)
            return
        if heavy:
            if self._keep_beside(stored, told):
                self._suspend(stored, f"{file}, which tells another {', '.join(heavy)}")
        elif "blue_number" in named:
            self._unit.invoices.lock(invoice.blue_number)
            blue = self._unit.invoices.invoice(invoice.blue_number)
            sides = stored.invoice.seller_id, stored.invoice.buyer_id
            if blue and (blue.invoice.seller_id, blue.invoice.buyer_id) == sides:
                why = f"{file}: red invoice {invoice.number} takes it back, and stands here for"
                self._suspend(blue, f"{why} {stored.invoice.blue_number}")

    def _contest_unseen(self, stored: StoredInvoice, told: ToldInvoice) -> None:
        """Another content by who is no side of what stands, and learns nothing of that.

        It is kept for the officers and stops nothing: nobody stops the invoices of others.
        """
        self._pass_by(
            told,
            f"已登记且不属于{self._party_zh}；本版另行保存，由两名经办人裁定以何者为准，"
            "请联系主管部门",
            f"stands here and is not {self._party}'s; this one is kept beside it, and two officers"
            " decide which holds good: ask the office",
        )
        notes = len(self.done.notes)
        self._keep_beside(stored, told, VERSIONS_MAX // 2)
        del self.done.notes[notes:]

    def _decided_against(self, told: Invoice) -> bool:
        """Whether two officers knew this content and let another stand: it stops nothing again."""
        decided = self._unit.invoices.decisions(told.number)
        if not decided:
            return False
        known = self._unit.invoices.versions(told.number)[: decided[-1].seen]
        against = any(
            one.invoice.blue_number == told.blue_number and not weighty(one.invoice, told)
            for one in known
        )
        if against:
            self.done.notes.append(
                f"发票 {told.number} 的该内容已经两名经办人裁定不成立。Two officers decided against"
                f" this content of invoice {told.number}: {decided[-1].document}"
            )
        return against

    def _keep_beside(
        self, stored: StoredInvoice, told: ToldInvoice, most: int = VERSIONS_MAX
    ) -> bool:
        most = most if self._acting.party_id else 2 * VERSIONS_MAX
        said = (told.place.file, self._acting.actor, self._utc_ms)
        what = (told.invoice, told.status or InvoiceStatus.NORMAL)
        kept = keep_beside(self._unit, stored, what, said, most=most) is not None
        if not kept:
            self.done.notes.append(
                f"发票 {told.invoice.number} 已有过多版本，本版未保存。Too many contents of invoice"
                f" {told.invoice.number} were told; this one is not kept"
            )
        return kept

    def _suspend(self, stored: StoredInvoice, source: str) -> None:
        """Nothing is claimed of it until two officers put it right."""
        number = stored.invoice.number
        if self._change(stored, InvoiceStatus.VOID, source):
            self.done.notes.append(
                f"发票 {number} 在两名经办人查明前不能申报，请用 invoices put-right 办"
                "理。"
                f"invoice {number}: nothing is claimed of it until two officers have looked:"
                " invoices put-right"
            )

    @property
    def _party(self) -> str:
        return self._acting.party_id or "the office"

    @property
    def _party_zh(self) -> str:
        return self._acting.party_id or "主管部门"

    def _mistake(self, place: Place, name: str, message: str) -> None:
        self.mistakes.append(place.mistake(name, message))

    def _add(self, told: ToldInvoice) -> None:
        invoice = told.invoice
        self._unit.invoices.add(invoice, self._utc_ms)
        self._unit.log.append_pending(*invoice_entry(invoice))
        self._store_status(invoice.number, 1, told.status or InvoiceStatus.NORMAL, told.place.file)
        self.done.added += 1
        parts = [LinePart(line=line, contract_id=c, part=p) for line, c, p in told.parts]
        self.map(invoice, (), parts, told.place)
        stored = self._unit.invoices.invoice(invoice.number)
        assert stored is not None
        # Its red invoices may have been there before it.
        self._change(stored, self._after_reds(stored), "red invoices", by_reds=True)
        if invoice.blue_number:
            self._flush(invoice)
        elif invoice.red:
            self.done.notes.append(
                f"红字发票 {invoice.number} 未注明对应的蓝字发票，注明前不红冲任何发票。"
                f"red invoice {invoice.number} does not say which invoice it takes back; nothing"
                " is taken back of any until that is told"
            )

    def _tell_blue(self, red: Invoice, blue_number: str) -> None:
        """A red invoice that named none says later which one it takes back: once, and for good."""
        told = replace(red, blue_number=blue_number)
        self._unit.invoices.tell_blue(red.number, blue_number)
        self._unit.log.append_pending(*invoice_entry(told))
        self._flush(told)

    def _flush(self, red: Invoice) -> None:
        """A red invoice changes how its blue one stands."""
        self._unit.invoices.lock(red.blue_number)
        blue = self._unit.invoices.invoice(red.blue_number)
        if blue is None:
            self.done.notes.append(
                f"红字发票 {red.number} 对应的蓝字发票 {red.blue_number} 未导入。"
                f"red invoice {red.number} takes back {red.blue_number}, which is not known here"
            )
            return
        if (blue.invoice.seller_id, blue.invoice.buyer_id) != (red.seller_id, red.buyer_id):
            self.done.notes.append(
                f"红字发票 {red.number} 所注蓝字发票 {red.blue_number} 属于其他单位，"
                "已略过。"
                f"red invoice {red.number} names {red.blue_number} of other parties; passed by"
            )
            return
        source = f"red invoice {red.number}"
        after = self._after_reds(blue)
        changed = self._change(blue, after, source, by_reds=True)
        if not changed and after is InvoiceStatus.PARTLY_RED:
            # It stood so already, and less of it is left now.
            self._tell(blue, after, source)

    def _after_reds(self, stored: StoredInvoice) -> InvoiceStatus:
        reds = self._unit.invoices.reds_of(stored.invoice.number)
        left_fen = stored.invoice.amount.incl_fen + sum(red.amount.incl_fen for red in reds)
        if not reds or stored.invoice.red:
            return stored.status
        return InvoiceStatus.PARTLY_RED if left_fen > 0 else InvoiceStatus.RED

    def _change(
        self,
        stored: StoredInvoice,
        status: InvoiceStatus | None,
        source: str,
        *,
        by_reds: bool = False,
    ) -> bool:
        """Store how it stands now, if that is further than before; whether it was.

        `by_reds`: red invoices make it so, and no word of how it stands.
        """
        number = stored.invoice.number
        if status is None or status is stored.status:
            return False
        if RANK[status] <= RANK[stored.status]:
            self.done.notes.append(
                f"发票 {number}：{source} 称其{STATUS_ZH[status]}，现为"
                f"{STATUS_ZH[stored.status]}，不作改变。"
                f"invoice {number}: {source} says {status}; it stands {stored.status} since and"
                " stays so"
            )
            return False
        before = self._unit.invoices.statuses(number)
        borne_out = bool(self._unit.invoices.reds_of(number)) and status is self._after_reds(stored)
        alone = self._acting.party_id is not None and not borne_out
        decided = [one for one in before if one.decided]
        if alone and decided:
            self.done.notes.append(
                f"发票 {number}：{source} 称其{STATUS_ZH[status]}；两名经办人已认定其状"
                f"态为{STATUS_ZH[stored.status]}（{decided[-1].source}），不作改变。"
                f"invoice {number}: {source} says {status}; two officers found that it stands"
                f" {stored.status} ({decided[-1].source}), and it stays so"
            )
            return False
        if alone and not status.claimable:
            self.done.notes.append(
                f"发票 {number} 仅凭{self._party_zh}一方所述记为{STATUS_ZH[status]}；"
                "如不属实，由两名经办人以 invoices put-right 更正。"
                f"invoice {number} is {status} by the word of {self._party} alone; where that is"
                " untrue, two officers put it right: invoices put-right"
            )
        self._store_status(number, before[-1].change + 1, status, source, by_reds=by_reds)
        self._tell(stored, status, source)
        return True

    def _store_status(
        self,
        number: str,
        change: int,
        status: InvoiceStatus,
        source: str,
        *,
        by_reds: bool = False,
    ) -> None:
        told = StatusChange(
            number=number,
            change=change,
            status=status,
            source=source,
            by_reds=by_reds,
            told_by=self._acting.actor,
            told_utc_ms=self._utc_ms,
        )
        self._unit.invoices.add_status(told)
        self._unit.log.append_pending(*status_entry(told))

    def _tell(self, before: StoredInvoice, status: InvoiceStatus, source: str) -> None:
        number = before.invoice.number
        claims = claims_on(self._unit, number)
        now = self._unit.invoices.invoice(number)
        assert now is not None
        if not claims:
            return
        change = InvoiceChange(
            number=number,
            before=before.status,
            after=status,
            left_fen=whole_left_fen(self._unit, now),
            claims=claims,
            source=source,
            told_by=self._acting.actor,
            told_utc_ms=self._utc_ms,
        )
        self.done.changes.append(change)
        self._watch.invoice_changed(self._unit, change)

    def map(
        self,
        invoice: Invoice,
        before: Iterable[LinePart],
        parts: Sequence[LinePart],
        place: Place,
        version: int = 1,
    ) -> bool:
        """Store what lines are for where that is news; whether anything was."""
        known = {part.line: part for part in before}
        news = [part for part in parts if known.get(part.line) != part]
        for part in news:
            trouble = misfit(self._unit, self._contracts, invoice, part)
            if trouble:
                self._mistake(place, f"line {part.line}", trouble)
        if self.mistakes:
            return False
        for part in news:
            mapping = LineMapping(
                number=invoice.number,
                part=part,
                version=version,
                mapped_by=self._acting.actor,
                mapped_utc_ms=self._utc_ms,
            )
            self._unit.invoices.map_line(mapping)
            self._unit.log.append_pending(*mapping_entry(mapping))
        self.done.mapped += len(news)
        return bool(news)
