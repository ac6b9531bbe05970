"""A claim in words: its states and steps, and an evaluation's trace as a person reads it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kashi_server.domain.batch import BatchStatus
from kashi_server.domain.claim_states import ClaimState, Mode, Step, Who
from kashi_server.domain.evaluation.input_words import told_input

STATES: Final[Mapping[ClaimState, str]] = {
    ClaimState.DRAFT: "草稿 draft",
    ClaimState.SUBMITTED: "已提交 submitted",
    ClaimState.FORM_CHECK: "形式审查 form check",
    ClaimState.EXPERT_REVIEW: "专家评审 expert review",
    ClaimState.PUBLICISED: "公示 publicised",
    ClaimState.ISSUED: "已发券 issued",
    ClaimState.PARTIALLY_USED: "部分使用 partially used",
    ClaimState.USED: "已用完 used",
    ClaimState.CLAIM_SUBMITTED: "已申请兑现 redemption submitted",
    ClaimState.CLAIM_VERIFIED: "兑现已核 redemption verified",
    ClaimState.PAID: "已拨付 paid",
    ClaimState.REJECTED: "不予支持 rejected",
    ClaimState.EXPIRED: "已作废 expired",
    ClaimState.WITHDRAWN: "已撤回 withdrawn",
    ClaimState.SUSPENDED: "已中止 suspended",
    ClaimState.CLAWED_BACK: "已追回 clawed back",
}
BATCHES: Final[Mapping[BatchStatus, str]] = {
    BatchStatus.OPEN: "开放 open",
    BatchStatus.CLOSED: "已关闭 closed",
}
MODES: Final[Mapping[Mode, str]] = {
    Mode.CLAIM_FIRST: "A 先申领后兑现 claim first",
    Mode.POST_USE: "B 后补助 post use",
    Mode.INSTANT_DEDUCTION: "C 即领即用 instant deduction",
    Mode.SUPPLIER_REDEEMS: "D 服务机构兑现 supplier redeems",
}
STEPS: Final[Mapping[str, str]] = {
    "draft": "起草 draft",
    "change": "修改 change",
    Step.SUBMIT: "提交 submit",
    Step.CHECK: "受理 check",
    Step.RETURN: "退回补正 return",
    Step.ASSESS: "认定 assess",
    Step.REVIEW: "送评审 review",
    Step.APPROVE: "核定 approve",
    Step.PUBLICISE: "公示 publicise",
    Step.ISSUE: "发券 issue",
    Step.USE: "用券 use",
    Step.REDEEM: "申请兑现 redeem",
    Step.VERIFY: "核验 verify",
    Step.PAY: "拨付 pay",
    Step.REJECT: "不予支持 reject",
    Step.WITHDRAW: "撤回 withdraw",
    Step.EXPIRE: "作废 expire",
    Step.SUSPEND: "中止 suspend",
    Step.RESUME: "恢复 resume",
    Step.REOPEN: "重新审查 reopen",
    Step.FLAG: "提示复核 flag",
    Step.CLAW_BACK: "追回 claw back",
    Step.CHARGE_INTEREST: "计收利息 charge interest",
}
WHO: Final[Mapping[Who, str]] = {
    Who.COMPANY: "企业 company",
    Who.PROVIDER: "服务机构 provider",
    Who.OFFICER: "经办人 officer",
    Who.TWO_OFFICERS: "两名经办人 two officers",
    Who.CLOCK: "系统 clock",
}
_OPEN: Final = (("unknown", "规则未知"), ("missing", "缺少事实"), ("flags", "提示"))
_STATUS: Final = {
    "final": "确定 final",
    "estimate": "估算 estimate",
    "no_amount": "无法计算 no amount",
}


def outcome_lines(trace: bytes) -> Iterator[str]:
    """What an evaluation came to, the step that bound it with its reason, and what it lacks."""
    said: Mapping[str, Any] = json.loads(trace)
    amount = "—" if said["amount_yuan"] is None else f"{said['amount_yuan']} 元"
    yield f"测算 computed {amount} ({_STATUS[said['status']]})"
    bound = [step for step in said["steps"] if step["bound"]]
    step = (bound or said["steps"])[-1]
    by = f" ← {step['bound']}" if step["bound"] else ""
    yield f"决定环节 bound by {step['step']}{by}: {step['reason_zh']} / {step['reason_en']}"
    for kind, word in _OPEN:
        if said[kind]:
            yield f"{word} {kind}: {', '.join(said[kind])}"


def trace_lines(trace: bytes) -> Iterator[str]:
    """An evaluation, step by step: what came out, what bound it, why, and by which rule."""
    said: Mapping[str, Any] = json.loads(trace)
    rules = said["rules"]
    yield f"{rules['programme_id']} {rules['version']} · SHA-256 {rules['sha256']}"
    for number, step in enumerate(said["steps"], 1):
        bound = f" ← {step['bound']}" if step["bound"] else ""
        yield f"{number:>2} {step['step']}  {step['before_yuan']} → {step['after_yuan']}{bound}"
        yield f"     {step['reason_zh']} / {step['reason_en']}"
        inputs = " · ".join(
            told_input(step["step"], one["name"], one["value"]) for one in step["inputs"]
        )
        if inputs:
            yield f"     {inputs}"
        for rule in step["rules"]:
            yield f"     {rule['name']} = {rule['value']} ({rule['state']}: {rule['source']})"
        for kind, word in _OPEN:
            if step[kind]:
                yield f"     {word} {kind}: {', '.join(step[kind])}"
    amount = "—" if said["amount_yuan"] is None else f"{said['amount_yuan']} 元"
    yield f"{_STATUS[said['status']]}: {amount}"
