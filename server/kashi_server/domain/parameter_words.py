"""What each parameter is called in Chinese, who uses it, and what is done while nobody knows it.

`docs/rules.md` prints this table; a test holds the two together, and each named step against its
source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

RECORD: Final = "record"
"""Kept and shown; nothing is computed from it."""

CLAIMS: Final = "claims"
"""The course of a claim: review, vouchers, public notice, recovery."""

LEDGER: Final = "ledger"
"""Accounts of the programme's money."""

NOT_APPLIED: Final = "not applied, told"
OPEN: Final = "the condition is open, told"
NO_AMOUNT: Final = "no amount"
TO_A_FEN: Final = "cut to a fen, told"
SHOWN: Final = "shown as unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterWords:
    """`steps`: of an evaluation, or `claims`, `ledger`, `record`; `unknown`: what is done then."""

    zh: str
    steps: tuple[str, ...]
    unknown: str


def _w(zh: str, steps: str, unknown: str) -> ParameterWords:
    return ParameterWords(zh=zh, steps=tuple(steps.split()), unknown=unknown)


PARAMETER_WORDS: Final[Mapping[str, ParameterWords]] = {
    "authority": _w("主管部门", "ledger record", SHOWN),
    "kind": _w("资助方式", "prorate base ratio company_cap", NO_AMOUNT),
    "date_basis": _w("适用版本的日期依据", "gate", "told unless all three dates agree"),
    "application_windows": _w("申报时间", "gate", OPEN),
    "base_period": _w("费用计算期间", "prorate", "not prorated, told"),
    "beneficiary_types": _w("申报主体类型", "gate", OPEN),
    "jurisdiction": _w("注册地要求", "gate", OPEN),
    "legal_person_required": _w("须为法人", "gate", OPEN),
    "credit_record_required": _w("须无失信记录", "gate", OPEN),
    "purposes": _w("服务用途", "gate", OPEN),
    "conditions.any": _w("至少满足一项的指标", "gate", OPEN),
    "conditions.all": _w("须全部满足的指标", "gate", OPEN),
    "provider_list_required": _w("服务机构须在库", "gate", OPEN),
    "related_party_forbidden": _w("不得为关联方", "gate", OPEN),
    "claimant_not_provider": _w("申报方不得为服务机构", "gate", OPEN),
    "mutual_exclusions": _w("互斥项目", "gate claims", OPEN),
    "years_max": _w("最多享受年数", "gate", OPEN),
    "expense_scope.include": _w("计入的费用", "scope", "everything not excluded counts, told"),
    "expense_scope.exclude": _w("不计入的费用", "scope", "nothing is excluded, told"),
    "self_owned_excluded": _w("自有设备不计入", "scope", "own equipment counts, told"),
    "min_evidence_level": _w("最低证据等级", "meter", "no level is refused, told"),
    "gap_policy": _w("缺口计入办法", "meter", "gaps count nothing, told"),
    "min_utilisation_ratio": _w("利用率提示线", "meter", "no flag"),
    "tax_basis": _w("含税或不含税", "prorate", "with tax, told where it matters"),
    "prorate": _w("按期间分摊办法", "prorate", "not prorated, told"),
    "day_count": _w("天数计算办法", "prorate", "end − start, told"),
    "base.contract": _w("合同金额的作用", "base", "may be a ceiling: told where lower"),
    "base.invoice": _w("发票金额的作用", "base", "may be a ceiling: told where lower"),
    "base.payment": _w("支付金额的作用", "base", "may be a ceiling: told where lower"),
    "base.metered": _w("计量金额的作用", "base", "may be a ceiling: told where lower"),
    "base.verified": _w("核定投入的作用", "base", "may be a ceiling: told where lower"),
    "award.tiers_yuan": _w("各档金额", "base company_cap", NO_AMOUNT),
    "award.fixed_yuan": _w("定额金额", "base", NO_AMOUNT),
    "threshold.year_yuan": _w("年度门槛", "threshold", NOT_APPLIED),
    "threshold.basis": _w("门槛的对象", "threshold", "the eligible expense, told where they part"),
    "ratio_by": _w("比例的选择依据", "ratio stacking", "the general ratio, told"),
    "ratio.general": _w("资助比例", "ratio", NO_AMOUNT),
    "ratio.startup": _w("初创企业比例", "ratio stacking", NO_AMOUNT),
    "ratio.domestic": _w("国产芯片比例", "ratio", NO_AMOUNT),
    "startup.max_age_months": _w("初创企业年限（月）", "ratio", "the general ratio, told"),
    "startup.age_basis": _w("年限的计算日期", "ratio", "told unless all three dates agree"),
    "cap.award_yuan": _w("单项上限", "company_cap", NOT_APPLIED),
    "cap.company_year_yuan": _w("企业年度上限", "company_cap ledger", NOT_APPLIED),
    "cap.company_year_principle_yuan": _w("企业年度原则上限", "company_cap", NOT_APPLIED),
    "cap.combined_yuan": _w("与被配套奖励合计上限", "company_cap", NOT_APPLIED),
    "stacking.ratio": _w("叠加上限比例", "stacking claims", NOT_APPLIED),
    "stacking.startup_line": _w("初创企业叠加上限的取法", "stacking", "stacking.ratio, told"),
    "stacking.levels": _w("计入叠加的资金层级", "stacking", "all public money counts, told"),
    "pool.year_yuan": _w("年度资金总额", "pool", NOT_APPLIED),
    "pool.overflow": _w("超额时的办法", "pool", "at most what is left, told"),
    "envelope": _w("所属总盘子", "pool ledger", NOT_APPLIED),
    "envelope.members": _w("总盘子内的项目", "ledger", SHOWN),
    "quota_per_year": _w("年度名额", "pool ledger", NOT_APPLIED),
    "ranking_rule": _w("排名办法", "record", SHOWN),
    "rounding.mode": _w("舍入方式", "price prorate base ratio", TO_A_FEN),
    "rounding.unit_yuan": _w("舍入单位", "price prorate base ratio pool", TO_A_FEN),
    "rounding.steps": _w("舍入的步骤", "price prorate base ratio pool", TO_A_FEN),
    "redemption_mode": _w("兑付方式", "claims", "no claim is taken"),
    "voucher.validity_months": _w("券有效期（月）", "voucher_balance claims", "no end, told"),
    "voucher.transferable": _w("券可否转让", "record", SHOWN),
    "voucher.partial_use": _w("券可否分次使用", "voucher_balance claims", "in parts, told"),
    "voucher.min_face_yuan": _w("券最低面额", "claims", NOT_APPLIED),
    "evidence_required": _w("申报材料", "record", SHOWN),
    "review_steps": _w("审核步骤", "claims", "the whole review"),
    "review.corrections_max": _w("补正次数", "claims", "no limit, told when a batch opens"),
    "publicity_days": _w("公示天数", "claims", "nothing is publicised"),
    "fiscal_year": _w("财政年度", "record", "the calendar year"),
    "retention_years": _w("保存年限", "record", SHOWN),
    "clawback.reasons": _w("追回事由", "claims", "any reason, stated"),
    "clawback.interest_year_ratio": _w("追回年利率", "claims", "interest stays open, told"),
    "clawback.ban_months": _w("禁止申报月数", "claims", "no ban"),
}
