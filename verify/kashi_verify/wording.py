"""What the command prints, in Chinese and in English."""

from typing import Final

from kashi_verify.findings import Level, Step, Verdict

STEPS: Final = {
    Step.OPEN: ("文件可打开，且仅有一个签名", "the PDF opens and carries exactly one signature"),
    Step.COVERAGE: ("签名覆盖整个文件", "the signature covers the whole file"),
    Step.SIGNATURE: ("摘要与签名有效（PAdES）", "digest and signature hold (PAdES)"),
    Step.CHAIN: ("签名证书链接到所给根证书", "the signer's certificates lead to the given root"),
    Step.ATTACHMENTS: ("附件齐全，哈希一致", "the attachments are there and hash as named"),
    Step.PAGES: ("页面文字与附件数据一致", "the pages agree with the attached data"),
    Step.ARITHMETIC: ("每行、每日与合计的算术成立", "lines, days and totals add up"),
    Step.RULES: ("政策规则的哈希一致", "the rules are those named by their hash"),
    Step.BUNDLE: ("证据包属于本证明", "the bundle belongs to this certificate"),
    Step.REPORTS: ("主机报告：签名、链接与区块摘要", "reports: signatures, links, block digests"),
    Step.RECEIPTS: ("服务器回执有效", "the server's receipts hold"),
    Step.LOG: ("日志包含全部回执，检查点有效", "the log holds every receipt under its checkpoint"),
    Step.RECOUNT: ("逐分钟复算与每行一致", "the minutes add up to every line"),
}

VERDICTS: Final = {
    Verdict.VALID: ("有效", "valid"),
    Verdict.FLAGGED: ("有效，但有提示", "valid, but flagged"),
    Verdict.UNTRUSTED: (
        "完整，但未证明由谁出具：请用 --root 给出根证书",
        "whole, but nobody vouched for the issuer: give the root with --root",
    ),
    Verdict.INVALID: ("无效", "invalid"),
}

LEVELS: Final = {
    Level.NONE: ("无", "none"),
    Level.DOCUMENT: ("文件", "document"),
    Level.STATEMENT: ("结算", "statement"),
    Level.EVIDENCE: ("证据", "evidence"),
}

STATUS_NOTE: Final = (
    "离线核验看不到此后的撤销或替代，请在出具单位的核验页面查询状态。",
    "Offline nobody sees a later withdrawal: ask the issuer's verification page for its status.",
)
