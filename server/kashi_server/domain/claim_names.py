"""Chinese names of a claim's states, steps and modes, as refusals say them; keys as stored.

Pages and the console show the same words (`services/claim_words.py`): a test holds both together.
"""

from collections.abc import Mapping
from typing import Final

STATES_ZH: Final[Mapping[str, str]] = {
    "draft": "草稿",
    "submitted": "已提交",
    "form_check": "形式审查",
    "expert_review": "专家评审",
    "publicised": "公示",
    "issued": "已发券",
    "partially_used": "部分使用",
    "used": "已用完",
    "claim_submitted": "已申请兑现",
    "claim_verified": "兑现已核",
    "paid": "已拨付",
    "rejected": "不予支持",
    "expired": "已作废",
    "withdrawn": "已撤回",
    "suspended": "已中止",
    "clawed_back": "已追回",
}
MODES_ZH: Final[Mapping[str, str]] = {
    "claim_first": "先申领后兑现",
    "post_use": "后补助",
    "instant_deduction": "即领即用",
    "supplier_redeems": "服务机构兑现",
}
STEPS_ZH: Final[Mapping[str, str]] = {
    "submit": "提交",
    "check": "受理",
    "return": "退回补正",
    "assess": "认定",
    "review": "送评审",
    "approve": "核定",
    "publicise": "公示",
    "issue": "发券",
    "use": "用券",
    "redeem": "申请兑现",
    "verify": "核验",
    "pay": "拨付",
    "reject": "不予支持",
    "withdraw": "撤回",
    "expire": "作废",
    "suspend": "中止",
    "resume": "恢复",
    "reopen": "重新审查",
    "flag": "提示复核",
    "claw_back": "追回",
    "charge_interest": "计收利息",
}
