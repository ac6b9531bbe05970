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

FAILURES: Final = {
    Step.OPEN: (
        "无法作为证明打开：没有签名、签名多于一个、签名允许改动、已加密或文件损坏",
        "not to be opened as a certificate: signatures, encryption or damage",
    ),
    Step.COVERAGE: (
        "签名未覆盖整个文件：签名之后有内容加入，或签名范围被改动",
        "the signature does not cover the whole file: added to, or its range changed",
    ),
    Step.SIGNATURE: (
        "摘要或签名不成立：有字节被改动、由他人签名，或签名形式不符",
        "digest or signature fails: bytes changed, another signer, or a wrong form",
    ),
    Step.CHAIN: (
        "签名证书未链接到所给根证书，或不得用于文件签名，或出具时间不明",
        "the signer does not lead to the root, may not sign, or its time is unknown",
    ),
    Step.ATTACHMENTS: (
        "附件缺失、多余、写法不规范，或与所记哈希不符",
        "attachments are missing, too many, spelt otherwise, or not what their hashes name",
    ),
    Step.PAGES: (
        "页面文字与附件数据不一致",
        "the pages and the attached data differ",
    ),
    Step.ARITHMETIC: (
        "算术或资格不成立：数量、单价、取整、比例、合计、重复计算，或缺少应有的提示",
        "arithmetic or eligibility fails: a figure, a sum, a repetition, a missing flag",
    ),
    Step.RULES: (
        "所附规则不是结算所指的版本，或估算不能由规则得出",
        "the attached rules are not the version named, or do not lead to the estimate",
    ),
    Step.BUNDLE: (
        "证据包损坏，或属于另一份证明",
        "the bundle is damaged, or belongs to another certificate",
    ),
    Step.REPORTS: (
        "主机报告被改动、缺失、调换或伪造",
        "a host's reports were altered, lost, swapped or forged",
    ),
    Step.RECEIPTS: (
        "服务器回执缺失、伪造，或属于其他报告",
        "a server's receipt is missing, forged, or of another report",
    ),
    Step.LOG: (
        "有回执不在日志中，或检查点不成立",
        "a receipt is not in the log, or the checkpoint does not hold",
    ),
    Step.RECOUNT: (
        "逐分钟复算与结算行不一致，或设备与主机所签不符",
        "the minutes do not add up to the lines, or a device is not the one its host signed",
    ),
}
"""What it means that a step failed, in both languages; the precise finding follows."""

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
