"""How a trail's facts are called in Chinese, and its figures in words a person reads."""

from fractions import Fraction
from typing import Final

from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.money import truncate_places
from kashi_server.domain.trail import Fact
from kashi_server.services.claim_words import STATES, STEPS

PLACES: Final = 4
_EXACT: Final = ("card_hours", "earns_yuan")
_WORDS: Final = {
    "active_ms": "活跃时间",
    "after_cut_off": "截止后才到",
    "amount_yuan": "金额（元）",
    "approved_yuan": "核定金额（元）",
    "assignment_id": "指派编号",
    "at": "时间",
    "basis": "计费依据",
    "batch_id": "申报批次",
    "billed_ms": "计费时间",
    "card_hours": "计量卡时",
    "certificates": "核销的证明",
    "changed_since": "此后有变",
    "claim_id": "申报编号",
    "comes_to_yuan": "当日测算（元）",
    "settles": "余款不再追回",
    "computed_yuan": "计算金额（元）",
    "confirmed_by": "确认方",
    "continuity_ms": "连续性证据计入",
    "contract_id": "合同编号",
    "coverage": "覆盖率",
    "cut_off_log_root": "截止时日志根",
    "cut_off_log_size": "截止时日志长度",
    "cut_off_event_time": "截止的事件时间",
    "disbursed_yuan": "已兑付（元）",
    "document": "依据文件",
    "earns_yuan": "本分钟所得（元，未截断）",
    "edition": "版次",
    "eligible": "合格",
    "eligible_yuan": "合格金额（元）",
    "end": "止",
    "epoch": "纪元",
    "evidence_level": "证据等级",
    "gap_ms": "缺口",
    "hardware_id": "设备标识",
    "held_known_ms": "占用可知时间",
    "held_ms": "占用时间",
    "host_id": "主机",
    "hour": "小时",
    "leased_ms": "租用时间",
    "ledger_key": "台账键",
    "line": "行号",
    "lines": "行数",
    "log_index": "日志序号",
    "minute": "分钟",
    "model": "型号",
    "month": "月份",
    "months": "月份",
    "number": "编号",
    "observed_ms": "已观测时间",
    "officer_ms": "经办人计入",
    "officers": "经办人",
    "paid_yuan": "付款（元）",
    "payee_id": "收款方",
    "pdf_sha256": "PDF 哈希",
    "price_id": "单价编号",
    "price_yuan_per_card_hour": "单价（元/卡时）",
    "programme": "项目",
    "programme_id": "项目",
    "proposed_by": "提出方",
    "provider_id": "供给方",
    "reason": "理由",
    "receipt_names_it": "回执指名该报告",
    "receipt_sha256": "回执哈希",
    "receipt_verdict": "回执结论",
    "received_at": "收到时间",
    "reports": "报告数",
    "reports_agree": "报告与汇总一致",
    "revision": "修订",
    "rules_sha256": "规则哈希",
    "sequence": "序号",
    "sha256": "哈希",
    "share": "份额",
    "start": "起",
    "state": "状态",
    "statement": "结算单",
    "statement_sha256": "结算单哈希",
    "status": "状态",
    "status_reason": "状态原因",
    "step": "步骤",
    "unattributed_ms": "无主活跃时间",
    "user_id": "需求方",
    "utilisation_known_ms": "利用率可知时间",
    "utilised_ns": "利用率积分",
    "version": "版本",
    "voucher_number": "券号",
    "yuan": "单价（元）",
}
_BEGINNINGS: Final = {
    "booked_": "记账（元）",
    "reading_": "读数：",
    "reason_": "原因",
    "stated_": "声明：",
    "price_": "约定单价：",
}


def word_of(name: str) -> str:
    """What a fact is called in Chinese; "" of one that has no word, like a rule's parameter."""
    if name in _WORDS:
        return _WORDS[name]
    for beginning, word in _BEGINNINGS.items():
        if name.startswith(beginning):
            return word + _WORDS.get(name.removeprefix(beginning), "")
    return ""


_SAID: Final[dict[str, dict[str, str]]] = {
    "state": {str(one): STATES[one] for one in ClaimState},
    "step": {str(one): STEPS[one] for one in Step},
    "status": {str(one): f"{one.zh} {one}" for one in CertificateStatus},
    "receipt_verdict": {
        "VERDICT_ACCEPTED": "已收 accepted",
        "VERDICT_QUARANTINED": "已隔离 quarantined",
    },
}
"""What a word of these facts is called; a receipt is given to no other report."""
_PARAMETERS: Final = {
    "[published]": "[已公布 published]",
    "[decided]": "[已裁定 decided]",
    "[unknown]": "[未知 unknown]",
}


def text_of(name: str, value: Fact) -> str:
    """A fact as a person reads it; the exact value stands first."""
    if isinstance(value, bool):
        return "是 yes" if value else "否 no"
    said = _SAID.get(name, {}).get(str(value))
    if said is not None:
        return said
    if not word_of(name):
        return _parameter(str(value))
    if name.endswith("_ms") and isinstance(value, int):
        return f"{value} ({_clock(value)})"
    if name in _EXACT and "/" in str(value):
        return f"{value} ({truncate_places(Fraction(str(value)), PLACES)}…)"
    return str(value)


def _parameter(said: str) -> str:
    for state, both in _PARAMETERS.items():
        said = said.replace(state, both, 1)
    return said


def _clock(ms: int) -> str:
    """Hours, minutes and seconds, and milliseconds where there are some."""
    seconds, rest_ms = divmod(ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}"
    return f"{text}.{rest_ms:03d}" if rest_ms else text
