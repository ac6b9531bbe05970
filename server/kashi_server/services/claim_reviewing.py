"""Reviewing: officers check, return, assess, approve, publicise, issue and reject claims."""

from dataclasses import replace
from datetime import date
from typing import Final

from kashi_server.domain.claim import Changed
from kashi_server.domain.claim_content import Officially
from kashi_server.domain.claim_review import (
    approve,
    assess,
    check,
    issue,
    publicise,
    reject,
    review,
    send_back,
)
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.evaluation.ratio import months_after
from kashi_server.domain.money import yuan_text
from kashi_server.domain.parameters import NONE
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.claim_evaluation import (
    Evaluated,
    check_final,
    evaluate_claim,
    told,
)
from kashi_server.services.claim_holding import free_uses, let_go
from kashi_server.services.claim_line import check_lines
from kashi_server.services.claim_sharing import (
    check_contract_once,
    check_sharing,
    check_strictest_line,
)
from kashi_server.services.claim_steps import Acting, ClaimSteps, Taken, Taking, Why
from kashi_server.services.claim_uses import open_uses
from kashi_server.services.claim_worth import check_grant

NOTICE_DAYS_AHEAD_MAX: Final = 366
"""A public notice begins within a year; a later day is a slip of the pen."""


class ClaimReviewing(ClaimSteps):
    """What officers do before anything is granted."""

    def check(self, by: Acting, claim_id: str, why: Why | None = None) -> Taken:
        """Take a submitted claim up for the check of form; it is evaluated anew."""

        def do(taking: Taking) -> Changed:
            return check(taking.stored.claim, evaluated(taking).amount_fen)

        return self._take(by, claim_id, Step.CHECK, why or Why(), do)

    def send_back(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Return an application for correction 补正, or a redemption to what was used before.

        Raises:
            Refused: it was returned as often as the rules allow.
        """

        def do(taking: Taking) -> Changed:
            stored, unit = taking.stored, taking.unit
            changed = send_back(stored.claim)
            if stored.claim.state is ClaimState.CLAIM_SUBMITTED:
                free_uses(unit, stored, open_uses(unit, claim_id), taking.utc_ms)
            else:
                let_go(unit, claim_id, taking.utc_ms)
            return changed

        return self._take(by, claim_id, Step.RETURN, why, do)

    def assess(self, by: Acting, claim_id: str, said: Officially, why: Why) -> Taken:
        """Say what the office knows: rank, credit record, district, what it decided; on paper
        the tier, the award that is matched and measures.

        Raises:
            InvalidValue: nothing is said, or it needs a document that shows it.
        """

        def do(taking: Taking) -> Changed:
            taking.stored = replace(
                taking.stored, officially=taking.stored.officially.updated(said)
            )
            return assess(taking.stored.claim, evaluated(taking).amount_fen)

        if said == Officially():
            raise InvalidValue(
                "没有填写任何认定内容，请填写排名、认定金额或审查结论。"
                "nothing is assessed; say a rank, a decided amount or a finding"
            )
        if said.on_paper and not why.document.strip():
            raise InvalidValue(
                "认定档次、被配套奖励与认定指标须有文件，请以 --document 注明。"
                "a tier, a matched award and measures are stated on a document; name it with"
                " --document"
            )
        return self._take(by, claim_id, Step.ASSESS, why, do, {"officially": said.to_data()})

    def review(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """The form is right: hand it to the experts. `why`: what the check found."""
        return self._take(
            by, claim_id, Step.REVIEW, why, lambda taking: review(taking.stored.claim)
        )

    def approve(
        self, by: Acting, claim_id: str, amount_fen: int, why: Why, *, on_estimate: bool = False
    ) -> Taken:
        """Approve an amount 核定, by two officers; it is reserved at once.

        Args:
            by: one officer or two.
            claim_id: which claim.
            amount_fen: at most what it is computed at now.
            why: reason and document.
            on_estimate: approve although something that could change the amount is not known.

        Raises:
            Refused: it is above what is computed, not final, above the line of a contract or the
                strictest of programmes that share the expense, or pool, cap, quota or envelope do
                not hold it.
        """

        def do(taking: Taking) -> Changed:
            done = evaluated(taking)
            changed = approve(taking.stored.claim, amount_fen, done.amount_fen)
            check_final(done, on_estimate=on_estimate)
            others = check_sharing(taking.unit, taking.stored)
            check_strictest_line(done, taking.stored, others, amount_fen)
            check_lines(taking.unit, done, taking.stored, others, amount_fen)
            check_contract_once(taking.unit, taking.stored)
            _check_face(taking.stored.rules, taking.stored.claim.mode.has_voucher, amount_fen)
            taking.terms["open"] = [*done.evaluation.unknown, *done.evaluation.missing]
            return changed

        terms = {"approved_yuan": yuan_text(amount_fen), "on_estimate": on_estimate}
        return self._take(by, claim_id, Step.APPROVE, why, do, terms)

    def publicise(
        self, by: Acting, claim_id: str, why: Why | None = None, *, on: date | None = None
    ) -> Taken:
        """Make an approved claim public 公示, from today or a later day on.

        Raises:
            Refused: nothing is approved, or the rules do not say for how many days.
            InvalidValue: the day is past, or more than a year ahead.
        """

        def do(taking: Taking) -> Changed:
            first = on or taking.today
            if first < taking.today:
                raise InvalidValue(
                    f"公示不能自 {first} 开始：该日已过。"
                    f"public notice cannot begin on {first}, which is past"
                )
            if (first - taking.today).days > NOTICE_DAYS_AHEAD_MAX:
                raise InvalidValue(
                    f"公示不能自 {first} 开始：最多提前 {NOTICE_DAYS_AHEAD_MAX} 天安排。"
                    f"public notice cannot begin on {first}: that is more than"
                    f" {NOTICE_DAYS_AHEAD_MAX} days ahead"
                )
            taking.terms["publicised_on"] = first.isoformat()
            return publicise(taking.stored.claim, first)

        asked = {"asked_from": None if on is None else on.isoformat()}
        return self._take(by, claim_id, Step.PUBLICISE, why or Why(), do, asked)

    def issue(
        self, by: Acting, claim_id: str, why: Why | None = None, *, valid_until: date | None = None
    ) -> Taken:
        """Issue the voucher, once the public notice is over.

        `valid_until`: its last day, where the rules do not say how long it holds.

        Raises:
            Refused: the notice still runs, the rules say another last day, or the claim comes to
                less now than was approved.
        """

        def do(taking: Taking) -> Changed:
            last = _last_day(taking.stored.rules, taking.today, valid_until)
            taking.terms["valid_until"] = None if last is None else last.isoformat()
            number = f"V-{claim_id}"
            changed = issue(taking.stored.claim, taking.today, number, last)
            check_grant(taking)
            return changed

        asked = {"asked_until": None if valid_until is None else valid_until.isoformat()}
        return self._take(by, claim_id, Step.ISSUE, why or Why(), do, asked)

    def reject(self, by: Acting, claim_id: str, why: Why) -> Taken:
        """Refuse a claim for good; what was reserved and held for it is free again."""

        def do(taking: Taking) -> Changed:
            changed = reject(taking.stored.claim)
            let_go(taking.unit, claim_id, taking.utc_ms)
            return changed

        return self._take(by, claim_id, Step.REJECT, why, do)


def evaluated(taking: Taking) -> Evaluated:
    """Evaluate an application as everything is now, and keep it."""
    done = evaluate_claim(
        taking.unit,
        taking.stored,
        serial=taking.serial,
        utc_ms=taking.utc_ms,
        today=taking.today,
    )
    taking.unit.claims.add_evaluation(done.stored)
    taking.terms |= told(done)
    return done


def _check_face(rules: RulesVersion, has_voucher: bool, amount_fen: int) -> None:
    least_fen = rules.fen("voucher.min_face_yuan") if has_voucher else None
    if least_fen is not None and amount_fen < least_fen:
        raise Refused(
            f"券的面额至少为 {yuan_text(least_fen)} 元。"
            f"a voucher is for {yuan_text(least_fen)} yuan at least"
        )


def _last_day(rules: RulesVersion, first: date, stated: date | None) -> date | None:
    """By the rules; stated where nobody knows, and nowhere else."""
    months = rules.parameter("voucher.validity_months").value
    if isinstance(months, int):
        last = months_after(first, months)
    elif months == NONE:
        last = None
    else:
        return stated
    if stated is not None and stated != last:
        raise Refused(
            f"按规则，券的有效期至 {last or '（无限期）'}，不是 {stated}。"
            f"by the rules the voucher ends on {last or 'no day'}, not on {stated}"
        )
    return last
