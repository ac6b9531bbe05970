"""Public money of several programmes on one cost: found, allowed by every rule, below every line.

One cost is the same minute of a device, the same part of an invoice, or a part of a contract that
both programmes pay for, whichever papers each of them was shown: who pays on the invoice and who
pays on the metered month of one contract pay for the same.
"""

from collections.abc import Sequence
from fractions import Fraction

from kashi_server.domain.claim_states import ENDED, ClaimState
from kashi_server.domain.money import yuan_text
from kashi_server.domain.parameters import FACTORS, NONE
from kashi_server.domain.rules import ParameterState, RulesVersion
from kashi_server.errors import Refused
from kashi_server.services.claim_evaluation import Evaluated
from kashi_server.services.claim_invoice_left import place_in_line
from kashi_server.services.claim_standing import counts
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim


def check_sharing(unit: ClaimsUnit, stored: StoredClaim) -> Sequence[StoredClaim]:
    """Claims of other programmes for the same cost; refused where rules forbid.

    Raises:
        Refused: the rules of either side exclude it, or do not say that it may be shared; the
            other claim and its programme are named.
    """
    found = _sharing(unit, stored)
    for other in found:
        for rules, foreign in ((stored.rules, other.rules), (other.rules, stored.rules)):
            _check_allows(rules, foreign, other)
    return found


def _sharing(unit: ClaimsUnit, stored: StoredClaim) -> list[StoredClaim]:
    """By id."""
    same_papers = set(unit.claims.sharing(stored.claim.claim_id))
    found = {}
    for one in unit.claims.claims(contract_ids=stored.content.contract_ids):
        if one.batch.programme_id == stored.batch.programme_id:
            continue
        if _stands(one) and _same_cost(unit, stored, one):
            found[one.claim.claim_id] = one
    for claim_id in same_papers - found.keys():
        if (other := unit.claims.claim(claim_id)) is not None:
            found[claim_id] = other
    return [found[claim_id] for claim_id in sorted(found)]


def _stands(stored: StoredClaim) -> bool:
    """It may still be paid, or was and was not recovered."""
    claim = stored.claim
    if claim.amounts.awarded_fen > claim.amounts.recovered_fen:
        return True
    return claim.state not in (ClaimState.DRAFT, *ENDED)


def _same_cost(unit: ClaimsUnit, stored: StoredClaim, other: StoredClaim) -> bool:
    """Some part of a contract of both is expense that the rules of both speak of; also where nobody
    stated what parts the contract has."""
    common = set(stored.content.contract_ids) & set(other.content.contract_ids)
    for contract_id in sorted(common):
        parts = unit.claim_papers.parts(contract_id)
        both = (one for one in parts if counts(stored.rules, one) and counts(other.rules, one))
        if not parts or any(both):
            return True
    return False


def check_contract_once(unit: ClaimsUnit, stored: StoredClaim) -> None:
    """Refuse a contract that a claim of the programme was paid for, where it is the only ceiling,
    and a second award for one contract or project.

    Without invoices, payments or metered use to tell two claims' expense apart, each would be for
    all of the contract. Where the rules count days of its term, each year has its own; so has an
    award where the rules know awards of several years (`years_max`).

    Raises:
        Refused: a claim that was handed in before stands for it; it is named.
    """
    rules = stored.rules
    shared = rules.parameter("kind").value == "cost_share"
    if shared and not _contract_alone(rules):
        return
    own = place_in_line(unit, stored)
    each_year = rules.parameter("prorate").value == "by_days" if shared else _of_years(rules)
    for one in _of_contract_or_company(unit, stored, shared=shared):
        if one.claim.claim_id == stored.claim.claim_id or not _stands(one):
            continue
        if each_year and one.batch.year != stored.batch.year:
            continue
        same = _same_cost(unit, stored, one) if shared else _same_award(stored, one)
        if same and place_in_line(unit, one) < own:
            raise Refused(_once(one, rules, shared=shared))


def _of_contract_or_company(
    unit: ClaimsUnit, stored: StoredClaim, *, shared: bool
) -> list[StoredClaim]:
    """Claims of the programme on the contracts, and unless contracts are shared the company's
    others, which may be for the same project; by id."""
    programme_id = stored.batch.programme_id
    found = list(
        unit.claims.claims(programme_id=programme_id, contract_ids=stored.content.contract_ids)
    )
    if not shared:
        company_id = stored.claim.company_id
        found += unit.claims.claims(programme_id=programme_id, company_id=company_id)
    by_id = {one.claim.claim_id: one for one in found}
    return [by_id[claim_id] for claim_id in sorted(by_id)]


def _of_years(rules: RulesVersion) -> bool:
    """Whether a text lets an award come again in another year."""
    years = rules.parameter("years_max").value
    return years == NONE or (isinstance(years, int) and years > 1)


def _same_award(stored: StoredClaim, other: StoredClaim) -> bool:
    """For a contract of both, or for one project of one company."""
    if set(stored.content.contract_ids) & set(other.content.contract_ids):
        return True
    project = _project(stored)
    return (
        bool(project)
        and project == _project(other)
        and stored.claim.company_id == other.claim.company_id
    )


def _project(stored: StoredClaim) -> str:
    """A project's name, however it is spaced and capitalised."""
    return "".join((stored.content.declared.project or "").split()).casefold()


def _once(other: StoredClaim, rules: RulesVersion, *, shared: bool) -> str:
    stands = f"claim {other.claim.claim_id} stands for the same contract"
    zh = f"申报 {other.claim.claim_id} 已用于同一合同"
    if shared:
        return (
            f"{zh}，而 {rules.programme_id} 仅以合同金额为上限，每份合同只能申报一次。"
            f"{stands}, and the contract is the only ceiling that {rules.programme_id} knows: it"
            " is claimed once"
        )
    return (
        f"{zh}或项目，而 {rules.programme_id} 对其只奖励一次。"
        f"{stands} or project, and {rules.programme_id} gives an award for it once"
    )


def _contract_alone(rules: RulesVersion) -> bool:
    ceilings = {one for one in FACTORS if rules.parameter(f"base.{one}").value == "ceiling"}
    return ceilings == {"contract"}


def _check_allows(rules: RulesVersion, foreign: RulesVersion, other: StoredClaim) -> None:
    named = f"claim {other.claim.claim_id} of {other.batch.programme_id} is for the same expense"
    excluded = rules.parameter("mutual_exclusions").value
    if isinstance(excluded, tuple) and foreign.programme_id in excluded:
        raise Refused(
            f"申报 {other.claim.claim_id}（{other.batch.programme_id}）已用于同一费"
            f"用，而 {rules.programme_id} 不得与 {foreign.programme_id} 同时享受（"
            "mutual_exclusions）。"
            f"{named}, and {rules.programme_id} excludes {foreign.programme_id} (mutual_exclusions)"
        )
    if rules.parameter("stacking.ratio").state is ParameterState.UNKNOWN:
        raise Refused(
            f"申报 {other.claim.claim_id}（{other.batch.programme_id}）已用于同一费"
            f"用，而 {rules.programme_id} 的 stacking.ratio 未知，无法判断能否叠加。"
            f"{named}, and nobody knows whether {rules.programme_id} allows that: its"
            " stacking.ratio is unknown"
        )


def check_strictest_line(
    evaluated: Evaluated, stored: StoredClaim, others: Sequence[StoredClaim], amount_fen: int
) -> None:
    """Refuse more than the strictest stacking line of all programmes that share the expense.

    Raises:
        Refused: together they would pass it, or nobody knows what the contract is worth; the other
            claims and their programmes are named.
    """
    lines = [line for one in (stored, *others) if (line := stacking_line(one.rules)) is not None]
    if not others or not lines:
        return
    names = ", ".join(f"{one.claim.claim_id} of {one.batch.programme_id}" for one in others)
    contract_fen = evaluated.evaluation.steps[-1].outcome.state.contract_fen
    if contract_fen is None:
        raise Refused(
            f"申报 {names} 已用于同一费用，而合同未注明金额，无法确定叠加线；请填写"
            "合同各部分的金额。"
            f"claim {names} is for the same expense, and nobody stated the contract's amount, on"
            " which the stacking line is drawn; state the contract's parts"
        )
    strictest = min(lines)
    limit_fen = strictest.numerator * contract_fen // strictest.denominator
    standing = evaluated.before.standing
    taken_fen = (standing.paid_on_contract_fen or 0) + sum(
        one.amount_fen for one in evaluated.before.other_money or ()
    )
    if taken_fen + amount_fen > limit_fen:
        raise Refused(
            f"连同申报 {names}，该合同的财政资金将达 "
            f"{yuan_text(taken_fen + amount_fen)} 元，最严的叠加线为 "
            f"{yuan_text(limit_fen)} 元。"
            f"with claim {names} public money on the contract would come to"
            f" {yuan_text(taken_fen + amount_fen)} yuan; the strictest stacking line is"
            f" {yuan_text(limit_fen)} yuan"
        )


def stacking_line(rules: RulesVersion) -> Fraction | None:
    """The most of a contract that public money may be; None: rules know no such line."""
    if rules.parameter("stacking.ratio").value == NONE:
        return None
    return rules.ratio("stacking.ratio")
