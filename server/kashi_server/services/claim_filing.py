"""Filing: a company drafts a claim, gathers its papers, submits and withdraws it."""

from dataclasses import replace
from datetime import date
from typing import Final

from kashi_server.domain.claim import Changed, Claim
from kashi_server.domain.claim_content import (
    ClaimContent,
    Officially,
)
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_review import submit, withdraw
from kashi_server.domain.claim_states import ClaimState, Step, mode_of, review_of
from kashi_server.domain.evaluation.ratio import months_after
from kashi_server.errors import NotFound, Refused
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_emptiness import check_something
from kashi_server.services.claim_evaluation import evaluate_claim, told
from kashi_server.services.claim_gathering import LeftOut, gathered, left_out
from kashi_server.services.claim_holding import hold, let_go
from kashi_server.services.claim_named import check_together, contracts_of
from kashi_server.services.claim_opening import check_takes
from kashi_server.services.claim_sharing import check_contract_once, check_sharing
from kashi_server.services.claim_stands import STANDS, stands_of
from kashi_server.services.claim_steps import (
    Acting,
    ClaimSteps,
    Taken,
    Taking,
    Why,
    add_event,
    company_of,
    day_of,
    existing,
    write,
)
from kashi_server.services.claim_words import STATES
from kashi_server.services.claim_worth import tell_paid_eligible
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim

DRAFTED: Final = "draft"
CHANGED: Final = "change"


class ClaimFiling(ClaimSteps):
    """What companies do."""

    def draft(
        self, by: Acting, batch_id: str, content: ClaimContent, *, gather: bool = False
    ) -> StoredClaim:
        """Begin a claim.

        Args:
            by: a company's account.
            batch_id: the batch it belongs to.
            content: what it says so far.
            gather: add every paper that is there for its contracts and period.

        Raises:
            NotFound: there is no such batch or contract.
            Refused: a contract is another company's.
        """
        with self._work.begin() as unit:
            company_id = company_of(unit, by.login)
            stored = self._new(unit, batch_id, company_id, content)
            if gather:
                stored = replace(stored, content=gathered(unit, stored))
            unit.claims.add_claim(stored)
            add_event(unit, self._edited(unit, stored, by, DRAFTED))
            unit.commit()
        return stored

    def _new(
        self, unit: ClaimsUnit, batch_id: str, company_id: str, content: ClaimContent
    ) -> StoredClaim:
        batch = unit.claims.batch(batch_id)
        if batch is None:
            raise NotFound(
                f"没有申报批次“{batch_id}”，请用 batch list 查看。"
                f"there is no batch '{batch_id}'; list them with: batch list"
            )
        rules = next(
            one for one in unit.expense.rules(batch.programme_id) if one.version == batch.version
        )
        contracts = contracts_of(unit, company_id, content.contract_ids)
        check_together(rules, contracts)
        mode = mode_of(rules)
        number = unit.claims.next_number(batch_id)
        claim = Claim(
            claim_id=f"{batch_id}-{number:04d}",
            batch_id=batch_id,
            company_id=company_id,
            payee_id=contracts[0].provider_id if mode.pays_provider else company_id,
            mode=mode,
            review=review_of(rules),
        )
        return StoredClaim(
            claim=claim,
            batch=batch,
            rules=rules,
            content=content,
            officially=Officially(),
            drafted_utc_ms=self._clock(),
        )

    def content(self, by: Acting, claim_id: str) -> ClaimContent:
        """What a claim of the acting company says now.

        Raises:
            NotFound: there is no such claim of this company.
        """
        with self._work.begin() as unit:
            return own(unit, by, claim_id).content

    def left_out(self, by: Acting, claim_id: str) -> LeftOut:
        """Papers of the contracts that gathering leaves out: issued outside the period, held by
        another claim of the company, or not certified.

        Raises:
            NotFound: there is no such claim of this company.
        """
        with self._work.begin() as unit:
            return left_out(unit, own(unit, by, claim_id))

    def change(
        self, by: Acting, claim_id: str, content: ClaimContent, *, gather: bool = False
    ) -> StoredClaim:
        """Say something else in a draft, or in one that was returned for correction.

        Raises:
            NotFound: there is no such claim. Refused: it is not a draft, or another company's.
        """
        with self._work.begin() as unit:
            stored = own(unit, by, claim_id)
            if stored.claim.state is not ClaimState.DRAFT:
                raise Refused(
                    f"申报 {claim_id} 的状态为 {STATES[stored.claim.state]}，仅草稿可以修改。"
                    f"claim {claim_id} is {stored.claim.state}: only a draft can be changed"
                )
            contracts = contracts_of(unit, stored.claim.company_id, content.contract_ids)
            check_together(stored.rules, contracts, stored.claim.payee_id)
            changed = replace(stored, content=content, claim=stored.claim.moved(ClaimState.DRAFT))
            if gather:
                changed = replace(changed, content=gathered(unit, changed))
            write(unit, changed, self._edited(unit, changed, by, CHANGED))
            unit.commit()
        return changed

    def _edited(self, unit: ClaimsUnit, stored: StoredClaim, by: Acting, step: str) -> ClaimEvent:
        claim = stored.claim
        return ClaimEvent(
            claim_id=claim.claim_id,
            serial=claim.serial,
            key=f"{claim.claim_id}/{claim.serial}",
            step=step,
            before=claim.state,
            after=claim.state,
            actor=by.login,
            utc_ms=self._clock(),
            terms={
                "content": stored.content.to_data(),
                STANDS: stands_of(unit.claims, stored),
            },
        )

    def submit(self, by: Acting, claim_id: str, why: Why | None = None) -> Taken:
        """Hand a claim in: what it names is held, and it is evaluated.

        Raises:
            Refused: the batch takes none now, nothing is claimed, another claim holds the same
                expense (it is named), a paper does not hold good, or the company is barred.
        """

        def do(taking: Taking) -> Changed:
            stored, unit = taking.stored, taking.unit
            if stored.claim.applied_on is None:
                check_takes(unit, stored, taking.today)
            check_barred(unit, stored, taking.today)
            check_something(stored)
            content = stored.content
            papers = Papers(
                statements=content.statements, invoices=content.invoices, payments=content.payments
            )
            hold(unit, stored, papers, taking.utc_ms)
            check_sharing(unit, stored)
            check_contract_once(unit, stored)
            done = evaluate_claim(
                unit, stored, serial=taking.serial, utc_ms=taking.utc_ms, today=taking.today
            )
            unit.claims.add_evaluation(done.stored)
            taking.terms |= told(done) | {"content": content.to_data()}
            return submit(stored.claim, taking.today, done.amount_fen)

        return self._take(by, claim_id, Step.SUBMIT, why or Why(), do)

    def withdraw(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Give a claim up; what was reserved and held for it is free again.

        Raises:
            Refused: something used waits to be paid, or it has ended.
        """

        def do(taking: Taking) -> Changed:
            changed = withdraw(taking.stored.claim)
            tell_paid_eligible(taking)
            paid = taking.stored.claim.amounts.disbursed_fen
            let_go(taking.unit, claim_id, taking.utc_ms, use_serial=0 if paid else None)
            return changed

        return self._take(by, claim_id, Step.WITHDRAW, why, do)


def own(unit: ClaimsUnit, by: Acting, claim_id: str) -> StoredClaim:
    """A claim of the acting company, locked.

    Raises:
        NotFound: there is none of that id, or it is another's.
    """
    company_id = company_of(unit, by.login)
    stored = existing(unit, claim_id, lock=True)
    if stored.claim.company_id != company_id:
        raise NotFound(
            f"没有申报“{claim_id}”，请用 claim list 查看。"
            f"there is no claim '{claim_id}'; list them with: claim list"
        )
    return stored


def check_barred(unit: ClaimsUnit, stored: StoredClaim, today: date) -> None:
    """Refuse a company whose claim was clawed back, for as long as the rules bar it.

    Raises:
        Refused: it is barred; the claim is named.
    """
    for one in unit.claims.claims(
        programme_id=stored.batch.programme_id, company_id=stored.claim.company_id
    ):
        months = one.rules.parameter("clawback.ban_months").value
        if one.claim.state is not ClaimState.CLAWED_BACK or not isinstance(months, int):
            continue
        recovered = [
            event
            for event in unit.claims.events(one.claim.claim_id)
            if event.step == Step.CLAW_BACK
        ]
        free = months_after(day_of(recovered[-1].utc_ms), months)
        if today < free:
            raise Refused(
                f"申报 {one.claim.claim_id} 已被追回，该企业自 {free} 起方可再次申报（"
                "clawback.ban_months）。"
                f"claim {one.claim.claim_id} was clawed back: the company may apply again from"
                f" {free} (clawback.ban_months)"
            )
