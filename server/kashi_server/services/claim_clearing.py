"""Clearing: officers verify what is asked for and pay it; vouchers whose last day passed end."""

from collections.abc import Sequence

from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.claim import Changed
from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.claim_redemption import expire, pay, verify
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.money import yuan_text
from kashi_server.services.certificate_standing import redeem_within
from kashi_server.services.claim_holding import let_go
from kashi_server.services.claim_rechecking import check_stands
from kashi_server.services.claim_steps import CLOCK, Acting, ClaimSteps, Taken, Taking, Why, day_of
from kashi_server.services.claim_uses import open_uses
from kashi_server.services.claim_worth import check_worth, tell_paid_eligible
from kashi_server.services.claims_port import StoredClaim


class ClaimClearing(ClaimSteps):
    """Verifying, paying, expiry."""

    def verify(
        self, by: Acting, claim_id: str, why: Why, *, amount_fen: int | None = None
    ) -> Taken:
        """Verify what is asked for, or less of it; without a voucher: what was approved.

        Raises:
            Refused: it is more than that or than it comes to now, that is not known for sure, the
                public notice still runs, or a paper fell away.
        """

        def do(taking: Taking) -> Changed:
            claim = taking.stored.claim
            check_stands(taking.unit, taking.stored)
            asked_fen = claim.amounts.accrued_fen or claim.outstanding_fen
            if not claim.mode.has_voucher:
                asked_fen = claim.amounts.reserved_fen
            verified_fen = asked_fen if amount_fen is None else amount_fen
            taking.terms["verified_yuan"] = yuan_text(verified_fen)
            changed = verify(claim, verified_fen, taking.today)
            check_worth(taking, verified_fen)
            return changed

        asked = {"asked_yuan": None if amount_fen is None else yuan_text(amount_fen)}
        return self._take(by, claim_id, Step.VERIFY, why, do, asked)

    def pay(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Pay what is certified, by two officers; `why.document`: the payment order.

        Raises:
            Refused: an invoice, statement or certificate that it rests on fell away, or it comes
                to less now.
        """

        def do(taking: Taking) -> Changed:
            claim = taking.stored.claim
            check_stands(taking.unit, taking.stored)
            check_worth(taking, claim.amounts.certified_fen)
            taking.terms["paid_yuan"] = yuan_text(claim.amounts.certified_fen)
            taking.terms["payee_id"] = claim.payee_id
            taking.terms["certificates"] = _redeemed(taking)
            return pay(claim)

        return self._take(by, claim_id, Step.PAY, why, do)

    def expire(self, batch_id: str | None = None) -> Sequence[Taken]:
        """End every voucher whose last day has passed and of which nothing waits to be paid."""
        today = day_of(self._clock())
        with self._work.begin(writes=False) as unit:
            found = [one for one in unit.claims.claims(batch_id=batch_id) if _is_over(one, today)]

        def do(taking: Taking) -> Changed:
            changed = expire(taking.stored.claim, taking.today)
            tell_paid_eligible(taking)
            let_go(taking.unit, taking.stored.claim.claim_id, taking.utc_ms, use_serial=0)
            return changed

        why = Why(reason="券的有效期已满。the voucher's last day has passed")
        return [
            self._take(Acting(login=CLOCK), one.claim.claim_id, Step.EXPIRE, why, do)
            for one in found
        ]


def _redeemed(taking: Taking) -> list[str]:
    """Certificates of the statements that this payment rests on: from now on they are redeemed.

    One that a claim of another programme redeemed before stays so.
    """
    unit, claim = taking.unit, taking.stored.claim
    uses = set(open_uses(unit, claim.claim_id)) if claim.mode.has_voucher else {0}
    statements = {
        StatementRevision(one.number, one.revision)
        for one in unit.claims.held_lines(claim.claim_id)
        if one.use_serial in uses
    }
    numbers = {unit.claims.certified(one) for one in statements} - {None}
    redeemed = []
    for number in sorted(str(one) for one in numbers):
        found = unit.certificates.certificate(number)
        if found is not None and found.status is CertificateStatus.ISSUED:
            redeem_within(unit, number, claim.claim_id, CLOCK, taking.utc_ms)
            redeemed.append(number)
    return redeemed


def _is_over(stored: StoredClaim, today: object) -> bool:
    claim = stored.claim
    voucher = claim.voucher
    usable = claim.state in (ClaimState.ISSUED, ClaimState.PARTIALLY_USED)
    if voucher is None or voucher.valid_until is None or not usable or claim.open_fen:
        return False
    return bool(str(voucher.valid_until) < str(today))
