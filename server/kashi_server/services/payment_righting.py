"""Putting right a payment: it was never made, or money went back, and two officers say so.

What the bank booked never changes; what of it counts for an invoice does. Each return takes off
what a payment covers of an invoice, is kept with its document, and never exceeds what was covered.
Claims that hold a part of the invoice are told, and the invoice may be paid by another payment.
"""

from typing import Final

from kashi_server.domain.money import yuan_text
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.invoice_telling import tell_claims
from kashi_server.services.paper_deciding import PaperDeciding, check_deciding, keep_acts
from kashi_server.services.paper_entries import return_entry
from kashi_server.services.papers_port import PapersUnit, PaymentReturn, StoredPayment
from kashi_server.services.two_officers import OfficersDecision

_ACT: Final = "payment-put-right"


class PaymentRighting(PaperDeciding):
    """Takes off what payments cover."""

    def put_right(
        self,
        key: tuple[str, str],
        decision: OfficersDecision,
        document: str,
        part: tuple[str, int] | None = None,
    ) -> StoredPayment:
        """Take off what a payment covers, by two officers.

        Args:
            key: the payer's code and the bank's reference.
            decision: who decided, and why.
            document: what shows it, like the bank's answer.
            part: the invoice and how many fen went back; None: all that it still covers.

        Raises:
            NotFound: there is no such payment.
            Refused: less is covered, or one of the two is no officer.
            InvalidValue: no document is named.
        """
        if not document.strip():
            raise InvalidValue(
                "请以 --document 注明证明款项已退回的依据文件。"
                "what shows that the money went back? name it with --document"
            )
        with self._work.begin() as unit:
            check_deciding(unit, decision)
            unit.expense.lock()
            unit.payments.lock(*key)
            stored = unit.payments.payment(*key)
            if stored is None:
                raise NotFound(
                    f"没有 {key[0]} 的付款 {key[1]}，请核对流水号。"
                    f"there is no payment {key[1]} of {key[0]}"
                )
            for number, amount_fen in _wanted(stored, part):
                self._give_back(unit, stored, number, amount_fen, decision, document.strip())
            keep_acts(unit, decision, _ACT, "/".join(key), self._clock())
            found = unit.payments.payment(*key)
            unit.commit()
        assert found is not None, "it was there"
        return found

    def _give_back(
        self,
        unit: PapersUnit,
        stored: StoredPayment,
        number: str,
        amount_fen: int,
        decision: OfficersDecision,
        document: str,
    ) -> None:
        unit.invoices.lock(number)
        made = PaymentReturn(
            payer_id=stored.payment.payer_id,
            reference=stored.payment.reference,
            number=number,
            amount_fen=amount_fen,
            document=document,
            decided_by=", ".join(decision.officers),
            told_utc_ms=self._clock(),
        )
        return_id = unit.payments.give_back(made)
        unit.log.append_pending(*return_entry(made, return_id))
        self._tell(unit, made)

    def _tell(self, unit: PapersUnit, made: PaymentReturn) -> None:
        invoice = unit.invoices.invoice(made.number)
        assert invoice is not None, "a payment covers it"
        back = f"payment {made.reference}, of which {yuan_text(made.amount_fen)} went back"
        said = (back, made.decided_by, made.told_utc_ms)
        tell_claims(unit, self._watch, invoice, invoice.status, said)


def _wanted(stored: StoredPayment, part: tuple[str, int] | None) -> list[tuple[str, int]]:
    """What goes back of which invoice, by number."""
    covered = {number: fen for number, fen in sorted(stored.counted.items()) if fen}
    reference = stored.payment.reference
    if not covered:
        raise Refused(
            f"付款 {reference} 没有对应任何发票，无须更正。"
            f"payment {reference} covers nothing: there is nothing to put right"
        )
    if part is None:
        return list(covered.items())
    number, amount_fen = part
    if not 0 < amount_fen <= covered.get(number, 0):
        raise Refused(
            f"付款 {reference} 对应发票 {number} 的 "
            f"{yuan_text(covered.get(number, 0))} 元，不是 {yuan_text(amount_fen)} "
            "元。"
            f"payment {reference} covers {yuan_text(covered.get(number, 0))} of invoice {number},"
            f" not {yuan_text(amount_fen)}"
        )
    return [part]
