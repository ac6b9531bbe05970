"""The kinds of log entries that fsck compares with rows, and what findings call them in Chinese."""

from collections.abc import Mapping
from typing import Final

from kashi_server.services.agreement_entries import AGREEMENT_ENTRY, PRICE_ENTRY
from kashi_server.services.assignment import ACT_ENTRY
from kashi_server.services.certificate_making import LOG_DOCUMENT, LOG_ISSUED
from kashi_server.services.certificate_standing import LOG_STATUS
from kashi_server.services.claim_steps import BATCH_ENTRY, CLAIM_ENTRY, PROPOSAL_ENTRY
from kashi_server.services.closing import STATEMENT_ENTRY
from kashi_server.services.confirming import LOG_CONFIRMED
from kashi_server.services.correcting import CORRECTION_ENTRY
from kashi_server.services.evidence_inputs import (
    ATTESTATION_CHANGE_ENTRY,
    ATTESTATION_ENTRY,
    ATTESTATION_REVERSAL_ENTRY,
    EXPLANATION_ENTRY,
    GAP_DECISION_ENTRY,
    KEY_CLAIM_ENTRY,
    KEY_WORD_ENTRY,
)
from kashi_server.services.paper_entries import (
    ALLOCATION_ENTRY,
    COVER_ENTRY,
    DECISION_ENTRY,
    FILE_ENTRY,
    INVOICE_ENTRY,
    MAPPING_ENTRY,
    PAYMENT_ENTRY,
    RETURN_ENTRY,
    STATUS_ENTRY,
    VERSION_ENTRY,
)
from kashi_server.services.restoration import ENTRY_KIND as RESTORATION_ENTRY
from kashi_server.services.rulebook import RULES_ENTRY

KIND_ZH: Final[Mapping[str, str]] = {
    AGREEMENT_ENTRY: "约定",
    ACT_ENTRY: "指派办理",
    PRICE_ENTRY: "单价",
    RULES_ENTRY: "规则",
    STATEMENT_ENTRY: "结算单",
    RESTORATION_ENTRY: "恢复计入",
    BATCH_ENTRY: "申报批次",
    CLAIM_ENTRY: "申报环节",
    PROPOSAL_ENTRY: "申报提议",
    CORRECTION_ENTRY: "更正",
    ATTESTATION_ENTRY: "用量声明",
    ATTESTATION_CHANGE_ENTRY: "用量声明变更",
    ATTESTATION_REVERSAL_ENTRY: "用量声明撤销",
    EXPLANATION_ENTRY: "缺口说明",
    GAP_DECISION_ENTRY: "缺口说明决定",
    KEY_CLAIM_ENTRY: "主机密钥令牌",
    KEY_WORD_ENTRY: "主机密钥意见",
    INVOICE_ENTRY: "发票",
    VERSION_ENTRY: "发票内容",
    DECISION_ENTRY: "发票决定",
    STATUS_ENTRY: "发票状态",
    MAPPING_ENTRY: "发票归入合同部分",
    ALLOCATION_ENTRY: "发票占用",
    PAYMENT_ENTRY: "付款",
    COVER_ENTRY: "付款所付发票",
    RETURN_ENTRY: "付款退回",
    FILE_ENTRY: "证据文件",
    LOG_ISSUED: "证明",
    LOG_DOCUMENT: "证明文件",
    LOG_STATUS: "证明状态",
    LOG_CONFIRMED: "证明确认",
}
