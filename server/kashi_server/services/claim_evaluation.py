"""Evaluating a claim as its papers and standings are now: inputs, trace and amount as bytes."""

from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.case_writing import case_to_data
from kashi_server.domain.evaluation.evaluate import Evaluation, Status, evaluate
from kashi_server.errors import Refused
from kashi_server.services.claim_case import Papers, case_of, with_requested
from kashi_server.services.claim_standing import Before, before, own_eligible_fen
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim, StoredEvaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What a claim came to, as it is stored and as it is told."""

    stored: StoredEvaluation
    evaluation: Evaluation
    before: Before

    @property
    def amount_fen(self) -> int | None:
        """What it came to; None: there is no amount."""
        return self.stored.amount_fen


def evaluate_claim(
    unit: ClaimsUnit,
    stored: StoredClaim,
    *,
    serial: int,
    utc_ms: int,
    today: date,
    granted: bool = False,
) -> Evaluated:
    """Evaluate an application: everything it names, no voucher yet.

    `granted`: towards a year's threshold only approved claims count beside it.
    """
    content = stored.content
    papers = Papers(
        statements=content.statements, invoices=content.invoices, payments=content.payments
    )
    stands = before(unit, stored, granted=granted)
    case = case_of(unit, stored, papers, stands, applied_on=stored.claim.applied_on or today)
    # What is approved requests nothing any more: left out or not, the sum is one for all of these.
    own = "" if stored.claim.amounts.approved_fen else stored.claim.claim_id
    others_fen = unit.claims.requested_fen(stored.batch.batch_id, own)
    return _evaluated(stored, case, stands, others_fen, serial, utc_ms)


def evaluate_use(
    unit: ClaimsUnit,
    stored: StoredClaim,
    papers: Papers,
    *,
    serial: int,
    utc_ms: int,
    today: date,
    used_fen: int | None = None,
    use_serial: int | None = None,
    eligible_fen: int | None = None,
) -> Evaluated:
    """Evaluate a use of the claim's voucher: the papers of this use alone.

    Towards a year's threshold the expense of the application counts, or that of the use if it is
    more: a use is of parts of the same expense, and nothing counts twice.

    Args:
        unit: the unit of work.
        stored: the claim.
        papers: of this use.
        serial: number of the step.
        utc_ms: its time.
        today: its day.
        used_fen: what of the voucher was used before it; without it all that is used.
        use_serial: the step of the use; without it this one. What earlier uses took of a contract
            it does not get again.
        eligible_fen: what of the application's expense is eligible, where somebody just asked;
            without it what the claim's steps tell.
    """
    voucher = stored.claim.voucher
    assert voucher is not None
    voucher = voucher if used_fen is None else replace(voucher, used_fen=used_fen)
    stands = before(unit, stored, used_fen=voucher.used_fen, granted=True)
    # The day of a use is looked at where the voucher is used; windows of application are not those
    # of use, so the case keeps the day of the application and a voucher that has begun.
    begun = replace(voucher, valid_from=None)
    case = case_of(
        unit,
        stored,
        papers,
        stands,
        applied_on=stored.claim.applied_on or today,
        vouchers=(begun,),
        use_serial=serial if use_serial is None else use_serial,
    )
    own_fen = evaluate(stored.rules, with_requested(case, 0)).eligible_fen or 0
    applied_fen = own_eligible_fen(unit, stored) if eligible_fen is None else eligible_fen
    year_fen = (case.standing.year_eligible_fen or 0) + max(0, applied_fen - own_fen)
    case = replace(case, standing=replace(case.standing, year_eligible_fen=year_fen))
    return _evaluated(stored, case, stands, 0, serial, utc_ms)


def _evaluated(
    stored: StoredClaim, case: Case, stands: Before, others_fen: int, serial: int, utc_ms: int
) -> Evaluated:
    """Twice: what it comes to before the pool is a part of what the batch requests in all."""
    alone = evaluate(stored.rules, with_requested(case, 0))
    own_fen = _before_pool_fen(alone)
    case = with_requested(case, others_fen + own_fen)
    done = evaluate(stored.rules, case)
    inputs = canonical_bytes(case_to_data(case))
    return Evaluated(
        stored=StoredEvaluation(
            claim_id=stored.claim.claim_id,
            serial=serial,
            utc_ms=utc_ms,
            rules_sha256=stored.rules.sha256,
            inputs=inputs,
            inputs_sha256=sha256(inputs).hexdigest(),
            trace=done.to_bytes(),
            status=done.status.value,
            requested_fen=None if done.status is Status.NO_AMOUNT else own_fen,
            amount_fen=done.amount_fen,
        ),
        evaluation=done,
        before=stands,
    )


def _before_pool_fen(done: Evaluation) -> int:
    last = done.steps[-1]
    return last.before_fen if last.name == "pool" else last.after_fen


def told(evaluated: Evaluated) -> dict[str, object]:
    """What a step's event says of its evaluation."""
    return evaluated.stored.told()


def check_final(evaluated: Evaluated, *, on_estimate: bool) -> None:
    """Refuse to approve what is not final, unless that is said.

    Raises:
        Refused: something that could change the amount is not known.
    """
    done = evaluated.evaluation
    if done.status is Status.FINAL or (done.status is Status.ESTIMATE and on_estimate):
        return
    lacks = ", ".join((*done.unknown, *done.missing))
    raise Refused(
        f"申报 {evaluated.stored.claim_id} 尚为估算：{lacks} 可能改变金额。请先"
        "确定（rules decide、claim assess），或以 --on-estimate 按现状核定。"
        f"claim {evaluated.stored.claim_id} is an {done.status}: {lacks} could change it. Settle"
        " them (rules decide, claim assess), or approve it as it is with --on-estimate"
    )
