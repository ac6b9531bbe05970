"""The estimate of a voucher: published steps in their order, each with what bound and why.

Steps work on the calendar year to date, so that the months' estimates add up to the year's:

1. scope: the lines that are eligible;
2. year_to_date: with the eligible amounts of the year's earlier statements;
3. threshold: below the year's threshold nothing is due (a cliff, not a ramp);
4. ratio: the general ratio, or the start-up's where its age basis is known; cut to one fen;
5. company_year_cap: never more than the cap of a company and year;
6. less_earlier: less what earlier statements of the year estimated already.

Steps that need facts not held here (invoices, payments, other public money, the pool) are not
guessed: every result is an estimate and lists the parameters that are unknown.
"""

from dataclasses import dataclass
from datetime import date

from kashi_server.domain.evaluation.ratio import age_months
from kashi_server.domain.money import truncate_to_fen, yuan_text
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.statement_quality import Subsidy, SubsidyStep

NO_RULES = "rules_in_force"
"""Named as unknown where no version of the rules is in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierInYear:
    """What a party's earlier statements of the calendar year came to."""

    eligible_fen: int = 0
    estimate_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """What the rules ask about the party and its contract; None: not known."""

    established_on: date | None
    signed_on: date | None
    service_from: date


def estimate(
    rules: RulesVersion | None,
    amount_fen: int,
    eligible_fen: int,
    earlier: EarlierInYear,
    claimant: Claimant,
) -> Subsidy:
    """Estimate what a voucher might pay on a statement.

    Args:
        rules: the version in force; None: none is.
        amount_fen: all the lines.
        eligible_fen: the eligible ones.
        earlier: the year so far.
        claimant: who would claim.
    """
    trace = [
        SubsidyStep(
            step="scope",
            input=amount_fen,
            output=eligible_fen,
            bound=None,
            reason="仅计合格明细 eligible lines only",
            source=None,
        )
    ]
    if rules is None:
        return Subsidy(estimate_fen=None, trace=tuple(trace), unknown=(NO_RULES,))
    year_fen = earlier.eligible_fen + eligible_fen
    earlier_yuan, estimated_yuan = map(yuan_text, (earlier.eligible_fen, earlier.estimate_fen))
    trace.append(
        SubsidyStep(
            step="year_to_date",
            input=eligible_fen,
            output=year_fen,
            bound=None,
            reason=_both(
                f"含本年此前结算单 {earlier_yuan} 元",
                f"with {earlier_yuan} yuan of the year's earlier statements",
            ),
            source=None,
        )
    )
    trace.append(_threshold(rules, year_fen))
    ratio = _ratio(rules, trace[-1].output, claimant)
    if ratio is None:
        return Subsidy(estimate_fen=None, trace=tuple(trace), unknown=_unknown(rules))
    trace.append(ratio)
    trace.append(_cap(rules, ratio.output))
    left_fen = max(0, trace[-1].output - earlier.estimate_fen)
    trace.append(
        SubsidyStep(
            step="less_earlier",
            input=trace[-1].output,
            output=left_fen,
            bound=None,
            reason=_both(
                f"扣除此前已估算 {estimated_yuan} 元",
                f"less {estimated_yuan} yuan estimated before",
            ),
            source=None,
        )
    )
    return Subsidy(estimate_fen=left_fen, trace=tuple(trace), unknown=_unknown(rules))


def _unknown(rules: RulesVersion) -> tuple[str, ...]:
    needed = ("threshold.year_yuan", "ratio.general", "cap.company_year_yuan")
    missing = {name for name in needed if rules.parameter(name).value is None}
    return tuple(sorted({*rules.unknown, *missing}))


def _threshold(rules: RulesVersion, year_fen: int) -> SubsidyStep:
    name = "threshold.year_yuan"
    threshold_fen = rules.fen(name)
    if threshold_fen is None:
        return _step("threshold", year_fen, year_fen, None, _not_applied(name), None)
    below = year_fen < threshold_fen
    return _step(
        "threshold",
        year_fen,
        0 if below else year_fen,
        name if below else None,
        _both(
            f"本年合格费用须达到 {yuan_text(threshold_fen)} 元",
            f"the year's eligible expense must reach {yuan_text(threshold_fen)} yuan",
        ),
        rules.parameter(name).source,
    )


def _ratio(rules: RulesVersion, amount_fen: int, claimant: Claimant) -> SubsidyStep | None:
    name = "ratio.startup" if _is_startup(rules, claimant) else "ratio.general"
    ratio = rules.ratio(name)
    if ratio is None:
        return None
    due_fen = truncate_to_fen(ratio * amount_fen / 100)
    value = rules.parameter(name).value_text
    reason = _both(f"按 {name} {value} 计", f"at {name} {value}")
    return _step("ratio", amount_fen, due_fen, None, reason, rules.parameter(name).source)


def _is_startup(rules: RulesVersion, claimant: Claimant) -> bool:
    """Only where the rules say at which date the age counts; otherwise the general ratio holds."""
    basis = rules.parameter("startup.age_basis").value
    months = rules.parameter("startup.max_age_months").value
    dates = {"service_date": claimant.service_from, "contract_signed": claimant.signed_on}
    at = dates.get(basis) if isinstance(basis, str) else None
    if at is None or claimant.established_on is None or not isinstance(months, int):
        return False
    return age_months(claimant.established_on, at) < months


def _cap(rules: RulesVersion, amount_fen: int) -> SubsidyStep:
    name = "cap.company_year_yuan"
    cap_fen = rules.fen(name)
    if cap_fen is None:
        return _step("company_year_cap", amount_fen, amount_fen, None, _not_applied(name), None)
    bound = name if cap_fen < amount_fen else None
    reason = _both(
        f"每家企业每年至多 {yuan_text(cap_fen)} 元",
        f"at most {yuan_text(cap_fen)} yuan a company and year",
    )
    source = rules.parameter(name).source
    return _step("company_year_cap", amount_fen, min(cap_fen, amount_fen), bound, reason, source)


def _not_applied(name: str) -> str:
    return _both(f"参数 {name} 未知，未适用", f"{name} is unknown and not applied")


def _both(zh: str, en: str) -> str:
    """A reason as a statement carries it: Chinese first, then English."""
    return f"{zh} {en}"


def _step(
    step: str, before_fen: int, after_fen: int, bound: str | None, reason: str, source: str | None
) -> SubsidyStep:
    return SubsidyStep(
        step=step, input=before_fen, output=after_fen, bound=bound, reason=reason, source=source
    )
