"""Payments of companies to providers: taking them from files, and what they cover."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kashi_server.domain.money import yuan_text
from kashi_server.domain.payment import Covered, Payment, check_covers
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.services.acting import Acting
from kashi_server.services.paper_entries import cover_entry, payment_entry
from kashi_server.services.papers_port import PapersUnit, PapersWork, StoredPayment
from kashi_server.services.told import ToldPayment


@dataclass(slots=True)
class TakenPayments:
    """How many payments were added, got more covers, and stood so already."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


class PaymentKeeping:
    """Takes payments and tells of them."""

    def __init__(self, work: PapersWork, clock: Callable[[], int]) -> None:
        """Over a database, as its owner; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def take(self, told: Sequence[ToldPayment], acting: Acting) -> TakenPayments:
        """Take payments with what they cover; all of them or none.

        A known payment may cover further invoices; what it covers already stays.

        Raises:
            MistakesFound: a known reference has another content, a payment is not the acting
                party's, an invoice is not known or of others, or less is left than is covered.
        """
        done, mistakes = TakenPayments(), list[Mistake]()
        with self._work.begin() as unit:
            unit.expense.lock()
            for one in sorted(told, key=_key):
                unit.payments.lock(*_key(one))
            for number in sorted({covered.number for one in told for covered in one.covers}):
                unit.invoices.lock(number)
            for one in sorted(told, key=_key):
                before = len(mistakes)
                mistakes += _against(unit, one, acting)
                if len(mistakes) == before:
                    self._store(unit, one, acting, done)
            if mistakes:
                raise MistakesFound(mistakes)
            unit.commit()
        return done

    def all(self, acting: Acting) -> Sequence[StoredPayment]:
        """Payments that the acting party sees, by day, payer and reference."""
        with self._work.begin(writes=False) as unit:
            return unit.payments.payments(acting.party_id)

    def show(self, payer_id: str, reference: str, acting: Acting) -> StoredPayment:
        """One payment.

        Raises:
            NotFound: there is no such payment for this party.
        """
        with self._work.begin(writes=False) as unit:
            found = unit.payments.payment(payer_id, reference)
        if found is None:
            raise NotFound(
                f"没有 {payer_id} 的付款 {reference}，请核对流水号。"
                f"there is no payment {reference} of {payer_id}"
            )
        acting.check_sees(f"payment {reference} of {payer_id}", payer_id, found.payment.payee_id)
        return found

    def _store(
        self, unit: PapersUnit, told: ToldPayment, acting: Acting, done: TakenPayments
    ) -> None:
        stored = unit.payments.payment(*_key(told))
        known = set() if stored is None else {covered.number for covered in stored.covers}
        news = [covered for covered in told.covers if covered.number not in known]
        if stored is None:
            utc_ms = self._clock()
            unit.payments.add(told.payment, acting.actor, utc_ms)
            unit.log.append_pending(*payment_entry(told.payment, acting.actor, utc_ms))
        for covered in sorted(news, key=lambda one: one.number):
            unit.payments.cover(told.payment, covered)
            unit.log.append_pending(*cover_entry(told.payment, covered))
        done.added += stored is None
        done.changed += stored is not None and bool(news)
        done.unchanged += stored is not None and not news


def _key(told: ToldPayment) -> tuple[str, str]:
    return told.payment.payer_id, told.payment.reference


def _against(unit: PapersUnit, told: ToldPayment, acting: Acting) -> list[Mistake]:
    payment, place = told.payment, told.place
    if not acting.may_see(payment.payer_id, payment.payee_id):
        return [
            place.mistake(
                "payer",
                f"付款 {payment.reference} 不属于 {acting.party_id}。"
                f"payment {payment.reference} is not {acting.party_id}'s",
            )
        ]
    stored = unit.payments.payment(*_key(told))
    if stored is not None and stored.payment != payment:
        return [
            place.mistake(
                "reference",
                f"{payment.payer_id} 的付款 {payment.reference} 已以其他内容登记；"
                "已登记的付款不得更改。"
                f"payment {payment.reference} of {payment.payer_id} stands here with another"
                " content; a booked payment never changes",
            )
        ]
    known = {} if stored is None else {one.number: one.amount_fen for one in stored.covers}
    news = [one for one in told.covers if one.number not in known]
    mistakes = [
        place.mistake(
            "covers",
            f"付款 {payment.reference} 已对应发票 {one.number} 的 "
            f"{yuan_text(known[one.number])} 元，不是 {yuan_text(one.amount_fen)} "
            "元。"
            f"payment {payment.reference} covers {yuan_text(known[one.number])} of invoice"
            f" {one.number} already, not {yuan_text(one.amount_fen)}",
        )
        for one in told.covers
        if known.get(one.number, one.amount_fen) != one.amount_fen
    ]
    try:
        before = () if stored is None else stored.covers
        check_covers(payment, (*before, *news))
    except InvalidValue as error:
        mistakes.append(place.mistake("covers", str(error)))
    for one in news:
        message = _against_cover(unit, payment, one)
        if message:
            mistakes.append(place.mistake("covers", message))
    return mistakes


def _against_cover(unit: PapersUnit, payment: Payment, covered: Covered) -> str:
    stored = unit.invoices.invoice(covered.number)
    if stored is None:
        return (
            f"没有发票 {covered.number}，请先导入。"
            f"there is no invoice {covered.number}; import it first"
        )
    invoice = stored.invoice
    if (invoice.buyer_id, invoice.seller_id) != (payment.payer_id, payment.payee_id):
        return (
            f"发票 {covered.number} 由 {invoice.seller_id} 开给 {invoice.buyer_id}，"
            f"而付款由 {payment.payer_id} 付给 {payment.payee_id}。"
            f"invoice {covered.number} is from {invoice.seller_id} to {invoice.buyer_id}; the"
            f" payment from {payment.payer_id} to {payment.payee_id}"
        )
    if invoice.red:
        return (
            f"发票 {covered.number} 是红字发票，无须付款。"
            f"invoice {covered.number} is a red one; nobody pays it"
        )
    left_fen = invoice.amount.incl_fen - unit.payments.covered_fen(covered.number)
    if covered.amount_fen > left_fen:
        return (
            f"所填对应发票 {covered.number} 的金额为 {yuan_text(covered.amount_fen)}"
            f" 元，该发票未付仅余 {yuan_text(left_fen)} 元。"
            f"{yuan_text(covered.amount_fen)} yuan of invoice {covered.number} are covered,"
            f" {yuan_text(left_fen)} are left unpaid"
        )
    return ""
